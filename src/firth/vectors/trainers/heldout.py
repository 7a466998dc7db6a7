"""Text that is held out of training, on which each epoch is judged."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firth.checks import share, whole_number
from firth.errors import InputError
from firth.progress import Progress, saying_what_takes_long
from firth.text.corpus import Corpus
from firth.text.encoded import EncodedCorpus, encode
from firth.vectors.contexts import Text, WindowContexts
from firth.vectors.split import SHARE_NAME, split

if TYPE_CHECKING:
    from firth.vectors.cooccurrence import Cooccurrences


@dataclass(frozen=True, eq=False)
class HeldOut:
    """A text that a trainer does not learn from.

    Attributes
    ----------
    counts
        The pairs of the text.
    words, known : int
        The number of its words, and how many of them are in the vocabulary; the others are left out.
    """

    counts: Cooccurrences
    words: int
    known: int


def check_heldout(
    heldout: float | Text | None, patience: int | None, corpus: Corpus
) -> float | Corpus | None:
    """Check the arguments `heldout` and `patience` of a trainer, before any work.

    Parameters
    ----------
    heldout
        A share of the corpus, or another text, which is read in the same way as the corpus; None for neither.
    patience
        Stop after this many epochs in a row without a new best one; None for never.
    corpus
        The text to train on.

    Returns
    -------
    float, Corpus or None
        The share or the text.

    Raises
    ------
    InputError
        The share is not between 0 and 1; `patience` is not a whole number of at least 1, or there is no
        held-out text; or a file is in both the corpus and the held-out text.
    """
    if patience is not None:
        if heldout is None:
            raise InputError("patience needs a held-out text to judge by: give heldout too, such as 0.02")
        whole_number("patience", patience)
    if heldout is None:
        return None
    if isinstance(heldout, (float, Real)):
        return share(SHARE_NAME, heldout)
    text = Corpus(
        heldout,
        lowercase=corpus.lowercase,
        pretokenized=corpus.pretokenized,
        field=corpus.field,
        errors=corpus.errors,
    )
    for file in text.files_in_common(corpus):
        raise InputError(
            f"{file}: is part of the corpus, so it cannot be held out; take it out of the corpus, "
            "or hold out a share such as 0.02"
        )
    return text


def heldout_settings(heldout: float | Corpus | None, patience: int | None) -> dict[str, Any]:
    """Return the settings that a checkpoint compares: the result of `check_heldout`, and `patience`."""
    text = heldout.fingerprint() if isinstance(heldout, Corpus) else heldout
    return {"heldout": text, "patience": patience}


def hold_out(
    encoded: EncodedCorpus,
    heldout: float | Corpus | None,
    directory: Path,
    *,
    window: int,
    sample: float,
    seed: int,
    threads: int,
    progress: Progress,
) -> tuple[EncodedCorpus, HeldOut | None]:
    """Return the text to train on and the text held out. The same arguments give the same texts.

    Parameters
    ----------
    encoded
        The whole corpus.
    heldout
        The result of `check_heldout`.
    directory
        Folder for the encoded parts.
    window, sample
        The window and the subsampling of the pairs, as in training.
    seed
        See `split`.
    threads
        Threads to count with.
    progress
        Notes how many words are held out, and how many of them are not in the vocabulary.

    Raises
    ------
    InputError
        The held-out text cannot be read, has no two words of the vocabulary beside each other, or the corpus
        is too short to be split.
    """
    if heldout is None:
        return encoded, None
    if isinstance(heldout, Corpus):
        try:
            part = encode(heldout, directory / "heldout", vocabulary=encoded.vocabulary, progress=progress)
        except InputError as error:
            raise InputError(f"the held-out text, {heldout.name}: {error}") from error
        unknown = f"{part.n_words - part.n_kept:,} of them are not in the vocabulary and left out"
    else:
        encoded, part = split(encoded, heldout, directory, seed=seed)
        unknown = f"about {part.n_words - part.n_kept:,} of them not in the vocabulary and left out"
    progress.note(f"held out: {part.n_words:,} words, {unknown}")
    with saying_what_takes_long(progress, "counting the pairs of the held-out text"):
        counts = WindowContexts(part, window, sample).count(threads=threads)
    if counts.pairs == 0:
        where = f", {heldout.name}," if isinstance(heldout, Corpus) else ""
        raise InputError(
            f"the held-out text{where} has no pairs: no two words of the vocabulary beside each other"
        )
    return encoded, HeldOut(counts, part.n_words, part.n_kept)
