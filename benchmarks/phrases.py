r"""Classify phrases of the Stanford Sentiment Treebank with firth and fastText, and measure effects of L2.

``speed``: both train on the same labelled words with the same epochs, threads and dimensions, in turns. The
medians are printed. ``accuracy``: both are tuned on the development sentences with the same grid and three
seeds. Then the best setting of each is evaluated once on the test sentences. ``l2``: raw and normalised
vectors of several trainings, as in ``docs/l2-normalization.md``.

Examples
--------
python benchmarks/phrases.py speed ../shared/data/sst/trees --threads 1 2
python benchmarks/phrases.py accuracy ../shared/data/sst/trees
python benchmarks/phrases.py l2 ../shared/data/sst/trees --vectors enwiki.safetensors all.safetensors \
    --similarity ../shared/data/eval/wordsim353.tsv --pictures docs/pictures
"""

from __future__ import annotations

import argparse
import itertools
import json
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np

from firth import PhraseClassifier
from firth.classification.labelled import read
from firth.classification.labelled_source import Labelled
from firth.text.splitting import split

# Whether the labels of each task are binary.
TASKS = {"SST-2": True, "SST-5": False}
SEEDS = (1, 2, 3)
DIM = 100
GRID = {"bigrams": (False, True), "lr": (0.1, 0.3), "epochs": (5, 10, 20)}
GRID_OF_PHRASES = GRID | {"epochs": (2, 5, 10)}
OWN: dict[str, dict[str, tuple[Any, ...]]] = {"firth": {"weighting": ("mean", "sif")}, "fasttext": {}}
BUCKETS = 1 << 20

Settings = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("speed", "accuracy", "l2"))
    parser.add_argument("trees", type=Path, help="folder with train.txt, dev.txt and test.txt")
    parser.add_argument("--threads", nargs="+", type=int, default=[1])
    parser.add_argument("--tools", nargs="+", choices=tuple(TOOLS), default=list(TOOLS), help="for accuracy")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=20, help="for speed")
    parser.add_argument("--vectors", nargs="+", default=[], help="pretrained, for l2")
    parser.add_argument("--similarity", type=Path, help="word pairs with scores, for l2")
    parser.add_argument("--pictures", type=Path, help="folder for the pictures of l2")
    parser.add_argument("--output", type=Path, help="write all figures here, as JSON")
    options = parser.parse_args()
    print(f"{machine()}\n", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="firth-benchmark-") as folder:
        if options.what == "speed":
            runs = list(speed(options, Path(folder)))
            print(speed_table(runs))
        elif options.what == "accuracy":
            runs = list(accuracy(options, Path(folder)))
            print(accuracy_table(runs))
        else:
            from l2_normalization import experiment

            runs = experiment(options.trees, options.vectors, options.similarity, options.pictures)
    if options.output:
        options.output.write_text(json.dumps(runs, indent=1))


def words_of(labelled: Labelled) -> Labelled:
    """Split texts into firth's words, so that every tool gets the same ones, and shuffle the texts.

    fastText reads a file in its order, and in the treebank most positive sentences stand before the negative
    ones.
    """
    order = np.random.default_rng(1).permutation(len(labelled))
    return Labelled([" ".join(split(labelled.texts[i])) for i in order], [labelled.labels[i] for i in order])


def write(labelled: Labelled, path: Path) -> Path:
    """Write labelled texts as fastText has them."""
    with path.open("w", encoding="utf-8") as file:
        for text, (label,) in zip(labelled.texts, labelled.labels, strict=True):
            file.write(f"__label__{label} {text}\n")
    return path


def n_words(labelled: Labelled) -> int:
    return sum(len(text.split()) for text in labelled.texts)


def fit_firth(
    file: Path, *, bigrams: bool, lr: float, epochs: int, threads: int, seed: int, weighting: str = "mean"
) -> Any:
    """Train from a file; return the classifier."""
    texts = read(file, "fasttext")
    model = PhraseClassifier(
        dim=DIM, bigrams=bigrams, buckets=BUCKETS, lr=lr, epochs=epochs, threads=threads, seed=seed,
        weighting=weighting, pretokenized=True,
    )  # fmt: skip
    return model.fit(texts.texts, texts.y(False))


def fit_fasttext(file: Path, *, bigrams: bool, lr: float, epochs: int, threads: int, seed: int) -> Any:
    """Train from a file; return the model, or None if fastText "encountered NaN", as this release may do."""
    import fasttext

    try:
        return fasttext.train_supervised(
            str(file), dim=DIM, wordNgrams=2 if bigrams else 1, bucket=BUCKETS if bigrams else 0, lr=lr,
            epoch=epochs, thread=threads, seed=seed, minCount=1, loss="softmax", verbose=0,
        )  # fmt: skip
    except RuntimeError as error:
        if "NaN" not in str(error):
            raise
        return None


def judge_firth(model: Any, labelled: Labelled) -> float:
    return 100 * float(model.score(labelled.texts, labelled.y(False)))


def judge_fasttext(model: Any, labelled: Labelled) -> float:
    # One text at a time, by its C++ object: predict() of this release breaks on NumPy 2.
    right = sum(
        model.f.predict(text + "\n", 1, 0.0, "strict")[0][1] == f"__label__{label}"
        for text, (label,) in zip(labelled.texts, labelled.labels, strict=True)
    )
    return 100 * right / len(labelled)


TOOLS: dict[str, tuple[Callable[..., Any], Callable[[Any, Labelled], float]]] = {
    "fasttext": (fit_fasttext, judge_fasttext),
    "firth": (fit_firth, judge_firth),
}
TRIES = 10


def fit(tool: str, file: Path, *, seed: int, **settings: Any) -> tuple[Any, float, int]:
    """Train with new seeds until it succeeds; return the model, the seconds, and the number of tries."""
    for attempt in range(1, TRIES + 1):
        start = time.perf_counter()
        model = TOOLS[tool][0](file, seed=seed + 100 * (attempt - 1), **settings)
        seconds = time.perf_counter() - start
        if model is not None:
            return model, seconds, attempt
    return None, float("nan"), TRIES


def speed(options: argparse.Namespace, folder: Path) -> Iterator[Settings]:
    """Time both tools in turn, with few epochs and with more: the difference is training alone."""
    fit_firth(write(Labelled(["a b", "c d"], [("x",), ("y",)]), folder / "tiny"), bigrams=True, lr=0.1,
              epochs=1, threads=1, seed=1)  # fmt: skip  # compiles
    for (task, binary), phrases, bigrams, threads in itertools.product(
        TASKS.items(), (False, True), (False, True), options.threads
    ):
        labelled = words_of(read(options.trees / "train.txt", binary=binary, phrases=phrases))
        file, words = write(labelled, folder / "train"), n_words(labelled)
        few, many = 1, 1 + options.epochs
        times: dict[str, list[tuple[float, float]]] = {tool: [] for tool in TOOLS}
        for _ in range(options.repeats):
            for tool in TOOLS:
                settings = {"bigrams": bigrams, "lr": 0.1, "threads": threads, "seed": 1}
                long = fit(tool, file, epochs=many, **settings)[1]
                times[tool].append((long, fit(tool, file, epochs=few, **settings)[1]))
        for tool, pairs in times.items():
            fits = median_of([long for long, _ in pairs])
            training = median_of([long - short for long, short in pairs])
            yield {
                "task": task, "texts": "phrases" if phrases else "sentences", "bigrams": bigrams,
                "threads": threads, "tool": tool, "words": words, "epochs": many,
                "training_words_per_second": words * options.epochs / training,
                "fit_words_per_second": words * many / fits, "fit_seconds": fits,
            }  # fmt: skip


def median_of(values: list[float]) -> float:
    """Return the median of the runs that did not fail; NaN if all failed."""
    good = [value for value in values if value == value]
    return median(good) if good else float("nan")


def speed_table(runs: list[Settings]) -> str:
    rows = [["task", "trained on", "vectors of", "threads", "tool", "training, words/s", "÷ fastText",
             "file to model, s", "fastText ÷"]]  # fmt: skip
    for peer, run in zip(runs[::2], runs[1::2], strict=True):
        for one in (peer, run):
            rows.append([
                one["task"], one["texts"], "words, pairs" if one["bigrams"] else "words", str(one["threads"]),
                one["tool"], f"{one['training_words_per_second'] / 1e6:.1f} M",
                f"{one['training_words_per_second'] / peer['training_words_per_second']:.1f}",
                f"{one['fit_seconds']:.2f}", f"{peer['fit_seconds'] / one['fit_seconds']:.1f}",
            ])  # fmt: skip
    return markdown(rows)


def accuracy(options: argparse.Namespace, folder: Path) -> Iterator[Settings]:
    """Tune on the development sentences, then evaluate on the test sentences."""
    for (task, binary), phrases in itertools.product(TASKS.items(), (False, True)):
        file = write(
            words_of(read(options.trees / "train.txt", binary=binary, phrases=phrases)), folder / "train"
        )
        dev, test = (words_of(read(options.trees / f"{part}.txt", binary=binary)) for part in ("dev", "test"))
        for tool in options.tools:
            grid = (GRID_OF_PHRASES if phrases else GRID) | OWN[tool]
            best_dev, best, models, failed = -1.0, dict[str, Any](), list[Any](), 0
            for values in itertools.product(*grid.values()):
                settings = dict(zip(grid, values, strict=True)) | {"threads": 1}
                fits = [fit(tool, file, **settings, seed=seed) for seed in SEEDS]
                failed += sum(tries - (model is not None) for model, _, tries in fits)
                if any(model is None for model, _, _ in fits):
                    continue
                score = mean(TOOLS[tool][1](model, dev) for model, _, _ in fits)
                if score > best_dev:
                    best_dev, best, models = score, settings, [model for model, _, _ in fits]
            scores = [TOOLS[tool][1](model, test) for model in models]
            run = {
                "task": task, "texts": "phrases" if phrases else "sentences", "tool": tool, "settings": best,
                "dev": best_dev, "test": scores, "nan": failed,
            }  # fmt: skip
            print(run, file=sys.stderr, flush=True)
            yield run


def accuracy_table(runs: list[Settings]) -> str:
    rows = [["task", "trained on", "tool", "best on dev", "dev", "test", "fits that ended in NaN"]]
    for run in runs:
        best = run["settings"]
        rows.append([
            run["task"], run["texts"], run["tool"],
            f"{'words, pairs' if best['bigrams'] else 'words'}; lr {best['lr']}; {best['epochs']} epochs"
            + (f"; {best['weighting']}" if "weighting" in best else ""),
            f"{run['dev']:.1f}", spread(run["test"]), str(run["nan"]),
        ])  # fmt: skip
    return markdown(rows)


def markdown(rows: list[list[str]]) -> str:
    rows = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def spread(values: list[float]) -> str:
    """Format a mean, and the largest distance of a seed from it."""
    center = mean(values)
    return f"{center:.1f} ± {max(abs(value - center) for value in values):.1f}"


def machine() -> str:
    """Name the processor."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    model = next(
        (line.split(": ")[1] for line in lines if line.startswith("model name")), platform.processor()
    )
    cores = sum(line.startswith("processor") for line in lines)
    return f"{model}, {cores} cores, {platform.system()}, Python {platform.python_version()}"


if __name__ == "__main__":
    main()
