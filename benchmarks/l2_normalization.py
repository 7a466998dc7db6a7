"""Measure effects of the L2 normalisation of word vectors, for ``docs/l2-normalization.md``.

Run by ``benchmarks/phrases.py l2``. All vectors are frozen here, and the end of the phrase does not count, so
that nothing but the (normalised) mean of the vectors reaches the classifier.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import numpy.typing as npt

from firth import PhraseClassifier, WordVectors, load_vectors
from firth.classification.labelled import read
from firth.classification.labelled_source import Labelled

NORMALIZE = ("none", "words", "phrase")
SEEDS = (1, 2, 3)
RATES = (0.003, 0.01, 0.03, 0.1)
SHORT_WORDS = 4
"""A phrase is short if it has at most so many words."""

Floats = npt.NDArray[np.float64]


def experiment(
    trees: Path, files: Sequence[str], similarity: Path | None, pictures: Path | None
) -> dict[str, Any]:
    """Print all tables; return their figures."""
    figures: dict[str, Any] = {}
    vectors = {Path(file).name.partition(".")[0]: load_vectors(file) for file in files}
    for name, part in (
        ("constructed, length matters", lambda: constructed(length_matters=True)),
        ("constructed, length is noise", lambda: constructed(length_matters=False)),
        ("trainings", lambda: trainings(trees, vectors)),
        ("across lengths", lambda: across_lengths(trees, vectors)),
        ("lengths", lambda: lengths(trees, vectors)),
        ("similarity", lambda: similarities(similarity, vectors)),
    ):
        figures[name] = part()
        print(f"\n{name}\n\n{table(figures[name])}", flush=True)
    if pictures is not None:
        pictures.mkdir(parents=True, exist_ok=True)
        draw_lengths(trees, vectors, pictures / "vector-lengths.svg")
    return figures


def table(rows: list[dict[str, Any]]) -> str:
    """Lay figures out as a Markdown table."""
    columns = list(rows[0]) if rows else []
    cells = [columns, ["---"] * len(columns)]
    cells += [[value if isinstance(value, str) else f"{value:.2f}" if abs(value) <= 1 else f"{value:.1f}"
               for value in row.values()] for row in rows]  # fmt: skip
    return "\n".join("| " + " | ".join(row) + " |" for row in cells)


def classifier(
    vectors: WordVectors, normalize: str, lr: float, seed: int, epochs: int = 15
) -> PhraseClassifier:
    return PhraseClassifier(
        vectors, fine_tune=False, end_of_phrase=False, l2_normalize=normalize, optimizer="adam",
        lr=lr, epochs=epochs, seed=seed,
    )  # fmt: skip


def constructed(length_matters: bool) -> list[dict[str, Any]]:
    """Build vectors in which only the length separates two labels, or in which the length is noise.

    If it matters, there are mild words u and strong words 3 u with the same directions, and the label is the
    kind of the words of a phrase. If it is noise, 5 of 100 words are positive and 5 are negative, and their
    unit vectors are shifted along one axis. All vectors have lengths from a log-normal distribution with
    σ = 1.5. A phrase of 8 words has two words of its polarity.
    """
    rows = []
    for normalize in NORMALIZE:
        rows.append({"l2_normalize": normalize} | {"accuracy, %": mean(
            _constructed(length_matters, normalize, seed) for seed in range(1, 6)
        )})  # fmt: skip
    return rows


def _constructed(length_matters: bool, normalize: str, seed: int) -> float:
    random = np.random.default_rng(seed)
    dim, n = 20, 100
    unit = _unit(random.normal(size=(n, dim)))
    axis = np.eye(dim)[0]
    words = [f"w{i}" for i in range(2 * n)]
    if length_matters:
        # All directions lie on one side of the axis, as those of words of one topic do.
        unit = _unit(unit + 2 * axis)
        vectors = WordVectors(words, np.vstack([unit, 3 * unit]))

        def phrase(label: int) -> str:
            return " ".join(words[i] for i in random.integers(n, size=3) + n * label)
    else:
        unit[:5], unit[5:10] = _unit(unit[:5] + axis), _unit(unit[5:10] - axis)
        matrix = unit * np.exp(1.5 * random.normal(size=(n, 1)))
        vectors = WordVectors(words[:n], matrix)

        def phrase(label: int) -> str:
            own = random.integers(5, size=2) + (0 if label else 5)
            return " ".join(words[i] for i in (*own, *random.integers(10, n, size=6)))

    labels = random.integers(2, size=3000)
    texts = [phrase(label) for label in labels]
    names = ["b" if label else "a" for label in labels]
    parts = [(texts[i:j], names[i:j]) for i, j in ((0, 500), (500, 1000), (1000, 3000))]
    return 100 * float(_right(vectors, normalize, *parts, seeds=(seed,), epochs=60).mean())


def _unit(rows: Floats) -> Floats:
    scaled: Floats = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return scaled


Part = tuple[list[str], list[str]]


def _right(
    vectors: WordVectors, normalize: str, train: Part, dev: Part, test: Part,
    seeds: Sequence[int] = SEEDS, epochs: int = 15,
) -> Floats:  # fmt: skip
    """Choose the learning rate by dev texts; return the share of seeds that predict each test text right."""

    def models(lr: float) -> list[PhraseClassifier]:
        return [classifier(vectors, normalize, lr, seed, epochs).fit(*train) for seed in seeds]

    by_rate = {lr: models(lr) for lr in RATES}
    best = max(RATES, key=lambda lr: mean(model.score(*dev) for model in by_rate[lr]))
    gold = np.array(test[1])
    right: Floats = np.mean([model.predict(test[0]) == gold for model in by_rate[best]], axis=0)
    return right


def _compare(vectors: WordVectors, *parts: Part) -> dict[str, Any]:
    """Return the accuracies, with the difference from raw vectors and its standard error.

    All are evaluated on the same texts, so the error is that of the mean difference on a text.
    """
    raw, *others = (_right(vectors, normalize, *parts) for normalize in NORMALIZE)
    cells: dict[str, Any] = {NORMALIZE[0]: 100 * float(raw.mean())}
    for normalize, right in zip(NORMALIZE[1:], others, strict=True):
        differences = 100 * (right - raw)
        gain = round(float(differences.mean()), 1) + 0.0  # so that there is no -0.0
        error = differences.std() / np.sqrt(len(differences))
        cells[normalize] = f"{100 * right.mean():.1f} ({gain:+.1f} ± {error:.1f})"
    return cells


def _part(labelled: Labelled, wanted: Callable[[str], bool] = lambda text: True) -> Part:
    chosen = [i for i, text in enumerate(labelled.texts) if wanted(text)]
    return [labelled.texts[i] for i in chosen], [labelled.labels[i][0] for i in chosen]


def trainings(trees: Path, vectors: dict[str, WordVectors]) -> list[dict[str, Any]]:
    """Classify sentences with vectors of several trainings."""
    rows = []
    for task, binary in (("SST-2", True), ("SST-5", False)):
        parts = [_part(read(trees / f"{name}.txt", binary=binary)) for name in ("train", "dev", "test")]
        for name, of in vectors.items():
            rows.append({"task": task, "vectors": name} | _compare(of, *parts))
    return rows


def across_lengths(trees: Path, vectors: dict[str, WordVectors]) -> list[dict[str, Any]]:
    """Train on short phrases and evaluate on sentences, and the other way round (SST-2)."""
    files = {
        (name, phrases): read(trees / f"{name}.txt", binary=True, phrases=phrases)
        for name in ("train", "dev", "test")
        for phrases in (False, True)
    }

    def short(name: str) -> Part:
        return _part(files[name, True], lambda text: len(text.split()) <= SHORT_WORDS)

    def long(name: str) -> Part:
        return _part(files[name, False])

    rows = []
    for task, parts in (
        (f"phrases of at most {SHORT_WORDS} words → sentences", (short("train"), long("dev"), long("test"))),
        (f"sentences → phrases of at most {SHORT_WORDS} words", (long("train"), short("dev"), short("test"))),
    ):
        for name, of in vectors.items():
            rows.append({"train → test": task, "vectors": name} | _compare(of, *parts))
    return rows


def word_lengths(trees: Path, vectors: WordVectors) -> tuple[Floats, Floats, Floats]:
    """Return for single words with a label: log frequency, length of the vector, strength of sentiment."""
    labelled = read(trees / "train.txt", phrases=True)
    label_of = {
        text.lower(): int(labels[0])
        for text, labels in zip(labelled.texts, labelled.labels, strict=True)
        if text.lower() in vectors
    }
    rows = [vectors.index(word) for word in label_of]
    counts = vectors.counts if vectors.counts is not None else 1 / np.arange(1, len(vectors) + 1)
    strength = np.abs(np.array(list(label_of.values())) - 2).astype(np.float64)
    return np.log(counts[rows].astype(np.float64)), vectors.norms[rows], strength


def lengths(trees: Path, vectors: dict[str, WordVectors]) -> list[dict[str, Any]]:
    """Correlate the length of a vector with the frequency of its word and the strength of its sentiment."""
    from scipy.stats import spearmanr

    rows = []
    for name, of in vectors.items():
        frequency, length, strength = word_lengths(trees, of)
        a, b, c = (
            float(spearmanr(x, y)[0])
            for x, y in ((length, frequency), (length, strength), (strength, frequency))
        )
        rows.append({
            "vectors": name, "words": f"{len(length):,}", "length and frequency": a, "length and strength": b,
            "the same at equal frequency": (b - a * c) / np.sqrt((1 - a * a) * (1 - c * c)),
        })  # fmt: skip
    return rows


def similarities(pairs: Path | None, vectors: dict[str, WordVectors]) -> list[dict[str, Any]]:
    """Correlate dot products and cosines with human judgements of the similarity of words."""
    from scipy.stats import spearmanr

    if pairs is None:
        return []
    lines = [line.split("\t") for line in pairs.read_text(encoding="utf-8").splitlines() if line[:1] != "#"]
    scored = [(a.lower(), b.lower(), float(score)) for a, b, score in (line[:3] for line in lines)]
    rows = []
    for name, of in vectors.items():
        known = [(of[a], of[b], score) for a, b, score in scored if a in of and b in of]
        scores = [score for _, _, score in known]
        dot = spearmanr([a @ b for a, b, _ in known], scores)[0]
        cosine = spearmanr([of.similarity(a, b) for a, b, _ in known], scores)[0]
        rows.append({"vectors": name, "dot product": 100 * float(dot), "cosine": 100 * float(cosine)})
    return rows


def draw_lengths(trees: Path, vectors: dict[str, WordVectors], path: Path) -> None:
    """Draw length against frequency, and against strength at equal frequency."""
    import matplotlib
    from matplotlib.figure import Figure

    matplotlib.rcParams |= {"svg.hashsalt": "firth", "svg.fonttype": "none"}
    figure = Figure(figsize=(9, 3.4), layout="tight")
    left, right = figure.subplots(1, 2)
    for name, of in vectors.items():
        frequency, length, strength = word_lengths(trees, of)
        order = np.argsort(frequency, kind="stable")
        groups = np.array_split(order, 20)
        middles = [float(np.median(length[group])) for group in groups]
        left.plot([float(np.exp(np.median(frequency[group]))) for group in groups], middles, label=name)
        relative = length / np.interp(
            frequency, [float(np.median(frequency[group])) for group in groups], middles
        )
        right.plot(
            [0, 1, 2], [float(np.median(relative[strength == s])) for s in (0, 1, 2)], "o-", label=name
        )
    left.set(xscale="log", xlabel="occurrences of the word", ylabel="length of its vector (median)")
    right.set(
        xticks=[0, 1, 2], xlabel="strength of the sentiment, |label − 2|",
        ylabel="length, relative to\nwords of that frequency",
    )  # fmt: skip
    left.legend(fontsize=7)
    figure.savefig(path, metadata={"Date": None})
