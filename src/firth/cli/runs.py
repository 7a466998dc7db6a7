"""Trainings on the command line: checks of their files, checkpoints, and saving of results."""

from __future__ import annotations

import shlex
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from firth.cli.output import check_folder, in_one_line, note, warnings_as_notes
from firth.errors import FirthError, InputError


def check_outputs(*outputs: Path | None, inputs: tuple[Path | str | None, ...], quiet: bool) -> None:
    """Check that results can be written, before the work begins.

    Parameters
    ----------
    outputs
        Files to be written; None is skipped.
    inputs
        Files that are read, and must not be written over. Names that are no files are skipped.
    quiet
        Whether to leave out the note about a file that will be replaced.

    Raises
    ------
    InputError
        A folder is missing or read-only, or an output is an input.
    """
    for output in outputs:
        if output is None:
            continue
        check_folder(output)
        for read in inputs:
            if read is not None and output.exists() and Path(read).exists() and output.samefile(read):
                raise InputError(f"{output}: is {read}, which would be written over; save elsewhere")
        if output.is_file():
            note(f"{output} exists and will be replaced when training is complete", quiet)


@contextmanager
def resumable(output: Path, checkpoint_dir: Path | None, resume: bool) -> Iterator[Path | None]:
    """Give the folder for the checkpoints of a training, whose result the block saves as `output`.

    Without `checkpoint_dir` the folder is OUTPUT.training. It is removed when the block succeeds, because the
    result is saved then. It is also removed when the block fails before there is a checkpoint. The folder is
    None if the output is not a regular file: nobody would look for checkpoints beside ``/dev/null``.

    Raises
    ------
    InputError
        The folder holds the checkpoints of a training, but `resume` was not asked for; the message says how
        to go on with that.
    KeyboardInterrupt
        The block was interrupted; the message says what is kept.
    """
    from firth.runs.run import holds_checkpoints, remove_run

    folder = checkpoint_dir
    if folder is None and (output.is_file() or not output.exists()):
        folder = Path(f"{output}.training")
    if folder is not None and not resume and holds_checkpoints(folder):
        afresh = "remove the folder" if checkpoint_dir is None else "choose another folder"
        raise InputError(
            f"{folder}: holds checkpoints of a training; go on with it: {_command_to_resume()}, or {afresh} "
            "to start afresh"
        )
    try:
        with warnings_as_notes():
            yield folder
    except BaseException as error:
        kept = folder is not None and holds_checkpoints(folder)
        if folder is not None and checkpoint_dir is None and not kept:
            remove_run(folder)
        if isinstance(error, KeyboardInterrupt):
            raise KeyboardInterrupt(_what_is_kept(folder) if kept else "nothing was written") from None
        raise
    if folder is not None and checkpoint_dir is None:
        remove_run(folder)


def save_or_rescue(save: Callable[[Path], None], output: Path, folder: Path | None, suffix: str) -> None:
    """Save a result. If that fails after hours of work, save it in another folder.

    Parameters
    ----------
    save
        Saves the result as a file.
    output
        The file that was asked for.
    folder
        The folder for checkpoints; see `resumable`.
    suffix
        How the name of another file must end.

    Raises
    ------
    InputError
        The result could not be saved as `output`; the message says where it is.
    """
    from firth.runs.run import holds_checkpoints

    try:
        save(output)
        return
    except (FirthError, OSError) as error:
        failure = in_one_line(error)
    if folder is not None and holds_checkpoints(folder):
        raise InputError(f"{failure}; training is kept in {folder}: mend this, then {_command_to_resume()}")
    for elsewhere in (output.parent, Path(), Path(tempfile.gettempdir())):
        rescued = elsewhere / time.strftime(f"firth-rescued-%Y%m%d-%H%M%S{suffix}")
        with suppress(FirthError, OSError):
            save(rescued)
            break
    else:
        raise InputError(f"{failure}; the result could not be saved elsewhere, and is lost")
    raise InputError(f"{failure}; the result was saved as {rescued} instead")


def _what_is_kept(folder: Path | None) -> str:
    return f"a checkpoint is kept in {folder}; go on with: {_command_to_resume()}"


def _command_to_resume() -> str:
    """Return this command with ``--resume``, as it would be typed."""
    return shlex.join(["firth", *sys.argv[1:], *([] if "--resume" in sys.argv else ["--resume"])])
