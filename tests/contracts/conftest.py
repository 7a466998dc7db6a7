"""The data of the contracts: a corpus, a treebank and labelled texts, each with another one of its kind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

_NOUNS, _VERBS, _PLACES = ("dog", "cat", "child", "bird"), ("sees", "likes", "hears"), ("here", "now")


def corpus(seed: int) -> str:
    """Return 80 lines of words, of which few are frequent."""
    random = np.random.default_rng(seed)
    words = np.array([f"w{number}" for number in range(30)])
    shares = 1 / np.arange(1, 31)
    lines = (random.choice(words, size=12, p=shares / shares.sum()) for _ in range(80))
    return "".join(" ".join(line) + "\n" for line in lines)


def treebank(seed: int, n_sentences: int) -> str:
    """Return sentences such as "The dog sees a cat here." in CoNLL-U."""
    random = np.random.default_rng(seed)
    sentences = []
    for _ in range(n_sentences):
        subject, verb, object_ = (str(random.choice(some)) for some in (_NOUNS, _VERBS, _NOUNS))
        rows = [
            ("The", "DET", 2, "det"),
            (subject, "NOUN", 3, "nsubj"),
            (verb, "VERB", 0, "root"),
            ("a", "DET", 5, "det"),
            (object_, "NOUN", 3, "obj"),
            (str(random.choice(_PLACES)), "ADV", 3, "advmod"),
            (".", "PUNCT", 3, "punct"),
        ]
        lines = [
            f"{i}\t{form}\t{form}\t{upos}\t_\t_\t{head}\t{deprel}\t_\t{'SpaceAfter=No' if i == 6 else '_'}"
            for i, (form, upos, head, deprel) in enumerate(rows, 1)
        ]
        sentences.append("\n".join([*lines, "", ""]))
    return "".join(sentences)


def labelled_texts(seed: int) -> str:
    """Return 120 texts with labels, as TSV."""
    random = np.random.default_rng(seed)
    words = {"good": ("fine", "great", "film"), "bad": ("dull", "boring", "film")}
    labels = (str(random.choice(list(words))) for _ in range(120))
    return "".join(f"{label}\t{' '.join(random.choice(words[label], size=4))}\n" for label in labels)


def write_data(folder: Path, seed: int) -> None:
    """Write the files that the trainers learn from."""
    folder.mkdir()
    texts = {
        "corpus.txt": corpus(seed),
        "train.conllu": treebank(seed, 24),
        "dev.conllu": treebank(seed + 1, 6),
        "texts.tsv": labelled_texts(seed),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of data."""
    folder = tmp_path_factory.mktemp("contracts") / "data"
    write_data(folder, seed=1)
    return folder


@pytest.fixture(scope="session")
def other_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the same files, in which other things stand."""
    folder = tmp_path_factory.mktemp("contracts") / "other-data"
    write_data(folder, seed=5)
    return folder
