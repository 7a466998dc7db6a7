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
# A sentence that goes on for more than this many numbers after the intended end of a passage is cut there, as
# in a corpus that is one long line. In a small corpus the limit is this fraction of the text to hold out.
_LONGEST_OVERSHOOT, _OVERSHOOTS_HELD_OUT = 10_000, 4
# A passage that is cut inside a sentence has at least this many numbers: at each cut, pairs are lost.
_SHORTEST_PASSAGE_IN_SENTENCE = 100
# This many numbers are copied at a time.
_NUMBERS_COPIED = 1 << 20
_END_OF_SENTENCE = np.array([-1], np.int32)


def split(
    encoded: EncodedCorpus, fraction: float, directory: PathLike, *, seed: int = 1
) -> tuple[EncodedCorpus, EncodedCorpus]:
    """Split a corpus into a part to train on and a part to hold out.

    Neighbouring sentences are alike, so whole passages of about 10,000 words are held out (shorter ones if
    the corpus is small), which begin and end with a sentence. A sentence that is about as long as the text to
    hold out, or much longer than a passage, is cut. The vocabulary stays as it is.

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
        `fraction` is not between 0 and 1, or the corpus is too small to be split so.
    """
    share(SHARE_NAME, fraction)
    wanted = int(len(encoded.ids) * fraction)
    size = min(_NUMBERS_IN_PASSAGE, max(1, wanted // _FEWEST_PASSAGES_HELD_OUT))
    overshoot = max(_SHORTEST_PASSAGE_IN_SENTENCE, wanted // _OVERSHOOTS_HELD_OUT)
    starts = _passages(encoded.ids, size, min(overshoot, _LONGEST_OVERSHOOT))
    held_out = np.zeros(len(starts) - 1, dtype=bool)
    order = np.random.default_rng(seed).permutation(len(held_out))
    held_out[order[: max(1, round(fraction * len(held_out)))]] = True
    if held_out.all():
        n, words = encoded.n_sentences, encoded.n_kept
        raise InputError(
            f"{n:,} {'sentence' if n == 1 else 'sentences'} of {words:,} {'word' if words == 1 else 'words'} "
            f"in all are too few to hold out {fraction:.0%} of them"
        )
    parts = []
    for name, chosen in (("train", ~held_out), ("heldout", held_out)):
        path = Path(directory, f"{name}.bin")
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            for k in np.flatnonzero(chosen):
                for start in range(starts[k], starts[k + 1], _NUMBERS_COPIED):
                    encoded.ids[start : min(start + _NUMBERS_COPIED, starts[k + 1])].tofile(file)
                if encoded.ids[starts[k + 1] - 1] >= 0 and not chosen[k + 1]:
                    _END_OF_SENTENCE.tofile(file)
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


def _passages(ids: Ids, size: int, overshoot: int) -> Int64s:
    """Return where passages start, and the end of the last.

    A passage has at least `size` numbers and ends with the sentence, if no more than `overshoot` numbers
    follow up to there. Otherwise it ends inside the sentence.
    """
    starts = [0]
    while starts[-1] < len(ids):
        wanted = starts[-1] + size
        ends = np.flatnonzero(ids[wanted - 1 : wanted + overshoot] < 0)
        inside = max(wanted, starts[-1] + _SHORTEST_PASSAGE_IN_SENTENCE)
        stop = wanted + int(ends[0]) if len(ends) else inside
        starts.append(min(stop, len(ids)))
    return np.array(starts)
