"""What is doubtful about labelled texts or a trained classifier: a sentence each, for warnings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from firth.classification.encoding import Coverage, Text, split_texts
from firth.classification.examples import Examples
from firth.classification.settings import ClassifierSettings
from firth.errors import InputError

if TYPE_CHECKING:
    from firth.vectors.word_vectors import WordVectors

# With fewer texts, it is no wonder if each has a label of its own.
_FEWEST_TEXTS = 5
# Below this share of words with a pretrained vector, something is probably wrong.
_LEAST_SHARE_OF_VECTORS = 0.5
# A loss over this share of the loss without words has hardly fallen.
_FALLEN_SHARE = 0.95


def doubts_about_labels(examples: Examples) -> list[str]:
    """Return a doubt if there are as many labels as texts."""
    n, n_labels = len(examples), len(examples.targets.classes)
    if examples.targets.form != "single" or n_labels < n or n < _FEWEST_TEXTS:
        return []
    return [
        f"the {n:,} texts have {n_labels:,} different labels, one each: are these labels, and not numbers of "
        "texts or the texts themselves?"
    ]


def doubts_about_vectors(
    texts: list[Text],
    coverage: Coverage,
    pretrained: WordVectors | None,
    n_pretrained: int,
    settings: ClassifierSettings,
) -> list[str]:
    """Return a doubt if few words of the texts have a pretrained vector.

    Raises
    ------
    InputError
        No word has a vector, pretrained or not.
    """
    if coverage.words == 0:
        raise InputError(f"none of the {coverage.texts:,} texts has a word in it")
    if pretrained is None and coverage.known == 0:
        raise InputError(
            f"none of the {coverage.words:,} words of the texts has a vector: none occurs "
            f"{settings.min_count} times, so lower min_count (--min-count)"
        )
    if pretrained is None or n_pretrained >= _LEAST_SHARE_OF_VECTORS * coverage.words:
        return []
    hint = _hint_to_vectors(texts, pretrained, n_pretrained, settings)
    if coverage.known == 0:
        raise InputError(f"none of the {coverage.words:,} words of the texts has a vector: {hint}")
    share = 100 * n_pretrained / coverage.words
    return [
        f"of the {coverage.words:,} words of the texts, only {n_pretrained:,} ({share:.0f} %) have a vector "
        f"among the given ones: {hint}"
    ]


def _hint_to_vectors(
    texts: list[Text], pretrained: WordVectors, n_pretrained: int, settings: ClassifierSettings
) -> str:
    """Return what may help if few words of the texts have a pretrained vector."""
    lowercase = not settings.lowercase
    split = split_texts(texts, lowercase=lowercase, pretokenized=settings.pretokenized)
    has_vector = np.array([word in pretrained for word in split.words], dtype=bool)
    n_other = int(has_vector[split.numbers].sum())
    if n_other <= n_pretrained:
        return "are the vectors of another language?"
    option = "--lowercase" if lowercase else "--no-lowercase"
    return f"with lowercase={lowercase} ({option}), {n_other:,} words would have one"


def doubts_about_loss(history: Sequence[dict[str, Any]], loss_without_words: float, lr: float) -> list[str]:
    """Return a doubt if the loss has hardly fallen below that of a classifier which ignores the words."""
    loss = history[-1]["loss"]
    if loss <= _FALLEN_SHARE * loss_without_words:
        return []
    return [
        f"the loss hardly fell in {len(history)} epochs: it is {loss:.3g}, and {loss_without_words:.3g} if "
        f"words are ignored; try more epochs, or a higher learning rate than {lr:g}, unless the words of the "
        "texts say nothing about their labels"
    ]
