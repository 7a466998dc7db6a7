"""Labelled texts as `PhraseClassifier.fit` is given them: checked, and some of them held out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from firth.arrays import Float32s, Int64s
from firth.classification.encoding import Text
from firth.classification.labels import Targets, read_targets
from firth.errors import InputError


@dataclass(frozen=True)
class Examples:
    """Texts with their labels, and their weights in the loss; None: all weigh 1."""

    texts: list[Text]
    targets: Targets
    weights: Float32s | None = None

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, chosen: Int64s) -> Examples:
        """Return some of the examples, by number."""
        weights = None if self.weights is None else self.weights[chosen]
        return Examples([self.texts[i] for i in chosen], self.targets.take(chosen), weights)


def list_of_texts(X: Iterable[Text]) -> list[Text]:
    """Return texts as a list; a column of an array or data frame is flattened.

    Raises
    ------
    InputError
        They are one string, or have several columns.
    """
    if isinstance(X, (str, bytes)):
        raise InputError("the texts are one string: give a list of texts")
    table: Any = X
    if hasattr(table, "toarray"):
        raise InputError("the texts are a sparse matrix of numbers: give the strings themselves")
    if hasattr(table, "columns") and hasattr(table, "to_numpy"):  # data frames iterate over their columns
        table = table.to_numpy()
    if isinstance(table, np.ndarray):
        if table.ndim == 2 and table.shape[1] == 1:
            table = np.asarray(table)[:, 0]
        if table.ndim != 1:
            raise InputError(f"the texts have the shape {table.shape}: give one column of texts")
        return table.tolist()  # type: ignore[no-any-return]
    try:
        return list(table)
    except TypeError:
        raise InputError(f"the texts are {X!r}: give a list of texts") from None


def read_examples(X: Iterable[Text], y: Any, sample_weight: Any = None) -> Examples:
    """Read texts, their labels (see `firth.classification.labels.read_targets`) and their weights.

    Raises
    ------
    InputError
        They do not go together; or each text is a list of one string that holds spaces.
    """
    texts = list_of_texts(X)
    if len(texts) > 1 and all(isinstance(text, (list, tuple)) and len(text) == 1 for text in texts):
        n = sum(isinstance(text[0], str) and len(text[0].split()) > 1 for text in texts)
        if 2 * n > len(texts):
            raise InputError(
                "each text is a list of one string with spaces in it, which would be one word: give strings"
            )
    weights = None if sample_weight is None else _weights(sample_weight, len(texts))
    return Examples(texts, read_targets(y, len(texts)), weights)


def _weights(sample_weight: Any, n: int) -> Float32s:
    """Return the weights of n texts in the loss."""
    try:
        weights = np.asarray(sample_weight, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError("sample_weight must be a number for each text") from None
    if weights.shape == (n, 1):
        weights = weights[:, 0]
    if weights.shape != (n,):
        raise InputError(f"sample_weight has the shape {weights.shape}: {n} texts need {n} weights")
    wrong = ~(np.isfinite(weights) & (weights >= 0))
    if wrong.any():
        first = int(wrong.argmax())
        raise InputError(f"sample_weight {first + 1} is {weights[first]}: it must be 0 or positive")
    return weights.astype(np.float32)


def read_dev(dev: tuple[Iterable[Text], Any]) -> Examples:
    """Read the examples that decide which epoch is the best.

    Raises
    ------
    InputError
        There are none, or they are not as `read_examples` wants them.
    """
    examples = read_examples(*dev)
    if len(examples) == 0:
        raise InputError("there are no texts to choose the best epoch by")
    return examples


def hold_out(examples: Examples, share: float, random: np.random.Generator) -> tuple[Examples, Examples]:
    """Return the examples to train on, and a share of all of them that is drawn to be held out.

    Raises
    ------
    InputError
        No example is left to train on.
    """
    order = random.permutation(len(examples))
    n = max(round(share * len(examples)), 1)
    if n >= len(examples):
        raise InputError(
            f"of {len(examples)} texts none is left to train on when {n} are held out: give texts to choose "
            "the best epoch by, or leave patience out"
        )
    return examples.take(order[n:]), examples.take(order[:n])


def check_labels(examples: Examples) -> None:
    """Check that examples to train on have at least two different labels.

    Raises
    ------
    InputError
        They have one label, or none.
    """
    targets = examples.targets
    present = np.unique(targets.ids)
    if len(present) < 2:
        found = f"only {targets.classes.tolist()[present[0]]!r}" if len(present) else "none"
        raise InputError(
            f"training needs texts of at least two labels: the {len(examples):,} texts have {found}"
        )
