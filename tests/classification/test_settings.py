"""Settings: defaults that stand once, and numbers that JSON can hold."""

from __future__ import annotations

import inspect
import json
import re
from dataclasses import asdict, fields

import numpy as np
import pytest

from firth.classification.classifier import PhraseClassifier
from firth.classification.settings import ClassifierSettings
from firth.errors import InputError


def test_the_classifier_has_these_settings_with_these_defaults() -> None:
    arguments = inspect.signature(PhraseClassifier).parameters
    settings = {field.name: field.default for field in fields(ClassifierSettings)}
    assert set(arguments) - set(settings) == {"vectors", "class_weight"}
    assert {name: arguments[name].default for name in settings} == settings


def test_the_classifier_documents_them() -> None:
    documented = (PhraseClassifier.__doc__ or "").partition("Attributes\n")[0]
    for field in fields(ClassifierSettings):
        assert re.search(rf"^({field.name}|.*, {field.name})(,.*)?$", documented, re.MULTILINE), field.name


def test_numbers_of_numpy_become_those_of_python() -> None:
    settings = ClassifierSettings(dim=np.int64(5), lr=np.float32(0.5), batch_size=np.int8(3))  # type: ignore[arg-type]
    assert json.loads(json.dumps(asdict(settings)))["dim"] == 5
    assert settings.initial_lr == 0.5
    assert type(settings.minibatch) is int


@pytest.mark.parametrize(("optimizer", "lr", "minibatch"), [("sgd", 0.1, 1), ("adam", 0.001, 32)])
def test_defaults_of_the_optimizers(optimizer: str, lr: float, minibatch: int) -> None:
    settings = ClassifierSettings(optimizer=optimizer)  # type: ignore[arg-type]
    assert (settings.initial_lr, settings.minibatch) == (lr, minibatch)


@pytest.mark.parametrize("seed", ["x", 1.5, -1])
def test_a_seed_is_a_whole_number(seed: object) -> None:
    with pytest.raises(InputError, match=f"seed must be a whole number of at least 0, not {seed!r}"):
        ClassifierSettings(seed=seed)  # type: ignore[arg-type]
