"""The phrase classifier: a linear classifier on the mean of the word vectors of a short text."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from firth.arrays import Float64s, PathLike
from firth.classification.doubts import doubts_about_labels, doubts_about_loss, doubts_about_vectors
from firth.classification.encoding import Coverage, Encoded, Split, Text, split_texts
from firth.classification.estimator import Estimator
from firth.classification.examples import (
    Examples,
    check_labels,
    hold_out,
    list_of_texts,
    read_dev,
    read_examples,
)
from firth.classification.kernels.arguments import ClassifierParameters
from firth.classification.labels import as_sets, class_weights
from firth.classification.linear_model import LinearModel
from firth.classification.model_file import FIELDS, KIND, WORD_ARRAYS, check_choices, number_arrays
from firth.classification.settings import (
    ClassifierSettings,
    Optimizer,
    Weighting,
    with_documented_settings,
)
from firth.classification.training import EncodedExamples, Trainer, fingerprint, initial_parameters, train
from firth.classification.vocabulary import PhraseVocabulary, build_vocabulary, row_factors
from firth.errors import InputError
from firth.files.arrays_file import load_arrays, pack_strings, save_arrays, unpack_strings
from firth.files.records import check_arrays, check_fields, reading
from firth.progress import Progress
from firth.runs.run import Run, open_run
from firth.version import __version__

if TYPE_CHECKING:
    from firth.learning.phrase_objective import L2Normalize
    from firth.vectors.word_vectors import WordVectors


@with_documented_settings
class PhraseClassifier(Estimator):
    """Classify short texts by the (weighted) mean of their word vectors and a softmax over the labels.

    It has the interface of a scikit-learn classifier, and works in its ``Pipeline``, ``GridSearchCV`` and
    ``cross_val_score``, without needing scikit-learn. Texts are strings, or lists of words.

    Parameters
    ----------
    vectors
        Word vectors to start from, or the name of their file. None: vectors of `dim` numbers are learned from
        the labelled texts alone.
    class_weight
        The weights of the labels in the loss. None: all weigh 1. ``"balanced"``: rare labels weigh more, so
        that the texts of each label weigh the same together. Or a mapping from labels to weights.
    {settings}

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
        Of the training texts: how many words are known, and how many texts have no known word. Those texts
        train only what is predicted for texts without known words.
    pretrained_words_ : int or None
        Of the words of the training texts, how many have a vector in `vectors`; None without `vectors`, and
        for a classifier from a file.

    Examples
    --------
    >>> texts = ["good film", "great fun", "bad film", "boring plot"] * 20
    >>> model = PhraseClassifier(dim=8, epochs=20).fit(texts, ["yes", "yes", "no", "no"] * 20)
    >>> model.predict(["good fun", "bad plot"]).tolist()
    ['yes', 'no']
    """

    pretrained_words_: int | None = None

    def __init__(
        self,
        vectors: WordVectors | PathLike | None = None,
        *,
        dim: int = ClassifierSettings.dim,
        fine_tune: bool = ClassifierSettings.fine_tune,
        bigrams: bool = ClassifierSettings.bigrams,
        buckets: int = ClassifierSettings.buckets,
        end_of_phrase: bool = ClassifierSettings.end_of_phrase,
        weighting: Weighting = ClassifierSettings.weighting,
        l2_normalize: L2Normalize = ClassifierSettings.l2_normalize,
        class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
        optimizer: Optimizer = ClassifierSettings.optimizer,
        lr: float | None = ClassifierSettings.lr,
        batch_size: int | None = ClassifierSettings.batch_size,
        epochs: int | None = ClassifierSettings.epochs,
        dropout: float = ClassifierSettings.dropout,
        patience: int | None = ClassifierSettings.patience,
        validation_fraction: float = ClassifierSettings.validation_fraction,
        min_count: int = ClassifierSettings.min_count,
        lowercase: bool = ClassifierSettings.lowercase,
        pretokenized: bool = ClassifierSettings.pretokenized,
        threads: int = ClassifierSettings.threads,
        seed: int = ClassifierSettings.seed,
    ) -> None:
        # scikit-learn's convention: the constructor stores its arguments as given, and `fit` checks them.
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

    def fit(
        self,
        X: Iterable[Text],
        y: Any,
        sample_weight: Any = None,
        *,
        dev: tuple[Iterable[Text], Any] | None = None,
        checkpoint_dir: PathLike | None = None,
        resume: bool = False,
        progress: Progress | None = None,
    ) -> PhraseClassifier:
        """Train on labelled texts.

        Parameters
        ----------
        X
            n texts: strings, or lists of words; a column of an array or data frame is flattened.
        y
            A label for each (strings, integers, booleans); or for each a collection of labels, which may be
            empty; or an array, sparse matrix or data frame of 0 and 1, shape (n, k) with k > 1. In the latter
            two cases labels are predicted independently.
        sample_weight
            The weight of each text in the loss, shape (n,): 0 or positive; only their ratios count. None:
            all weigh the same.
        dev
            Texts and labels to choose the best epoch by, which are not trained on. Labels that no training
            text has count as wrong.
        checkpoint_dir
            A folder where a checkpoint is kept: every 30 seconds, and after Ctrl-C. None: nothing is kept.
        resume
            Go on from the checkpoint in that folder, if there is one. With one thread, the result has the
            same bits as if training had not been interrupted.
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
            parameter has no meaning, the training diverged, or the checkpoint is of another training.
        """
        settings = self._settings()
        random = np.random.default_rng(settings.seed)
        with open_run("classifier", checkpoint_dir, resume, progress) as run:
            examples = read_examples(X, y, sample_weight)
            held_out = None
            if dev is not None:
                held_out = read_dev(dev)
            elif settings.patience is not None:
                examples, held_out = hold_out(examples, settings.validation_fraction, random)
            check_labels(examples)
            doubts = self._train(examples, held_out, settings, random, run)
        for doubt in doubts:
            warnings.warn(doubt, UserWarning, stacklevel=2)
        return self

    def _train(
        self,
        examples: Examples,
        held_out: Examples | None,
        settings: ClassifierSettings,
        random: np.random.Generator,
        run: Run,
    ) -> list[str]:
        """Train on checked examples, and return what is doubtful about them or the result.

        The attributes are set when training is complete.
        """
        split, pretrained = self._split(examples.texts), self._pretrained()
        vocabulary = build_vocabulary(split, pretrained, settings)
        encoded = vocabulary.encode(split)
        n_pretrained = 0 if pretrained is None else vocabulary.n_words_below(split, len(pretrained))
        vector_doubts = doubts_about_vectors(
            examples.texts, encoded.coverage, pretrained, n_pretrained, settings
        )
        classes, form = examples.targets.classes, examples.targets.form
        dim = settings.dim if pretrained is None else pretrained.dim
        model = LinearModel(
            initial_parameters(len(vocabulary), len(classes), dim, pretrained, random),
            row_factors(len(vocabulary), encoded, pretrained, settings.weighting),
            settings.l2_normalize, classes, form,
        )  # fmt: skip
        given = EncodedExamples(encoded, examples.targets, examples.weights)
        dev = None
        if held_out is not None:
            dev = EncodedExamples(vocabulary.encode(self._split(held_out.texts)), held_out.targets)
        weights = class_weights(self.class_weight, examples.targets)
        frozen = 0 if settings.fine_tune or pretrained is None else len(pretrained)
        key = self._checkpoint_key(settings)
        if run.is_kept:
            key["data"] = fingerprint(vocabulary.words, model, given, dev)
        trainer = Trainer(model, given, weights, dev, frozen, settings, random)
        train(trainer, settings, run.checkpoints("training", key), run)
        self._vocabulary, self._parameters, self._factors = vocabulary, model.parameters, model.factors
        self.classes_, self._form, self.coverage_ = classes, form, encoded.coverage
        self.history_, self.best_epoch_ = trainer.history, trainer.best_epoch
        self.pretrained_words_ = None if pretrained is None else n_pretrained
        return [
            *doubts_about_labels(examples),
            *vector_doubts,
            *doubts_about_loss(trainer.history, trainer.loss_without_words, settings.initial_lr),
        ]

    def predict(self, X: Iterable[Text]) -> Any:
        """Return the most probable label of each text.

        Returns
        -------
        ndarray, shape (n,)
            If the training texts had one label each. If they had collections: a list of tuples of all labels
            with a probability over ½; if they had a matrix of 0 and 1: such a matrix.
        """
        return self._model.decide(self.predict_proba(X))

    def predict_proba(self, X: Iterable[Text]) -> Float64s:
        """Return the probability of each label for each text, shape (n, k), in the order of ``classes_``.

        All texts without a known word get the same probabilities: those of the end of a phrase or, without
        `end_of_phrase`, those of the biases.
        """
        return self._model.probabilities(self.encode(X))

    def score(self, X: Iterable[Text], y: Any, sample_weight: Any = None) -> float:
        """Return the share of texts whose label, or whose whole set of labels, is predicted correctly.

        With `sample_weight`, texts count by their weights.
        """
        examples = read_examples(X, y, sample_weight)
        encoded, gold = self.encode(examples.texts), examples.targets
        if len(gold) == 0:
            raise InputError("there are no texts to score")
        probabilities = self._model.probabilities(encoded)
        right = self._model.right_decisions(probabilities, gold).all(axis=1)
        return float(np.average(right, weights=examples.weights))

    def encode(self, X: Iterable[Text]) -> Encoded:
        """Return texts as rows of vectors, and how many of their words are known."""
        self._check_fitted()
        return self._vocabulary.encode(self._split(list_of_texts(X)))

    def label_texts(self, X: Iterable[Text]) -> tuple[list[tuple[str, ...]], Float64s, Coverage]:
        """Return the predicted labels of each text by name, `predict_proba`, and the coverage."""
        encoded = self.encode(X)
        probabilities = self._model.probabilities(encoded)
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
            **KIND.fields(),
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
        arrays, metadata = load_arrays(path, mmap=False)
        KIND.check(metadata, str(path))
        with reading(str(path)):
            check_fields(metadata, FIELDS)
            check_choices(metadata)
            check_arrays(arrays, WORD_ARRAYS)
            words = unpack_strings(arrays["words"], arrays["word_offsets"])
        model = cls(**metadata["parameters"])
        model.classes_ = np.array(metadata["classes"])
        model._form, model.coverage_ = metadata["form"], Coverage(**metadata["coverage"])
        model.history_, model.best_epoch_ = metadata["history"], metadata["best_epoch"]
        buckets = model.buckets if model.bigrams else 0
        model._vocabulary = PhraseVocabulary(words, buckets, arrays["pairs"], model.end_of_phrase)
        with reading(str(path)):
            check_arrays(arrays, number_arrays(len(model._vocabulary), len(model.classes_), arrays))
        model._parameters = ClassifierParameters(arrays["vectors"], arrays["outside"], arrays["bias"])
        model._factors = arrays["factors"]
        return model

    @property
    def _model(self) -> LinearModel:
        self._check_fitted()
        return LinearModel(self._parameters, self._factors, self.l2_normalize, self.classes_, self._form)

    def _settings(self) -> ClassifierSettings:
        """Return the checked settings."""
        settings = ClassifierSettings(
            **{field.name: getattr(self, field.name) for field in fields(ClassifierSettings)}
        )
        if self.vectors is None and not settings.fine_tune:
            raise InputError(
                "without vectors to start from, all must be trained: give vectors, or fine_tune=True"
            )
        return settings

    def _checkpoint_key(self, settings: ClassifierSettings) -> dict[str, Any]:
        """Return all that the result depends on, apart from the data and the number of threads."""
        key = {name: value for name, value in asdict(settings).items() if name != "threads"}
        weights = self.class_weight
        if isinstance(weights, Mapping):
            weights = {str(label): float(weight) for label, weight in weights.items()}
        return {**key, "class_weight": weights}

    def _split(self, texts: list[Text]) -> Split:
        return split_texts(texts, lowercase=self.lowercase, pretokenized=self.pretokenized)

    def _pretrained(self) -> WordVectors | None:
        if not isinstance(self.vectors, (str, os.PathLike)):
            return self.vectors
        from firth.vectors.word_vectors import load_vectors

        return load_vectors(self.vectors)

    def _check_fitted(self) -> None:
        if not hasattr(self, "_parameters"):
            raise InputError("this PhraseClassifier is not trained yet: call fit first, or load one")
