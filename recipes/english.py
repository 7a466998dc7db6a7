"""Make the English model that comes with the package: ``src/firth/models/en.firth``.

    python recipes/english.py ../shared/data --work english

From UD_English-EWT (``ud/en_ewt/{train,dev,test}.conllu``) and raw text
(``corpus/{enwiki,simplewiki,novels}.txt.xz``):

1. Word vectors of all the raw text.
2. Teachers: two parsers that differ in their seeds.
3. Silver: sentences drawn from the raw text, cut by a segmenter, tagged and parsed by both teachers
   together, which average their scores at every step (Weiss et al. 2015, section 4, train on what several
   parsers agree on; averaging keeps all sentences).
4. The model: one network, trained on the treebank and silver together.

Every step is kept in the work folder and not done again. The development set chooses epochs; the test set is
read once, at the end.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

import firth
from firth.files.atomic import open_input
from firth.network.decider import Decider, DeciderShape
from firth.network.encoder import Batch
from firth.network.gradients import Gradients
from firth.network.runner import EncoderRunner
from firth.parsing.parser.parser import Parser
from firth.parsing.pipeline import Pipeline
from firth.parsing.segmenter.segmenter import Segmenter
from firth.parsing.transitions.decoding import Decoder
from firth.parsing.transitions.projectivity import deprojectivize
from firth.progress import Progress, default_progress
from firth.text import conllu
from firth.text.document import Sentence, Token

TEACHER_SEEDS = (1, 2)
# The corpora, and their shares of the silver sentences.
CORPORA = {"enwiki": 0.4, "simplewiki": 0.3, "novels": 0.3}
# Silver sentences have so many words.
SENTENCE_WORDS = range(3, 51)
# The model keeps this many pretrained vectors, to stay below 10 MB.
MOST_VECTORS = 50_000
# Sentences that the ensemble parses together.
BATCH_SENTENCES = 16


class Ensemble:
    """Parsers of the same treebank that decide together: their scores are averaged.

    Their vectors of a word are concatenated, and so are their hidden layers, into one wide network.
    """

    def __init__(self, parsers: Sequence[Parser]) -> None:
        self._parsers = parsers
        networks = [parser.network for parser in parsers]
        shape = networks[0].decider.shape
        n, d, h, k, j = len(parsers), shape.units, shape.hidden, shape.slots, shape.label_slots
        slots = np.zeros((n, d, k, n, h), np.float32)
        labels = np.zeros((shape.labels, j, n, h), np.float32)
        for i, network in enumerate(networks):
            its_slots, its_labels = network.decider.arrays("slots", "labels")
            slots[i, :, :, i] = its_slots.reshape(d, k, h)
            labels[:, :, i] = its_labels.reshape(-1, j, h)
        arrays = [network.decider.arrays("bias", "extras", "output", "output.bias") for network in networks]
        bias, extras, output, output_bias = zip(*arrays, strict=True)
        parameters = {
            "slots": slots.reshape(n * d, k * n * h),
            "labels": labels.reshape(shape.labels, j * n * h),
            "bias": np.concatenate(bias),
            "extras": np.concatenate(extras, axis=1),
            "output": np.concatenate(output) / n,
            "output.bias": sum(output_bias) / n,
        }
        wide = DeciderShape(n * d, shape.extras, k, j, shape.labels, n * h, shape.outputs, shape.activation)
        first = networks[0]
        self._decoder = Decoder(
            Decider(wide, parameters, ""),
            first.actions,
            first.shape.system,
            first.shape.unit_slots,
            first.shape.label_slots,
        )
        self._encoders = [EncoderRunner(network.encoder, network.features.vectors) for network in networks]

    def parse(self, sentences: Sequence[Sentence]) -> None:
        """Write tags, heads and relations into sentences, in place."""
        features = self._parsers[0].network.features
        labels_of = self._parsers[0].network.actions.labels
        for start in range(0, len(sentences), BATCH_SENTENCES):
            batch = sentences[start : start + BATCH_SENTENCES]
            lengths = np.array([len(sentence.tokens) for sentence in batch])
            words = features.number([t.form for s in batch for t in s.tokens])
            tags = self._tag(words, lengths)
            self._parsers[0].tagger.write(tags, batch)
            ids = self._parsers[0].network.ids(words, tags)
            rows = np.concatenate([encoder.run(ids, lengths) for encoder in self._encoders], axis=1)
            heads, labels = self._decoder.decode(rows, lengths)
            row = 1
            for sentence in batch:
                here = slice(row, row + len(sentence.tokens))
                tree = deprojectivize(heads[here].tolist(), [labels_of[k] for k in labels[here]])
                for token, head, deprel in zip(sentence.tokens, *tree, strict=True):
                    token.head, token.deprel = head, deprel
                row += len(sentence.tokens) + 1

    def _tag(self, words: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """Return the decisions about tags and lemmas; see `firth.parsing.tagger.tagger.TaggerRunner.tag`."""
        # Nothing is drawn, because no entry is dropped.
        random = np.random.default_rng(0)
        passes = []
        for tagger in (parser.tagger for parser in self._parsers):
            batch = Batch(words[:, :-1], tagger.features.vectors[words[:, -1]], lengths)
            passes.append(tagger.forward(batch, Gradients(), 0.0, random)[0])
        return np.stack([np.argmax(sum(scores), axis=1) for scores in zip(*passes, strict=True)], axis=1)


def draw(corpus: Path, segmenter: Segmenter, n: int, random: np.random.Generator) -> list[Sentence]:
    """Return `n` sentences from places all over a text."""
    with open_input(corpus) as file:
        lines = [line.decode() for line in file if len(line) > 40]
    sentences: list[Sentence] = []
    for i in random.permutation(len(lines)):
        found = [s for s in segmenter.segment(lines[i].strip()) if len(s.tokens) in SENTENCE_WORDS]
        sentences += found[:2]
        if len(sentences) >= n:
            break
    return [Sentence([Token(t.id, t.form) for t in s.tokens]) for s in sentences[:n]]


def train_vectors(corpora: Iterable[Path], path: Path, progress: Progress) -> firth.WordVectors:
    """Return word vectors of the raw text, trained or from an earlier run."""
    if not path.exists():
        trainer = firth.SkipGram(dim=100, window=3, epochs=5, min_count=10, seed=1, deterministic=True)
        trainer.fit([str(corpus) for corpus in corpora], progress=progress).save(path)
    return firth.load_vectors(path)


def train_teacher(
    train: Path, dev: Path, vectors: firth.WordVectors, seed: int, work: Path, progress: Progress
) -> Parser:
    """Return a teacher, trained or from an earlier run."""
    path = work / f"teacher-{seed}.firth"
    if not path.exists():
        teacher = Parser.train(
            train, dev, vectors, seed=seed, checkpoint_dir=work / path.stem, resume=True, progress=progress
        )
        teacher.save(path)
    return Parser.load(path)


def write_silver(
    path: Path,
    corpora: Mapping[str, Path],
    n_sentences: int,
    segmenter: Segmenter,
    teachers: Sequence[Parser],
    progress: Progress,
) -> None:
    """Write sentences of the raw text, parsed by the teachers, unless an earlier run has done so."""
    if path.exists():
        return
    random = np.random.default_rng(1)
    silver = [
        sentence
        for name, share in CORPORA.items()
        for sentence in draw(corpora[name], segmenter, round(n_sentences * share), random)
    ]
    started = time.perf_counter()
    Ensemble(teachers).parse(silver)
    progress.note(f"silver: {len(silver):,} sentences parsed in {time.perf_counter() - started:.0f} s")
    conllu.write(silver, path)


def score(model: Pipeline, treebanks: Mapping[str, Path]) -> dict[str, dict[str, float]]:
    """Return the scores on each treebank, by what the model is given of it."""
    return {
        f"{name}, {given}": scores.to_dict()
        for name, path in treebanks.items()
        for given, scores in (
            ("gold words and tags", model.parser.evaluate(path, given_tags=True)),
            ("gold words", model.parser.evaluate(path)),
            ("raw text", model.evaluate(path)),
        )
    }


def main() -> None:
    """Make the model."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("data", type=Path)
    arguments.add_argument("--work", type=Path, required=True)
    arguments.add_argument("--silver", type=int, default=25_000, help="sentences")
    arguments.add_argument("--output", type=Path, default=Path("src/firth/models/en.firth"))
    options = arguments.parse_args()
    work, progress = options.work, default_progress()
    work.mkdir(exist_ok=True)
    options.output.parent.mkdir(exist_ok=True)
    train, dev, test = (
        options.data / "ud" / "en_ewt" / f"{part}.conllu" for part in ("train", "dev", "test")
    )
    corpora = {name: options.data / "corpus" / f"{name}.txt.xz" for name in CORPORA}

    vectors = train_vectors(corpora.values(), work / "vectors.safetensors", progress)
    teachers = [train_teacher(train, dev, vectors, seed, work, progress) for seed in TEACHER_SEEDS]
    segmenter = Segmenter.train(
        conllu.load(train),
        conllu.load(dev),
        seed=1,
        text=corpora.values(),
        checkpoint_dir=work / "segmenter",
        resume=True,
        progress=progress,
    )
    silver = work / "silver.conllu"
    write_silver(silver, corpora, options.silver, segmenter, teachers, progress)
    few = firth.WordVectors(vectors.words[:MOST_VECTORS], vectors.matrix[:MOST_VECTORS])
    student = Parser.train(
        train,
        dev,
        few,
        silver=silver,
        seed=1,
        checkpoint_dir=work / "student",
        resume=True,
        progress=progress,
    )
    Pipeline(segmenter, student).save(options.output)
    print(json.dumps(score(firth.load(options.output), {"dev": dev, "test": test}), indent=2))


if __name__ == "__main__":
    main()
