"""Documents, sentences and tokens: text that was cut into words, tagged and parsed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import overload


@dataclass(slots=True)
class Token:
    """A syntactic word, with the ten columns of CoNLL-U: what is not known is ``"_"``, as there.

    Attributes
    ----------
    id
        Its number in the sentence, from 1.
    form, lemma, upos, xpos, feats
        The word, its base form, universal and language-specific part of speech, morphological features.
    head
        The `id` of the word it depends on, 0 for the root of the sentence; None if it is not known.
    deprel
        The dependency relation to `head`.
    deps, misc
        Enhanced dependencies, and anything else.
    start, end
        Where it is in the text of the document, in characters, ``text[start:end]``; None if it is not known.
        The words of one multiword token share its span.
    """

    id: int
    form: str
    lemma: str = "_"
    upos: str = "_"
    xpos: str = "_"
    feats: str = "_"
    head: int | None = None
    deprel: str = "_"
    deps: str = "_"
    misc: str = "_"
    start: int | None = field(default=None, kw_only=True)
    end: int | None = field(default=None, kw_only=True)


@dataclass(slots=True)
class MultiwordToken:
    """A surface token that stands for several words: ``don't`` for ``do`` and ``n't``.

    Attributes
    ----------
    first, last
        The `Token.id` of its first and last word.
    form
        As it is written.
    lemma, upos, xpos, feats, head, deprel, deps, misc
        The other columns, as in the file. Only `misc` has a use in UD.
    start, end
        See `Token`.
    """

    first: int
    last: int
    form: str
    lemma: str = "_"
    upos: str = "_"
    xpos: str = "_"
    feats: str = "_"
    head: str = "_"
    deprel: str = "_"
    deps: str = "_"
    misc: str = "_"
    start: int | None = field(default=None, kw_only=True)
    end: int | None = field(default=None, kw_only=True)


@dataclass(slots=True)
class EmptyNode:
    """A word that is not in the text, of the enhanced dependencies; its columns are kept as they are.

    Attributes
    ----------
    after
        The `Token.id` of the word it follows; 0 at the beginning.
    index
        Its number among those, from 1: node ``8.1`` is `index` 1 `after` 8.
    form, lemma, upos, xpos, feats, head, deprel, deps, misc
        The other columns, as in the file.
    """

    after: int
    index: int
    form: str
    lemma: str = "_"
    upos: str = "_"
    xpos: str = "_"
    feats: str = "_"
    head: str = "_"
    deprel: str = "_"
    deps: str = "_"
    misc: str = "_"


@dataclass(slots=True)
class Sentence(Sequence[Token]):
    """A sentence: a sequence of tokens.

    Attributes
    ----------
    tokens
        The syntactic words; ``tokens[i].id`` is i + 1.
    comments
        The lines before the first word, each with its ``#``.
    multiword_tokens, empty_nodes
        In order.
    """

    tokens: list[Token]
    comments: list[str] = field(default_factory=list)
    multiword_tokens: list[MultiwordToken] = field(default_factory=list)
    empty_nodes: list[EmptyNode] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.tokens)

    def __iter__(self) -> Iterator[Token]:
        return iter(self.tokens)

    @overload
    def __getitem__(self, index: int) -> Token: ...
    @overload
    def __getitem__(self, index: slice) -> list[Token]: ...
    def __getitem__(self, index: int | slice) -> Token | list[Token]:
        return self.tokens[index]

    @property
    def sent_id(self) -> str | None:
        """The identifier in the comment ``# sent_id = …``."""
        return self._comment("sent_id")

    @property
    def text(self) -> str:
        """The sentence as it is written: the comment ``# text = …``, or else its tokens, joined."""
        text = self._comment("text")
        return self._joined() if text is None else text

    def _comment(self, name: str) -> str | None:
        for comment in self.comments:
            key, equals, value = comment[1:].partition("=")
            if equals and key.strip() == name:
                return value.strip()
        return None

    def surface_tokens(self) -> Iterator[tuple[Token | MultiwordToken, list[Token]]]:
        """Yield what stands in the text, words and multiword tokens, each with its words."""
        ranges = {range_.first: range_ for range_ in self.multiword_tokens}
        place = 0
        while place < len(self.tokens):
            token = self.tokens[place]
            range_ = ranges.get(token.id)
            end = place + 1 if range_ is None else range_.last
            yield range_ or token, self.tokens[place:end]
            place = end

    def _joined(self) -> str:
        parts = (
            surface.form + ("" if has_no_space_after(surface) else " ")
            for surface, _ in self.surface_tokens()
        )
        return "".join(parts).rstrip(" ")


@dataclass(slots=True)
class Document(Sequence[Sentence]):
    """A text: a sequence of sentences.

    Attributes
    ----------
    sentences
        The sentences.
    text
        The text that was analysed; None for what was read from CoNLL-U.
    """

    sentences: list[Sentence]
    text: str | None = None

    def __len__(self) -> int:
        return len(self.sentences)

    def __iter__(self) -> Iterator[Sentence]:
        return iter(self.sentences)

    @overload
    def __getitem__(self, index: int) -> Sentence: ...
    @overload
    def __getitem__(self, index: slice) -> list[Sentence]: ...
    def __getitem__(self, index: int | slice) -> Sentence | list[Sentence]:
        return self.sentences[index]


def has_no_space_after(token: Token | MultiwordToken) -> bool:
    """Say whether the next token follows immediately: ``SpaceAfter=No`` in `misc`."""
    return "SpaceAfter=No" in token.misc.split("|")
