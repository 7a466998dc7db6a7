"""Train and time firth's parser beside UDPipe 1, on the same treebank, in one run.

    pip install -e ".[benchmark]"
    python benchmarks/parsing.py TREEBANK_FOLDER --vectors VECTORS --seeds 3 --udpipe-iterations 1

The folder holds train.conllu, dev.conllu and test.conllu. Both are trained on the same sentences, with gold
words. The parse step is timed on the test set with gold tags, and the whole pipeline on its text, one
processor each, in turns, so that whatever else the machine does hits both alike; the figure to look at is the
ratio. UDPipe's speed does not depend on how long it was trained, its accuracy does: 5 iterations take half an
hour for its parser, and its segmenter and its tagger are trained for speed only.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from firth import Parser, load_vectors
from firth.parsing.evaluation import evaluate
from firth.parsing.pipeline import Pipeline
from firth.parsing.segmenter.segmenter import Segmenter
from firth.parsing.segmenter.treebank import raw_text
from firth.progress import default_progress
from firth.text import conllu
from firth.text.document import Sentence, Token

ROUNDS = 7


class UDPipe:
    """UDPipe 1, as its Python package has it."""

    def __init__(self, train: Path, iterations: int) -> None:
        import ufal.udpipe as udpipe

        self._udpipe = udpipe
        self._error = udpipe.ProcessingError()
        data, no_dev = udpipe.Sentences(), udpipe.Sentences()
        for sentence in self._read(train):
            data.push_back(sentence)
        started = time.perf_counter()
        model = udpipe.Trainer.train(
            "morphodita_parsito",
            data,
            no_dev,
            "epochs=2",
            "iterations=2",
            f"iterations={iterations}",
            self._error,
        )
        self.training_seconds = time.perf_counter() - started
        path = Path(f"/tmp/udpipe-{time.time_ns()}.model")
        path.write_bytes(model)
        self._model = udpipe.Model.load(str(path))
        path.unlink()

    def _read(self, path: Path) -> list[Any]:
        reader = self._udpipe.InputFormat.newConlluInputFormat()
        reader.setText(path.read_text(encoding="utf-8"))
        sentences = []
        sentence = self._udpipe.Sentence()
        while reader.nextSentence(sentence, self._error):
            sentences.append(sentence)
            sentence = self._udpipe.Sentence()
        return sentences

    def parser(self, path: Path, beam: int) -> Callable[[], float]:
        """Return a function that parses a file that is in memory, and returns the seconds that took."""
        sentences = self._read(path)

        def parse() -> float:
            started = time.perf_counter()
            for sentence in sentences:
                self._model.parse(sentence, f"beam_search={beam}", self._error)
            return time.perf_counter() - started

        self.parsed = sentences
        return parse

    def pipeline(self, text: str, beam: int) -> Callable[[], float]:
        """Return a function that cuts, tags and parses a text, and returns the seconds that took."""
        pipeline = self._udpipe.Pipeline(
            self._model, "tokenize", self._udpipe.Pipeline.DEFAULT, f"beam_search={beam}", "conllu"
        )

        def process() -> float:
            started = time.perf_counter()
            pipeline.process(text)
            return time.perf_counter() - started

        return process

    def result(self) -> list[Sentence]:
        """Return what was parsed last."""
        return [
            Sentence([Token(w.id, w.form, head=w.head, deprel=w.deprel) for w in list(sentence.words)[1:]])
            for sentence in self.parsed
        ]


def train_parsers(options: argparse.Namespace, train: Path, dev: Path, test: Path) -> tuple[Parser, Any]:
    """Train a parser with each seed; return the last one, and the figures of all."""
    vectors = load_vectors(options.vectors) if options.vectors else None
    rows: list[dict[str, Any]] = []
    for seed in range(1, options.seeds + 1):
        started = time.perf_counter()
        parser = Parser.train(
            train, dev, vectors, seed=seed, threads=options.threads, progress=default_progress()
        )
        figures: dict[str, Any] = {"seed": seed, "training seconds": time.perf_counter() - started}
        for name, path in (("dev", dev), *([("test", test)] if options.test else [])):
            figures[f"{name}, gold tags"] = parser.evaluate(path, given_tags=True).to_dict()
            figures[f"{name}, own tags"] = parser.evaluate(path).to_dict()
        rows.append(figures)
    results: dict[str, Any] = {"firth": rows}
    for name in (name for name, figure in rows[0].items() if isinstance(figure, dict)):
        las = [figures[name]["LAS"] for figures in rows]
        results[f"LAS, {name}"] = [statistics.mean(las), statistics.pstdev(las)]
    return parser, results


def firth_runners(
    parser: Parser, segmenter: Segmenter, sentences: list[Sentence]
) -> dict[str, Callable[[], float]]:
    """Return functions that parse sentences, or their raw text, and return the seconds that took."""
    nlp, text = Pipeline(segmenter, parser), raw_text(sentences)

    def parse() -> float:
        started = time.perf_counter()
        parser.parse(sentences, given_tags=True, threads=1)
        return time.perf_counter() - started

    def process() -> float:
        started = time.perf_counter()
        "\n".join(conllu.format_sentence(sentence) for sentence in nlp(text).sentences)
        return time.perf_counter() - started

    # The first calls compile.
    parse()
    process()
    return {"parse step: firth": parse, "pipeline: firth": process}


def fastest(runners: dict[str, Callable[[], float]]) -> dict[str, float]:
    """Run all functions in turns; return the fewest seconds of each."""
    rounds = [{name: run() for name, run in runners.items()} for _ in range(ROUNDS)]
    return {name: min(seconds[name] for seconds in rounds) for name in runners}


def main() -> None:
    """Run the comparison and print one JSON object."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("treebank", type=Path)
    arguments.add_argument("--vectors", type=Path)
    arguments.add_argument("--seeds", type=int, default=1)
    arguments.add_argument("--threads", type=int, default=None)
    arguments.add_argument("--udpipe-iterations", type=int, default=1, help="0: leave UDPipe out")
    arguments.add_argument("--test", action="store_true", help="score on the test set, not only on dev")
    options = arguments.parse_args()
    train, dev, test = (options.treebank / f"{name}.conllu" for name in ("train", "dev", "test"))
    sentences = conllu.load(test)
    results: dict[str, Any] = {"machine": platform.processor() or platform.machine()}

    parser, figures = train_parsers(options, train, dev, test)
    results |= figures
    segmenter = Segmenter.train(
        conllu.load(train), conllu.load(dev), seed=1, threads=options.threads, progress=default_progress()
    )
    runners = firth_runners(parser, segmenter, sentences)
    if options.udpipe_iterations:
        udpipe, text = UDPipe(train, options.udpipe_iterations), raw_text(sentences)
        results["UDPipe training seconds"] = udpipe.training_seconds
        runners["parse step: UDPipe, beam 5"] = udpipe.parser(test, 5)
        runners["parse step: UDPipe, greedy"] = udpipe.parser(test, 1)
        runners["pipeline: UDPipe, beam 5"] = udpipe.pipeline(text, 5)
        runners["pipeline: UDPipe, greedy"] = udpipe.pipeline(text, 1)
    n_words = sum(len(sentence.tokens) for sentence in sentences)
    results["words/s, one processor"] = {
        name: n_words / seconds for name, seconds in fastest(runners).items()
    }
    if options.udpipe_iterations and options.test:
        results["UDPipe LAS, test"] = evaluate(conllu.load(test), udpipe.result()).las
    json.dump(results, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
