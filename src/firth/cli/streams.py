"""The standard streams of the command: in UTF-8 whatever the locale; closed or full without a traceback."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TextIO

from firth.progress import is_terminal

_UTF8_MODE = ("-X", "utf8")


def restart_in_utf8() -> None:
    """Start this command again in Python's UTF-8 mode, if the locale has another encoding.

    Python has decoded the arguments by the locale, and would encode the names of files by it. In the C
    locale, words and names that are not ASCII would be lost. Returns if the encoding is UTF-8 already.
    """
    if sys.getfilesystemencoding() == "utf-8" or not sys.executable:
        return
    os.execv(sys.executable, [sys.executable, *_UTF8_MODE, *sys.orig_argv[1:]])


def prepare_streams() -> None:
    """Make standard output and standard error take text of any script, also where one of them is closed.

    Files and pipes get UTF-8. Characters that a stream cannot take, such as the bytes of a file name that is
    not UTF-8, are shown as escapes.
    """
    # Python has no object for a stream that is closed. The next file to be opened would get the number of the
    # stream, and what compiled libraries print would be written into it. The null device takes that number.
    for name, mode in (("stdin", os.O_RDONLY), ("stdout", os.O_WRONLY), ("stderr", os.O_WRONLY)):
        if getattr(sys, name) is None:
            number = os.open(os.devnull, mode)
            if name != "stdin":
                setattr(sys, name, open(number, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 (a number, for good)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            encoding = None if is_terminal(stream) else "utf-8"
            reconfigure(encoding=encoding, errors="backslashreplace")


def tell(line: str) -> None:
    """Print a line on standard error; if that is not possible, there is nobody to tell."""
    with suppress(OSError, ValueError):
        print(line, file=sys.stderr, flush=True)


def output_failure() -> OSError | None:
    """Return why standard output cannot be written to, after which it goes nowhere; None if it can.

    Python would print a traceback when it flushes a broken stream at its end.
    """
    try:
        sys.stdout.flush()
    except OSError as error:
        _send_nowhere(sys.stdout)
        return error
    return None


def settle_errors() -> None:
    """Make standard error harmless at Python's end, if it cannot be written to."""
    try:
        sys.stderr.flush()
    except OSError:
        _send_nowhere(sys.stderr)


def _send_nowhere(stream: TextIO) -> None:
    """Let the null device take what a stream still holds, and all that will be written to it."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
        stream.flush()
