"""A corpus as a file of integers, which epochs can run over."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from firth.arrays import Ids, PathLike
from firth.errors import InputError
from firth.files.arrays_file import load_arrays, pack_strings, save_arrays, unpack_strings
from firth.files.atomic import atomic_path
from firth.progress import Progress
from firth.text.corpus import Corpus
from firth.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from firth.text.word_table import TokenTable, WordTable

_IDS, _INDEX = "ids.bin", "corpus.safetensors"

# A file is renumbered this many numbers at a time.
_CHUNK_NUMBERS = 1 << 20

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


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
        Words of the corpus.
    n_kept
        Words of the corpus that are in the vocabulary.
    n_sentences
        Sentences with at least one word of the vocabulary.
    fingerprint
        See `firth.text.corpus.Corpus.fingerprint`.
    """

    vocabulary: Vocabulary
    ids: Ids
    n_words: int
    n_kept: int
    n_sentences: int
    fingerprint: str

    @classmethod
    def open(cls, directory: PathLike) -> EncodedCorpus:
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

    def longest_sentence(self, at_most: int) -> int:
        """Return the length of the longest sentence, or `at_most` as soon as one is as long.

        Parameters
        ----------
        at_most
            The largest length that makes a difference.
        """
        longest = start = 0
        for chunk in range(0, len(self.ids), _CHUNK_NUMBERS):
            stop = min(chunk + _CHUNK_NUMBERS, len(self.ids))
            ends = chunk + np.flatnonzero(self.ids[chunk:stop] < 0)
            if len(ends):
                longest = max(longest, int(np.diff(ends, prepend=start - 1).max()) - 1)
                start = int(ends[-1]) + 1
            if max(longest, stop - start) >= at_most:
                return at_most
        return longest


def encode(
    corpus: Corpus,
    directory: PathLike,
    *,
    min_count: int = 5,
    max_size: int | None = None,
    vocabulary: Vocabulary | None = None,
    progress: Progress | None = None,
) -> EncodedCorpus:
    """Write a corpus as numbers, so that it can be run over many times without reading text again.

    The text is read and split once. Words get provisional numbers in the order of their first appearance,
    which are written to a file. When all counts are known, that file is renumbered in place. Memory is
    O(different words) and a few megabytes.

    Parameters
    ----------
    corpus
        The corpus; it is read once.
    directory
        Folder for the result; made if it does not exist. An older result in it stays until the new numbers
        are complete. (If the process is killed in the fraction of a second after that, the folder has no
        encoded corpus.)
    min_count, max_size
        See `Vocabulary.from_counts`.
    vocabulary
        Encode with these words; `min_count` and `max_size` are then not used.
    progress
        Told how much is read: bytes if the size of the corpus is known, else words.

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
    with _disk_full_explained():
        with atomic_path(directory / _IDS) as temporary:
            table = _write_provisional(corpus, temporary, progress)
            vocabulary, numbers = _final_numbers(table, min_count, max_size, vocabulary)
            n_kept, n_sentences = _renumber_file(temporary, numbers)
            if n_kept == 0:
                raise InputError(f"none of the {table.n_words:,} words of the text is in the vocabulary")
            # An index must never lie beside the numbers of another corpus.
            (directory / _INDEX).unlink(missing_ok=True)
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
def _disk_full_explained() -> Iterator[None]:
    """Add to the error of a full disk how to use another one."""
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
    reading = corpus.read()
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
    """Return the vocabulary and the final number of each provisional one, −1 for words left out."""
    merged = table.merge_spellings()
    counts = table.counts
    # The most frequent word is always a candidate: the error names it where no word is frequent enough.
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
    # The new numbers are never more than the old ones, so writing does not overtake reading.
    with path.open("rb") as old, path.open("r+b") as new:
        while len(ids := np.fromfile(old, dtype=np.int32, count=_CHUNK_NUMBERS)):
            n, in_sentence = renumber(ids, numbers, in_sentence)
            new.write(ids[:n].data)
            n_ends = int(np.count_nonzero(ids[:n] < 0))
            n_kept += n - n_ends
            n_sentences += n_ends
        new.truncate()
    return n_kept, n_sentences
