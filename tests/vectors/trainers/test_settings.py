"""Settings are checked when they are made, and everything about them stands in one place."""

from __future__ import annotations

import dataclasses
import inspect
import json

import numpy as np
import pytest

import firth
from firth.checks import processors
from firth.errors import InputError
from firth.vectors.trainers.settings import ExactSoftmaxSettings, SkipGramSettings

TRAINERS = pytest.mark.parametrize("trainer", [firth.SkipGram, firth.ExactSoftmax])


@TRAINERS
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dim", 0),
        ("window", -1),
        ("epochs", 1.5),
        ("epochs", 0),
        ("min_count", "5"),
        ("threads", 0),
        ("lr", 0.0),
        ("lr", float("nan")),
        ("lr", "fast"),
        ("sample", -1.0),
        ("sample", float("inf")),
        ("max_vocab", 0),
        ("seed", -1),
        ("seed", 1.5),
        ("seed", "x"),
        ("seed", None),
        ("seed", 2**63),
    ],
)
def test_settings_without_meaning(trainer: type[firth.SkipGram], name: str, value: object) -> None:
    """The message names the setting and the value that was given."""
    with pytest.raises(InputError, match=rf"^{name} must .*") as error:
        trainer(**{name: value})
    if value != 2**63:
        assert str(error.value).endswith(f"not {value!r}")


def test_settings_of_skip_gram_only() -> None:
    with pytest.raises(InputError, match="negative must be a whole number"):
        firth.SkipGram(negative=0)
    with pytest.raises(TypeError):
        firth.ExactSoftmax(negative=5)


def test_arguments_keep_their_order() -> None:
    model = firth.SkipGram(50, 4, 3, 2, 1)
    assert (model.dim, model.window, model.negative, model.epochs, model.min_count) == (50, 4, 3, 2, 1)
    exact = firth.ExactSoftmax(50, 4, 3, 2)
    assert (exact.dim, exact.window, exact.epochs, exact.min_count) == (50, 4, 3, 2)
    with pytest.raises(TypeError):
        firth.SkipGram(50, 4, 3, 2, 1, 1e-3)


@TRAINERS
def test_json_can_hold_what_checkpoints_compare(trainer: type[firth.SkipGram]) -> None:
    settings = trainer(dim=np.int64(7), lr=np.float32(0.5), sample=0, seed=np.int32(3)).as_dict()
    assert json.loads(json.dumps(settings)) == settings
    assert (settings["dim"], settings["lr"], settings["sample"], settings["seed"]) == (7, 0.5, 0.0, 3)
    assert "threads" not in settings, "a training may go on with another number of threads"
    assert settings["objective"] == {"SkipGram": "negative-sampling"}.get(trainer.__name__, "softmax")


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        firth.SkipGram().dim = 3  # type: ignore[misc]


def test_threads() -> None:
    assert firth.SkipGram().threads_used == processors()
    assert firth.SkipGram(threads=40).threads_used == 40
    assert firth.SkipGram(threads=40, deterministic=True).threads_used == min(processors(), 8)


@pytest.mark.parametrize(
    ("trainer", "settings"),
    [(firth.SkipGram, SkipGramSettings), (firth.ExactSoftmax, ExactSoftmaxSettings)],
)
def test_help_documents_every_argument(trainer: type, settings: type) -> None:
    documented = trainer.__doc__ or ""
    assert "{settings}" not in documented
    section = documented.partition("Parameters\n----------\n")[2].partition("\n\n")[0]
    names = [name for line in section.splitlines() if line[0] != " " for name in line.split(", ")]
    assert sorted(names) == sorted(inspect.signature(trainer).parameters)
    assert [field.name for field in dataclasses.fields(settings)] == [
        field.name for field in dataclasses.fields(trainer)
    ]
