"""Counts of what a parser could not use, or had to take out, in the words that it was given."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass

from firth.parsing.tagger.tag_sets import TagSets
from firth.text.document import Sentence

_UNKNOWN = "_"
# Rare language-specific tags are in no training set. A note is worth it if most words have such tags.
_FOREIGN_XPOS_SHARE = 0.5


@dataclass(slots=True)
class ParseNotes:
    """Counts over all sentences of a call, told in one warning each by `warn`.

    Attributes
    ----------
    words
        Words with given tags.
    without_upos, foreign_upos, foreign_xpos
        How many of them have no UPOS; have one that the parser was not trained with; the same for XPOS.
    example
        One of these foreign tags.
    deps, empty_nodes
        Enhanced dependencies and empty nodes that were taken out.
    """

    words: int = 0
    without_upos: int = 0
    foreign_upos: int = 0
    foreign_xpos: int = 0
    example: str = ""
    deps: int = 0
    empty_nodes: int = 0

    def count_tags(self, sentences: Iterable[Sentence], tags: TagSets) -> None:
        """Count words whose given tags the parser does not know."""
        upos, xpos = set(tags.values["upos"]), set(tags.values["xpos"])
        for sentence in sentences:
            for token in sentence.tokens:
                self.words += 1
                if token.upos not in upos:
                    if token.upos == _UNKNOWN:
                        self.without_upos += 1
                    else:
                        self.foreign_upos += 1
                        self.example = self.example or token.upos
                self.foreign_xpos += token.xpos not in xpos and token.xpos != _UNKNOWN

    def remove_enhanced(self, sentences: Iterable[Sentence]) -> None:
        """Take enhanced dependencies and empty nodes out: they belong to the trees before."""
        for sentence in sentences:
            for token in sentence.tokens:
                if token.deps != _UNKNOWN:
                    token.deps = _UNKNOWN
                    self.deps += 1
            self.empty_nodes += len(sentence.empty_nodes)
            sentence.empty_nodes = []

    def warn(self, stacklevel: int = 3) -> None:
        """Give a warning for each kind of words that were counted."""
        for message in self._messages():
            warnings.warn(message, UserWarning, stacklevel=stacklevel)

    def _messages(self) -> Iterable[str]:
        remedy = (
            "the parser reads its own tags there; leave out --gold-tags (given_tags) if they are no UD tags"
        )
        if self.without_upos:
            yield f"{self.without_upos:,} of {self.words:,} words have no UPOS: {remedy}"
        if self.foreign_upos:
            yield (
                f"{self.foreign_upos:,} of {self.words:,} words have a UPOS that the parser was not "
                f"trained with, such as {self.example!r}: {remedy}"
            )
        if self.foreign_xpos > _FOREIGN_XPOS_SHARE * self.words:
            yield (
                f"{self.foreign_xpos:,} of {self.words:,} words have an XPOS of another tagset: "
                "the parser reads its own tags there; leave out --gold-tags (given_tags) if most are wrong"
            )
        if self.deps or self.empty_nodes:
            yield (
                f"enhanced dependencies (DEPS) of {self.deps:,} words and {self.empty_nodes:,} empty nodes "
                "were taken out, because they belong to the old trees; keep them with --keep-deps (keep_deps)"
            )
