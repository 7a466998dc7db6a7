"""The settings of the trainers: names, defaults, checks and documentation."""

from __future__ import annotations

import inspect
from dataclasses import KW_ONLY, asdict, dataclass
from typing import Any, ClassVar, TypeVar

from firth.checks import (
    learning_rate,
    optional_whole_number,
    processors,
    real_number,
    seed_number,
    thread_count,
    whole_number,
)

CHUNKS_IN_STEP = 8
"""Deterministic threads share out this many chunks of text before they wait for each other. More threads than
this would have nothing to do."""


@dataclass(frozen=True)
class VectorSettings:
    """The settings that all trainers of word vectors have. They are checked when they are made.

    Parameters
    ----------
    dim
        Length of the vectors.
    window
        Outside words are at most this far from the centre word. A word j places away counts as
        (window - j + 1) / window pairs, the expectation of word2vec's radius drawn from 1..window.
        A window wider than the sentences makes all words of a sentence neighbours.
    sample
        Threshold of the subsampling of frequent words; 0 keeps all.
    max_vocab
        Keep only this many words, the most frequent ones; None keeps all.
    seed
        Seed of everything that is drawn.
    threads
        Threads that train; None means one for each processor.
    lowercase, pretokenized, field, errors
        How text is read, see `firth.text.corpus.Corpus`.

    Raises
    ------
    InputError
        A setting has no meaning.
    """

    objective: ClassVar[str]
    """The name of the loss that training minimises."""

    dim: int = 100
    window: int = 5
    _: KW_ONLY
    sample: float = 1e-3
    max_vocab: int | None = None
    seed: int = 1
    threads: int | None = None
    lowercase: bool = True
    pretokenized: bool = False
    field: str = "text"
    errors: str = "strict"

    def __post_init__(self) -> None:
        self._set(
            dim=whole_number("dim", self.dim),
            window=whole_number("window", self.window),
            sample=real_number(
                "sample", self.sample, "be 0 or a small positive number such as 1e-3", least=0
            ),
            max_vocab=optional_whole_number("max_vocab", self.max_vocab),
            seed=seed_number(self.seed),
            threads=optional_whole_number("threads", self.threads),
        )

    def _set(self, **values: Any) -> None:
        """Set fields to their checked values, which are of Python's own types: JSON can hold them."""
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def threads_used(self) -> int:
        """The number of threads that train."""
        return thread_count(self.threads)

    def as_dict(self) -> dict[str, Any]:
        """Return all that the vectors depend on apart from the corpus. Checkpoints compare it."""
        settings = asdict(self)
        del settings["threads"]
        return {"objective": self.objective, **settings}


@dataclass(frozen=True)
class SkipGramSettings(VectorSettings):
    """The settings of `firth.SkipGram`.

    Parameters
    ----------
    negative
        Negative samples for each pair.
    epochs
        Passes over the corpus.
    min_count
        Leave out words that occur less often.
    lr
        Learning rate, which falls linearly to almost 0.
    deterministic
        Give the same bits for any number of threads. The gradients of about a thousand words are then
        taken at the same vectors, and threads wait for each other (``docs/benchmarks.md`` has the cost).
    """

    objective: ClassVar[str] = "negative-sampling"

    negative: int = 5
    epochs: int = 5
    min_count: int = 5
    _: KW_ONLY
    lr: float = 0.025
    deterministic: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self._set(
            negative=whole_number("negative", self.negative),
            epochs=whole_number("epochs", self.epochs),
            min_count=whole_number("min_count", self.min_count),
            lr=learning_rate(self.lr, SkipGramSettings.lr),
        )

    @property
    def threads_used(self) -> int:
        """The number of threads that train."""
        threads = super().threads_used
        return min(threads, processors(), CHUNKS_IN_STEP) if self.deterministic else threads


@dataclass(frozen=True)
class ExactSoftmaxSettings(VectorSettings):
    """The settings of `firth.ExactSoftmax`.

    Parameters
    ----------
    epochs
        How often all pairs are learned from. None: until it converges, see `lr`.
    min_count
        Leave out words that occur less often. Time grows with the square of the number of words, which may be
        100,000 at most: `max_vocab` bounds it.
    lr
        Learning rate of Adam. It stays the same for a third of the epochs and falls linearly to 0 in the
        rest. If `epochs` is None, that third ends with the first epoch that lowers the loss by less than
        1/10,000 of its initial value.
    """

    objective: ClassVar[str] = "softmax"

    epochs: int | None = None
    min_count: int = 5
    _: KW_ONLY
    lr: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        self._set(
            epochs=optional_whole_number("epochs", self.epochs),
            min_count=whole_number("min_count", self.min_count),
            lr=learning_rate(self.lr, ExactSoftmaxSettings.lr),
        )


_Trainer = TypeVar("_Trainer", bound=type[VectorSettings])


def with_documented_settings(trainer: _Trainer) -> _Trainer:
    """Put the parameters that settings classes document in the place of ``{settings}`` in a docstring."""
    if trainer.__doc__:  # python -OO removes docstrings
        parts = []
        for settings in reversed(trainer.__mro__):
            if settings.__module__ == __name__:
                text = inspect.cleandoc(settings.__doc__ or "")
                parts.append(text.partition("----------\n")[2].partition("\n\n")[0])
        documented = "Parameters\n----------\n" + "\n".join(parts)
        trainer.__doc__ = inspect.cleandoc(trainer.__doc__).replace("{settings}", documented)
    return trainer
