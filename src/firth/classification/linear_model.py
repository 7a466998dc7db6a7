"""The classifier of encoded texts: its parameters, the probabilities they give, and the decisions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from firth.arrays import Bools, Float32s, Float64s
from firth.classification.encoding import Encoded
from firth.classification.kernels.arguments import ClassifierParameters, Phrases
from firth.classification.labels import Form, Targets, as_sets, numbers_of
from firth.classification.settings import NORMALIZATIONS
from firth.errors import InputError
from firth.learning.activations import sigmoid, softmax


@dataclass(frozen=True)
class LinearModel:
    """A softmax, or logistic functions, over the labels, of the mean of the vectors of a text.

    Attributes
    ----------
    parameters
        The vectors of words and labels, and the biases of the labels.
    factors : ndarray of float32
        The weight of each vector in the mean.
    l2_normalize
        What is scaled to length 1; see `firth.classification.settings.ClassifierSettings`.
    classes : ndarray, shape (k,)
        The labels.
    form
        How the labels of texts are given.
    """

    parameters: ClassifierParameters
    factors: Float32s
    l2_normalize: str
    classes: npt.NDArray[Any]
    form: Form

    def probabilities(self, encoded: Encoded) -> Float64s:
        """Return the probability of each label for each text, shape (n, k)."""
        from firth.classification.kernels.forward import score

        phrases = Phrases(encoded.rows, encoded.offsets, self.factors)
        scores = np.empty((encoded.coverage.texts, len(self.classes)), dtype=np.float32)
        score(phrases, self.parameters, NORMALIZATIONS.index(self.l2_normalize), scores)
        exact = scores.astype(np.float64)
        return (softmax(exact) if self.form == "single" else sigmoid(exact)).astype(np.float64, copy=False)

    def decide(self, probabilities: Float64s) -> Any:
        """Return the predicted labels of each text, in the form in which the training texts had theirs."""
        if self.form == "single":
            return self.classes[probabilities.argmax(axis=1)]
        present = probabilities > 0.5
        return as_sets(present, self.classes.tolist()) if self.form == "sets" else present.astype(np.int64)

    def right_decisions(self, probabilities: Float64s, gold: Targets) -> Bools:
        """Return which decisions are right: one for each text, (n, 1), or for each label of it, (n, k).

        If texts have labels that the model does not know, there is one more decision for each text. It is
        wrong for those texts.

        Raises
        ------
        InputError
            The model gives one label to each text and these texts have several, or the other way round.
        """
        if (gold.form == "single") != (self.form == "single"):
            raise InputError(
                "the classifier was trained with one label a text and these texts have several, "
                "or the other way round"
            )
        numbers = numbers_of(gold, self.classes)
        if self.form == "single":
            right: Bools = (probabilities.argmax(axis=1) == numbers)[:, None]
            return right
        owner = np.repeat(np.arange(len(gold)), np.diff(gold.offsets))
        present = np.zeros(probabilities.shape, dtype=bool)
        present[owner[numbers >= 0], numbers[numbers >= 0]] = True
        right = (probabilities > 0.5) == present
        unseen = np.zeros((len(gold), 1), dtype=bool)
        unseen[owner[numbers < 0]] = True
        return np.hstack([right, ~unseen]) if unseen.any() else right
