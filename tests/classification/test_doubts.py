"""What is doubtful about texts, vectors and results is told."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from firth.classification.classifier import PhraseClassifier
from firth.classification.settings import ClassifierSettings
from firth.errors import InputError
from firth.vectors.word_vectors import WordVectors

WORDS = ["good", "fine", "bad", "dull", "film", "plot"]
TEXTS = [f"{word} {noun}" for word in WORDS[:4] for noun in WORDS[4:]] * 6
LABELS = (["yes"] * 4 + ["no"] * 4) * 6


def vectors_of(words: list[str]) -> WordVectors:
    return WordVectors(words, np.random.default_rng(1).normal(size=(len(words), 8)))


def warnings_of(texts: list[str], labels: Any, **parameters: Any) -> tuple[PhraseClassifier, list[str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = PhraseClassifier(**{"dim": 8} | parameters).fit(texts, labels)
    assert all(warning.filename == __file__ and warning.category is UserWarning for warning in caught)
    return model, [str(warning.message) for warning in caught]


def test_small_sets_are_learned_with_the_defaults() -> None:
    model, told = warnings_of(TEXTS, LABELS, dim=100)
    assert told == []
    assert model.score(TEXTS, LABELS) == 1
    assert model.predict_proba(TEXTS).max(axis=1).min() > 0.9
    assert len(model.history_) == 500
    assert model.get_params()["epochs"] is None


@pytest.mark.parametrize(
    ("n_texts", "epochs"), [(2, 500), (100, 500), (500, 100), (4999, 11), (5000, 10), (10**9, 10)]
)
def test_epochs_follow_the_number_of_texts(n_texts: int, epochs: int) -> None:
    assert ClassifierSettings().n_epochs(n_texts) == epochs
    assert ClassifierSettings(epochs=3).n_epochs(n_texts) == 3


def test_the_default_is_the_same_training_as_that_number_of_epochs() -> None:
    texts, labels = TEXTS * 25, LABELS * 25
    one, other = (
        PhraseClassifier(dim=8, epochs=epochs).fit(texts, labels).predict_proba(TEXTS)
        for epochs in (None, 42)
    )
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("parameters", [{}, {"class_weight": "balanced"}, {"class_weight": {"yes": 3.0}}])
@pytest.mark.parametrize("form", ["single", "sets"])
def test_a_loss_that_hardly_fell_is_told(parameters: dict[str, Any], form: str) -> None:
    labels: Any = LABELS if form == "single" else [[label] if label == "yes" else [] for label in LABELS]
    labels = labels if form == "single" else [[*y, "any"] if i % 3 else y for i, y in enumerate(labels)]
    _, told = warnings_of(TEXTS, labels, epochs=2, lr=1e-4, **parameters)
    assert len(told) == 1
    assert "the loss hardly fell in 2 epochs" in told[0]
    assert "try more epochs, or a higher learning rate than 0.0001" in told[0]
    assert warnings_of(TEXTS, labels, epochs=200, **parameters)[1] == []


def test_the_loss_without_words() -> None:
    """The labels do not depend on the words, so nothing is better than their frequencies."""
    texts, labels = ["film"] * 400, ["yes", "yes", "yes", "no"] * 100
    _, (told,) = warnings_of(texts, labels, epochs=20)
    entropy = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    assert f"and {entropy:.3g} if words are ignored" in told


def test_vectors_without_the_words_of_the_texts_are_told() -> None:
    model, told = warnings_of(TEXTS, LABELS, vectors=vectors_of(WORDS))
    assert (told, model.pretrained_words_, model.coverage_.words) == ([], 96, 96)
    model, told = warnings_of(TEXTS, LABELS, vectors=vectors_of(["good", "film", "plot"]))
    assert (told, model.pretrained_words_) == ([], 60)
    model, told = warnings_of(TEXTS, LABELS, vectors=vectors_of(["gut", "film"]))
    assert (len(told), model.pretrained_words_) == (1, 24)
    assert warnings_of(TEXTS, LABELS)[0].pretrained_words_ is None


@pytest.mark.parametrize(
    ("words", "lowercase", "hint"),
    [
        (["Good", "Fine", "Bad", "Dull", "Film"], True, r"with lowercase=False \(--no-lowercase\), 96 words"),
        (["good", "fine", "bad", "film"], False, r"with lowercase=True \(--lowercase\), 84 words"),
        (["gut", "schlecht"], True, r"are the vectors of another language\?"),
    ],
)
def test_few_words_with_vectors_come_with_a_hint(words: list[str], lowercase: bool, hint: str) -> None:
    texts = [text.replace("plot", "film").title() for text in TEXTS]
    with pytest.warns(UserWarning, match=rf"of the 96 words of the texts, only \d+ \(\d+ %\) .*{hint}"):
        PhraseClassifier(vectors_of(words), lowercase=lowercase).fit(texts, LABELS)


def test_no_word_with_a_vector() -> None:
    with pytest.raises(InputError, match=r"none of the 96 words .*: with lowercase=False \(--no-lowercase\)"):
        PhraseClassifier(vectors_of(["GOOD", "FILM"]), fine_tune=False).fit(
            [text.upper() for text in TEXTS], LABELS
        )
    with pytest.raises(InputError, match="none occurs 100 times, so lower min_count"):
        PhraseClassifier(min_count=100).fit(TEXTS, LABELS)


def test_as_many_labels_as_texts_are_told() -> None:
    texts = [f"film {i}" for i in range(6)]
    _, told = warnings_of(texts, list(range(6)))
    assert "the 6 texts have 6 different labels, one each: are these labels" in told[0]
    _, told = warnings_of(texts, [0, 1, 2, 3, 4, 4])
    assert told == []
