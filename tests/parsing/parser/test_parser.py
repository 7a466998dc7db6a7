"""The parser learns a small language, keeps what it learned, and says clearly what it cannot do."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firth
from firth.errors import InputError
from firth.files.arrays_file import load_arrays, save_arrays
from firth.parsing.batches import batches_of_words
from firth.parsing.parser.network import ParserShape
from firth.parsing.parser.parser import Parser
from firth.parsing.transitions.projectivity import LIFTED, deprojectivize, is_projective
from firth.parsing.transitions.systems import SYSTEMS, Configuration
from firth.text import conllu
from firth.text.conllu import tree_fault
from firth.text.document import Sentence, Token

SMALL = ParserShape(width=16, depth=1, hidden=32)

WORDS = {
    "DET": ["a", "the", "this"],
    "ADJ": ["big", "old", "red"],
    "NOUN": ["dog", "cat", "bird", "house", "tree"],
    "VERB": ["sees", "likes", "hears"],
    "ADV": ["here", "now"],
    "PUNCT": ["."],
}


def phrase(random: np.random.Generator, head: int, deprel: str, first: int) -> list[tuple[str, int, str]]:
    """Make a noun with a determiner and perhaps an adjective: (upos, head, deprel) of each word."""
    if random.random() < 0.5:
        return [("DET", first + 1, "det"), ("NOUN", head, deprel)]
    return [("DET", first + 2, "det"), ("ADJ", first + 2, "amod"), ("NOUN", head, deprel)]


def make_sentence(random: np.random.Generator) -> Sentence:
    """Make a sentence: subject, verb, object, and perhaps an adjective of the subject, far from it."""
    subject = phrase(random, 0, "nsubj", 1)
    verb = len(subject) + 1
    subject[-1] = ("NOUN", verb, "nsubj")
    words = [*subject, ("VERB", 0, "root"), *phrase(random, verb, "obj", verb + 1)]
    if random.random() < 0.5:
        words += [("ADV", verb, "advmod")]
    if random.random() < 0.4:
        words += [("ADJ", verb - 1, "acl:relcl")]  # its arc crosses that of the verb
    words += [("PUNCT", verb, "punct")]
    tokens = []
    for k, (upos, head, deprel) in enumerate(words, 1):
        form = str(random.choice(WORDS[upos]))
        lemma = form.removesuffix("s") if upos == "VERB" else form
        tokens.append(Token(k, form, lemma, upos, upos[:2], f"N={upos[0]}", head, deprel))
    return Sentence(tokens)


def make_treebank(n: int, seed: int) -> list[Sentence]:
    random = np.random.default_rng(seed)
    return [make_sentence(random) for _ in range(n)]


TRAIN, DEV = make_treebank(200, 1), make_treebank(30, 2)


def train(treebank: Any = TRAIN, dev: Any = DEV, **settings: Any) -> Parser:
    return Parser.train(treebank, dev, **{"epochs": 2, "threads": 1, "shape": SMALL} | settings)


@dataclass
class Vectors:
    words: list[str]
    matrix: np.ndarray


@cache
def trained(system: str) -> Parser:
    return train(epochs=30, shape=replace(SMALL, system=system))


@pytest.fixture(params=SYSTEMS)
def any_parser(request: pytest.FixtureRequest) -> Parser:
    return trained(request.param)


@pytest.fixture
def parser() -> Parser:
    return trained("arc-hybrid")


def bare(sentences: list[Sentence]) -> list[Sentence]:
    return [Sentence([Token(t.id, t.form) for t in sentence.tokens]) for sentence in sentences]


def words(*forms: str) -> Sentence:
    return Sentence([Token(k, form) for k, form in enumerate(forms, 1)])


def gibberish(n_sentences: int = 40) -> list[Sentence]:
    random = np.random.default_rng(3)
    known = [form for forms in WORDS.values() for form in forms]
    forms = [*known, "Zebra", "42", "…", "größer"]
    return [words(*map(str, random.choice(forms, size=n))) for n in random.integers(1, 30, n_sentences)]


def trees(sentences: list[Sentence]) -> list[list[tuple[int | None, str]]]:
    return [[(t.head, t.deprel) for t in sentence.tokens] for sentence in sentences]


def same_arrays(a: Parser, b: Parser) -> bool:
    (arrays, metadata), (others, other_metadata) = a.pack(), b.pack()
    return metadata == other_metadata and all(
        np.array_equal(array, others[name]) for name, array in arrays.items()
    )


def test_learns_a_small_language(any_parser: Parser) -> None:
    crossing = [s for s in DEV if not is_projective([t.head or 0 for t in s.tokens])]
    assert 5 < len(crossing) < len(DEV)
    scores = any_parser.evaluate(DEV)
    assert scores.las > 95
    assert min(scores.upos, scores.xpos, scores.feats, scores.lemmas) > 99
    assert any_parser.evaluate(crossing, given_tags=True).las > 85


def test_scores_in_the_metadata_are_those_of_the_parser(parser: Parser) -> None:
    figures = parser.metadata["dev"]
    scores, with_tags = parser.evaluate(DEV), parser.evaluate(DEV, given_tags=True)
    assert figures["LAS"] == pytest.approx(scores.las)
    assert figures["LAS with given tags"] == pytest.approx(with_tags.las)
    assert [figures[name] for name in ("UPOS", "XPOS", "FEATS", "LEMMAS")] == pytest.approx(
        [scores.upos, scores.xpos, scores.feats, scores.lemmas]
    )
    assert (parser.metadata["sentences"], parser.metadata["words"]) == (200, sum(map(len, TRAIN)))


def test_every_output_is_a_tree_with_one_root(any_parser: Parser) -> None:
    for sentence in any_parser.parse(gibberish()):
        assert tree_fault([token.head or 0 for token in sentence.tokens]) is None
        for token in sentence.tokens:
            assert (token.deprel == "root") == (token.head == 0)
            assert LIFTED not in token.deprel


def test_steps_lead_to_the_tree(any_parser: Parser) -> None:
    crossed = 0
    for sentence in [*bare(DEV), *gibberish(5)]:
        configuration = Configuration.initial(len(sentence))
        for transition in any_parser.transitions(sentence):
            any_parser.system.apply(configuration, transition)
        heads, deprels = configuration.tree()
        (parsed,) = any_parser.parse([sentence])
        expected = [(token.head, token.deprel) for token in parsed.tokens]
        assert list(zip(*deprojectivize(heads, [str(d) for d in deprels]), strict=True)) == expected
        crossed += not is_projective(heads)
    assert (crossed > 0) == (any_parser.system.has_swap)


def test_threads_and_batches_do_not_matter(parser: Parser) -> None:
    sentences = [*bare(DEV), *gibberish()] * 2
    expected = parser.parse(deepcopy(sentences))
    assert parser.parse(deepcopy(sentences), threads=3) == expected
    alone = deepcopy(sentences)
    parser.parse_in_place(alone)
    assert alone == expected


def test_the_same_seed_gives_the_same_parser() -> None:
    one, two, other = train(threads=1), train(threads=2), train(seed=2)
    assert same_arrays(one, two)
    assert not same_arrays(one, other)


def test_save_and_load(any_parser: Parser, tmp_path: Path) -> None:
    path = tmp_path / "model.firth"
    any_parser.save(path)
    restored = firth.Parser.load(path)
    sentences = [*bare(DEV), *gibberish()]
    assert restored.parse(deepcopy(sentences)) == any_parser.parse(sentences)
    assert restored.system is any_parser.system
    assert restored.metadata["dev"] == any_parser.metadata["dev"]
    restored.save(tmp_path / "again.firth")
    assert (tmp_path / "again.firth").read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("system", "number"), [("arc-standard", 0), ("arc-hybrid", 1), ("arc-standard-swap", 2)]
)
def test_files_have_the_number_of_the_system(
    parser: Parser, system: str, number: int, tmp_path: Path
) -> None:
    """As they always had, so that programs of any age can read files of any age."""
    assert trained(system).pack()[1]["shape"]["system"] == number
    arrays, metadata = parser.pack()
    save_arrays(tmp_path / "model", arrays, metadata | {"shape": metadata["shape"] | {"system": 3}})
    with pytest.raises(InputError, match=r"model: is damaged: there is no transition system number 3"):
        Parser.load(tmp_path / "model")


def test_tags_are_guessed_or_kept(parser: Parser) -> None:
    sentences = deepcopy(DEV)
    for sentence in sentences:
        for token in sentence.tokens:
            token.upos, token.xpos, token.feats = "X", "_", "N=unheard-of"
    tagged = parser.parse(deepcopy(sentences))
    with pytest.warns(UserWarning, match="a UPOS that the parser was not trained with, such as 'X'"):
        kept = parser.parse(deepcopy(sentences), given_tags=True)
    assert [t.upos for s in tagged for t in s.tokens] == [t.upos for s in DEV for t in s.tokens]
    assert {(t.upos, t.xpos, t.feats) for s in kept for t in s.tokens} == {("X", "_", "N=unheard-of")}
    # Where the parser knows none of the tags that it is given, it reads those that it would guess.
    assert trees(kept) == trees(tagged)


def test_given_tags_are_read(parser: Parser) -> None:
    """What a word is that was never seen decides about its tree."""
    forms = ("the", "blick", "blorps", "the", "blick", ".")
    tree = {}
    for upos in ("VERB", "NOUN"):
        sentence = words(*forms)
        for token, tag in zip(sentence.tokens, ["DET", "NOUN", upos, "DET", "NOUN", "PUNCT"], strict=True):
            token.upos, token.xpos, token.feats = tag, tag[:2], f"N={tag[0]}"
        (parsed,) = parser.parse([sentence], given_tags=True)
        tree[upos] = [token.deprel for token in parsed.tokens]
    assert tree["VERB"] == ["det", "nsubj", "root", "det", "obj", "punct"] != tree["NOUN"]


def test_without_language_specific_tags() -> None:
    treebank, dev = deepcopy(TRAIN), deepcopy(DEV)
    for sentence in treebank + dev:
        for token in sentence.tokens:
            token.xpos = token.feats = "_"
    parser = train(treebank, dev, epochs=16)
    (parsed,) = parser.parse([words("the", "dog", "sees", "a", "bird", ".")])
    assert [(t.upos, t.xpos, t.feats) for t in parsed.tokens][:2] == [("DET", "_", "_"), ("NOUN", "_", "_")]
    assert parser.evaluate(dev, given_tags=True).las > 60


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_treebank_of_one_word_sentences(system: str) -> None:
    """It shows no relation between words: all but the root get the one that says nothing."""
    treebank = [Sentence([Token(1, form, upos="INTJ", head=0, deprel="root")]) for form in ("oh", "ah", "oh")]
    parser = train(treebank, treebank, shape=replace(SMALL, system=system))
    one, three = parser.parse([words("oh"), words("oh", "my", "!")])
    assert trees([one]) == [[(0, "root")]]
    assert sorted(token.deprel for token in three.tokens) == ["dep", "dep", "root"]
    assert tree_fault([token.head or 0 for token in three.tokens]) is None


def test_a_treebank_of_one_sentence() -> None:
    parser = train(TRAIN[:1], TRAIN[:1], epochs=150)
    assert trees(list(parser.parse(bare(TRAIN[:1])))) == trees(TRAIN[:1])


def test_labels_that_only_the_development_set_has() -> None:
    dev = deepcopy(DEV)
    dev[0].tokens[0].deprel, dev[0].tokens[0].upos = "nmod:poss", "PRON"
    figures = train(dev=dev).metadata["dev"]
    assert 0 < figures["LAS"] < 100 > figures["UPOS"]


def test_silver_sentences_are_learned_too() -> None:
    """The parser lives with labels that only they have, lifted or not."""
    silver = deepcopy(make_treebank(60, 4))
    for sentence in silver[:5]:
        sentence.tokens[0].deprel = "det:predet"
    with_silver, without = train(TRAIN[:10], silver=silver), train(TRAIN[:10])
    assert with_silver.evaluate(DEV).las > without.evaluate(DEV).las
    assert with_silver.network.actions.labels == without.network.actions.labels


def test_vectors() -> None:
    """Words that the treebank never shows are known by the company they keep."""
    nouns, verbs = ["dog", "cat", "blick", "bird", "house"], ["sees", "likes", "blorps", "hears"]

    matrix = np.array([[1, 0]] * len(nouns) + [[0, 1]] * len(verbs), np.float32)
    parser = train(vectors=Vectors([*nouns, *verbs], matrix), epochs=20, shape=replace(SMALL, width=32))
    (parsed,) = parser.parse([words("the", "blick", "blorps", "the", "blick", ".")])
    assert [token.upos for token in parsed.tokens] == ["DET", "NOUN", "VERB", "DET", "NOUN", "PUNCT"]
    assert parsed.tokens[2].head == 0


def test_training_goes_on_from_checkpoints(tmp_path: Path) -> None:
    first = train(checkpoint_dir=tmp_path / "new folder")
    assert same_arrays(first, train(checkpoint_dir=tmp_path / "new folder", resume=True))
    with pytest.raises(InputError, match="cannot be resumed"):
        train(TRAIN[:50], checkpoint_dir=tmp_path / "new folder", resume=True)
    with pytest.raises(InputError, match="holds checkpoints of a training: resume it"):
        train(checkpoint_dir=tmp_path / "new folder")


def test_a_long_sentence(parser: Parser) -> None:
    """Memory grows with the length of a sentence, not with its square."""
    peaks = []
    for n in (10_000, 20_000):
        sentence = words(*(DEV[k % len(DEV)].tokens[0].form for k in range(n)))
        tracemalloc.start()
        parser.parse([sentence])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert tree_fault([token.head or 0 for token in sentence.tokens]) is None
    assert peaks[1] < 2.2 * peaks[0]


def test_sentences_without_words(parser: Parser) -> None:
    assert parser.parse([]) == []
    sentences = [Sentence([]), words("dogs"), Sentence([])]
    assert parser.parse(sentences) is sentences
    assert trees(sentences) == [[], [(0, "root")], []]
    assert parser.parse([Sentence([])]) == [Sentence([])]
    assert parser.transitions(Sentence([])) == []


@pytest.mark.parametrize("lengths", [[], [5], [600], [400, 100, 12, 1], [0, 600, 0, 1], [512, 512]], ids=str)
def test_batches(lengths: list[int]) -> None:
    found = list(batches_of_words(lengths))
    assert [k for where in found for k in range(where.start, where.stop)] == list(range(len(lengths)))
    assert all(sum(lengths[where]) >= 512 for where in found[:-1])
    assert all(sum(lengths[where.start : where.stop - 1]) < 512 for where in found)


def broken(change: dict[str, Any], word: int = 2) -> list[Sentence]:
    treebank = deepcopy(TRAIN[:4])
    for name, value in change.items():
        setattr(treebank[2].tokens[word - 1], name, value)
    return treebank


def faults() -> Iterator[tuple[list[Sentence], str]]:
    yield [], "the training set is empty"
    yield [TRAIN[0], Sentence([])], "the training set, sentence 2: it has no words"
    yield broken({"head": None}), "the training set, sentence 3: word 2 has no head"
    yield broken({"head": 99}), "the training set, sentence 3: the head of word 2 is 99, but there are"
    yield broken({"head": -1}), "the training set, sentence 3: the head of word 2 is -1"
    yield broken({"head": 2}), "the training set, sentence 3: word 2 is its own head"
    yield broken({"head": 0}), "the training set, sentence 3: a second root"
    yield broken({"deprel": f"a{LIFTED}b"}), "the training set, sentence 3: the relation 'a↑b' of word 2"


@pytest.mark.parametrize(("treebank", "message"), list(faults()), ids=lambda value: str(value)[:50])
def test_treebanks_that_cannot_be_learned(treebank: list[Sentence], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        train(treebank)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=message.replace("training", "development")):
        train(dev=treebank)


def test_settings_that_cannot_be_used(parser: Parser) -> None:
    for setting in ({"epochs": 0}, {"threads": 0}):
        with pytest.raises(InputError, match="must be a whole number of at least 1"):
            train(**setting)
    with pytest.raises(InputError, match="threads must be a whole number of at least 1"):
        parser.parse(bare(DEV), threads=0)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ({"width": 100}, "width is 100: make it a multiple of 16"),
        ({"hidden": 0}, "hidden is 0"),
        ({"depth": -1}, "depth is -1"),
        ({"activation": "tanh"}, "there is no activation 'tanh'"),
        ({"system": 1}, "there is no transition system 1: choose one of arc-standard, arc-hybrid, arc-"),
        ({"system": "arc-eager"}, "there is no transition system 'arc-eager': choose one of arc-standard"),
        ({"unit_slots": ("s9",)}, "there is no slot 's9'"),
    ],
    ids=str,
)
def test_shapes_that_cannot_be(shape: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ParserShape(**shape)


def test_files_that_are_no_parsers(parser: Parser, tmp_path: Path) -> None:
    path = tmp_path / "model.firth"
    with pytest.raises(InputError, match=r"model\.firth: no such file"):
        Parser.load(path)
    conllu.write(DEV, path)
    with pytest.raises(InputError, match=r"model\.firth: not a safetensors file"):
        Parser.load(path)
    save_arrays(path, {"vectors": np.zeros((2, 2), np.float32)}, {"kind": "word vectors"})
    with pytest.raises(InputError, match=r"model\.firth: is no parser"):
        Parser.load(path)
    arrays, metadata = parser.pack()
    save_arrays(path, arrays, {**metadata, "format": 99})
    with pytest.raises(InputError, match=r"model\.firth: was made by another version of firth \(format 99"):
        Parser.load(path)
    parser.save(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"model\.firth: truncated"):
        Parser.load(path)


@pytest.mark.parametrize("name", ["parser.decider.output", "features/form.text", "tagger.upos.slots"])
def test_a_model_with_something_missing(parser: Parser, tmp_path: Path, name: str) -> None:
    arrays, metadata = parser.pack()
    del arrays[name]
    save_arrays(tmp_path / "model", arrays, metadata)
    with pytest.raises(InputError, match="model: is damaged"):
        Parser.load(tmp_path / "model")
    for key in ("tags", "relations", "shape"):
        save_arrays(tmp_path / "model", parser.pack()[0], {k: v for k, v in metadata.items() if k != key})
        with pytest.raises(InputError, match="model: is damaged"):
            Parser.load(tmp_path / "model")


@pytest.mark.parametrize(
    "damage", [lambda array: array[:-1], lambda array: array[..., None]], ids=["cut", "deep"]
)
def test_a_model_with_an_array_of_another_shape(parser: Parser, tmp_path: Path, damage: Any) -> None:
    """Kernels would read beyond it."""
    arrays, metadata = parser.pack()
    for name, array in arrays.items():
        if name.startswith(("parser.", "tagger.", "features/vectors")) and array.size:
            save_arrays(tmp_path / "model", arrays | {name: np.ascontiguousarray(damage(array))}, metadata)
            with pytest.raises(InputError, match="model: is damaged"):
                Parser.load(tmp_path / "model")


def test_a_model_file_with_wrong_bytes_is_refused_or_works(parser: Parser, tmp_path: Path) -> None:
    """Whatever stands there: no crash, no other error than the one that says so."""
    whole = _saved(parser, tmp_path / "whole").read_bytes()
    random, refused = np.random.default_rng(1), 0
    for _ in range(40):
        broken = bytearray(whole)
        for at in random.integers(0, 3000 if random.random() < 0.5 else len(whole), size=3):
            broken[at] = random.integers(256)
        (tmp_path / "broken").write_bytes(broken)
        try:
            loaded = Parser.load(tmp_path / "broken")
        except InputError:
            refused += 1
            continue
        with np.errstate(all="ignore"):
            (parsed,) = loaded.parse([words("the", "dog", "sees", "it", ".")])
        assert tree_fault([token.head or 0 for token in parsed.tokens]) is None
    assert 0 < refused < 40


def test_treebanks_from_files(tmp_path: Path) -> None:
    conllu.write(TRAIN, tmp_path / "train.conllu")
    conllu.write(DEV, tmp_path / "dev.conllu")
    assert same_arrays(train(tmp_path / "train.conllu", str(tmp_path / "dev.conllu")), train())
    _, metadata = load_arrays(_saved(train(), tmp_path / "model"))
    assert metadata["kind"] == "firth parser"


def _saved(parser: Parser, path: Path) -> Path:
    parser.save(path)
    return path
