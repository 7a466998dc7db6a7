"""Text that is held out of training: the share of a corpus, or a text of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from firth.arrays import Ids, Int64s, PathLike
from firth.errors import InputError
from firth.files.atomic import atomic_path
from firth.progress import Progress, saying_what_takes_long
from firth.text.corpus import Corpus, Source
from firth.text.encoded import EncodedCorpus, encode

if TYPE_CHECKING:
    from firth.vectors.cooccurrence import Cooccurrences
from firth.vectors.patience import Patience

Text: TypeAlias = Source | Iterable[Source] | Iterable[Iterable[str]]
_PASSAGE = 10_000  # numbers of the encoded corpus that go to one part together, at most
_PASSAGES_HELD_OUT = 20  # shorter ones, if these would be fewer
_COPIED = 1 << 20  # numbers at a time


def reopen(folder: Path, fingerprint: str) -> EncodedCorpus:
    """Open the encoded corpus of a checkpoint, and make sure that it is whole: kernels check no bounds."""
    encoded = EncodedCorpus.open(folder)
    whole = encoded.fingerprint == fingerprint and len(encoded.ids) > 0
    if not whole or encoded.ids.min() < -1 or encoded.ids.max() >= len(encoded.vocabulary):
        raise InputError(f"{folder}: its encoded corpus is not that of the checkpoint; use another folder")
    return encoded


def split(
    encoded: EncodedCorpus, fraction: float, directory: PathLike, *, seed: int = 1
) -> tuple[EncodedCorpus, EncodedCorpus]:
    """Split a corpus into a part to train on and a part to hold out.

    Neighbouring sentences are alike, so whole passages of about 10,000 words are held out (shorter ones if
    the corpus is small), which begin and end with a sentence. The vocabulary stays as it is.

    Parameters
    ----------
    encoded
        The corpus.
    fraction
        The share to hold out, between 0 and 1.
    directory
        Folder for the two parts (4 bytes a word), ``train.bin`` and ``heldout.bin``.
    seed
        Which passages are held out: the same ones for the same corpus and seed.

    Returns
    -------
    train, heldout : EncodedCorpus
        `n_words` of each is in proportion, since words that are not in the vocabulary are in neither.

    Raises
    ------
    InputError
        `fraction` is not between 0 and 1, or the corpus has too few sentences to be split so.
    """
    _checked_share(fraction)
    size = min(_PASSAGE, max(1, int(len(encoded.ids) * fraction) // _PASSAGES_HELD_OUT))
    starts = _passages(encoded.ids, size)
    held_out = np.zeros(len(starts) - 1, dtype=bool)
    order = np.random.default_rng(seed).permutation(len(held_out))
    held_out[order[: max(1, round(fraction * len(held_out)))]] = True
    if held_out.all():
        raise InputError(f"{encoded.n_sentences} sentences are too few to hold out {fraction:.0%} of them")
    parts = []
    for name, chosen in (("train", ~held_out), ("heldout", held_out)):
        path = Path(directory, f"{name}.bin")
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            for k in np.flatnonzero(chosen):
                for start in range(starts[k], starts[k + 1], _COPIED):
                    encoded.ids[start : min(start + _COPIED, starts[k + 1])].tofile(file)
        ids = np.asarray(np.memmap(path, dtype=np.int32, mode="r"))
        sentences = sum(int(np.count_nonzero(ids[k : k + _COPIED] < 0)) for k in range(0, len(ids), _COPIED))
        kept = len(ids) - sentences
        key = f"{encoded.fingerprint} {name} {fraction} {seed}".encode()
        parts.append(
            replace(
                encoded,
                ids=ids,
                n_words=round(encoded.n_words * kept / encoded.n_kept),
                n_kept=kept,
                n_sentences=sentences,
                fingerprint=hashlib.sha256(key).hexdigest(),
            )
        )
    return parts[0], parts[1]


def _checked_share(fraction: float) -> float:
    if not 0 < fraction < 1:
        raise InputError(f"the share of the text to hold out must be between 0 and 1, not {fraction!r}")
    return fraction


def _passages(ids: Ids, size: int) -> Int64s:
    """Return where passages of whole sentences start, about `size` numbers apart, and the end of the last."""
    starts = [0]
    while starts[-1] < len(ids):
        position = starts[-1] + size - 1
        while position < len(ids):
            ends = np.flatnonzero(ids[position : position + _PASSAGE] < 0)
            if len(ends):
                position += int(ends[0])
                break
            position += _PASSAGE
        starts.append(min(position + 1, len(ids)))
    return np.array(starts)


@dataclass(frozen=True, eq=False)
class HeldOut:
    """A text that a trainer does not learn from.

    Attributes
    ----------
    counts
        Its pairs.
    words, known : int
        Its words, and those that are in the vocabulary; the others are left out.
    """

    counts: Cooccurrences
    words: int
    known: int


def check_heldout(
    heldout: float | Text | None, patience: int | None, corpus: Corpus
) -> float | Corpus | None:
    """Check what a trainer is given to hold out, before any work.

    Parameters
    ----------
    heldout
        A share of the corpus, or a text of its own, which is read as the corpus is; None for nothing.
    patience
        Stop after so many epochs in a row that were no better than the best before them; None for never.
    corpus
        The text to train on.

    Returns
    -------
    float, Corpus or None
        The share or the text.

    Raises
    ------
    InputError
        The share is not between 0 and 1, `patience` is not a whole number of at least 1 or has nothing to
        judge by, or a file is to be both trained on and held out.
    """
    if patience is not None:
        if heldout is None:
            raise InputError("patience needs a held-out text to judge by: give heldout too, such as 0.02")
        Patience(patience)
    if heldout is None:
        return None
    if isinstance(heldout, (float, Real)):
        return _checked_share(float(heldout))
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
    """Return what a checkpoint depends on: the result of `check_heldout` and `patience`."""
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
    """Return the text to train on, and the one held out: the same ones every time for the same arguments.

    Parameters
    ----------
    encoded
        The whole corpus.
    heldout
        The result of `check_heldout`.
    directory
        Folder for the encoded parts.
    window, sample
        Of the pairs, as in training.
    seed
        See `split`.
    threads
        Threads to count with.
    progress
        Where to tell how many words are held out, and how many of them are not in the vocabulary.

    Raises
    ------
    InputError
        The held-out text cannot be read, has no two words of the vocabulary beside each other, or the corpus
        is too short to be split.
    """
    from firth.vectors.cooccurrence import count

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
        counts = count(part, window, sample, threads=threads)
    if counts.pairs == 0:
        where = f", {heldout.name}," if isinstance(heldout, Corpus) else ""
        raise InputError(
            f"the held-out text{where} has no pairs: no two words of the vocabulary beside each other"
        )
    return encoded, HeldOut(counts, part.n_words, part.n_kept)
