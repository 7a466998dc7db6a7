"""Splitting a corpus into a part to train on and a part to hold out."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from firth.arrays import Ids, Int64s, PathLike
from firth.checks import share
from firth.errors import InputError
from firth.files.atomic import atomic_path
from firth.text.encoded import EncodedCorpus

SHARE_NAME = "the share of the text to hold out"
"""The name of the share in error messages."""

# A passage goes to one part as a whole. This is its size in numbers of the encoded corpus.
_NUMBERS_IN_PASSAGE = 10_000
# Passages of a small corpus are shorter, so that about this many or more are held out.
_FEWEST_PASSAGES_HELD_OUT = 20
# This many numbers are copied at a time.
_NUMBERS_COPIED = 1 << 20


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
    share(SHARE_NAME, fraction)
    size = min(_NUMBERS_IN_PASSAGE, max(1, int(len(encoded.ids) * fraction) // _FEWEST_PASSAGES_HELD_OUT))
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
                for start in range(starts[k], starts[k + 1], _NUMBERS_COPIED):
                    encoded.ids[start : min(start + _NUMBERS_COPIED, starts[k + 1])].tofile(file)
        ids = np.asarray(np.memmap(path, dtype=np.int32, mode="r"))
        sentences = sum(
            int(np.count_nonzero(ids[k : k + _NUMBERS_COPIED] < 0))
            for k in range(0, len(ids), _NUMBERS_COPIED)
        )
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


def _passages(ids: Ids, size: int) -> Int64s:
    """Return where passages of whole sentences start, about `size` numbers apart, and the end of the last."""
    starts = [0]
    while starts[-1] < len(ids):
        position = starts[-1] + size - 1
        while position < len(ids):
            ends = np.flatnonzero(ids[position : position + _NUMBERS_IN_PASSAGE] < 0)
            if len(ends):
                position += int(ends[0])
                break
            position += _NUMBERS_IN_PASSAGE
        starts.append(min(position + 1, len(ids)))
    return np.array(starts)
