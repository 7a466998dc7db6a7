"""Jobs in order, and streams of sentences of words."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, cast

import pytest

from firth.parsing import streaming
from firth.parsing.notes import ParseNotes
from firth.parsing.parser.parser import Parser
from firth.parsing.streaming import in_order, parse_words
from firth.text.document import Sentence, Token


def test_results_come_in_order_and_not_too_far_ahead() -> None:
    begun = 0

    def slow_at_first(k: int) -> int:
        time.sleep(0.02 if k % 4 == 0 else 0)
        return k

    with ThreadPoolExecutor(4) as pool:

        def jobs() -> Iterator[Future[int]]:
            nonlocal begun
            for begun in range(1, 41):
                yield pool.submit(slow_at_first, begun)

        for k, result in enumerate(in_order(jobs(), 5), start=1):
            assert result == k
            assert begun <= k + 5
    assert begun == 40


def test_jobs_that_no_one_waits_for_are_cancelled() -> None:
    jobs: list[Future[int]] = [Future() for _ in range(4)]
    jobs[0].set_result(7)
    results = in_order(iter(jobs), 2)
    assert next(results) == 7
    cast(Any, results).close()
    assert [job.cancelled() for job in jobs] == [False, True, True, False]


def test_an_error_comes_in_its_turn() -> None:
    jobs: list[Future[int]] = [Future() for _ in range(3)]
    jobs[0].set_result(1)
    jobs[1].set_exception(KeyError("second"))
    results = in_order(iter(jobs), 3)
    assert next(results) == 1
    with pytest.raises(KeyError, match="second"):
        next(results)
    assert jobs[2].cancelled()


class Counting:
    """Stands for a parser: makes every word a root, and notes the sizes of batches."""

    known_share = None

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def parse_noting(self, sentences: Sequence[Sentence], notes: ParseNotes, **options: object) -> None:
        assert options == {"given_tags": True, "keep_deps": False, "threads": 2}
        self.sizes.append(len(sentences))
        for sentence in sentences:
            sentence[0].head = 0


def test_sentences_of_words_are_parsed_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "_BATCH_SENTENCES", 3)
    parser, n_read = Counting(), 0

    def sentences() -> Iterator[Sentence]:
        nonlocal n_read
        for n_read in range(1, 9):
            yield Sentence([Token(1, str(n_read))])

    parsed = parse_words(cast(Parser, parser), sentences(), given_tags=True, threads=2)
    for k, sentence in enumerate(parsed, start=1):
        assert (sentence[0].form, sentence[0].head) == (str(k), 0)
        assert n_read <= k + 2
    assert parser.sizes == [3, 3, 2]
    assert list(parse_words(cast(Parser, parser), [], given_tags=True, threads=2)) == []
