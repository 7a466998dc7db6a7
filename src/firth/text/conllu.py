r"""CoNLL-U, the file format of Universal Dependencies: reading and writing.

A sentence is its comments, a line of ten columns between tabs for each word, and an empty line:
https://universaldependencies.org/format.html. Everything is kept: a file that is read and written
again is the same to the byte, apart from line ends (written as ``\n``), a byte order mark, and missing or
superfluous empty lines; these hold no data. Comments before an empty line go to the next sentence,
comments at the end of the file to the last one.

The reader checks the columns, identifiers, heads and trees of every sentence. Errors name the line.
"""

from __future__ import annotations

import gc
import io
import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO, TypeAlias, cast

from firth.arrays import PathLike
from firth.errors import InputError
from firth.files.atomic import open_input, open_output
from firth.files.standard_input import standard_input
from firth.text.conllu_ids import COLUMNS, RowError, classify_ids
from firth.text.document import EmptyNode, MultiwordToken, Sentence, Token, unwritable
from firth.text.stream import STANDARD_INPUT, decoded, read_text, source_name

Source: TypeAlias = PathLike | TextIO

_BYTE_ORDER_MARK = "\ufeff"
_OLD_LINE_ENDS = (
    "lines end with \\r, as on old Macintosh computers; convert the file, with tr '\\r' '\\n' for example"
)
# Codes for a missing head, and for a head that is not a valid number.
_MISSING, _INVALID = -1, -2


def read(source: Source, *, trees: bool = True) -> Iterator[Sentence]:
    """Read sentences one by one. Memory holds the sentences of 1 MB of text, or the longest sentence.

    Parameters
    ----------
    source
        A file (it may end in .gz or .xz), ``"-"`` for standard input, or an open text file.
    trees
        The heads of every sentence must form a tree, with one word whose head is 0. Otherwise heads may be
        missing (``_``), and need not form a tree.

    Yields
    ------
    Sentence
        As in the file.

    Raises
    ------
    InputError
        The file cannot be read, or is not CoNLL-U: the message has its name and the line.
    """
    name = source_name(source)
    parser = _Parser(name, trees)
    # The last sentence waits for the comments after it. Standard input is different: a program that writes a
    # sentence there, and waits for its tree, must get it.
    n_held = 0 if source == STANDARD_INPUT else 1
    held: list[Sentence] = []
    try:
        for text in _whole_sentences(_blocks(source, name)):
            with _uncollected():
                sentences = held + parser.parse(text)
            n_certain = max(len(sentences) - n_held, 0)
            held = sentences[n_certain:]
            yield from sentences[:n_certain]
        parser.finish(held)
    except InputError:
        yield from held
        raise
    yield from held


def load(source: Source, *, trees: bool = True) -> list[Sentence]:
    """Read all sentences at once; see `read`.

    Raises
    ------
    InputError
        As for `read`.
    """
    with _uncollected():
        return list(read(source, trees=trees))


def write(sentences: Iterable[Sentence], target: Source) -> None:
    """Write sentences.

    Parameters
    ----------
    sentences
        The sentences; they are asked for one by one.
    target
        A file (compressed if it ends in .gz or .xz), which is replaced when all sentences are written; or an
        open text file.

    Raises
    ------
    InputError
        The file cannot be written, or a sentence cannot be expressed in CoNLL-U.
    """
    if not isinstance(target, str | os.PathLike):
        for sentence in sentences:
            target.write(sentence.to_conllu())
        return
    with open_output(target) as file:
        for sentence in sentences:
            text = sentence.to_conllu()
            try:
                file.write(text.encode())
            except UnicodeEncodeError:
                reason = "it holds half a surrogate pair, which is not UTF-8"
                raise unwritable(sentence, reason) from None


def format_sentence(sentence: Sentence) -> str:
    """Return a sentence in CoNLL-U; see `firth.text.document.Sentence.to_conllu`."""
    return sentence.to_conllu()


# ---------------------------------------------------------------------------------------------- reading


@contextmanager
def _uncollected() -> Iterator[None]:
    """Switch the cyclic garbage collector off while many objects are made: that doubles the speed.

    It would find nothing: tokens do not refer to one another.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _blocks(source: Source, name: str) -> Iterator[str]:
    """Yield the text of a source in blocks."""
    if source == STANDARD_INPUT:
        stdin = cast(io.BufferedReader, standard_input())
        # read1 returns the bytes that are there: a program that writes a sentence and waits for its tree must
        # get it.
        yield from decoded(stdin.read1, name)
    elif isinstance(source, str | os.PathLike):
        with open_input(source) as file:
            yield from decoded(file.read, name)
    else:
        yield from read_text(source, name)


def _whole_sentences(texts: Iterable[str]) -> Iterator[str]:
    r"""Cut text where sentences end, right before the empty line, and make all line ends ``\n``."""
    rest = ""
    for text in texts:
        rest += text
        end = 1 + max(rest.rfind("\n\n"), rest.rfind("\n\r\n"))
        if end:
            yield rest[:end].replace("\r\n", "\n")
            rest = rest[end:]
    yield rest.replace("\r\n", "\n")


class _Shared(dict[str, str]):
    """Maps a string to the first equal one, so that a tag is in memory once."""

    def __missing__(self, string: str) -> str:
        self[string] = string
        return string


class _Parser:
    """Parses text into sentences.

    Columns are checked as a whole, which is the fastest way in Python. Only when a check fails are the rows
    searched for the mistake.
    """

    def __init__(self, name: str, trees: bool) -> None:
        self._name = name
        self._trees = trees
        # The number of the next line.
        self._line = 1
        # The identifiers "1", "2", …, and the numbers of the heads "0", "1", …; both grow when needed.
        # Comments without words after them, which belong to the next sentence, and their first line.
        self._comments: list[str] = []
        self._comments_line = 0
        self._has_sentences = False
        self._ids: tuple[str, ...] = ()
        self._head_numbers = {"_": _MISSING}

    def parse(self, text: str) -> list[Sentence]:
        r"""Make sentences of the text that comes next, lines that end with ``\n``."""
        if self._line == 1:
            text = text.removeprefix(_BYTE_ORDER_MARK)
        # Each block gets a new table, so that the table does not grow with the file.
        shared = _Shared()
        sentences = []
        line = self._line
        for piece in text.split("\n\n"):
            lines = piece.strip("\n")
            if lines:
                first = line + len(piece) - len(piece.lstrip("\n"))
                sentence = self._sentence(lines.split("\n"), first, shared)
                if sentence is not None:
                    sentences.append(sentence)
            line += piece.count("\n") + 2
        self._line += text.count("\n")
        self._has_sentences = self._has_sentences or bool(sentences)
        return sentences

    def finish(self, last: Sequence[Sentence]) -> None:
        """Give the comments at the end of the file to the last sentence, unless it is gone.

        Raises
        ------
        InputError
            The file has comments only, or lines that end with a carriage return.
        """
        if not self._comments:
            return
        place = f"{self._name}:{self._comments_line}"
        if any("\r" in comment for comment in self._comments):
            raise InputError(f"{place}: {_OLD_LINE_ENDS}")
        if last:
            last[-1].comments_after = self._comments
        elif self._has_sentences:
            warnings.warn(
                f"{place}: {len(self._comments)} comment(s) after the last sentence are left out; "
                "from a file they are kept",
                UserWarning,
                stacklevel=3,
            )
        else:
            raise InputError(f"{place}: comments, but no words after them; give a file with sentences")

    def _sentence(self, lines: list[str], first: int, shared: _Shared) -> Sentence | None:
        """Make a sentence of its lines, or keep them for the next one if all are comments.

        `first` is the number of the first line in the file.
        """
        n_comments = 0
        while n_comments < len(lines) and lines[n_comments].startswith("#"):
            n_comments += 1
        if not self._has_sentences:
            self._check_columns(lines[:n_comments], first)
        if n_comments == len(lines):
            self._comments_line = self._comments_line if self._comments else first
            self._comments += lines
            return None
        try:
            sentence = self._words([line.split("\t") for line in lines[n_comments:]], shared)
        except RowError as error:
            place = f"{self._name}:{first + n_comments + error.row}"
            raise InputError(f"{place}: {error.message}") from None
        sentence.comments = lines[:n_comments]
        if self._comments:
            sentence.comments[:0] = self._comments
            self._comments = []
        return sentence

    def _check_columns(self, comments: Sequence[str], first: int) -> None:
        """Check that the file has the columns of CoNLL-U, if it names them, as CoNLL-U Plus does."""
        for line, comment in enumerate(comments, first):
            key, _, names = comment[1:].partition("=")
            if key.strip() == "global.columns" and tuple(names.split()) != COLUMNS:
                has_all = tuple(names.split()[: len(COLUMNS)]) == COLUMNS
                remedy = "keep the first ten, with cut -f 1-10 for example" if has_all else "convert it"
                raise InputError(
                    f"{self._name}:{line}: CoNLL-U Plus, with the columns {names.strip()}; firth reads "
                    f"CoNLL-U, {' '.join(COLUMNS)}: {remedy}, and take this line out"
                )

    def _words(self, rows: list[list[str]], shared: _Shared) -> Sentence:
        """Make a sentence of its rows."""
        columns = _columns(rows)
        ids = columns[0]
        if len(ids) > len(self._ids):
            self._make_room(2 * len(ids))
        multiword_tokens: list[MultiwordToken] = []
        empty_nodes: list[EmptyNode] = []
        if ids != self._ids[: len(ids)]:
            words, ranges, empty = classify_ids(ids)
            multiword_tokens = [MultiwordToken(start, end, *rows[row][1:]) for row, start, end in ranges]
            empty_nodes = [EmptyNode(after, index, *rows[row][1:]) for row, after, index in empty]
            columns = _columns([rows[row] for row in words])
        _, forms, lemmas, upos, xpos, feats, heads, deprels, deps, misc = columns

        numbers = [self._head_numbers.get(head, _INVALID) for head in heads]
        least = 0 if self._trees else _MISSING
        if min(numbers) < least or max(numbers) > len(numbers):
            word = next(i for i, head in enumerate(numbers) if not least <= head <= len(numbers))
            raise RowError(ids.index(str(word + 1)), _wrong_head(heads[word], len(numbers)))
        if self._trees and (fault := tree_fault(numbers)):
            raise RowError(ids.index(str(fault[0])), fault[1])

        share = shared.__getitem__
        tokens = map(
            Token,
            range(1, len(numbers) + 1),
            forms,
            lemmas,
            map(share, upos),
            map(share, xpos),
            map(share, feats),
            [None if head == _MISSING else head for head in numbers] if _MISSING in numbers else numbers,
            map(share, deprels),
            deps,
            misc,
        )
        return Sentence(list(tokens), [], multiword_tokens, empty_nodes)

    def _make_room(self, size: int) -> None:
        """Extend the tables of numbers up to `size`."""
        self._ids = tuple(map(str, range(1, size + 1)))
        self._head_numbers |= {str(number): number for number in range(size + 1)}


def _columns(rows: list[list[str]]) -> list[tuple[str, ...]]:
    """Return the ten columns of some rows."""
    try:
        columns = list(zip(*rows, strict=True))
    except ValueError:  # rows of different lengths
        columns = []
    if len(columns) == len(COLUMNS) and not any("" in column for column in columns):
        return columns
    for number, row in enumerate(rows):
        if len(row) != len(COLUMNS):
            raise RowError(number, _wrong_columns(row))
        if "" in row:
            name = COLUMNS[row.index("")]
            raise RowError(number, f"{name} is empty; write '_' for what is not known")
    raise AssertionError("a sentence without rows")


def _wrong_columns(row: list[str]) -> str:
    if row[0].startswith("#"):
        return "a comment inside a sentence; put an empty line before it, or move it above the first word"
    if any("\r" in cell for cell in row):
        return _OLD_LINE_ENDS
    if not any(cell.strip() for cell in row):
        return "white space, where a sentence ends with an empty line; empty it"
    if len(row) == 1:
        return "no tabs; CoNLL-U has 10 columns between tabs, or an empty line to end a sentence"
    return f"{len(row)} columns instead of 10; write '_' for what is not known"


def _wrong_head(head: str, n_words: int) -> str:
    if head == "_":
        return "HEAD is '_', but trees are needed here; give every word a head"
    return f"HEAD is {head!r}, not an integer from 0 to {n_words}, the number of words; correct it"


def tree_fault(heads: Sequence[int]) -> tuple[int, str] | None:
    """Find out why a sentence is not a tree; O(n).

    Parameters
    ----------
    heads
        The head of each word, from 0 to their number.

    Returns
    -------
    tuple of int and str, or None
        A word (from 1) and what is wrong with it, in one line; None for a tree with one root.
    """
    n_roots = heads.count(0)
    cycle = _find_cycle(heads)
    if n_roots == 1 and not cycle:
        return None
    if len(cycle) == 1:
        return cycle[0], f"word {cycle[0]} is its own head; give it another one"
    if n_roots > 1:
        first = heads.index(0) + 1
        second = heads.index(0, first) + 1
        return second, f"a second root, after word {first}; exactly one word has HEAD 0"
    if n_roots == 0:
        return 1, "a sentence without root; exactly one word has HEAD 0"
    path = " → ".join(map(str, [*cycle[:8], "…"] if len(cycle) > 8 else [*cycle, cycle[0]]))
    return cycle[0], f"a cycle of heads, {path}; correct one of them"


def _find_cycle(heads: Sequence[int]) -> list[int]:
    """Return the words of a cycle, each followed by its head; none if all words depend on a root."""
    # The word from which each word was first reached.
    walk_of = [0] * (len(heads) + 1)
    walk_of[0] = -1
    for start in range(1, len(heads) + 1):
        word = start
        while not walk_of[word]:
            walk_of[word] = start
            word = heads[word - 1]
        if walk_of[word] == start:  # the walk has met itself, not an older walk or the root
            cycle = [word]
            while (head := heads[cycle[-1] - 1]) != word:
                cycle.append(head)
            return cycle
    return []
