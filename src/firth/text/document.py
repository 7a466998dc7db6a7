"""Documents, sentences and tokens: text that was cut into words, tagged and parsed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

from firth.errors import InputError
from firth.text.conllu_ids import COLUMNS, RowError, classify_ids


@dataclass(slots=True)
class Token:
    """A syntactic word, with the ten columns of CoNLL-U; an unknown value is ``"_"``.

    Attributes
    ----------
    id
        Its number in the sentence, from 1.
    form, lemma, upos, xpos, feats
        The word, its base form, universal and language-specific part of speech, morphological features.
    head
        The `id` of the word it depends on, 0 for the root of the sentence; None if unknown.
    deprel
        The dependency relation to `head`.
    deps, misc
        Enhanced dependencies, and anything else.
    start, end
        Its place in the text of the document, in characters: ``text[start:end]``; None if unknown. A
        word of a multiword token that does not stand in the text has the place of the whole token.
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
    """A word of the enhanced dependencies that is not in the text; its columns are kept as they are.

    Attributes
    ----------
    after
        The `Token.id` of the word before it; 0 at the beginning.
    index
        Its number among the empty nodes after that word, from 1: node ``8.1`` has `after` 8 and `index` 1.
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
    comments_after
        The lines after the sentence, if it is the last one of its file.
    """

    tokens: list[Token]
    comments: list[str] = field(default_factory=list)
    multiword_tokens: list[MultiwordToken] = field(default_factory=list)
    empty_nodes: list[EmptyNode] = field(default_factory=list)
    comments_after: list[str] = field(default_factory=list)

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
        """Yield the tokens of the text, words and multiword tokens, each with its words."""
        ranges = {range_.first: range_ for range_ in self.multiword_tokens}
        place = 0
        while place < len(self.tokens):
            token = self.tokens[place]
            range_ = ranges.get(token.id)
            end = place + 1 if range_ is None else range_.last
            yield range_ or token, self.tokens[place:end]
            place = end

    def to_dict(self) -> dict[str, Any]:
        """Return the sentence as values of JSON: its text, and a dictionary for each token.

        Unknown values are None.
        """
        return {
            "sent_id": self.sent_id,
            "text": self.text,
            "tokens": [{"id": token.id, **_known_columns(token)} for token in self.tokens],
            "multiword_tokens": [
                {"first": range_.first, "last": range_.last, **_known_columns(range_)}
                for range_ in self.multiword_tokens
            ],
        }

    def to_conllu(self) -> str:
        """Return the sentence in CoNLL-U, with the empty line at its end.

        Raises
        ------
        InputError
            CoNLL-U cannot express it: it has no words, their numbers are not 1, 2, …, a multiword token or an
            empty node has no place among them, a column is empty or holds a tab or a line end, or a comment
            does not begin with #.
        """
        words = [
            f"{word.id}\t{word.form}\t{word.lemma}\t{word.upos}\t{word.xpos}\t{word.feats}\t"
            f"{'_' if word.head is None else word.head}\t{word.deprel}\t{word.deps}\t{word.misc}\n"
            for word in self.tokens
        ]
        if [word.id for word in self.tokens] != list(range(1, len(words) + 1)):
            raise unwritable(self, f"the numbers of its words are not 1 to {len(words)}, in order")
        rows = words
        if self.multiword_tokens or self.empty_nodes:
            rows = _merged(words, self.multiword_tokens, self.empty_nodes)
            try:
                classify_ids([row.partition("\t")[0] for row in rows])
            except RowError as error:
                raise unwritable(self, error.message) from None
        if not words:
            raise unwritable(self, "it has no words")
        body = "".join(rows)
        if (
            body.count("\t") != len(rows) * (len(COLUMNS) - 1)
            or body.count("\n") != len(rows)
            or any(wrong in body for wrong in ("\t\t", "\t\n", "\r\n"))
        ):
            raise unwritable(self, "a column is empty (unknown is '_'), or holds a tab or a line end")
        for comment in (*self.comments, *self.comments_after):
            if not comment.startswith("#") or "\n" in comment or comment.endswith("\r"):
                raise unwritable(self, f"{comment!r} is not one line that begins with '#'")
        after = [*self.comments_after, "", ""] if self.comments_after else [""]
        return "\n".join([*self.comments, body, *after])

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
        The text that was analysed; None if the document was read from CoNLL-U.
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

    def to_dict(self) -> dict[str, Any]:
        """Return the document as values of JSON: its text, and a dictionary for each sentence."""
        return {"text": self.text, "sentences": [sentence.to_dict() for sentence in self.sentences]}

    def to_conllu(self) -> str:
        """Return the document in CoNLL-U.

        Raises
        ------
        InputError
            CoNLL-U cannot express a sentence: see `Sentence.to_conllu`.
        """
        return "".join(sentence.to_conllu() for sentence in self.sentences)


def has_no_space_after(token: Token | MultiwordToken) -> bool:
    """Return whether the next token follows immediately: ``SpaceAfter=No`` in `misc`."""
    return "SpaceAfter=No" in token.misc.split("|")


_COLUMNS = ("form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")


def _known_columns(token: Token | MultiwordToken) -> dict[str, Any]:
    """Return the columns of a token by name, with its place in the text. Unknown values are None."""
    columns = {name: getattr(token, name) for name in _COLUMNS}
    known = {name: None if value == "_" else value for name, value in columns.items()}
    return {**known, "form": token.form, "start": token.start, "end": token.end}


def unwritable(sentence: Sentence, reason: str) -> InputError:
    """Return the error for a sentence that CoNLL-U cannot express."""
    which = sentence.sent_id or sentence.text[:40]
    return InputError(f"the sentence {which!r} cannot be written as CoNLL-U: {reason}")


def _merged(
    words: list[str], multiword_tokens: Iterable[MultiwordToken], empty_nodes: Iterable[EmptyNode]
) -> list[str]:
    """Return all rows of a sentence in the order of the format; see `firth.text.conllu_ids.classify_ids`."""
    placed = [((i, 2, 0), row) for i, row in enumerate(words, start=1)]
    for node in empty_nodes:
        columns = _other_columns(node)
        placed.append(((node.after, 3, node.index), f"{node.after}.{node.index}\t{columns}"))
    for range_ in multiword_tokens:
        columns = _other_columns(range_)
        placed.append(((range_.first, 1, range_.last), f"{range_.first}-{range_.last}\t{columns}"))
    return [row for _, row in sorted(placed)]


def _other_columns(item: MultiwordToken | EmptyNode) -> str:
    """Return all columns but the first."""
    return (
        f"{item.form}\t{item.lemma}\t{item.upos}\t{item.xpos}\t{item.feats}\t"
        f"{item.head}\t{item.deprel}\t{item.deps}\t{item.misc}\n"
    )
