"""The formulas of the phrase classifier."""

from __future__ import annotations

import numpy as np
import pytest

from firth.errors import InputError
from firth.learning import gradcheck, objectives
from firth.learning.cases import CASES
from firth.learning.phrase_objective import phrase_loss

RANDOM = np.random.default_rng(0)
VECTORS, OUTSIDE, BIAS = RANDOM.normal(size=(3, 4)), RANDOM.normal(size=(5, 4)), RANDOM.normal(size=5)
FACTORS = np.array([1.0, 2.0, 1.0])


def test_all_gradients_pass() -> None:
    results = [result for result in gradcheck.check_all(CASES) if result.name.startswith("phrase_loss")]
    assert len(results) == 6 * 3
    assert all(result.passed for result in results)


def test_it_is_the_naive_softmax_of_the_mean() -> None:
    loss, by_words, by_outside, by_bias = phrase_loss(VECTORS, FACTORS, OUTSIDE, np.zeros(5), 3)
    mean = (VECTORS[0] + 2 * VECTORS[1] + VECTORS[2]) / 4
    right, by_center, by_U = objectives.naive_softmax(mean, 3, OUTSIDE)
    assert loss == pytest.approx(right)
    np.testing.assert_allclose(by_words, np.outer([0.25, 0.5, 0.25], by_center))
    np.testing.assert_allclose(by_outside, by_U)
    assert by_bias.sum() == pytest.approx(0)


def test_several_labels_are_negative_sampling_with_all_others_as_negatives() -> None:
    loss, by_words, by_outside, _ = phrase_loss(VECTORS, FACTORS, OUTSIDE, np.zeros(5), [3])
    mean = FACTORS @ VECTORS / 4
    right, by_center, by_U = objectives.negative_sampling(mean, 3, [0, 1, 2, 4], OUTSIDE)
    assert loss == pytest.approx(right)
    np.testing.assert_allclose(by_words[0], by_center / 4)
    np.testing.assert_allclose(by_outside, by_U)


def test_weights_multiply_the_loss_of_a_label() -> None:
    weights = np.array([1.0, 1.0, 1.0, 3.0, 1.0])
    loss, *gradients = phrase_loss(VECTORS, FACTORS, OUTSIDE, BIAS, 3)
    weighted, *more = phrase_loss(VECTORS, FACTORS, OUTSIDE, BIAS, 3, weights=weights)
    assert weighted == pytest.approx(3 * loss)
    for one, three in zip(gradients, more, strict=True):
        np.testing.assert_allclose(three, 3 * one)


@pytest.mark.parametrize("l2_normalize", ["words", "phrase"])
def test_normalised_vectors_forget_their_length(l2_normalize: str) -> None:
    scaled = VECTORS * (np.array([[0.1], [5], [2]]) if l2_normalize == "words" else 7.0)
    loss, by_words, *_ = phrase_loss(VECTORS, FACTORS, OUTSIDE, BIAS, 0, l2_normalize=l2_normalize)  # type: ignore[arg-type]
    again, *_ = phrase_loss(scaled, FACTORS, OUTSIDE, BIAS, 0, l2_normalize=l2_normalize)  # type: ignore[arg-type]
    assert again == pytest.approx(loss)
    if l2_normalize == "words":  # so no gradient is along the vector
        np.testing.assert_allclose((by_words * VECTORS).sum(axis=1), 0, atol=1e-12)
    else:
        assert (by_words * VECTORS).sum() == pytest.approx(0)


def test_no_words_and_zero_vectors() -> None:
    for normalize in ("none", "words", "phrase"):
        loss, by_words, _, by_bias = phrase_loss(
            np.zeros((0, 4)), np.zeros(0), OUTSIDE, BIAS, 1, l2_normalize=normalize
        )
        assert loss == pytest.approx(np.log(np.exp(BIAS).sum()) - BIAS[1])
        assert by_words.shape == (0, 4)
        assert by_bias[1] < 0
    for normalize in ("words", "phrase"):
        _, by_words, *_ = phrase_loss(np.zeros((2, 4)), np.ones(2), OUTSIDE, BIAS, 1, l2_normalize=normalize)
        assert not by_words.any()


def test_what_is_wrong_is_said() -> None:
    with pytest.raises(InputError, match="choose none, words or phrase"):
        phrase_loss(VECTORS, FACTORS, OUTSIDE, BIAS, 0, l2_normalize="l2")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="vectors"):
        phrase_loss(VECTORS[0], FACTORS, OUTSIDE, BIAS, 0)
