"""The arguments of a pipeline: a text, or a text that is divided into sentences and words already."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from firth.errors import InputError
from firth.text.document import Document, Sentence
from firth.text.words import sentence_of_words

Given: TypeAlias = str | Iterable[Iterable[str] | Sentence]
"""A text; or sentences, each of them a list of words or a `Sentence`."""

_EXPECTED = "give a text (str), or a list of sentences, each of them a list of words"


def given_sentences(given: Any) -> list[Sentence] | None:
    """Return the sentences that were given instead of a text, or None for a text.

    A `Sentence` is copied, so that the caller's sentence does not change.

    Raises
    ------
    InputError
        The argument is neither a text nor sentences of words.
    """
    if isinstance(given, str):
        return None
    if isinstance(given, Document):
        given = given.sentences
    _check_type(given)
    sentences = list(given)
    if sentences and all(isinstance(sentence, str) for sentence in sentences):
        raise InputError(
            "a list of strings is neither a text nor sentences of words: nlp.pipe(texts) analyses several "
            "texts, nlp([words]) a sentence of words"
        )
    return [_sentence(sentence, number) for number, sentence in enumerate(sentences, 1)]


def check_texts(texts: Any) -> None:
    """Check that the argument of `Pipeline.pipe` holds several texts.

    Raises
    ------
    InputError
        It is a single text, or no iterable.
    """
    if isinstance(texts, str | bytes | bytearray):
        raise InputError("nlp.pipe takes a list of texts, not one text: use nlp(text), or nlp.pipe([text])")
    if isinstance(texts, os.PathLike):
        raise InputError("nlp.pipe takes a list of texts, not a file: use nlp.stream(path)")
    if not isinstance(texts, Iterable) or isinstance(texts, Mapping):
        raise InputError(f"nlp.pipe takes a list of texts, not {type(texts).__name__}: nlp.pipe([text])")


def text_and_context(item: Any, as_tuples: bool) -> tuple[Any, Any]:
    """Return a text from the argument of `Pipeline.pipe`, and the context that belongs to it.

    Raises
    ------
    InputError
        Pairs were given without `as_tuples`, or something else with it.
    """
    if as_tuples:
        if isinstance(item, tuple | list) and len(item) == 2:
            return item[0], item[1]
        raise InputError(f"with as_tuples=True nlp.pipe takes pairs (text, context), not {_shown(item)}")
    if isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str):
        raise InputError("nlp.pipe was given a tuple: for pairs (text, context) use as_tuples=True")
    return item, None


def check_sentences(sentences: Iterable[Any]) -> None:
    """Check the argument of `firth.Parser.parse`.

    Raises
    ------
    InputError
        It does not consist of objects of the class `Sentence`.
    """
    if not isinstance(sentences, Iterable) or isinstance(sentences, str | bytes):
        raise InputError(
            f"a parser takes a list of Sentence objects, not {_shown(sentences)}; a pipeline "
            "(firth.load) takes texts and lists of words"
        )
    for number, sentence in enumerate(sentences, 1):
        if not isinstance(sentence, Sentence):
            raise InputError(
                f"a parser takes a list of Sentence objects, and number {number} is {_shown(sentence)}; a "
                "pipeline (firth.load) takes texts and lists of words"
            )


def _check_type(given: Any) -> None:
    """Check that the argument of a pipeline may be a list of sentences."""
    if isinstance(given, bytes | bytearray):
        raise InputError("a text must be a str, not bytes: decode it first, as in data.decode()")
    if isinstance(given, os.PathLike):
        raise InputError("a text must be a str, not a path: use nlp.stream(path) for a file")
    if isinstance(given, Sentence):
        raise InputError("one Sentence is not a text: give a list, as in nlp([sentence])")
    if not isinstance(given, Iterable) or isinstance(given, Mapping | set | frozenset):
        raise InputError(f"there is no text in {_shown(given)}: {_EXPECTED}")
    if hasattr(given, "read"):
        raise InputError("a text must be a str, not an open file: use nlp.stream(file)")


def _sentence(given: Any, number: int) -> Sentence:
    """Return a sentence of words, or a copy of a `Sentence`."""
    if isinstance(given, Sentence):
        return Sentence(
            [replace(token) for token in given.tokens],
            list(given.comments),
            [replace(token) for token in given.multiword_tokens],
            [replace(node) for node in given.empty_nodes],
        )
    if not isinstance(given, Iterable) or isinstance(given, str | bytes | Mapping):
        raise InputError(f"sentence {number} is {_shown(given)}: {_EXPECTED}")
    words = list(given)
    for k, word in enumerate(words, 1):
        if not isinstance(word, str):
            raise InputError(f"sentence {number}, word {k} is {_shown(word)}: {_EXPECTED}")
    try:
        return sentence_of_words([str(word) for word in words])
    except InputError as error:
        raise InputError(f"sentence {number}: {error}") from None


def _shown(value: Any) -> str:
    """Return a short description of a value in an error message."""
    return "None" if value is None else f"of type {type(value).__name__}"
