"""Long input, batch by batch: several batches are analysed at a time, and come out in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future
from itertools import islice
from typing import TypeVar

from firth.parsing.language import LanguageCheck
from firth.parsing.notes import ParseNotes
from firth.parsing.parser.parser import Parser
from firth.progress import Progress
from firth.text.document import Sentence

# Sentences of words are parsed in batches of 1,000.
_BATCH_SENTENCES = 1000

T = TypeVar("T")


def in_order(jobs: Iterable[Future[T]], n_ahead: int) -> Iterator[T]:
    """Yield the results of jobs in order. At most `n_ahead` jobs are begun before their turn."""
    waiting: deque[Future[T]] = deque()
    try:
        for job in jobs:
            waiting.append(job)
            if len(waiting) > n_ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for job in waiting:
            job.cancel()


def progress_of(progress: Progress | None, is_long: bool) -> Progress:
    """Return a progress display, or a silent one where none is given or the work is done at once."""
    return progress if progress is not None and is_long else Progress()


def parse_words(
    parser: Parser,
    sentences: Iterable[Sentence],
    *,
    given_tags: bool = False,
    keep_deps: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Generator[Sentence, None, None]:
    """Parse a stream of sentences of words; memory holds a batch of them.

    Parameters
    ----------
    parser
        Fills in heads and relations, in place, and before that tags and lemmas.
    sentences
        The sentences; each is asked for when its batch is next.
    given_tags, keep_deps, threads
        See `firth.Parser.parse`; all processors if `threads` is None. Warnings come at the end, with
        the counts of all sentences.
    progress
        Told the words parsed, if there is more than one batch; silent if None.

    Yields
    ------
    Sentence
        The same sentences, in order.
    """
    sentences = iter(sentences)
    batch = list(islice(sentences, _BATCH_SENTENCES))
    progress = progress_of(progress, is_long=len(batch) == _BATCH_SENTENCES)
    n_words = 0
    notes, language = ParseNotes(), LanguageCheck(parser)
    with progress.stage("parsing"):
        while batch:
            parser.parse_noting(batch, notes, given_tags=given_tags, keep_deps=keep_deps, threads=threads)
            language.see(batch)
            yield from batch
            n_words += sum(map(len, batch))
            progress.advance(n_words)
            batch = list(islice(sentences, _BATCH_SENTENCES))
    notes.warn()
    language.warn()
