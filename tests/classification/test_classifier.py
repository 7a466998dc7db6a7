"""The classifier as a library, and as an estimator of scikit-learn."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone, is_classifier
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

import firth
from firth.classification.classifier import PhraseClassifier
from firth.classification.vocabulary import PhraseVocabulary
from firth.errors import InputError
from firth.files.arrays_file import load_arrays, save_arrays
from firth.progress import Progress
from firth.vectors.word_vectors import WordVectors

# Few epochs are enough to compare bits; that the loss hardly fell is told in test_doubts.py.
pytestmark = pytest.mark.filterwarnings("ignore:the loss hardly fell")

GOOD, BAD, NEUTRAL = "good fine great superb", "bad awful boring dull", "the film a plot it of"


def make_texts(n: int = 200, seed: int = 1) -> tuple[list[str], list[str]]:
    """Return texts whose label is that of the one word that tells."""
    random = np.random.default_rng(seed)
    texts, labels = [], []
    for _ in range(n):
        label = str(random.choice(["no", "yes"]))
        words = [*random.choice(NEUTRAL.split(), 3), random.choice((GOOD if label == "yes" else BAD).split())]
        texts.append(" ".join(random.permutation(words)))
        labels.append(label)
    return texts, labels


TEXTS, LABELS = make_texts()
MORE_TEXTS, MORE_LABELS = make_texts(100, seed=2)


def model(**parameters: Any) -> PhraseClassifier:
    return PhraseClassifier(**{"dim": 16, "epochs": 20} | parameters)


def make_vectors(length: float = 1.0) -> WordVectors:
    """Return vectors in which good and bad words point in opposite directions."""
    random = np.random.default_rng(3)
    words = f"{GOOD} {BAD} {NEUTRAL} superfluous".split()
    matrix = 0.1 * random.normal(size=(len(words), 6))
    matrix[:4, 0] += 1
    matrix[4:8, 0] -= 1
    return WordVectors(words, length * matrix, counts=np.arange(len(words), 0, -1))


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"optimizer": "adam", "lr": 0.01},
        {"batch_size": 8, "lr": 1.0},
        {"bigrams": True},
        {"weighting": "sif", "lr": 0.5},
        {"weighting": "idf"},
        {"l2_normalize": "words", "lr": 1.0},
        {"l2_normalize": "phrase", "lr": 1.0},
        {"dropout": 0.2},
        {"threads": 2},
        {"end_of_phrase": False},
        {"vectors": make_vectors()},
        {"vectors": make_vectors(), "fine_tune": False},
        {"class_weight": "balanced"},
    ],
    ids=str,
)
def test_it_learns(parameters: dict[str, Any]) -> None:
    fitted = model(**parameters).fit(TEXTS, LABELS)
    assert fitted.score(MORE_TEXTS, MORE_LABELS) == 1.0
    assert fitted.classes_.tolist() == ["no", "yes"]
    assert fitted.history_[-1]["loss"] < fitted.history_[0]["loss"]
    probabilities = fitted.predict_proba(MORE_TEXTS)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_array_equal(fitted.classes_[probabilities.argmax(axis=1)], fitted.predict(MORE_TEXTS))


def test_pairs_of_words_tell_what_words_do_not() -> None:
    """Between 'not good' and 'not bad', a sum over words cannot tell as it must tell 'good' from 'bad'."""
    texts = ["good", "bad", "not good", "not bad"] * 50
    labels = ["yes", "no", "no", "yes"] * 50
    assert model(epochs=60, lr=0.5).fit(texts, labels).score(texts, labels) < 1
    assert model(epochs=60, lr=0.5, bigrams=True).fit(texts, labels).score(texts, labels) == 1


def test_the_end_of_the_phrase_tells_how_long_it_is() -> None:
    texts = ["a", "a a a a a a"] * 50
    labels = ["short", "long"] * 50
    assert model(lr=0.5, epochs=40).fit(texts, labels).score(texts, labels) == 1
    assert model(lr=0.5, epochs=40, end_of_phrase=False).fit(texts, labels).score(texts, labels) == 0.5


def test_normalised_vectors_cannot_tell_lengths() -> None:
    """u_x = 3 u_y, and the label is which of the two it is."""
    vectors = WordVectors(["mild", "strong"], [[1.0, 1.0], [3.0, 3.0]])
    texts, labels = ["mild", "strong"] * 50, [0, 1] * 50
    for normalize, right in (("none", 1.0), ("words", 0.5), ("phrase", 0.5)):
        fitted = model(
            vectors=vectors, fine_tune=False, end_of_phrase=False, l2_normalize=normalize, lr=0.5, epochs=50
        ).fit(texts, labels)
        assert fitted.score(texts, labels) == right


def test_the_same_seed_gives_the_same_bits() -> None:
    for parameters in ({"dropout": 0.3}, {"optimizer": "adam", "bigrams": True}):
        one, two, other = (
            model(seed=seed, **parameters).fit(TEXTS, LABELS).predict_proba(MORE_TEXTS) for seed in (1, 1, 2)
        )
        assert (one == two).all()
        assert (one != other).any()


def test_frozen_vectors_are_as_they_were_and_fine_tuned_ones_are_not() -> None:
    vectors = make_vectors()
    before = vectors.matrix.copy()
    frozen = model(vectors=vectors, fine_tune=False).fit(TEXTS, LABELS)
    tuned = model(vectors=vectors).fit(TEXTS, LABELS)
    np.testing.assert_array_equal(frozen._parameters.vectors[: len(vectors)], before)
    assert (tuned._parameters.vectors[: len(vectors)] != before).any()
    np.testing.assert_array_equal(vectors.matrix, before)
    # Words that only the vectors have are known too.
    assert frozen.encode(["superfluous"]).coverage.known == 1


def test_words_without_vectors() -> None:
    vectors = make_vectors()
    frozen = model(vectors=vectors, fine_tune=False).fit(
        ["good new", "bad", "new"] * 5, ["yes", "no", "no"] * 5
    )
    assert (frozen.coverage_.words, frozen.coverage_.known, frozen.coverage_.unknown) == (20, 10, 5)
    tuned = model(vectors=vectors).fit(["good new", "bad", ""] * 5, ["yes", "no", "no"] * 5)
    assert (tuned.coverage_.known, tuned.coverage_.empty) == (15, 5)
    with pytest.raises(InputError, match="none of the 2 words of the texts has a vector"):
        model(vectors=vectors, fine_tune=False).fit(["x", "y"], [0, 1])


def test_texts_without_known_words_get_the_prior() -> None:
    fitted = model(epochs=50).fit(
        ["a"] * 30 + ["b"] * 10 + [""] * 40, [1] * 30 + [0] * 10 + [1] * 30 + [0] * 10
    )
    assert fitted.predict(["", "unheard of"]).tolist() == [1, 1]
    assert fitted.predict_proba([""])[0, 1] == pytest.approx(0.75, abs=0.05)
    coverage = fitted.encode(["", "unheard of", "a"]).coverage
    assert (coverage.empty, coverage.unknown) == (1, 1)


def test_min_count() -> None:
    fitted = model(min_count=2).fit(["a b", "a c"] * 2 + ["d"], [0, 1, 0, 1, 0])
    assert sorted(fitted._vocabulary.words) == ["a", "b", "c"]


def test_class_weights_move_the_border() -> None:
    texts, labels = ["a"] * 90 + ["a"] * 10, ["often"] * 90 + ["rare"] * 10
    plain = model(epochs=50).fit(texts, labels)
    balanced = model(epochs=50, class_weight="balanced").fit(texts, labels)
    heavy = model(epochs=50, class_weight={"rare": 30.0}, lr=0.02).fit(texts, labels)
    assert plain.predict_proba(["a"])[0, 1] == pytest.approx(0.1, abs=0.08)
    assert balanced.predict_proba(["a"])[0, 1] == pytest.approx(0.5, abs=0.15)
    assert heavy.predict(["a"]).tolist() == ["rare"]


def test_early_stopping_keeps_the_best_epoch() -> None:
    noise = np.random.default_rng(1).permutation(LABELS).tolist()
    fitted = model(patience=3, epochs=100).fit(TEXTS, noise, dev=(MORE_TEXTS, MORE_LABELS))
    assert len(fitted.history_) == fitted.best_epoch_ + 3
    best = max(entry["dev"] for entry in fitted.history_)
    assert fitted.history_[fitted.best_epoch_ - 1]["dev"] == best
    assert fitted.score(MORE_TEXTS, MORE_LABELS) == best
    held_out = model(patience=2, validation_fraction=0.3).fit(TEXTS, LABELS)
    assert held_out.coverage_.texts == 140
    assert held_out.score(MORE_TEXTS, MORE_LABELS) > 0.9


def test_held_out_labels_that_were_not_trained_on_count_as_wrong() -> None:
    fitted = model().fit(TEXTS, LABELS, dev=([*MORE_TEXTS, "good"], [*MORE_LABELS, "maybe"]))
    assert fitted.history_[-1]["dev"] == pytest.approx(100 / 101)
    assert fitted.score(["good", "good"], ["yes", "maybe"]) == 0.5


def test_holding_texts_out_leaves_the_labels_as_they_are() -> None:
    """Whichever texts are drawn, a matrix of labels comes back with as many columns."""
    matrix = np.zeros((20, 3), dtype=int)
    matrix[:, 0] = matrix[::2, 1] = 1
    matrix[7, 2] = 1
    for seed in range(4):
        fitted = model(patience=1, epochs=2, validation_fraction=0.5, seed=seed).fit(TEXTS[:20], matrix)
        assert fitted.classes_.tolist() == [0, 1, 2]
        assert fitted.predict(["good"]).shape == (1, 3)
    with pytest.raises(InputError, match="of 2 texts none is left to train on when 2 are held out"):
        model(patience=1, validation_fraction=0.9).fit(["a", "b"], [0, 1])


TOPICS = [("tea",), ("rain",), ("tea", "rain"), ()] * 40
TOPIC_TEXTS = ["cup milk", "wet cloud", "wet cup", "plot"] * 40


def test_several_labels() -> None:
    fitted = model(epochs=40).fit(TOPIC_TEXTS, TOPICS)
    assert fitted.multi_label
    assert fitted.predict(["milk", "wet cup", "plot"]) == [("tea",), ("rain", "tea"), ()]
    assert fitted.score(TOPIC_TEXTS, TOPICS) == 1
    probabilities = fitted.predict_proba(["wet cup"])
    assert (probabilities > 0.5).all()
    matrix = np.array([["tea" in y, "rain" in y] for y in TOPICS], dtype=int)
    as_matrix = model(epochs=40).fit(TOPIC_TEXTS, matrix)
    np.testing.assert_array_equal(as_matrix.predict(TOPIC_TEXTS), matrix)
    assert as_matrix.score(TOPIC_TEXTS, matrix) == 1
    stopped = model(epochs=40, patience=5).fit(TOPIC_TEXTS, TOPICS)
    assert stopped.history_[-1]["dev"] > 0.9
    assert model().fit(["a", "b"], [["x"], ["y", "z"]]).score(["a"], [["w"]]) == 0


@pytest.mark.parametrize("labels", [[3, 1, 3, 1], [True, False, True, False], np.array(["b", "a", "b", "a"])])
def test_labels_of_any_type(labels: Any, tmp_path: Path) -> None:
    fitted = model().fit(["x", "y", "x", "y"], labels)
    assert fitted.predict(["x", "y"]).tolist() == list(labels[:2])
    fitted.save(tmp_path / "m.firth")
    assert PhraseClassifier.load(tmp_path / "m.firth").predict(["x", "y"]).tolist() == list(labels[:2])


@pytest.mark.parametrize("parameters", [{}, {"bigrams": True, "l2_normalize": "words"}, {"weighting": "sif"}])
def test_saved_and_loaded_it_is_the_same(parameters: dict[str, Any], tmp_path: Path) -> None:
    fitted = model(**parameters).fit(TEXTS, LABELS, dev=(MORE_TEXTS, MORE_LABELS))
    fitted.save(tmp_path / "m.firth")
    loaded = PhraseClassifier.load(tmp_path / "m.firth")
    np.testing.assert_array_equal(loaded.predict_proba(MORE_TEXTS), fitted.predict_proba(MORE_TEXTS))
    assert loaded.get_params() == fitted.get_params()
    assert (loaded.history_, loaded.best_epoch_, loaded.coverage_) == (
        fitted.history_, fitted.best_epoch_, fitted.coverage_,
    )  # fmt: skip
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict(MORE_TEXTS), fitted.predict(MORE_TEXTS))


def test_several_labels_are_saved(tmp_path: Path) -> None:
    fitted = model(epochs=40).fit(TOPIC_TEXTS, TOPICS)
    fitted.save(tmp_path / "m.firth")
    assert PhraseClassifier.load(tmp_path / "m.firth").predict(["wet cup"]) == [("rain", "tea")]


def test_other_files_are_refused(tmp_path: Path) -> None:
    make_vectors().save(tmp_path / "v.safetensors")
    with pytest.raises(InputError, match=r"v\.safetensors: is no phrase classifier; make one with"):
        PhraseClassifier.load(tmp_path / "v.safetensors")
    save_arrays(tmp_path / "old.firth", {}, {"kind": "phrase-classifier"})
    with pytest.raises(InputError, match=r"old\.firth: is damaged: its field 'parameters' is missing"):
        PhraseClassifier.load(tmp_path / "old.firth")
    fitted = model().fit(TEXTS, LABELS)
    fitted._factors = fitted._factors[:-1]
    fitted.save(tmp_path / "broken.firth")
    with pytest.raises(InputError, match=r"broken\.firth: is damaged: its array 'factors' is float32"):
        PhraseClassifier.load(tmp_path / "broken.firth")


def _saved(tmp_path: Path, **parameters: Any) -> tuple[Path, dict[str, np.ndarray], dict[str, Any]]:
    path = tmp_path / "m.firth"
    model(epochs=1, **parameters).fit(TEXTS, LABELS).save(path)
    return path, *load_arrays(path, mmap=False)


def test_wrong_arrays_are_refused(tmp_path: Path) -> None:
    """Kernels check no bounds."""
    path, arrays, metadata = _saved(tmp_path, bigrams=True)
    for name, array in arrays.items():
        others = {key: value for key, value in arrays.items() if key != name}
        for wrong in (None, array[..., None], array[:-1], array.astype(np.float64)):
            save_arrays(path, others if wrong is None else others | {name: wrong}, metadata)
            with pytest.raises(InputError, match=r"m\.firth: is damaged: .*; copy it again$"):
                PhraseClassifier.load(path)


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"classes": []}, "it has no labels"),
        ({"classes": ["a", []]}, r"its field 'classes\[\]' is \[\]"),
        ({"form": "many"}, "its form is 'many', not one of 'single', 'sets', 'indicator'"),
        ({"coverage": {"texts": 1}}, r"its field 'coverage\.words' is missing"),
        ({"history": [3]}, r"its field 'history\[\]' is 3"),
        ({"best_epoch": "x"}, "its field 'best_epoch' is 'x'"),
        ({"parameters": {}}, r"its field 'parameters\.buckets' is missing"),
    ],
)
def test_wrong_metadata_is_refused(wrong: dict[str, Any], complaint: str, tmp_path: Path) -> None:
    path, arrays, metadata = _saved(tmp_path)
    save_arrays(path, arrays, metadata | wrong)
    with pytest.raises(InputError, match=complaint):
        PhraseClassifier.load(path)


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"buckets": 0}, "its buckets are 0, not at least 1"),
        ({"end_of_phrase": -1}, "its end_of_phrase is -1, not one of False, True"),
        ({"l2_normalize": "x"}, "its l2_normalize is 'x', not one of"),
        ({"size": 3}, "it has the parameter 'size', which is none of this version of firth"),
    ],
)
def test_wrong_parameters_in_a_file_are_refused(
    wrong: dict[str, Any], complaint: str, tmp_path: Path
) -> None:
    path, arrays, metadata = _saved(tmp_path)
    save_arrays(path, arrays, metadata | {"parameters": metadata["parameters"] | wrong})
    with pytest.raises(InputError, match=complaint):
        PhraseClassifier.load(path)


def test_a_bug_is_not_told_as_a_damaged_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, _, _ = _saved(tmp_path)

    def broken(*_: Any) -> None:
        raise TypeError("a bug")

    monkeypatch.setattr(PhraseVocabulary, "__init__", broken)
    with pytest.raises(TypeError, match="a bug"):
        PhraseClassifier.load(path)


def test_scikit_learn_takes_it_for_a_classifier() -> None:
    original = model(vectors=make_vectors(), class_weight="balanced")
    copied = clone(original)
    assert copied is not original
    assert copied.get_params() == original.get_params()
    assert copied.vectors is original.vectors  # not copied for each fold
    assert is_classifier(original)
    assert accuracy_score(MORE_LABELS, original.fit(TEXTS, LABELS).predict(MORE_TEXTS)) == 1
    assert cross_val_score(model(), TEXTS, LABELS, cv=3).mean() == 1


def test_it_works_in_pipelines_and_grid_searches() -> None:
    steps = [
        ("upper", FunctionTransformer(lambda texts: [text.upper() for text in texts])),
        ("model", model()),
    ]
    search = GridSearchCV(
        Pipeline(steps),
        {"model__lr": [1e-6, 0.1], "model__l2_normalize": ["none", "words"]},
        cv=2,
        error_score="raise",
    )
    search.fit(TEXTS, LABELS)
    assert search.best_params_["model__lr"] == 0.1
    assert search.score(MORE_TEXTS, MORE_LABELS) == 1
    assert search.predict_proba(MORE_TEXTS).shape == (100, 2)


def test_scikit_learn_is_not_needed() -> None:
    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "import firth\n"
        "model = firth.PhraseClassifier(dim=4, epochs=20).fit(['a b', 'c b'] * 20, ['x', 'y'] * 20)\n"
        "print(*model.predict(['a', 'c']), model.score(['a'], ['x']), repr(model))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "x y 1.0 PhraseClassifier(dim=4, epochs=20)"


def test_parameters() -> None:
    changed = model().set_params(dim=3, lr=0.5)
    assert (changed.dim, changed.get_params()["lr"]) == (3, 0.5)
    assert repr(changed) == "PhraseClassifier(dim=3, lr=0.5, epochs=20)"
    assert firth.PhraseClassifier is PhraseClassifier
    with pytest.raises(InputError, match="no parameter 'size'"):
        changed.set_params(size=3)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"dim": 0}, "dim must be a whole number of at least 1, not 0"),
        ({"epochs": 1.5}, "epochs must be a whole number of at least 1, not 1.5"),
        ({"batch_size": 0}, "batch_size must be a whole number of at least 1, not 0"),
        ({"patience": -1}, "patience must be a whole number of at least 1, not -1"),
        ({"seed": -1}, "seed must be a whole number of at least 0, not -1"),
        ({"weighting": "tfidf"}, "weighting must be one of mean, sif, idf, not 'tfidf'"),
        ({"l2_normalize": True}, "l2_normalize must be one of none, words, phrase, not True"),
        ({"optimizer": "lbfgs"}, "optimizer must be one of sgd, adam, not 'lbfgs'"),
        ({"lr": 0.0}, "lr must be a positive number such as 0.1, not 0.0"),
        ({"dropout": 1.0}, "dropout must be at least 0 and less than 1, not 1.0"),
        ({"validation_fraction": 0}, "validation_fraction must be between 0 and 1, not 0"),
        ({"fine_tune": False}, "without vectors to start from"),
        ({"class_weight": {"maybe": 2.0}}, "the label 'maybe', which no text has"),
        ({"class_weight": {"yes": 0.0}}, "must be positive"),
        ({"class_weight": "auto"}, "choose None, 'balanced'"),
        ({"lr": 1e30}, "training diverged in epoch"),
    ],
    ids=str,
)
def test_parameters_without_meaning_are_refused(parameters: dict[str, Any], message: str) -> None:
    with np.errstate(all="ignore"), pytest.raises(InputError, match=message):
        model(**parameters).fit(TEXTS, LABELS)


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (["a", "b"], ["x", "x"], "at least two labels: the 2 texts have only 'x'"),
        ([], [], "at least two labels: the 0 texts have none"),
        (["a", "b"], ["x"], "2 texts, but 1 labels"),
        (["a", "b"], ["x", None], "1 labels are missing; the first is label 2"),
        (["a", "b"], [1.0, float("nan")], "1 labels are missing"),
        (["a", "b"], ["x", 1], "labels are of different types"),
        (["a", "b"], ["x", ["y"]], "some texts have one label and some a collection"),
        (["a", "b"], np.array([[1, 2], [0, 1]]), "must hold 0 and 1 only"),
        ("a b", ["x", "y"], "the texts are one string"),
        (["", ""], ["x", "y"], "none of the 2 texts has a word in it"),
    ],
)
def test_texts_and_labels_that_do_not_do(X: Any, y: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        model().fit(X, y)


def test_it_must_be_trained_first() -> None:
    with pytest.raises(InputError, match="not trained yet"):
        model().predict(["a"])
    fitted = model().fit(TEXTS, LABELS)
    with pytest.raises(InputError, match="one label a text and these texts have several"):
        fitted.score(["a"], [["x"]])
    with pytest.raises(InputError, match="no texts to score"):
        fitted.score([], [])


def test_no_texts_have_no_labels() -> None:
    fitted = model().fit(TEXTS, LABELS)
    assert fitted.predict([]).tolist() == []
    assert fitted.predict_proba([]).shape == (0, 2)


def test_progress_is_told() -> None:
    class Told(Progress):
        seen: list[tuple[int, dict[str, float]]] = []  # noqa: RUF012

        def advance(self, done: int, **figures: float) -> None:
            self.seen.append((done, figures))

    told = Told()
    model(epochs=2).fit(TEXTS, LABELS, dev=(MORE_TEXTS, MORE_LABELS), progress=told)
    assert [done for done, _ in told.seen] == [1000, 2000]
    assert set(told.seen[0][1]) == {"loss", "dev"}


def test_weights_of_texts() -> None:
    """Of contradicting labels, those of more weight win; a weight of 0 leaves the label untaught."""
    texts, labels = TEXTS * 2, LABELS + ["no" if label == "yes" else "yes" for label in LABELS]
    for heavy in (0, 1):
        weights = np.repeat([1.0, 0.1] if heavy == 0 else [0.0, 1.0], len(TEXTS))
        fitted = model().fit(texts, labels, weights)
        right = fitted.score(MORE_TEXTS, MORE_LABELS)
        assert right == (1.0 if heavy == 0 else 0.0)
    mixed = fitted.score(MORE_TEXTS, fitted.predict(MORE_TEXTS[:50]).tolist() + MORE_LABELS[50:])
    weighted = fitted.score(
        MORE_TEXTS, fitted.predict(MORE_TEXTS[:50]).tolist() + MORE_LABELS[50:], np.repeat([3, 1], 50)
    )
    assert (mixed, weighted) == (0.5, 0.75)


def test_weights_of_1_change_nothing() -> None:
    plain = model().fit(TEXTS, LABELS).predict_proba(MORE_TEXTS)
    np.testing.assert_array_equal(
        model().fit(TEXTS, LABELS, np.ones(len(TEXTS))).predict_proba(MORE_TEXTS), plain
    )


def test_only_ratios_of_weights_count() -> None:
    weights = np.random.default_rng(4).integers(1, 5, len(TEXTS))
    one, other = (model().fit(TEXTS, LABELS, scale * weights).predict_proba(TEXTS) for scale in (1, 1024))
    np.testing.assert_allclose(one, other, rtol=1e-4)
    with pytest.raises(InputError, match="the sample_weight of every text to train on is 0"):
        model().fit(TEXTS, LABELS, np.zeros(len(TEXTS)))


def test_weights_are_held_out_with_their_texts() -> None:
    weights = np.arange(len(TEXTS), dtype=float)
    assert model(patience=3).fit(TEXTS, LABELS, sample_weight=weights).score(MORE_TEXTS, MORE_LABELS) == 1


def test_cross_validation_with_weights() -> None:
    from sklearn.model_selection import cross_validate

    scores = cross_validate(
        model(), TEXTS, LABELS, cv=2, params={"sample_weight": np.ones(len(TEXTS))}, error_score="raise"
    )
    assert scores["test_score"].mean() > 0.98
