r"""Train word vectors with firth, gensim and fastText side by side, and print one table.

Everyone gets the same file of words (split and lowercased by firth), the same settings, the same number of
threads, and a process of its own, one after the other. ``words/s`` is the words of the corpus times the
epochs over the seconds of training; ``fit`` is all from the file to the saved vectors. Scores are means over
the seeds, by firth's evaluation for all.

Examples
--------
python benchmarks/vectors.py corpus.txt
python benchmarks/vectors.py enwiki.txt.xz --dim 100 300 --threads 1 2 --epochs 1 5 --seeds 1 2 3 \
    --evaluate ../shared/data/eval
"""

from __future__ import annotations

import argparse
import itertools
import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from statistics import mean
from typing import Any

TOOLS = ("gensim", "fasttext", "firth", "firth-deterministic")
SETTINGS = {"window": 5, "negative": 5, "min_count": 5, "sample": 1e-3, "lr": 0.025}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpus", help="anything that `firth vectors train` reads")
    parser.add_argument("--tools", nargs="+", choices=TOOLS, default=list(TOOLS[:3]))
    parser.add_argument("--dim", nargs="+", type=int, default=[100])
    parser.add_argument("--threads", nargs="+", type=int, default=[1])
    parser.add_argument("--epochs", nargs="+", type=int, default=[1])
    parser.add_argument("--seeds", nargs="+", type=int, default=[1])
    parser.add_argument(
        "--evaluate", type=Path, help="folder with wordsim353.tsv, simlex999.txt, questions-words.txt"
    )
    parser.add_argument("--output", type=Path, help="write all figures here, as JSON")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(train(json.loads(options.worker))))
        return
    with tempfile.TemporaryDirectory(prefix="firth-benchmark-") as folder:
        words = split(options.corpus, Path(folder, "words.txt"))
        print(f"{words:,} words; {machine()}; {date.today()}\n", file=sys.stderr)
        runs = list(run_all(options, Path(folder, "words.txt"), words))
    if options.output:
        options.output.write_text(json.dumps({"machine": machine(), "words": words, "runs": runs}, indent=1))
    print(table(runs))


def split(source: str, target: Path) -> int:
    """Write the words of a corpus, one sentence a line; return how many there are."""
    from firth.text.corpus import Corpus

    n = 0
    with target.open("w", encoding="utf-8") as file:
        for sentence in Corpus(source):
            n += len(sentence)
            file.write(" ".join(sentence) + "\n")
    return n


def run_all(options: argparse.Namespace, corpus: Path, words: int) -> Iterator[dict[str, Any]]:
    """Run each combination in a process of its own."""
    for dim, threads, epochs, seed in itertools.product(
        options.dim, options.threads, options.epochs, options.seeds
    ):
        for tool in options.tools:
            job = {
                "tool": tool, "dim": dim, "threads": threads, "epochs": epochs, "seed": seed,
                "corpus": str(corpus), "words": words,
                "evaluate": str(options.evaluate) if options.evaluate else None,
            }  # fmt: skip
            command = [sys.executable, __file__, options.corpus, "--worker", json.dumps(job)]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                sys.exit(f"{tool} failed:\n{done.stderr}")
            result = {key: job[key] for key in ("tool", "dim", "threads", "epochs", "seed")}
            result |= json.loads(done.stdout.splitlines()[-1])
            print(result, file=sys.stderr, flush=True)
            yield result


def train(job: dict[str, Any]) -> dict[str, Any]:
    """Train one model in this process; return its times, peak memory and scores."""
    with tempfile.TemporaryDirectory(prefix="firth-benchmark-") as folder:
        out = Path(folder, "vectors.vec" if job["tool"] == "fasttext" else "vectors.bin")
        trainer = {"gensim": train_gensim, "fasttext": train_fasttext}.get(job["tool"], train_firth)
        seconds = trainer(job, out)
        result: dict[str, Any] = {
            "words_per_second": job["words"] * job["epochs"] / seconds["train"],
            "fit_seconds": seconds["fit"],
            "peak_mb": peak_memory(),
        }
        if job["evaluate"]:
            result |= scores(out, Path(job["evaluate"]))
    return result


def peak_memory() -> float:
    """Return the peak memory of this process in MB; getrusage would include the memory of its parent."""
    status = Path("/proc/self/status")
    if not status.exists():  # not Linux
        return float("nan")
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def train_firth(job: dict[str, Any], out: Path) -> dict[str, float]:
    from firth import SkipGram

    settings = SETTINGS | {
        "dim": job["dim"],
        "threads": job["threads"],
        "pretokenized": True,
        "lowercase": False,
    }
    settings["deterministic"] = job["tool"] == "firth-deterministic"
    # Compiling is done once an installation, so it is not part of the times.
    SkipGram(**settings | {"sample": 0, "epochs": 1}).fit([["word"] * 10])
    start = time.perf_counter()
    model = SkipGram(**settings, epochs=job["epochs"], seed=job["seed"])
    vectors = model.fit(job["corpus"])
    vectors.save(out)
    fit = time.perf_counter() - start
    return {"train": sum(epoch["seconds"] for epoch in vectors.history), "fit": fit}


def train_gensim(job: dict[str, Any], out: Path) -> dict[str, float]:
    from gensim.models import Word2Vec

    start = time.perf_counter()
    model = Word2Vec(
        sg=1, vector_size=job["dim"], workers=job["threads"], seed=job["seed"], window=SETTINGS["window"],
        negative=SETTINGS["negative"], min_count=SETTINGS["min_count"], sample=SETTINGS["sample"],
        alpha=SETTINGS["lr"],
    )  # fmt: skip
    model.build_vocab(corpus_file=job["corpus"])
    training = time.perf_counter()
    model.train(
        corpus_file=job["corpus"],
        total_examples=model.corpus_count,
        total_words=model.corpus_total_words,
        epochs=job["epochs"],
    )
    train = time.perf_counter() - training
    model.wv.save_word2vec_format(str(out), binary=True)
    return {"train": train, "fit": time.perf_counter() - start}


def train_fasttext(job: dict[str, Any], out: Path) -> dict[str, float]:
    import fasttext

    start = time.perf_counter()
    model = fasttext.train_unsupervised(
        job["corpus"], model="skipgram", dim=job["dim"], ws=SETTINGS["window"], epoch=job["epochs"],
        minCount=SETTINGS["min_count"], neg=SETTINGS["negative"], t=SETTINGS["sample"], lr=SETTINGS["lr"],
        minn=0, maxn=0, thread=job["threads"], verbose=0,  # the Python module takes no seed
    )  # fmt: skip
    # The time of the vocabulary is not reported apart, so it counts as training.
    fit = time.perf_counter() - start
    with out.open("w", encoding="utf-8") as file:
        words = [word for word in model.get_words() if word != "</s>"]
        file.write(f"{len(words)} {job['dim']}\n")
        for word in words:
            numbers = " ".join(f"{x:.6g}" for x in model.get_word_vector(word))
            file.write(f"{word} {numbers}\n")
    return {"train": fit, "fit": fit}


def scores(vectors_file: Path, folder: Path) -> dict[str, float]:
    from firth import load_vectors
    from firth.vectors.evaluation import evaluate_analogies, evaluate_similarity

    vectors = load_vectors(vectors_file)
    return {
        "wordsim353": evaluate_similarity(vectors, folder / "wordsim353.tsv").score or 0.0,
        "simlex999": evaluate_similarity(vectors, folder / "simlex999.txt").score or 0.0,
        "analogies": evaluate_analogies(vectors, folder / "questions-words.txt").score or 0.0,
    }


def table(runs: list[dict[str, Any]]) -> str:
    """Lay out the means over the seeds as a Markdown table, with the ratios to gensim in its settings."""
    names = ["wordsim353", "simlex999", "analogies"] if "analogies" in runs[0] else []
    rows = [
        ["dim", "threads", "epochs", "tool", "words/s", "÷ gensim", "fit, s", "gensim ÷", "peak, MB", *names]
    ]
    keys = ("dim", "threads", "epochs", "tool")
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for run in runs:
        groups.setdefault(tuple(run[key] for key in keys), []).append(run)
    for group, members in groups.items():
        peer = groups.get((*group[:3], "gensim"))

        def of(name: str, members: list[dict[str, Any]] | None = members) -> float:
            return mean(run[name] for run in members or [])

        rows.append(
            [
                *map(str, group),
                f"{of('words_per_second') / 1e3:,.0f}k",
                f"{of('words_per_second') / of('words_per_second', peer):.1f}" if peer else "",
                f"{of('fit_seconds'):.1f}",
                f"{of('fit_seconds', peer) / of('fit_seconds'):.1f}" if peer else "",
                f"{of('peak_mb'):,.0f}",
                *(spread([run[name] for run in members]) for name in names),
            ]
        )
    rows.insert(1, ["---"] * len(rows[0]))
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def spread(values: list[float]) -> str:
    """Format a mean, and how far the seeds are from it at most."""
    center = mean(values)
    return (
        f"{center:.1f} ± {max(abs(value - center) for value in values):.1f}"
        if len(values) > 1
        else f"{center:.1f}"
    )


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
