"""A corpus: text of any kind, read as sentences of words."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections.abc import Iterable, Iterator, Sized
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from firth.arrays import Ids, PathLike
from firth.errors import InputError
from firth.text.readers import TEXT_FIELD, read_ahead, read_files, read_strings
from firth.text.sources import STANDARD_INPUT, any_of, find_files, source_of, total_size

if TYPE_CHECKING:
    from firth.text.word_table import TokenTable, WordTable

Source: TypeAlias = PathLike


class Corpus:
    """Sentences of words, from files or from Python. Nothing is read before it is needed.

    Parameters
    ----------
    sources
        One of

        * a file, a folder (all files below it), a pattern such as ``texts/*.txt.gz``, ``"-"`` for standard
          input, or a list of these. Files are UTF-8 text, one sentence or paragraph a line, or JSON Lines:
          recognised by a suffix (``.jsonl``, ``.ndjson``, ``.json``) or by a JSON object in the first line.
          They may be packed (``.gz``, ``.bz2``, ``.xz``, ``.zst``);
        * an iterable of sentences, each an iterable of words, which may be any strings;
        * an iterable of strings, each a text of one or more lines; but a list or a tuple of strings is a list
          of files.

        An iterable is read once for each time the corpus is read.
    lowercase
        Lowercase the words, also those given as lists.
    pretokenized
        Split lines at ASCII white space only, and not by the rule of `firth.text.splitting`.
    field
        The field of JSON objects that holds the text; its line ends end sentences. Naming a field is an error
        if there are no JSON Lines.
    errors
        ``"strict"``: bytes that are not UTF-8 are an error. ``"replace"``: U+FFFD stands for them, which
        separates words by the rule.

    Raises
    ------
    InputError
        There is no such file, or an argument has no meaning.
    """

    def __init__(
        self,
        sources: Source | Iterable[Source] | Iterable[Iterable[str]],
        *,
        lowercase: bool = True,
        pretokenized: bool = False,
        field: str = TEXT_FIELD,
        errors: str = "strict",
    ) -> None:
        if errors not in ("strict", "replace"):
            raise InputError(f"errors must be 'strict' or 'replace', not {errors!r}")
        self.lowercase, self.pretokenized, self.field, self.errors = lowercase, pretokenized, field, errors
        self._sources: list[Source] = []
        self._sentences: Iterable[Any] = ()
        if isinstance(sources, (str, os.PathLike)):
            self._sources = [sources]
        elif isinstance(sources, (list, tuple)) and sources and all(map(_is_source, sources)):
            self._sources = list(sources)
        elif not isinstance(sources, Iterable):
            raise InputError(f"a corpus is made of files or of sentences, not of {sources!r}")
        elif field != TEXT_FIELD:
            raise InputError(f"the corpus is given as sentences: there is no field {field!r}; leave it out")
        else:
            self._sentences = sources
        self._files = find_files(self._sources) if self._sources else None

    def __iter__(self) -> Iterator[list[str]]:
        """Give the words of one sentence after another; lines without words are left out."""
        reading = self.read()
        words: list[str] = []  # the words by their number
        sentence: list[str] = []
        for ids in reading:
            words += reading.table.words(range(len(words), len(reading.table)))
            for number in ids.tolist():
                if number >= 0:
                    sentence.append(words[number])
                else:
                    yield sentence
                    sentence = []

    def fingerprint(self) -> str:
        """Return a hash of the names, sizes and times of the files and of the options.

        Equal hashes mean that the corpus has not changed. Standard input and iterables cannot be checked
        without reading: only their type, and their length if they have one, are in the hash.

        Raises
        ------
        InputError
            A file does not exist any more.
        """
        parts: list[Any] = [self.lowercase, self.pretokenized, self.field, self.errors]
        if self._files is None:
            size = len(self._sentences) if isinstance(self._sentences, Sized) else None
            parts += [type(self._sentences).__qualname__, size]
        for file in self._files or ():
            if file == STANDARD_INPUT:
                parts.append(file)
                continue
            try:
                status = Path(file).stat()
            except OSError as error:
                raise InputError(f"{file}: cannot be read: {error.strerror}") from None
            parts += [str(Path(file).resolve()), status.st_size, status.st_mtime_ns]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def check_output(self, path: Source) -> None:
        """Check that a file can be written without changing this corpus.

        Parameters
        ----------
        path
            A file that will be written; it need not be there, nor its folder.

        Raises
        ------
        InputError
            It is one of the files of the corpus, or lies where the corpus is read from: it would be taken for
            text the next time.
        """
        source = source_of(self._sources, path)
        if source is None:
            return
        if os.path.realpath(path) in map(os.path.realpath, self._files or ()):
            raise InputError(f"{path}: is part of the corpus, and would be written over; choose another name")
        raise InputError(
            f"{path}: would be read as text next time, as part of the corpus in {source}; "
            "choose another folder"
        )

    @property
    def name(self) -> str:
        """The name of the corpus in messages: its files, or "the sentences given"."""
        return any_of(self._files) if self._files else "the sentences given"

    def files_in_common(self, other: Corpus) -> list[str]:
        """Return the files of this corpus that another one has too. Links are followed."""
        others = set(map(os.path.realpath, other._files or ()))
        # Standard input counts too: it can be read only once.
        return [str(file) for file in self._files or () if os.path.realpath(file) in others]

    def read(self) -> Reading:
        """Begin to read the corpus: the numbers of its words, in the order of their first appearance."""
        from firth.text.word_table import TokenTable, WordTable  # these load Numba

        strict = self.errors == "strict"
        total = None
        if self._files is not None:
            total = total_size(self._files)
            blocks = read_files(self._files, field=self.field, strict=strict)
            if total is not None:  # reading ahead from a terminal or a pipe could block a thread for ever
                blocks = read_ahead(blocks)
        else:
            sentences = iter(self._sentences)
            first = next(sentences, ())
            sentences = itertools.chain([first], sentences)
            if isinstance(first, os.PathLike):
                raise InputError(f"{first}: give files as a list")
            if not isinstance(first, str):
                tokens = TokenTable(lowercase=self.lowercase)
                return Reading(tokens, ((ids, 0, 0) for ids in tokens.feed(sentences)), None)
            blocks = read_strings(sentences, strict=strict)
        table = WordTable(lowercase=self.lowercase, pretokenized=self.pretokenized, strict=strict)
        pieces = (
            (table.feed(block.data, final=block.final, name=block.name), block.n_read, block.n_replaced)
            for block in blocks
        )
        return Reading(table, pieces, total)


class Reading:
    """A corpus that is being read: iterate over the provisional numbers of its words, −1 after each sentence.

    Attributes
    ----------
    table
        The words read so far.
    total
        Bytes of the corpus on the disk; None if unknown.
    n_read
        Bytes read so far.
    """

    def __init__(
        self, table: WordTable | TokenTable, pieces: Iterator[tuple[Ids, int, int]], total: int | None
    ) -> None:
        self.table = table
        self.total = total
        self.n_read = 0
        self._n_replaced = 0
        self._pieces = pieces

    def __iter__(self) -> Iterator[Ids]:
        for ids, n_read, n_replaced in self._pieces:
            self.n_read = n_read
            self._n_replaced += n_replaced
            yield ids

    @property
    def n_replaced(self) -> int:
        """How many U+FFFD have replaced invalid bytes so far."""
        return self._n_replaced + self.table.n_replaced


def _is_source(value: object) -> bool:
    return isinstance(value, (str, os.PathLike))
