"""Treebanks for training: reading, checks, and fingerprints."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from firth.arrays import PathLike
from firth.errors import InputError
from firth.parsing.tagger.features import WordFeatures
from firth.parsing.transitions.projectivity import LIFTED
from firth.text import conllu
from firth.text.conllu import tree_fault
from firth.text.document import Sentence

Treebank: TypeAlias = PathLike | Sequence[Sentence]
"""A CoNLL-U file, or sentences."""


def as_sentences(treebank: Treebank) -> Sequence[Sentence]:
    """Return the sentences of a treebank, read from its file if it is a path."""
    return conllu.load(treebank) if isinstance(treebank, str | os.PathLike) else treebank


def read_treebanks(
    train: Treebank, dev: Treebank, silver: Treebank = ()
) -> tuple[Sequence[Sentence], Sequence[Sentence], Sequence[Sentence]]:
    """Return the sentences to train on, to choose the best epoch by, and those parsed by machine.

    Raises
    ------
    InputError
        A file cannot be read; or the first or the second treebank is empty, or a sentence has no whole tree.
    """
    train, dev, silver = as_sentences(train), as_sentences(dev), as_sentences(silver)
    check_treebank(train, "the training set")
    check_treebank(dev, "the development set")
    if silver:
        check_treebank(silver, "the silver set")
    return train, dev, silver


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
