"""Treebanks for training: reading, checks, and fingerprints."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np

from firth.arrays import PathLike
from firth.errors import InputError
from firth.parsing.tagger.features import WordFeatures
from firth.parsing.transitions.projectivity import LIFTED
from firth.progress import Progress
from firth.text import conllu
from firth.text.conllu import tree_fault
from firth.text.document import Sentence

# Without a development set, this share of the training sentences takes its place.
_HELD_OUT_SHARE = 0.1
# Neighbouring sentences are held out together, at most this share of all sentences, and at most this number.
_RUN_SHARE = 0.02
_LONGEST_RUN = 20
_BEGINS_PARAGRAPH = re.compile(r"#\s*new(par|doc)\b")

Treebank: TypeAlias = PathLike | Sequence[Sentence]
"""A CoNLL-U file, or sentences."""


def as_sentences(treebank: Treebank) -> Sequence[Sentence]:
    """Return the sentences of a treebank, read from its file if it is a path."""
    return conllu.load(treebank) if isinstance(treebank, str | os.PathLike) else treebank


def read_treebanks(
    train: Treebank, dev: Treebank | None, silver: Treebank = (), *, seed: int, progress: Progress
) -> tuple[Sequence[Sentence], Sequence[Sentence], Sequence[Sentence]]:
    """Return the sentences to train on, to choose the best epoch by, and those parsed by machine.

    If `dev` is None, a part of the training sentences is held out (`hold_out`), and `progress` is told so.

    Raises
    ------
    InputError
        A file cannot be read; or the first or the second treebank is empty, or a sentence has no whole tree;
        or there are too few sentences to hold one out.
    """
    train, silver = as_sentences(train), as_sentences(silver)
    check_treebank(train, "the training set")
    if dev is None:
        n = len(train)
        train, dev = hold_out(train, seed)
        progress.note(f"{len(dev):,} of {n:,} training sentences are held out to choose the best epoch by")
    else:
        dev = as_sentences(dev)
        check_treebank(dev, "the development set")
    if silver:
        check_treebank(silver, "the silver set")
    return train, dev, silver


def hold_out(sentences: Sequence[Sentence], seed: int) -> tuple[Sequence[Sentence], Sequence[Sentence]]:
    """Divide sentences into those to train on, and a tenth to choose the best epoch by.

    Neighbouring sentences stay together, because the segmenter learns from them where sentences end: whole
    runs of sentences are drawn. A run ends with its paragraph, and has at most a fiftieth of all sentences.

    Parameters
    ----------
    sentences
        At least two.
    seed
        Seed of the draw. The same seed holds out the same sentences.

    Raises
    ------
    InputError
        There are fewer than two sentences.
    """
    n = len(sentences)
    if n < 2:
        raise InputError(
            f"a training set of {n} sentence{'s' * (n != 1)} is too small to hold some out: "
            "give a development set (dev, or --dev on the command line)"
        )
    most = min(max(1, round(n * _RUN_SHARE)), _LONGEST_RUN)
    runs: list[list[int]] = []
    for number, sentence in enumerate(sentences):
        begins = any(_BEGINS_PARAGRAPH.match(comment) for comment in sentence.comments)
        if not runs or begins or len(runs[-1]) == most:
            runs.append([])
        runs[-1].append(number)
    wanted = max(1, round(n * _HELD_OUT_SHARE))
    held_out: set[int] = set()
    for k in np.random.default_rng([seed, len(sentences)]).permutation(len(runs)).tolist():
        if len(held_out) < wanted and len(held_out) + len(runs[k]) < n:
            held_out.update(runs[k])
    return (
        [sentence for number, sentence in enumerate(sentences) if number not in held_out],
        [sentences[number] for number in sorted(held_out)],
    )


def check_treebank(sentences: Sequence[Sentence], name: str) -> None:
    """Check that there are sentences, and that each has a whole tree: they may have been made by a program.

    Raises
    ------
    InputError
        There are none, or one has no whole tree; the message names it.
    """
    if not sentences:
        raise InputError(f"{name} is empty: give one with at least one sentence")
    for number, sentence in enumerate(sentences, 1):
        fault = _fault(sentence)
        if fault is not None:
            raise InputError(f"{name}, sentence {number}: {fault}")


def _fault(sentence: Sentence) -> str | None:
    """Return the fault in the tree of a sentence, in one line; None if there is none."""
    if not sentence.tokens:
        return "it has no words; leave it out"
    heads = []
    for word, token in enumerate(sentence.tokens, 1):
        if token.head is None:
            return f"word {word} has no head; every sentence needs a whole tree"
        if not 0 <= token.head <= len(sentence):
            return f"the head of word {word} is {token.head}, but there are {len(sentence)} words; correct it"
        if LIFTED in token.deprel:
            return (
                f"the relation {token.deprel!r} of word {word} contains {LIFTED!r}, which marks lifted arcs"
            )
        heads.append(token.head)
    fault = tree_fault(heads)
    return None if fault is None else fault[1]


def fingerprint(sentences: Iterable[Sentence], features: WordFeatures) -> str:
    """Return a hash of sentences with their annotation, and of the vocabularies and word vectors."""
    digest = hashlib.sha256()
    for sentence in sentences:
        for t in sentence.tokens:
            digest.update(
                f"{t.form}\t{t.lemma}\t{t.upos}\t{t.xpos}\t{t.feats}\t{t.head}\t{t.deprel}\n".encode()
            )
        digest.update(b"\n")
    for array in features.arrays().values():
        digest.update(array.tobytes())
    return digest.hexdigest()
