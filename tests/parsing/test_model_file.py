"""Model files: what is written is read again, damage is told in one line, and a bug is not told as damage."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firth
from firth.errors import InputError
from firth.files.arrays_file import load_arrays, save_arrays
from firth.parsing.model_file import unpack_parser, unpack_segmenter
from firth.parsing.parser.network import ParserNetwork, ParserShape
from firth.parsing.parser.parser import Parser
from firth.parsing.pipeline import Pipeline, load
from firth.parsing.segmenter import segmenter as segmenters
from firth.parsing.segmenter.kernels import N_CLASSES
from firth.parsing.segmenter.multiwords import MultiwordRules
from firth.parsing.segmenter.network import BoundaryNetwork, BoundaryShape, FrequentHashes
from firth.parsing.segmenter.segmenter import Segmenter
from firth.parsing.segmenter.statistics import WordStatistics
from firth.parsing.tagger.features import WordFeatures
from firth.parsing.tagger.lemmas import Lemmas
from firth.parsing.tagger.tag_sets import TagSets
from firth.parsing.tagger.tagger import Tagger, TaggerShape
from firth.parsing.transitions.actions import Actions
from firth.text.conllu import tree_fault

TEXT = "The dogs don't see it. Größe 42!\n\nthe end"


@cache
def untrained() -> Pipeline:
    """Return a small pipeline with random parameters."""
    random = np.random.default_rng(1)

    class Vectors:
        words = ("the", "dog")
        matrix = random.normal(size=(2, 5))

    features = WordFeatures.learn([["the", "dogs", "see"], ["the", "dogs"]], Vectors())
    tags = TagSets({"upos": ["X", "NOUN"], "xpos": ["_"], "feats": ["_", "A=B"]})
    lemmas = Lemmas(["lower\t0\t\t1\t", "=be"])
    tagger = Tagger(features, tags, lemmas, {}, TaggerShape(16, 1, 16))
    network = ParserNetwork(
        features, tags, Actions(["dep", "nsubj"], ["root"]), ParserShape(width=16, depth=1, hidden=16), {}
    )
    tagger.initialise(random)
    network.initialise(random)

    def boundaries(shape: BoundaryShape) -> BoundaryNetwork:
        channels = [np.array([3, 9, k + 20], np.int32) for k in range(len(shape.tables))]
        made = BoundaryNetwork(shape, FrequentHashes(channels), {})
        made.initialise(random)
        return made

    segmenter = Segmenter(
        np.zeros((N_CLASSES, N_CLASSES), np.bool_),
        boundaries(segmenters._CHARACTERS),
        boundaries(segmenters._TOKENS),
        MultiwordRules({"n't": ("", "n't")}, {"dont": ("do", "nt"), "do": ()}),
        WordStatistics(np.array([5, 70], np.int32), np.array([[1, 2], [3, 0]], np.uint8)),
        boundaries(segmenters._PIECES),
        {"tokens F1": 50.0},
    )
    history = [{"epoch": 1, "loss": 0.5, "seconds": 3.0}]
    return Pipeline(segmenter, Parser(tagger, network, {"seed": 1, "history": history}))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.firth"


@pytest.fixture
def saved(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    untrained().save(path)
    return load_arrays(path, mmap=False)


def parsed(pipeline: Pipeline) -> str:
    with np.errstate(all="ignore"):
        document = pipeline(TEXT)
    for sentence in document:
        assert tree_fault([token.head or 0 for token in sentence.tokens]) is None
    return "\n".join(f"{t.form} {t.lemma} {t.upos} {t.head} {t.deprel}" for s in document for t in s.tokens)


def test_what_is_saved_is_loaded(path: Path) -> None:
    untrained().save(path)
    loaded = load(path)
    loaded.save(path.with_name("again.firth"))
    assert path.read_bytes() == path.with_name("again.firth").read_bytes()
    again = load(path.with_name("again.firth"))
    assert parsed(again) == parsed(loaded)
    assert loaded.parser.metadata == {"seed": 1, "history": [{"epoch": 1, "loss": 0.5}]}, "no seconds"
    assert parsed(Pipeline(loaded.segmenter, Parser.load(path))) == parsed(loaded)


@pytest.mark.parametrize("error", [TypeError, ValueError, KeyError, AttributeError])
@pytest.mark.parametrize("part", [Lemmas, TagSets, Tagger, FrequentHashes, MultiwordRules])
def test_a_bug_shows_its_own_traceback(
    part: type, error: type[Exception], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was once told as a damaged file, to be copied again."""
    untrained().save(path)

    def broken(*_: Any, **__: Any) -> None:
        raise error("a bug")

    monkeypatch.setattr(part, "__init__", broken)
    with pytest.raises(error, match="a bug") as caught:
        load(path)
    assert not isinstance(caught.value, InputError)


def test_a_bug_in_the_bundled_model_is_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise TypeError("a bug")

    monkeypatch.setattr(Lemmas, "__init__", broken)
    with pytest.raises(TypeError, match="a bug"):
        firth.load("en")


def test_missing_arrays_and_wrong_ones_are_refused(
    saved: tuple[dict[str, np.ndarray], dict[str, Any]],
) -> None:
    """Kernels check no bounds: every array is checked, in type and shape."""
    arrays, metadata = saved

    def refused(wrong: dict[str, np.ndarray]) -> None:
        with pytest.raises(InputError, match=r"^model: is damaged: .*; copy it again$"):
            unpack_parser(wrong, metadata, "model")
            unpack_segmenter(wrong, metadata, "model")

    for name, array in arrays.items():
        refused({key: value for key, value in arrays.items() if key != name})
        refused(arrays | {name: array[..., None]})
        refused(arrays | {name: array.astype(np.complex64)})
        if len(array):
            refused(arrays | {name: array[:-1]})
    refused(arrays | {"segmenter/tokens/hashes.0": -arrays["segmenter/tokens/hashes.0"]})
    refused(arrays | {"features/form.text": np.full_like(arrays["features/form.text"], 255)})


WRONG = (None, True, -1, 0, 10**12, 0.5, "x", [], ["x"], [1], {}, {"x": 1})


def variants(value: Any) -> Iterator[Any]:
    """Yield copies of a value with one thing in it replaced or removed."""
    yield from (deepcopy(wrong) for wrong in WRONG)
    items = list(
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, item in items:
        for variant in variants(item):
            copy = deepcopy(value)
            copy[key] = variant
            yield copy
        copy = deepcopy(value)
        del copy[key]
        yield copy


def test_wrong_metadata_is_refused_or_works(saved: tuple[dict[str, np.ndarray], dict[str, Any]]) -> None:
    arrays, metadata = saved
    n_refused = n_worked = 0
    for wrong in variants(metadata):
        if not isinstance(wrong, dict):
            continue
        try:
            segmenter = unpack_segmenter(arrays, wrong, "model")
            parser = Parser.unpack(arrays, wrong, "model")
        except InputError as error:
            assert str(error).startswith("model: ") and "\n" not in str(error)
            n_refused += 1
        else:
            if wrong["training"] == metadata["training"]:
                parsed(Pipeline(segmenter, parser))
            parser.pack()
            n_worked += 1
    assert n_refused > 200
    assert n_worked > 50


def test_wrong_bytes_are_refused_or_work(path: Path) -> None:
    untrained().save(path)
    whole, random, refused = path.read_bytes(), np.random.default_rng(1), 0
    header = int.from_bytes(whole[:8], "little")
    for _ in range(150):
        broken = bytearray(whole)
        for at in random.integers(0, header if random.random() < 0.7 else len(whole), size=3):
            broken[at] = random.integers(256)
        path.write_bytes(broken)
        try:
            pipeline = load(path)
        except InputError as error:
            assert str(error).startswith(f"{path}: ") and "\n" not in str(error)
            refused += 1
            continue
        parsed(pipeline)
    assert 0 < refused < 150


def test_the_file_of_a_parser_is_no_pipeline(path: Path) -> None:
    untrained().parser.save(path)
    with pytest.raises(InputError, match=r"model\.firth: has no segmenter; train a whole pipeline"):
        load(path)
    arrays, metadata = load_arrays(path)
    save_arrays(path, arrays, {**metadata, "segmenter": []})
    with pytest.raises(InputError, match=r"model\.firth: is damaged: its field 'segmenter' is \[\]"):
        load(path)


@pytest.mark.parametrize(
    "rule", ["", "upper\t0\t\t0\t", "lower\t0\t\t0", "lower\t-1\t\t0\t", "lower\t\t\t0\t"]
)
def test_rules_for_lemmas_that_are_none(
    rule: str, saved: tuple[dict[str, np.ndarray], dict[str, Any]]
) -> None:
    arrays, metadata = saved
    with pytest.raises(InputError, match="is no rule for lemmas"):
        unpack_parser(arrays, metadata | {"lemma rules": ["=be", rule]}, "model")
