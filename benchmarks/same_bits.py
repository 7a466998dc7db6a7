"""Check that two versions of firth compute the same arrays, bit by bit, for the same seed and settings.

    git worktree add ../before REVISION
    python benchmarks/same_bits.py ../before

Everything that trains is run on small real data in both versions, each in a process of its own, through
public names only: word vectors (one thread, two deterministic threads, padded and long rows, held-out text,
exact softmax), tagger, parser and segmenter, and the phrase classifier in its variants. The bundled model
parses a text in both. What is compared are hashes of the arrays and of the text. The exit code is 1 where
anything differs. ``FIRTH_SHARED`` names the folder of the data.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("FIRTH_SHARED", HERE.parent / "shared")) / "data"


def digest(*arrays: Any) -> str:
    """Return a hash of arrays (their dtype, shape and bytes) and texts."""
    hashed = hashlib.sha256()
    for array in arrays:
        if isinstance(array, str):
            hashed.update(array.encode())
        else:
            array = np.ascontiguousarray(array)
            hashed.update(f"{array.dtype.str}{array.shape}".encode())
            hashed.update(array.tobytes())
    return hashed.hexdigest()[:16]


def arrays_of(path: Path) -> str:
    """Return a hash of all arrays in a safetensors file: of its bytes after the header."""
    data = path.read_bytes()
    header = int.from_bytes(data[:8], "little")
    offsets = {k: v for k, v in json.loads(data[8 : 8 + header]).items() if k != "__metadata__"}
    return digest(json.dumps(offsets, sort_keys=True), np.frombuffer(data[8 + header :], np.uint8))


def lines(name: str, n: int) -> list[str]:
    """Return the first lines of a corpus."""
    import lzma

    with lzma.open(SHARED / "corpus" / name, "rt", encoding="utf-8") as file:
        return list(islice(file, n))


def vectors(folder: Path) -> Iterator[tuple[str, str]]:
    """Train word vectors in all ways that promise the same bits."""
    import firth
    from firth.progress import Progress

    text = folder / "text.txt"
    text.write_text("".join(lines("simplewiki.txt.xz", 6000)), encoding="utf-8")
    silent = Progress()
    runs: dict[str, tuple[Any, dict[str, Any]]] = {
        "skip-gram, 1 thread": (firth.SkipGram(dim=100, epochs=2, threads=1, seed=3), {}),
        "skip-gram, 300 dimensions": (firth.SkipGram(dim=300, epochs=1, threads=1, window=3, negative=7), {}),
        "skip-gram, 2 deterministic threads": (
            firth.SkipGram(dim=50, epochs=2, threads=2, deterministic=True),
            {},
        ),
        "skip-gram, held out, patience": (
            firth.SkipGram(dim=20, epochs=4, threads=1, lr=0.1),
            {"heldout": 0.1, "patience": 1},
        ),
        "softmax": (firth.ExactSoftmax(dim=40, epochs=3, max_vocab=3000, threads=2), {}),
        "softmax until it converges": (
            firth.ExactSoftmax(dim=10, max_vocab=300, threads=1),
            {"heldout": 0.1, "patience": 3},
        ),
    }
    for name, (model, options) in runs.items():
        trained = model.fit(text, progress=silent, **options)
        history = [{k: v for k, v in epoch.items() if k != "seconds"} for epoch in trained.history]
        yield name, digest(trained.matrix, trained.outside, json.dumps(history), " ".join(trained.words))


def trees(folder: Path) -> Iterator[tuple[str, str]]:
    """Train segmenter, tagger and parser; parse with them, and with the bundled model."""
    import firth
    from firth.text import conllu

    train = list(islice(conllu.read(SHARED / "ud/en_ewt/train.conllu"), 400))
    dev = list(islice(conllu.read(SHARED / "ud/en_ewt/dev.conllu"), 100))
    random = np.random.default_rng(1)
    forms = sorted({token.form.lower() for sentence in train for token in sentence})
    known = firth.WordVectors(forms, random.normal(size=(len(forms), 30)))
    pipeline = firth.Pipeline.train(train, dev, known, epochs=4, seed=2, silver=train[:50])
    pipeline.save(folder / "pipeline.firth")
    yield "pipeline, as saved", arrays_of(folder / "pipeline.firth")
    hungarian = list(islice(conllu.read(SHARED / "ud/hu_szeged/train.conllu"), 200))
    parser = firth.Parser.train(hungarian, hungarian[:50], epochs=2, threads=1)
    parser.save(folder / "parser.firth")
    yield "parser of a treebank with crossing arcs", arrays_of(folder / "parser.firth")
    text = "".join(lines("enwiki.txt.xz", 120)) + "\n\nIt's #fun, isn't it? I can't say (3.5 %)...\n"
    for name, nlp in (("pipeline", pipeline), ("bundled model", firth.load("en"))):
        yield f"{name}, parsing", digest("".join(map(conllu.format_sentence, nlp(text))))
        yield f"{name}, scores", digest(json.dumps(nlp.parser.evaluate(dev).to_dict()))
    given = firth.load("en").parser.evaluate(dev, given_tags=True)
    yield "bundled model, given tags", digest(json.dumps(given.to_dict()))


def classes(folder: Path) -> Iterator[tuple[str, str]]:
    """Train the phrase classifier in its variants."""
    import firth

    texts, labels = [], []
    for number, line in enumerate(lines("novels.txt.xz", 3000) + lines("simplewiki.txt.xz", 3000)):
        if line.strip():
            texts.append(line[:200])
            labels.append("novel" if number < 3000 else "wiki")
    several = [{label, f"{len(text) // 100}"} for text, label in zip(texts, labels, strict=True)]
    random = np.random.default_rng(1)
    words = sorted({word for text in texts[:500] for word in text.lower().split()})
    known = firth.WordVectors(words, random.normal(size=(len(words), 24)))
    variants: dict[str, tuple[dict[str, Any], Any]] = {
        "sgd": ({}, labels),
        "adam, dropout, bigrams": ({"optimizer": "adam", "dropout": 0.2, "bigrams": True}, labels),
        "several labels": ({"batch_size": 4}, several),
        "pretrained, unit words": ({"vectors": known, "l2_normalize": "words", "weighting": "sif"}, labels),
        "frozen, unit phrase, adam": (
            {"vectors": known, "fine_tune": False, "l2_normalize": "phrase", "optimizer": "adam",
             "end_of_phrase": False},
            labels,
        ),
        "patience": ({"patience": 1, "lr": 1.0, "weighting": "idf"}, labels),
    }  # fmt: skip
    for name, (options, y) in variants.items():
        model = firth.PhraseClassifier(dim=20, epochs=3, **options).fit(texts, y)
        yield f"classifier, {name}", digest(model.predict_proba(texts[:200]), " ".join(model.label_names))


def record() -> None:
    """Print a line for each thing that was computed: its name and its hash."""
    with tempfile.TemporaryDirectory() as name:
        for part in (vectors, trees, classes):
            for what, hashed in part(Path(name)):
                print(f"{what}\t{hashed}", flush=True)


def recorded(checkout: Path) -> dict[str, str]:
    """Run `record` with the firth of a checkout."""
    environment = {**os.environ, "PYTHONPATH": str(checkout.resolve() / "src")}
    command = [sys.executable, __file__, "--record"]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return dict(line.split("\t") for line in done.stdout.splitlines())


def main() -> None:
    """Compare, or record."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("before", nargs="?", type=Path, help="a checkout of the version to compare with")
    arguments.add_argument("--record", action="store_true", help="print the hashes of this version only")
    options = arguments.parse_args()
    if options.record or options.before is None:
        record()
        return
    before, now = recorded(options.before), recorded(HERE)
    for what in sorted(before.keys() | now.keys()):
        same = before.get(what) == now.get(what)
        print(f"{'same ' if same else 'OTHER'}  {what}  {before.get(what)}  {now.get(what)}")
    sys.exit(before != now)


if __name__ == "__main__":
    main()
