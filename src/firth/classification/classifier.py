"""Sort short texts into classes: a linear classifier on the mean of their word vectors."""

from __future__ import annotations

import inspect
import math
import os
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from firth.arrays import Arrays, Bools, Float32s, Float64s, PathLike
from firth.classification.encoding import (
    Coverage,
    Encoded,
    Split,
    Text,
    Vocabulary,
    frequent_words,
    split_texts,
)
from firth.classification.labels import Targets, as_sets, class_weights, numbers_of, read_targets
from firth.errors import InputError
from firth.files.arrays_file import load_arrays, pack_strings, save_arrays, unpack_strings
from firth.files.records import ArrayRecord, FileKind, check_arrays, check_fields, reading
from firth.progress import Progress
from firth.version import __version__

if TYPE_CHECKING:
    from firth.classification.kernels import Parameters, Settings
    from firth.learning.phrase_objective import L2Normalize
    from firth.vectors.word_vectors import WordVectors


_KIND = FileKind("phrase-classifier", "phrase classifier", "make one with firth classify train")
_BLOCK = 1 << 18  # words that a thread trains on at a time
_SIF = 1e-3  # a of Arora, Liang & Ma (2017), from the middle of the range that they recommend
_NORMALIZE = ("none", "words", "phrase")  # in the order of the numbers in kernels
_DEFAULTS = {"sgd": (0.1, 1), "adam": (1e-3, 32)}  # learning rate and size of minibatches

_FORMS = ("single", "sets", "indicator")
_FIELDS = {
    "parameters": {"buckets": int, "end_of_phrase": (bool, int), "l2_normalize": str},
    "classes": [(str, int, float, bool)],
    "form": str,
    "coverage": dict.fromkeys((field.name for field in fields(Coverage)), int),
    "history": [dict],
    "best_epoch": int,
}
"""The metadata of a model file. Of the parameters, `fit` checks those that are not listed here."""
_WORD_ARRAYS = (
    ArrayRecord("words", np.uint8, (None,)),
    ArrayRecord("word_offsets", np.int64, (None,)),
    ArrayRecord("pairs", np.int64, (None,)),
)


class PhraseClassifier:
    """Classify short texts by the (weighted) mean of their word vectors and a softmax over the labels.

    It has the interface of a scikit-learn classifier, and works in its ``Pipeline``, ``GridSearchCV`` and
    ``cross_val_score``, without needing scikit-learn. Texts are strings, or lists of words.

    Parameters
    ----------
    vectors
        Word vectors to start from, or the name of their file. None: vectors of `dim` numbers are learned from
        the labelled texts alone.
    dim
        Length of the vectors, if there are none to start from.
    fine_tune
        Train the vectors of the words too. If not, only words with pretrained vectors count.
    bigrams
        Add vectors for pairs of neighbouring words, which are always trained. "not good" is then more than
        its words.
    buckets
        Pairs are hashed to so many numbers; only those that occur need memory.
    end_of_phrase
        Count the end of a phrase as one more word, whose vector is always trained. Its share, 1/(m + 1),
        tells how many words m there are, which a mean forgets. It takes the place of biases, which are
        trained only without it: stepping with every phrase, they would make the training restless.
    weighting
        ``"mean"``: all words alike. ``"sif"``: a word of probability p weighs a/(a + p) with a = 0.001
        (Arora, Liang & Ma 2017, https://openreview.net/forum?id=SyK00v5xx); p is that of the corpus of the
        vectors if they have counts, else of the texts. ``"idf"``: a word in n of N texts weighs
        1 + ln((1 + N)/(1 + n)).
    l2_normalize
        Scale to length 1: ``"none"``, the vector of each word (``"words"``), or that of the whole phrase
        (``"phrase"``). ``docs/l2-normalization.md`` says when that helps.
    class_weight
        None, ``"balanced"`` (rare labels weigh more, so that all weigh the same in sum), or weights by label.
    optimizer
        ``"sgd"``, with one phrase at a time, is faster and usually better here; or ``"adam"``.
    lr
        Learning rate, which falls linearly to 0; None: 0.1 for SGD, 0.001 for Adam.
    batch_size
        Phrases whose gradients are averaged; None: 1 for SGD, 32 for Adam.
    epochs
        Passes over the texts.
    dropout
        Share of the numbers of a phrase's vector that are set to 0 at random, in training only.
    patience
        Stop after so many epochs in a row without a better score on texts that are not trained on. None: all
        epochs.
    validation_fraction
        The share of texts to hold out for that, if `patience` is given and `fit` gets no texts of its own.
    min_count
        Rarer words and pairs of the labelled texts get no vector, unless they have a pretrained one.
    lowercase, pretokenized
        How strings are split, see `firth.SkipGram`.
    threads
        Threads to train with. With one, the same input and seed give the same bits on the same machine;
        several write to the same vectors without locks, and results differ a little from run to run.
    seed
        Seed of everything that is drawn.

    Attributes
    ----------
    classes_ : ndarray, shape (k,)
        The labels.
    history_ : list of dict
        For each epoch its number, mean loss, learning rate at its end, seconds, and the score on held-out
        texts.
    best_epoch_ : int
        The epoch that the parameters are from.
    coverage_ : Coverage
        Of the training texts: how many words are known, how many texts have none. These train only what texts
        without known words get.

    Examples
    --------
    >>> texts = ["good film", "great fun", "bad film", "boring plot"] * 20
    >>> model = PhraseClassifier(dim=8, epochs=20).fit(texts, ["yes", "yes", "no", "no"] * 20)
    >>> model.predict(["good fun", "bad plot"]).tolist()
    ['yes', 'no']
    """

    _estimator_type = "classifier"  # how scikit-learn before 1.6 knows classifiers

    def __init__(
        self,
        vectors: WordVectors | PathLike | None = None,
        *,
        dim: int = 100,
        fine_tune: bool = True,
        bigrams: bool = False,
        buckets: int = 1 << 20,
        end_of_phrase: bool = True,
        weighting: Literal["mean", "sif", "idf"] = "mean",
        l2_normalize: L2Normalize = "none",
        class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
        optimizer: Literal["sgd", "adam"] = "sgd",
        lr: float | None = None,
        batch_size: int | None = None,
        epochs: int = 10,
        dropout: float = 0.0,
        patience: int | None = None,
        validation_fraction: float = 0.1,
        min_count: int = 1,
        lowercase: bool = True,
        pretokenized: bool = False,
        threads: int = 1,
        seed: int = 1,
    ) -> None:
        # As scikit-learn wants it: kept as given, and checked by `fit`.
        self.vectors = vectors
        self.dim = dim
        self.fine_tune = fine_tune
        self.bigrams = bigrams
        self.buckets = buckets
        self.end_of_phrase = end_of_phrase
        self.weighting = weighting
        self.l2_normalize = l2_normalize
        self.class_weight = class_weight
        self.optimizer = optimizer
        self.lr = lr
        self.batch_size = batch_size
        self.epochs = epochs
        self.dropout = dropout
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.min_count = min_count
        self.lowercase = lowercase
        self.pretokenized = pretokenized
        self.threads = threads
        self.seed = seed

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters of the constructor, by name; `deep` changes nothing."""
        return {name: getattr(self, name) for name in _parameter_names()}

    def set_params(self, **parameters: Any) -> PhraseClassifier:
        """Change parameters of the constructor; the next `fit` uses them."""
        for name, value in parameters.items():
            if name not in _parameter_names():
                raise InputError(f"PhraseClassifier has no parameter {name!r}")
            setattr(self, name, value)
        return self

    def __sklearn_clone__(self) -> PhraseClassifier:
        # scikit-learn would copy the word vectors for each fold.
        return type(self)(**self.get_params())

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags(multi_label=True),
            input_tags=InputTags(two_d_array=False, string=True),
        )

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self)).parameters
        given = [
            f"{name}={value!r}"
            for name, value in self.get_params().items()
            if value is not defaults[name].default and value != defaults[name].default
        ]
        return f"PhraseClassifier({', '.join(given)})"

    def fit(
        self,
        X: Iterable[Text],
        y: Any,
        *,
        dev: tuple[Iterable[Text], Any] | None = None,
        progress: Progress | None = None,
    ) -> PhraseClassifier:
        """Train on labelled texts.

        Parameters
        ----------
        X
            n texts: strings, or lists of words.
        y
            A label for each (strings, integers, booleans); or for each a collection of labels, which may be
            empty; or an array of 0 and 1, shape (n, k). In the latter two cases labels are predicted
            independently.
        dev
            Texts and labels to choose the best epoch by, which are not trained on. Labels that no training
            text has count as wrong.
        progress
            Where to report; None: nowhere.

        Returns
        -------
        PhraseClassifier
            Itself.

        Raises
        ------
        InputError
            There is no text or only one label, texts and labels do not go together, no word is known, a
            parameter has no meaning, or the training diverged.
        """
        self._check_parameters()
        progress = Progress() if progress is None else progress
        random = np.random.default_rng(self.seed)
        texts = _as_list(X)
        targets = read_targets(y, len(texts))
        held_out = None
        if dev is not None:
            held_out = _read_dev(dev)
        elif self.patience is not None:
            texts, targets, held_out = _hold_out(texts, targets, self.validation_fraction, random)
        if len(present := np.unique(targets.ids)) < 2:
            only = f"only {targets.classes.tolist()[present[0]]!r}" if len(present) else "none"
            raise InputError(
                f"training needs texts of at least two labels: the {len(texts):,} texts have {only}"
            )
        split = self._split(texts)
        pretrained = self._pretrained()
        self._vocabulary = self._make_vocabulary(split, pretrained)
        encoded = self._vocabulary.encode(split)
        if encoded.coverage.known == 0:
            words = encoded.coverage.words
            raise InputError(
                f"none of the {words:,} words of the texts has a vector: are the vectors of another language?"
                if words
                else f"none of the {len(texts):,} texts has a word in it"
            )
        self.classes_, self._form, self.coverage_ = targets.classes, targets.form, encoded.coverage
        self._factors = self._make_factors(encoded, pretrained)
        self._initialize(pretrained, random)
        dev_encoded = None
        if held_out is not None:
            dev_encoded = self._vocabulary.encode(self._split(held_out[0])), held_out[1]
        self._train(encoded, targets, dev_encoded, random, progress)
        return self

    def predict(self, X: Iterable[Text]) -> Any:
        """Return the most probable label of each text.

        Returns
        -------
        ndarray, shape (n,)
            If the training texts had one label each. If they had collections: a list of tuples of all labels
            with a probability over ½; if they had a matrix of 0 and 1: such a matrix.
        """
        return self._decide(self.predict_proba(X))

    def predict_proba(self, X: Iterable[Text]) -> Float64s:
        """Return the probability of each label for each text, shape (n, k), in the order of ``classes_``.

        All texts without a known word get the same: what the end of the phrase, or else the bias, stands for.
        """
        return self._probabilities(self.encode(X))

    def score(self, X: Iterable[Text], y: Any) -> float:
        """Return the share of texts whose label, or whose whole set of labels, is predicted rightly."""
        encoded = self.encode(X)
        gold = read_targets(y, encoded.coverage.texts)
        if len(gold) == 0:
            raise InputError("there are no texts to score")
        return float(self._right(self._probabilities(encoded), gold).all(axis=1).mean())

    def encode(self, X: Iterable[Text]) -> Encoded:
        """Return texts as rows of vectors, and how many of their words are known."""
        self._check_fitted()
        return self._vocabulary.encode(self._split(_as_list(X)))

    def label_texts(self, X: Iterable[Text]) -> tuple[list[tuple[str, ...]], Float64s, Coverage]:
        """Return the names of the labels of each text, `predict_proba`, and the coverage, in one go."""
        encoded = self.encode(X)
        probabilities = self._probabilities(encoded)
        names = self.label_names
        if self.multi_label:
            labels = as_sets(probabilities > 0.5, names)
        else:
            labels = [(names[i],) for i in probabilities.argmax(axis=1)]
        return labels, probabilities, encoded.coverage

    @property
    def label_names(self) -> list[str]:
        """The labels as strings, in the order of ``classes_``."""
        self._check_fitted()
        return [str(label) for label in self.classes_.tolist()]

    @property
    def multi_label(self) -> bool:
        """Whether texts have any number of labels, and not one each."""
        self._check_fitted()
        return self._form != "single"

    def save(self, path: PathLike) -> None:
        """Write the classifier with all that it needs to one file, of safetensors and JSON."""
        self._check_fitted()
        blob, offsets = pack_strings(self._vocabulary.words)
        arrays = {
            "vectors": self._parameters.vectors,
            "outside": self._parameters.outside,
            "bias": self._parameters.bias,
            "factors": self._factors,
            "pairs": self._vocabulary.pairs,
            "words": blob,
            "word_offsets": offsets,
        }
        metadata = {
            "firth": __version__,
            **_KIND.fields(),
            "parameters": self.get_params() | {"vectors": None, "class_weight": None},
            "classes": self.classes_.tolist(),
            "form": self._form,
            "coverage": asdict(self.coverage_),
            "history": self.history_,
            "best_epoch": self.best_epoch_,
        }
        save_arrays(path, arrays, metadata)

    @classmethod
    def load(cls, path: PathLike) -> PhraseClassifier:
        """Read a classifier that `save` wrote.

        The parameters `vectors` and `class_weight` of the constructor are None then: to train it anew, set
        them again.

        Raises
        ------
        InputError
            The file does not exist, is broken, or is something else.
        """
        from firth.classification.kernels import Parameters

        arrays, metadata = load_arrays(path, mmap=False)
        _KIND.check(metadata, str(path))
        with reading(str(path)):
            check_fields(metadata, _FIELDS)
            _check_choices(metadata)
            check_arrays(arrays, _WORD_ARRAYS)
            words = unpack_strings(arrays["words"], arrays["word_offsets"])
        model = cls(**metadata["parameters"])
        model.classes_ = np.array(metadata["classes"])
        model._form, model.coverage_ = metadata["form"], Coverage(**metadata["coverage"])
        model.history_, model.best_epoch_ = metadata["history"], metadata["best_epoch"]
        buckets = model.buckets if model.bigrams else 0
        model._vocabulary = Vocabulary(words, buckets, arrays["pairs"], model.end_of_phrase)
        with reading(str(path)):
            check_arrays(arrays, _number_arrays(len(model._vocabulary), len(model.classes_), arrays))
        model._parameters = Parameters(arrays["vectors"], arrays["outside"], arrays["bias"])
        model._factors = arrays["factors"]
        return model

    def _split(self, texts: list[Text]) -> Split:
        return split_texts(texts, lowercase=self.lowercase, pretokenized=self.pretokenized)

    def _pretrained(self) -> WordVectors | None:
        if not isinstance(self.vectors, (str, os.PathLike)):
            return self.vectors
        from firth.vectors.word_vectors import load_vectors

        return load_vectors(self.vectors)

    def _make_vocabulary(self, split: Split, pretrained: WordVectors | None) -> Vocabulary:
        """Choose what has a vector: all pretrained words, words of the texts, pairs that occur in them."""
        words = [] if pretrained is None else list(pretrained.words)
        if self.fine_tune:
            frequent = frequent_words(split, self.min_count)
            words += frequent if pretrained is None else [w for w in frequent if w not in pretrained]
        none = np.empty(0, dtype=np.int64)
        vocabulary = Vocabulary(words, self.buckets if self.bigrams else 0, none, self.end_of_phrase)
        if not self.bigrams:
            return vocabulary
        hashed, _ = vocabulary.hashed_pairs(split)
        pairs, counts = np.unique(hashed, return_counts=True)
        return Vocabulary(words, self.buckets, pairs[counts >= self.min_count], self.end_of_phrase)

    def _make_factors(self, encoded: Encoded, pretrained: WordVectors | None) -> Float32s:
        """Compute what each row weighs in the mean of a phrase."""
        n = len(self._vocabulary)
        factors = np.ones(n, dtype=np.float32)
        if self.weighting == "sif":
            counts = np.bincount(encoded.rows, minlength=n)
            p = counts / len(encoded.rows)
            if pretrained is not None and pretrained.counts is not None:
                p[: len(pretrained)] = pretrained.counts / pretrained.counts.sum()
            factors[:] = _SIF / (_SIF + p)
        elif self.weighting == "idf":
            texts = encoded.coverage.texts
            owner = np.repeat(np.arange(texts), np.diff(encoded.offsets))
            once = np.unique(encoded.rows.astype(np.int64) * texts + owner) // texts
            factors[:] = 1 + np.log((1 + texts) / (1 + np.bincount(once, minlength=n)))
        return factors

    def _initialize(self, pretrained: WordVectors | None, random: np.random.Generator) -> None:
        from firth.classification.kernels import Parameters

        n, k = len(self._vocabulary), len(self.classes_)
        dim = self.dim if pretrained is None else pretrained.dim
        vectors = np.empty((n, dim), dtype=np.float32)
        first = 0
        if pretrained is not None:
            first = len(pretrained)
            vectors[:first] = pretrained.matrix
            _ = pretrained.norms  # an error if an entry is not finite
        # As fastText begins: uniformly in ±1/dim.
        vectors[first:] = (2 * random.random((n - first, dim), dtype=np.float32) - 1) / dim
        self._frozen = 0 if self.fine_tune else first
        self._parameters = Parameters(
            vectors, np.zeros((k, dim), dtype=np.float32), np.zeros((1, k), dtype=np.float32)
        )

    def _train(
        self,
        encoded: Encoded,
        targets: Targets,
        held_out: tuple[Encoded, Targets] | None,
        random: np.random.Generator,
        progress: Progress,
    ) -> None:
        """Go through the texts again and again; keep the epoch that is best on the held-out texts, if any."""
        n, words = len(targets), len(encoded.rows)
        epoch_blocks = _Blocks(self, encoded, targets, random)
        self.history_, self.best_epoch_ = [], 0
        best_score, best = -1.0, list[Float32s]()
        with progress.stage("training", words * self.epochs), ThreadPoolExecutor(self.threads) as pool:
            for epoch in range(self.epochs):
                started = time.perf_counter()
                loss = epoch_blocks.train(pool, epoch) / n
                entry = {
                    "epoch": epoch + 1,
                    "loss": loss,
                    "lr": epoch_blocks.settings.lr * (1 - (epoch + 1) / self.epochs),
                    "seconds": time.perf_counter() - started,
                }
                if not math.isfinite(loss):
                    raise InputError(
                        f"training diverged in epoch {epoch + 1}: lower the learning rate, which was "
                        f"{epoch_blocks.settings.lr:g}"
                    )
                if held_out is not None:
                    entry["dev"] = float(self._right(self._probabilities(held_out[0]), held_out[1]).mean())
                self.history_.append(entry)
                progress.advance(words * (epoch + 1), **{k: entry[k] for k in ("loss", "dev") if k in entry})
                if held_out is None:
                    self.best_epoch_ = epoch + 1
                elif entry["dev"] > best_score:
                    best_score, self.best_epoch_ = entry["dev"], epoch + 1
                    best = [array.copy() for array in self._trained()]
                elif self.patience is not None and epoch + 1 - self.best_epoch_ >= self.patience:
                    break
        for array, kept in zip(self._trained(), best, strict=False):
            array[:] = kept

    def _trained(self) -> tuple[Float32s, Float32s, Float32s]:
        """Return the parameters that training changes."""
        vectors, outside, bias = self._parameters
        return vectors[self._frozen :], outside, bias

    def _probabilities(self, encoded: Encoded) -> Float64s:
        from firth.classification import kernels
        from firth.learning.activations import sigmoid, softmax

        phrases = kernels.Phrases(encoded.rows, encoded.offsets, self._factors)
        scores = np.empty((encoded.coverage.texts, len(self.classes_)), dtype=np.float32)
        kernels.score(phrases, self._parameters, _NORMALIZE.index(self.l2_normalize), scores)
        exact = scores.astype(np.float64)
        return (softmax(exact) if self._form == "single" else sigmoid(exact)).astype(np.float64, copy=False)

    def _decide(self, probabilities: Float64s) -> Any:
        if self._form == "single":
            return self.classes_[probabilities.argmax(axis=1)]
        present = probabilities > 0.5
        return as_sets(present, self.classes_.tolist()) if self._form == "sets" else present.astype(np.int64)

    def _right(self, probabilities: Float64s, gold: Targets) -> Bools:
        """Return which decisions are right: one for each text, (n, 1), or for each label of it, (n, k)."""
        if (gold.form == "single") != (self._form == "single"):
            raise InputError(
                "the classifier was trained with one label a text and these texts have several, "
                "or the other way round"
            )
        numbers = numbers_of(gold, self.classes_)
        if self._form == "single":
            right: Bools = (probabilities.argmax(axis=1) == numbers)[:, None]
            return right
        owner = np.repeat(np.arange(len(gold)), np.diff(gold.offsets))
        present = np.zeros(probabilities.shape, dtype=bool)
        present[owner[numbers >= 0], numbers[numbers >= 0]] = True
        unseen = np.zeros((len(gold), 1), dtype=bool)
        unseen[owner[numbers < 0]] = True
        return (
            np.hstack([(probabilities > 0.5) == present, ~unseen])
            if unseen.any()
            else ((probabilities > 0.5) == present)
        )

    def _check_fitted(self) -> None:
        if not hasattr(self, "_parameters"):
            raise InputError("this PhraseClassifier is not trained yet: call fit first, or load one")

    def _check_parameters(self) -> None:
        """Refuse parameters that have no meaning, by name."""
        for name, smallest in (
            ("dim", 1), ("buckets", 1), ("epochs", 1), ("min_count", 1), ("threads", 1), ("seed", 0)
        ):  # fmt: skip
            _check_whole(name, getattr(self, name), smallest)
        for name in ("batch_size", "patience"):
            if getattr(self, name) is not None:
                _check_whole(name, getattr(self, name), 1)
        for name, choices in (
            ("weighting", ("mean", "sif", "idf")),
            ("l2_normalize", _NORMALIZE),
            ("optimizer", tuple(_DEFAULTS)),
        ):
            if getattr(self, name) not in choices:
                raise InputError(f"{name} is {getattr(self, name)!r}: choose {', '.join(choices)}")
        if self.lr is not None and not 0 < self.lr < math.inf:
            raise InputError(f"lr is {self.lr!r}: it must be a positive number such as 0.1")
        if not 0 <= self.dropout < 1:
            raise InputError(f"dropout is {self.dropout!r}: it must be at least 0 and less than 1")
        if not 0 < self.validation_fraction < 1:
            raise InputError(
                f"validation_fraction is {self.validation_fraction!r}: it must lie between 0 and 1"
            )
        if self.vectors is None and not self.fine_tune:
            raise InputError(
                "without vectors to start from, all must be trained: give vectors, or fine_tune=True"
            )


class _Blocks:
    """Trains a classifier on blocks of its texts, in an order that is drawn anew for each epoch."""

    def __init__(
        self, model: PhraseClassifier, encoded: Encoded, targets: Targets, random: np.random.Generator
    ) -> None:
        from firth.classification import kernels

        self._kernels, self._random, self._n = kernels, random, len(targets)
        lr, batch = _DEFAULTS[model.optimizer]
        self.settings: Settings = kernels.Settings(
            normalize=_NORMALIZE.index(model.l2_normalize),
            multi_label=targets.form != "single",
            frozen=model._frozen,
            biased=not model.end_of_phrase,
            batch=batch if model.batch_size is None else int(model.batch_size),
            lr=float(lr if model.lr is None else model.lr),
            total=float(self._n * model.epochs),
            keep=1.0 - model.dropout,
            adam=model.optimizer == "adam",
            beta1=0.9,
            beta2=0.999,
            eps=1e-8,
        )
        blocks = max(math.ceil(len(encoded.rows) / _BLOCK), model.threads)
        minibatches = math.ceil(self._n / self.settings.batch)
        self._size = math.ceil(minibatches / blocks) * self.settings.batch
        self._phrases = kernels.Phrases(encoded.rows, encoded.offsets, model._factors)
        self._labels = kernels.Labels(
            targets.ids, targets.offsets, class_weights(model.class_weight, targets)
        )
        self._parameters: Parameters = model._parameters
        # SGD keeps nothing; empty arrays stand for it.
        n = len(model._factors) + len(targets.classes) + 1 if self.settings.adam else 0
        self._first, self._second = (
            kernels.Parameters(*(np.zeros_like(a) if self.settings.adam else a[:0] for a in self._parameters))
            for _ in range(2)
        )
        self._steps = np.zeros(n, dtype=np.int64)

    def train(self, pool: ThreadPoolExecutor, epoch: int) -> float:
        """Train one epoch; return the summed loss."""
        order = self._random.permutation(self._n)
        starts = range(0, self._n, self._size)
        seeds = self._random.integers(2**63, size=len(starts), dtype=np.uint64)

        def block(start: int, seed: np.uint64) -> float:
            loss: float = self._kernels.train(
                self._phrases, self._labels, order[start : start + self._size], epoch * self._n + start,
                self._parameters, self._first, self._second, self._steps, self.settings, seed,
            )  # fmt: skip
            return loss

        return sum(pool.map(block, starts, seeds))


def _check_choices(metadata: Mapping[str, Any]) -> None:
    """Check the values in a model file of which there are only a few, or which must not be empty."""
    parameters = metadata["parameters"]
    unknown = sorted(set(parameters) - set(_parameter_names()))
    if unknown:
        raise InputError(f"it has the parameter {unknown[0]!r}, which is none of this version of firth")
    for name, value, choices in (
        ("end_of_phrase", parameters["end_of_phrase"], (False, True)),
        ("l2_normalize", parameters["l2_normalize"], _NORMALIZE),
        ("form", metadata["form"], _FORMS),
    ):
        if value not in choices:
            raise InputError(f"its {name} is {value!r}, not one of {', '.join(map(repr, choices))}")
    if parameters["buckets"] < 1:
        raise InputError(f"its buckets are {parameters['buckets']}, not at least 1")
    if not metadata["classes"]:
        raise InputError("it has no labels")


def _number_arrays(n: int, n_labels: int, arrays: Arrays) -> list[ArrayRecord]:
    """Return the table of the arrays whose sizes follow from n vectors and the labels: kernels check none."""
    check_arrays(arrays, [ArrayRecord("vectors", np.float32, (n, None))])
    dim = arrays["vectors"].shape[1]
    return [
        ArrayRecord("outside", np.float32, (n_labels, dim)),
        ArrayRecord("bias", np.float32, (1, n_labels)),
        ArrayRecord("factors", np.float32, (n,)),
    ]


def _parameter_names() -> list[str]:
    return list(inspect.signature(PhraseClassifier).parameters)


def _as_list(X: Iterable[Text]) -> list[Text]:
    if isinstance(X, str):
        raise InputError("the texts are one string: give a list of texts")
    return list(X)


def _check_whole(name: str, value: Any, smallest: int) -> None:
    if not isinstance(value, (int, np.integer)) or value < smallest:
        raise InputError(f"{name} is {value!r}: it must be a whole number of at least {smallest}")


def _read_dev(dev: tuple[Iterable[Text], Any]) -> tuple[list[Text], Targets]:
    texts = _as_list(dev[0])
    if not texts:
        raise InputError("there are no texts to choose the best epoch by")
    return texts, read_targets(dev[1], len(texts))


def _hold_out(
    texts: list[Text], targets: Targets, share: float, random: np.random.Generator
) -> tuple[list[Text], Targets, tuple[list[Text], Targets]]:
    """Set some texts aside, drawn at random."""
    order = random.permutation(len(texts))
    n = max(round(share * len(texts)), 1)
    if n >= len(texts):
        raise InputError(
            f"of {len(texts)} texts none is left to train on when {n} are held out: give texts to choose the "
            "best epoch by, or leave patience out"
        )
    held, kept = order[:n], order[n:]
    return (
        [texts[i] for i in kept],
        targets.take(kept),
        ([texts[i] for i in held], targets.take(held)),
    )
