"""Labelled texts as `PhraseClassifier.fit` is given them: checked, and some of them held out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from firth.arrays import Int64s
from firth.classification.encoding import Text
from firth.classification.labels import Targets, read_targets
from firth.errors import InputError


@dataclass(frozen=True)
class Examples:
    """Texts with their labels."""

    texts: list[Text]
    targets: Targets

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, chosen: Int64s) -> Examples:
        """Return some of the examples, by number."""
        return Examples([self.texts[i] for i in chosen], self.targets.take(chosen))


def list_of_texts(X: Iterable[Text]) -> list[Text]:
    """Return texts as a list.

    Raises
    ------
    InputError
        They are one string.
    """
    if isinstance(X, str):
        raise InputError("the texts are one string: give a list of texts")
    return list(X)


def read_examples(X: Iterable[Text], y: Any) -> Examples:
    """Read texts and their labels; see `firth.classification.labels.read_targets`."""
    texts = list_of_texts(X)
    return Examples(texts, read_targets(y, len(texts)))


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
