"""From text of any kind to sentences of words, and to a file of integers that epochs can run over."""

from __future__ import annotations

import errno
import hashlib
import itertools
import json
import os
from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from firth.arrays import Ids, PathLike
from firth.errors import InputError
from firth.files.arrays_file import load_arrays, pack_strings, save_arrays, unpack_strings
from firth.files.atomic import atomic_path
from firth.progress import Progress
from firth.text.readers import TEXT_FIELD, read_ahead, read_files, read_strings
from firth.text.sources import STANDARD_INPUT, any_of, find_files, source_of, total_size
from firth.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from firth.text.word_table import TokenTable, WordTable

Source: TypeAlias = PathLike

_IDS, _INDEX = "ids.bin", "corpus.safetensors"
_CHUNK = 1 << 20  # numbers
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


class Corpus:
    """Sentences of words, from files or from Python. Nothing is read before it is needed.

    Parameters
    ----------
    sources
        One of

        * a file, a folder (all files below it), a pattern such as ``texts/*.txt.gz``, ``"-"`` for standard
          input, or a list of these. Files are UTF-8 text, one sentence or paragraph a line, or JSON Lines:
          told by a suffix (``.jsonl``, ``.ndjson``, ``.json``), or by a JSON object in the first line. They
          may be packed (``.gz``, ``.bz2``, ``.xz``, ``.zst``);
        * an iterable of sentences, each an iterable of words, which may be any strings;
        * an iterable of strings, each a text of one or more lines; but a list or a tuple of strings is a list
          of files.

        An iterable is read once for each time the corpus is read.
    lowercase
        Lowercase the words, those that are given as lists too.
    pretokenized
        Split lines at ASCII white space only, and not by the rule of `firth.text.splitting`.
    field
        The field of JSON objects that holds the text; its line ends end sentences. To name another one than
        usual where there are no JSON Lines is an error.
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
        reading = self._read()
        words: list[str] = []  # by number
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

        It tells whether this is the same corpus as before. What cannot be told without reading (standard
        input, an iterable) is taken on trust: only its type, and its length if it has one, are in the hash.

        Raises
        ------
        InputError
            A file is gone.
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
        """What to call it in a message: its files, or "the sentences given"."""
        return any_of(self._files) if self._files else "the sentences given"

    def files_in_common(self, other: Corpus) -> list[str]:
        """Return the files of this corpus that another one has too. Links are followed."""
        others = set(map(os.path.realpath, other._files or ()))
        # Standard input too: whoever reads it first leaves nothing.
        return [str(file) for file in self._files or () if os.path.realpath(file) in others]

    def _read(self) -> _Reading:
        from firth.text.word_table import TokenTable, WordTable  # they load Numba

        strict = self.errors == "strict"
        total = None
        if self._files is not None:
            total = total_size(self._files)
            blocks = read_files(self._files, field=self.field, strict=strict)
            if total is not None:  # a terminal or a pipe may keep a thread waiting for ever
                blocks = read_ahead(blocks)
        else:
            sentences = iter(self._sentences)
            first = next(sentences, ())
            sentences = itertools.chain([first], sentences)
            if isinstance(first, os.PathLike):
                raise InputError(f"{first}: give files as a list")
            if not isinstance(first, str):
                tokens = TokenTable(lowercase=self.lowercase)
                return _Reading(tokens, ((ids, 0, 0) for ids in tokens.feed(sentences)), None)
            blocks = read_strings(sentences, strict=strict)
        table = WordTable(lowercase=self.lowercase, pretokenized=self.pretokenized, strict=strict)
        pieces = (
            (table.feed(block.data, final=block.final, name=block.name), block.n_read, block.n_replaced)
            for block in blocks
        )
        return _Reading(table, pieces, total)


class _Reading:
    """A corpus being read: iterate over the provisional numbers of its words, −1 after each sentence."""

    def __init__(
        self, table: WordTable | TokenTable, pieces: Iterator[tuple[Ids, int, int]], total: int | None
    ) -> None:
        self.table = table
        self.total = total  # bytes, if known
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
        """The number of U+FFFD put in the place of something invalid so far."""
        return self._n_replaced + self.table.n_replaced


def _is_source(value: object) -> bool:
    return isinstance(value, (str, os.PathLike))


@dataclass(frozen=True, eq=False)
class EncodedCorpus:
    """A corpus as a file of word numbers.

    Attributes
    ----------
    vocabulary
        The words that the numbers stand for.
    ids
        int32, shape (n_kept + n_sentences,), mapped into memory, read-only: the words of the vocabulary in
        the order of the text, −1 after each sentence. Other words, and sentences without any, are left out.
    n_words
        All words of the corpus.
    n_kept
        Those that are in the vocabulary.
    n_sentences
        Sentences with at least one word of the vocabulary.
    fingerprint
        That of the corpus: see `Corpus.fingerprint`.
    """

    vocabulary: Vocabulary
    ids: Ids
    n_words: int
    n_kept: int
    n_sentences: int
    fingerprint: str

    @classmethod
    def open(cls, directory: Source) -> EncodedCorpus:
        """Open what `encode` wrote.

        Raises
        ------
        InputError
            There is no encoded corpus in the folder, or not a whole one.
        """
        index, ids = Path(directory, _INDEX), Path(directory, _IDS)
        arrays, metadata = load_arrays(index)
        try:
            words = unpack_strings(arrays["words"], arrays["offsets"])
            vocabulary = Vocabulary(words, arrays["counts"], metadata["vocabulary_n_words"])
            n_words, n_kept, n_sentences = (metadata[key] for key in ("n_words", "n_kept", "n_sentences"))
            fingerprint = metadata["fingerprint"]
        except KeyError as error:
            raise InputError(f"{index}: not an encoded corpus: it has no {error}") from None
        n_ids = n_kept + n_sentences
        size = ids.stat().st_size if ids.is_file() else 0
        if size != n_ids * np.dtype(np.int32).itemsize:
            raise InputError(
                f"{ids}: not the {n_ids:,} numbers that {_INDEX} speaks of; encode the corpus again"
            )
        mapped = np.asarray(np.memmap(ids, dtype=np.int32, mode="r"))
        return cls(vocabulary, mapped, n_words, n_kept, n_sentences, fingerprint)


def encode(
    corpus: Corpus,
    directory: Source,
    *,
    min_count: int = 5,
    max_size: int | None = None,
    vocabulary: Vocabulary | None = None,
    progress: Progress | None = None,
) -> EncodedCorpus:
    """Write a corpus as numbers, so that it can be run over many times without reading text again.

    The text is read and split once. Words get provisional numbers in the order of their first appearance,
    which go to a file; when all counts are known, that file is renumbered in place. Memory is O(different
    words) and a few megabytes.

    Parameters
    ----------
    corpus
        Is read once.
    directory
        Folder for the result; made if it does not exist. What `encode` wrote there before stays until the
        new numbers are complete. (The process may be killed between then and the end, a fraction of a second:
        there is then no encoded corpus in the folder.)
    min_count, max_size
        See `Vocabulary.from_counts`.
    vocabulary
        Encode with these words; `min_count` and `max_size` are then not used.
    progress
        Shows how far the reading is, in bytes where the size of the corpus is known, else in words.

    Raises
    ------
    InputError
        The corpus cannot be read, has no words or none that is frequent enough, or the disk is full.
    """
    progress = progress or Progress()
    directory = Path(directory)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{directory}: cannot be made: {error.strerror}") from None
    fingerprint = corpus.fingerprint()
    with _room_for_it():
        with atomic_path(directory / _IDS) as temporary:
            table = _write_provisional(corpus, temporary, progress)
            vocabulary, numbers = _final_numbers(table, min_count, max_size, vocabulary)
            n_kept, n_sentences = _renumber_file(temporary, numbers)
            if n_kept == 0:
                raise InputError(f"none of the {table.n_words:,} words of the text is in the vocabulary")
            (directory / _INDEX).unlink(missing_ok=True)  # never beside numbers of another corpus
        blob, offsets = pack_strings(vocabulary.words)
        save_arrays(
            directory / _INDEX,
            {"words": blob, "offsets": offsets, "counts": vocabulary.counts},
            {
                "n_words": table.n_words,
                "n_kept": n_kept,
                "n_sentences": n_sentences,
                "vocabulary_n_words": vocabulary.n_words,
                "fingerprint": fingerprint,
            },
        )
    return EncodedCorpus.open(directory)


@contextmanager
def _room_for_it() -> Iterator[None]:
    """Say, where the disk is full, how to use another one."""
    try:
        yield
    except InputError as error:
        cause = error.__cause__
        if isinstance(cause, OSError) and cause.errno in _DISK_FULL:
            raise InputError(
                f"{error}; the encoded corpus takes 4 bytes a word: free some space, or name another folder "
                "with --checkpoint-dir or TMPDIR"
            ) from cause
        raise


def _write_provisional(corpus: Corpus, path: Path, progress: Progress) -> WordTable | TokenTable:
    """Read the corpus and write its provisional numbers to a file."""
    reading = corpus._read()
    table = reading.table
    unit = "words" if reading.total is None else "bytes"
    with progress.stage("reading", reading.total, unit), path.open("wb") as file:
        for ids in reading:
            file.write(ids.data)
            done = table.n_words if reading.total is None else reading.n_read
            progress.advance(done, Mwords=table.n_words / 1e6)
    if reading.n_replaced:
        progress.note(f"{reading.n_replaced:,} invalid sequences of bytes were read as U+FFFD")
    if table.n_words == 0:
        raise InputError(f"the corpus is empty: there is not one word in {corpus.name}")
    return table


def _final_numbers(
    table: WordTable | TokenTable, min_count: int, max_size: int | None, vocabulary: Vocabulary | None
) -> tuple[Vocabulary, Ids]:
    """Return the vocabulary and what each provisional number becomes, −1 for words left out."""
    merged = table.merge_spellings()
    counts = table.counts
    # The most frequent one is always among them, for the error message if it is not frequent enough.
    lowest = min(max(min_count, 1), int(counts.max())) if vocabulary is None else 1
    candidates = np.flatnonzero(counts >= lowest)
    words = table.words(candidates.tolist())
    if vocabulary is None:
        vocabulary = Vocabulary.from_counts(
            words, counts[candidates], min_count=min_count, max_size=max_size, n_words=table.n_words
        )
    numbers = np.full(len(table), -1, dtype=np.int32)
    numbers[candidates] = vocabulary.indices(words)
    return vocabulary, numbers[merged]


def _renumber_file(path: Path, numbers: Ids) -> tuple[int, int]:
    """Renumber a file in place; return how many words and sentences are left."""
    from firth.text.kernels import renumber

    n_kept = n_sentences = 0
    in_sentence = False
    # What is left is never longer than what was read, so writing stays behind reading.
    with path.open("rb") as old, path.open("r+b") as new:
        while len(ids := np.fromfile(old, dtype=np.int32, count=_CHUNK)):
            n, in_sentence = renumber(ids, numbers, in_sentence)
            new.write(ids[:n].data)
            n_ends = int(np.count_nonzero(ids[:n] < 0))
            n_kept += n - n_ends
            n_sentences += n_ends
        new.truncate()
    return n_kept, n_sentences
