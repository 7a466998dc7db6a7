"""Settings of the phrase classifier: names, defaults, checks and documentation, in one place."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar, get_args

from firth.checks import (
    choice,
    learning_rate,
    optional_whole_number,
    real_number,
    seed_number,
    share,
    whole_number,
)

if TYPE_CHECKING:
    from firth.learning.phrase_objective import L2Normalize

Weighting = Literal["mean", "sif", "idf"]
Optimizer = Literal["sgd", "adam"]

NORMALIZATIONS = ("none", "words", "phrase")
"""The choices of ``l2_normalize``. The place of each is its number in the kernels."""

# Learning rate and number of phrases in a minibatch, where they are not given.
_DEFAULT_LR = {"sgd": 0.1, "adam": 1e-3}
_DEFAULT_BATCH_SIZE = {"sgd": 1, "adam": 32}

# Passes over the texts, where their number is not given. After 10 passes over 500 sentences of SST-2, 57 % of
# the dev sentences were right, and 67 % after 40 or more. In 10 passes over 50 sentences, the loss did not
# fall at all. From 50,000 trained texts on, more passes changed nothing.
_FEWEST_EPOCHS, _MOST_EPOCHS = 10, 500
_FEWEST_TRAINED_TEXTS = 50_000


@dataclass(frozen=True)
class ClassifierSettings:
    """How a `firth.PhraseClassifier` is made and trained.

    Parameters
    ----------
    dim
        Length of the vectors, if there are no pretrained ones.
    fine_tune
        Train the vectors of the words too. Otherwise, only words with pretrained vectors count.
    bigrams
        Add vectors for pairs of neighbouring words, which are always trained. With them, "not good" can mean
        something else than its words together.
    buckets
        The number of buckets that pairs are hashed to. Only buckets that occur need memory.
    end_of_phrase
        Count the end of a phrase as one more word, whose vector is always trained. Its share in the mean of a
        phrase of m words is 1/(m + 1), so it tells how long the phrase is, which a mean forgets. The biases
        of the labels are trained only without it: both would do the same work, and biases, which take a step
        with every phrase, make training unstable.
    weighting
        ``"mean"``: all words have the same weight. ``"sif"``: a word of probability p has the weight
        a/(a + p) with a = 0.001 (Arora, Liang & Ma 2017, https://openreview.net/forum?id=SyK00v5xx). The
        probabilities are those in the corpus of the vectors if these have counts, otherwise those in the
        texts. ``"idf"``: a word in n of N texts has the weight 1 + ln((1 + N)/(1 + n)).
    l2_normalize
        What is scaled to length 1: ``"none"``, the vector of each word (``"words"``), or the vector of the
        whole phrase (``"phrase"``). ``docs/l2-normalization.md`` says when that helps.
    optimizer
        ``"sgd"``, which is faster and usually better here, or ``"adam"``.
    lr
        Learning rate, which falls linearly to 0; None: 0.1 for SGD, 0.001 for Adam.
    batch_size
        Number of phrases whose gradients are averaged; None: 1 for SGD, 32 for Adam.
    epochs
        Passes over the texts; None: 10, or as many more as small sets need, so that at least 50,000 texts
        are trained on (at most 500 passes).
    dropout
        Share of the entries of a phrase's vector that are set to 0 at random, in training only.
    patience
        Stop after so many epochs in a row without a better score on texts that are not trained on. None: all
        epochs.
    validation_fraction
        Share of the texts that are held out for that, if `patience` is given and `fit` gets no `dev` texts.
    min_count
        Words and pairs of the labelled texts that are rarer get no vector, unless they have a pretrained one.
    lowercase, pretokenized
        How strings are split, see `firth.SkipGram`.
    threads
        Threads to train with. With one, the same input and seed give the same bits on the same machine.
        Several write to the same vectors without locks, and results differ a little from run to run.
    seed
        Seed of all random numbers.

    Raises
    ------
    InputError
        A setting has no meaning.
    """

    dim: int = 100
    fine_tune: bool = True
    bigrams: bool = False
    buckets: int = 1 << 20
    end_of_phrase: bool = True
    weighting: Weighting = "mean"
    l2_normalize: L2Normalize = "none"
    optimizer: Optimizer = "sgd"
    lr: float | None = None
    batch_size: int | None = None
    epochs: int | None = None
    dropout: float = 0.0
    patience: int | None = None
    validation_fraction: float = 0.1
    min_count: int = 1
    lowercase: bool = True
    pretokenized: bool = False
    threads: int = 1
    seed: int = 1

    def __post_init__(self) -> None:
        choice("weighting", self.weighting, get_args(Weighting))
        choice("l2_normalize", self.l2_normalize, NORMALIZATIONS)
        choice("optimizer", self.optimizer, get_args(Optimizer))
        numbers = {
            **{
                name: whole_number(name, getattr(self, name))
                for name in ("dim", "buckets", "min_count", "threads")
            },
            **{
                name: optional_whole_number(name, getattr(self, name))
                for name in ("batch_size", "epochs", "patience")
            },
            "seed": seed_number(self.seed),
            "lr": None if self.lr is None else learning_rate(self.lr, example=0.1),
            "dropout": real_number(
                "dropout", self.dropout, "be at least 0 and less than 1", least=0, below=1
            ),
            "validation_fraction": share("validation_fraction", self.validation_fraction),
        }
        for name, number in numbers.items():  # NumPy's numbers become Python's, which JSON can hold
            object.__setattr__(self, name, number)

    @property
    def initial_lr(self) -> float:
        """The learning rate at the start."""
        return _DEFAULT_LR[self.optimizer] if self.lr is None else self.lr

    def n_epochs(self, n_texts: int) -> int:
        """Return the number of passes over so many texts."""
        if self.epochs is not None:
            return self.epochs
        return min(max(-(-_FEWEST_TRAINED_TEXTS // n_texts), _FEWEST_EPOCHS), _MOST_EPOCHS)

    @property
    def minibatch(self) -> int:
        """The number of phrases in a minibatch."""
        return _DEFAULT_BATCH_SIZE[self.optimizer] if self.batch_size is None else self.batch_size


_Classifier = TypeVar("_Classifier", bound=type)


def with_documented_settings(classifier: _Classifier) -> _Classifier:
    """Replace ``{settings}`` in a docstring by the parameters that `ClassifierSettings` documents."""
    if classifier.__doc__ and ClassifierSettings.__doc__:  # there are none with python -OO
        text = inspect.cleandoc(ClassifierSettings.__doc__)
        settings = text.partition("----------\n")[2].partition("\n\n")[0]
        classifier.__doc__ = inspect.cleandoc(classifier.__doc__).replace("{settings}", settings)
    return classifier
