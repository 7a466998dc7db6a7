"""The English model that comes with the package."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

import firth
from firth.text import conllu

TEN_MEGABYTES = 10_000_000


def test_it_parses_the_worked_example() -> None:
    (sentence,) = firth.load("en")("I parsed this sentence correctly.")
    found = [(token.form, token.upos, token.head, token.deprel) for token in sentence]
    assert found == [
        ("I", "PRON", 2, "nsubj"),
        ("parsed", "VERB", 0, "root"),
        ("this", "DET", 4, "det"),
        ("sentence", "NOUN", 2, "obj"),
        ("correctly", "ADV", 2, "advmod"),
        (".", "PUNCT", 2, "punct"),
    ]


def test_it_is_small() -> None:
    models = [path for path in (files("firth") / "models").iterdir() if path.name.endswith(".firth")]
    assert [path.name for path in models] == ["en.firth"]
    assert sum(len(path.read_bytes()) for path in models) <= TEN_MEGABYTES


def test_it_has_the_scores_it_states(shared_data: Path) -> None:
    """Other processors round differently, which may change a tree or two."""
    model = firth.load("en")
    dev = conllu.load(shared_data / "ud" / "en_ewt" / "dev.conllu")
    stated = model.parser.metadata["dev"]
    own, given = model.parser.evaluate(dev), model.parser.evaluate(dev, given_tags=True)
    assert own.las == pytest.approx(stated["LAS"], abs=0.05)
    assert own.upos == pytest.approx(stated["UPOS"], abs=0.05)
    assert given.las == pytest.approx(stated["LAS with given tags"], abs=0.05)
