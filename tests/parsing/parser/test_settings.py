"""Settings of parser training: defaults that fit the treebank, and checks before any work."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from firth import Parser, Pipeline
from firth.errors import InputError
from firth.parsing.parser.settings import ParserSettings
from firth.progress import Progress
from firth.text.document import Sentence, Token


@pytest.mark.parametrize(
    ("n_words", "epochs"), [(0, 60), (50_000, 60), (200_000, 28), (300_000, 19), (2_000_000, 16)]
)
def test_small_treebanks_are_read_more_often(n_words: int, epochs: int) -> None:
    schedule = ParserSettings().schedule(n_words)
    assert (schedule.epochs, schedule.patience) == (epochs, epochs // 2)
    assert ParserSettings(epochs=7, seed=3).schedule(n_words).epochs == 7
    assert ParserSettings(epochs=7).schedule(n_words).patience == 5


def test_integers_of_numpy_can_be_kept_in_a_checkpoint() -> None:
    settings = ParserSettings(epochs=np.int64(3), seed=np.int32(2))  # type: ignore[arg-type]
    assert json.loads(json.dumps(asdict(settings.schedule(100))))["epochs"] == 3


class NoWork(Progress):
    def begin(self, stage: str, total: int | None = None, unit: str = "words") -> None:
        raise AssertionError(f"{stage} has begun")


@pytest.mark.parametrize("trainer", [Parser, Pipeline])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "epochs must be a whole number of at least 1, not 0"),
        ({"seed": 1.5}, "seed must be a whole number of at least 0, not 1.5"),
        ({"threads": "x"}, "threads must be a whole number of at least 1, not 'x'"),
        ({"dev": []}, "the development set is empty"),
        ({"silver": [Sentence([Token(1, "a")])]}, "the silver set, sentence 1: word 1 has no head"),
    ],
    ids=str,
)
def test_mistakes_are_told_before_any_network_is_trained(
    trainer: Any, change: dict[str, Any], message: str
) -> None:
    """A pipeline would train its segmenter first."""
    treebank = [Sentence([Token(1, "oh", upos="INTJ", head=0, deprel="root")])] * 3
    with pytest.raises(InputError, match=message):
        trainer.train(**{"train": treebank, "dev": treebank, "progress": NoWork()} | change)
