from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from firth.errors import InputError
from firth.files.arrays_file import load_arrays, save_arrays
from firth.parsing.evaluation import evaluate_raw
from firth.parsing.segmenter import sentences as sentences_module
from firth.parsing.segmenter import tokens as tokens_module
from firth.parsing.segmenter.network import BoundaryNetwork, FrequentHashes
from firth.parsing.segmenter.segmenter import _OLD_SHAPES, Segmenter
from firth.parsing.segmenter.sequences import span_ends
from firth.parsing.segmenter.treebank import raw_text
from firth.progress import Progress
from firth.text import conllu
from firth.text.document import MultiwordToken, Sentence, Token

NOUNS = ["cat", "dog", "house", "tree", "car", "book", "king", "river", "stone", "bird"]
VERBS = ["sees", "likes", "takes", "finds", "keeps", "eats"]


def sentence(*surface: str, paragraph: bool = False, text: str | None = None) -> Sentence:
    """Make a sentence: ``cat+`` has no space after it, ``do|n't`` is a multiword token."""
    tokens: list[Token] = []
    multiword_tokens = []
    for item in surface:
        misc = "SpaceAfter=No" if item.endswith("+") else "_"
        forms = item.removesuffix("+").split("|")
        first = len(tokens) + 1
        if len(forms) > 1:
            multiword_tokens.append(MultiwordToken(first, first + len(forms) - 1, "".join(forms), misc=misc))
            tokens += [Token(first + k, form, head=first + k - 1) for k, form in enumerate(forms)]
        else:
            tokens.append(Token(first, forms[0], misc=misc, head=first - 1))
    comments = ["# newpar id = p1"] * paragraph + [f"# text = {text}"] * (text is not None)
    return Sentence(tokens, comments, multiword_tokens)


def treebank(n: int, seed: int) -> list[Sentence]:
    """Make up sentences such as: Mr. Dog don't see the cat, 3.5 of it."""
    choose = random.Random(seed)
    sentences = []
    for _ in range(n):
        subject = choose.choice([["The", choose.choice(NOUNS)], ["Mr.", choose.choice(NOUNS).title()]])
        verb = choose.choice([["do|n't"], ["ca|n't"], []])
        thing = ["the", choose.choice(NOUNS) + "+"]
        more = choose.choice([[], [",", f"{choose.randrange(10)}.{choose.randrange(10)}", "of", "it+"]])
        end = [choose.choice([".", ".", "?", "!"])]
        words = [*subject, *verb, choose.choice(VERBS), *thing, *more, *end]
        sentences.append(sentence(*words, paragraph=choose.random() < 0.3))
    return sentences


def train(train_: list[Sentence], dev: list[Sentence], **settings: object) -> Segmenter:
    keywords = {"seed": 1, "threads": 2, "progress": Progress(), "epochs": 6} | settings
    return Segmenter.train(train_, dev, **keywords)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    return train(treebank(300, 1), treebank(100, 2))


def forms(sentences: list[Sentence]) -> list[list[str]]:
    return [[token.form for token in sentence.tokens] for sentence in sentences]


# ---------------------------------------------------------------------------------------------- learning


def test_learns_a_treebank(segmenter: Segmenter) -> None:
    gold = treebank(100, 3)
    system = segmenter.segment(raw_text(gold))
    for token in (token for sentence in system for token in sentence.tokens):
        token.head = token.id - 1
    scores = evaluate_raw(gold, system)
    assert scores.words_f1 > 99.5
    assert scores.sentences_f1 > 97
    assert segmenter.metadata()["scores"].keys() == {"tokens F1", "sentences F1"}


def test_sentences_have_all_that_is_known(segmenter: Segmenter) -> None:
    text = "Mr. Dog can't find  the cat.\nThe cat sees the king, 2.7 of it!"
    first, second = segmenter.segment(text)
    assert [t.form for t in first.tokens] == ["Mr.", "Dog", "ca", "n't", "find", "the", "cat", "."]
    assert [t.id for t in first.tokens] == list(range(1, 9))
    assert [(m.first, m.last, m.form, m.start, m.end, m.misc) for m in first.multiword_tokens] == [
        (3, 4, "can't", 8, 13, "_")
    ]
    assert [(t.start, t.end) for t in first.tokens[2:4]] == [(8, 13), (8, 13)]
    assert [t.misc for t in first.tokens] == ["_"] * 6 + ["SpaceAfter=No", "_"]
    assert " ".join(t.form for t in second.tokens) == "The cat sees the king , 2.7 of it !"
    assert {t.misc for t in second.tokens[-2:]} == {"SpaceAfter=No", "_"}
    assert first.comments == second.comments == []
    for token in [*first.tokens[:2], *first.tokens[4:], *second.tokens]:
        assert text[token.start : token.end] == token.form
    assert conllu.format_sentence(first)


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_a_blank_line_ends_a_sentence(segmenter: Segmenter, line_end: str) -> None:
    assert forms(segmenter.segment(f"the cat{line_end}{line_end}sees the dog")) == [
        ["the", "cat"],
        ["sees", "the", "dog"],
    ]
    assert forms(segmenter.segment(f"the cat{line_end} {line_end}sees")) == [["the", "cat"], ["sees"]]
    assert forms(segmenter.segment(f"The cat{line_end}sees the dog.")) == [
        ["The", "cat", "sees", "the", "dog", "."]
    ]


def test_the_text_is_what_the_tokens_say() -> None:
    # Spaces as in the comment, where that holds the tokens; else as the tokens say.
    sentences = [
        sentence("The", "cat+", ".", paragraph=True),
        sentence("Two", "spaces+", ".+", text="Two  spaces."),
        sentence("No", "such+", "text", text="another one", paragraph=True),
        sentence("No", "SpaceAfter", ".", text="No SpaceAfter."),
    ]
    assert raw_text(sentences) == "The cat. Two  spaces.\n\nNo suchtext No SpaceAfter."
    assert raw_text([]) == ""


@pytest.mark.parametrize(
    "word", ["東京", "한국어", "שָׁלוֹם", "مرحبا", "हिन्दी", "👩‍👧", "👍🏽", "e\u0301te\u0301", "٣٤٥"]
)
def test_words_of_other_scripts_stay_whole(segmenter: Segmenter, word: str) -> None:
    assert forms(segmenter.segment(word)) == [[word]]


def test_a_treebank_without_punctuation_trains() -> None:
    words = ["the", "cat", "sees", "the", "dog"]
    alike = [sentence(*words) for _ in range(300)]
    assert forms(train(alike, alike[:20], epochs=3).segment("the cat sees the dog")) == [words]


def test_tokens_with_spaces_are_counted() -> None:
    notes: list[str] = []

    class Noting(Progress):
        def note(self, message: str) -> None:
            notes.append(message)

    sentences = [sentence("10 000", "cats+", "."), *treebank(50, 1)]
    segmenter = train(sentences, treebank(10, 2), epochs=2, progress=Noting())
    assert notes == ["tokens with a space in them: 1; the segmenter cuts them there"]
    assert all(" " not in form for form in forms(segmenter.segment("10 000"))[0])


def test_items_of_lists_are_sentences() -> None:
    """The treebank has no lists; the varied copies of it do."""
    segmenter = train(treebank(300, 1), treebank(100, 2), epochs=24)
    found = forms(segmenter.segment("- the cat\n- the dog\n- the king\n"))
    assert found == [["-", "the", "cat"], ["-", "the", "dog"], ["-", "the", "king"]]


def test_nothing_to_train_on() -> None:
    with pytest.raises(InputError, match="needs sentences"):
        train([], treebank(1, 1))
    with pytest.raises(InputError, match="needs sentences"):
        train(treebank(1, 1), [])


def test_the_seed_decides_not_the_threads() -> None:
    arrays = [train(treebank(60, 1), treebank(9, 2), epochs=2, threads=n).arrays() for n in (1, 2)]
    for name, array in arrays[0].items():
        assert np.array_equal(array, arrays[1][name]), name


def test_training_goes_on_from_checkpoints(tmp_path: Path) -> None:
    data = treebank(60, 1), treebank(9, 2)
    straight = train(*data, epochs=2).arrays()
    train(*data, epochs=2, checkpoint_dir=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "firth-treebank-segmenter-sentences.checkpoint",
        "firth-treebank-segmenter-tokens.checkpoint",
    ]
    (tmp_path / "firth-treebank-segmenter-sentences.checkpoint").unlink()
    resumed = train(*data, epochs=2, checkpoint_dir=tmp_path, resume=True).arrays()
    assert all(np.array_equal(array, resumed[name]) for name, array in straight.items())
    with pytest.raises(InputError, match="resumed"):
        train(data[0][1:], data[1], epochs=2, checkpoint_dir=tmp_path, resume=True)


# ---------------------------------------------------------------------------------------------- any text

ANYTHING = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"]),
        st.sampled_from("aZ9 .,'-\n\r\t\x00\xa0\u2028\u200b漢字テ한국שלוםمرحبا👩‍👧🇭🇺e\u0301"),
    ),
    max_size=80,
)


@given(ANYTHING)
@example("")
@example(" \n\n\r\n \t\xa0")
@example("\x00")
@example("a\r\n\r\nb\r\n")
@example("\ud800 half a pair")
@settings(max_examples=300)
def test_no_character_is_lost(segmenter: Segmenter, text: str) -> None:
    end = 0
    for sentence in segmenter.segment(text):
        assert [token.id for token in sentence.tokens] == list(range(1, len(sentence.tokens) + 1))
        assert sentence.tokens
        for k, (surface, words) in enumerate(sentence.surface_tokens()):
            assert surface.start is not None and surface.end is not None
            between = text[end : surface.start]
            assert between == "" or between.isspace()
            if k > 0:
                lines = between.replace("\r\n", "\n").replace("\r", "\n")
                assert lines.count("\n") < 2
            assert surface.form == text[surface.start : surface.end]
            assert surface.form and not any(character.isspace() for character in surface.form)
            assert all((word.start, word.end) == (surface.start, surface.end) for word in words)
            end = surface.end
            followed = end < len(text) and not text[end].isspace()
            assert surface.misc == ("SpaceAfter=No" if followed else "_")
    assert text[end:] == "" or text[end:].isspace()


def test_the_windows_do_not_matter(segmenter: Segmenter, monkeypatch: pytest.MonkeyPatch) -> None:
    gold = treebank(30, 4)
    text = raw_text(gold) + "\r\n\r\n" + "cat.dog,the " * 20 + " " * 200 + "x.y" * 100 + "\n\nThe end."
    monkeypatch.setattr(tokens_module, "_PIECE_CHARACTERS", 50)
    expected = segmenter.segment(text)
    for window, part in ((16, 3), (500, 30)):
        monkeypatch.setattr(sentences_module, "_WINDOW_CHARACTERS", window)
        monkeypatch.setattr(tokens_module, "_RUN_CHARACTERS", window)
        monkeypatch.setattr(sentences_module, "_PART_TOKENS", part)
        assert segmenter.segment(text) == expected


def test_endless_sentences_are_cut(segmenter: Segmenter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentences_module, "_LONGEST_SENTENCE", 50)
    text = "the cat " * 500
    expected = segmenter.segment(text)
    assert max(map(len, expected)) <= 50
    assert sum(map(len, expected)) == 1000
    text_of_one_word = segmenter.segment("cat " * 1000)
    assert max(map(len, text_of_one_word)) <= 50
    monkeypatch.setattr(sentences_module, "_PART_TOKENS", 20)
    assert segmenter.segment(text) == expected


def test_a_forced_end_does_not_cut_at_every_word() -> None:
    margins = np.full(1000, -1.0, np.float32)
    ends = span_ends(margins, 0, 50)
    assert all(25 < b - a <= 50 for a, b in pairwise([0, *ends]))
    margins[[40, 60]] = -0.5
    assert span_ends(margins, 0, 50)[0] == 41


@given(st.lists(ANYTHING, max_size=8), st.integers(0, 3))
@example(["a\r", "\n\r", "\nb"], 0)
@example(["The cat. The", " dog", "", ". "], 1)
@example([" \n", "\n "], 0)
@settings(max_examples=300)
def test_a_text_may_be_cut_anywhere(segmenter: Segmenter, blocks: list[str], size: int) -> None:
    """Windows have a few characters: one holds several blocks, or one block holds several windows."""
    text = "".join(blocks)
    with pytest.MonkeyPatch.context() as patch:
        expected = segmenter.segment(text)
        assert list(segmenter.stream(blocks)) == expected
        patch.setattr(sentences_module, "_WINDOW_CHARACTERS", (1, 5, 20, 1000)[size])
        patch.setattr(sentences_module, "_PART_TOKENS", 3)
        assert list(segmenter.stream(blocks)) == expected
        assert list(segmenter.stream(text)) == expected  # a string is an iterable of characters


@pytest.mark.parametrize("block", [1, 7, 333, 20_000])
def test_a_long_text_may_be_cut_anywhere(segmenter: Segmenter, block: int) -> None:
    text = raw_text(treebank(3000, 6)) + "\n\n" + "x.y," * 9000 + " " * 40_000 + "The end"
    blocks = (text[i : i + block] for i in range(0, len(text), block))
    assert list(segmenter.stream(blocks)) == segmenter.segment(text)


def test_sentences_come_while_the_text_is_read(segmenter: Segmenter) -> None:
    n_read = 0

    def blocks() -> Iterator[str]:
        nonlocal n_read
        while True:
            n_read += 1
            yield "The cat sees the dog. " * 100

    stream = segmenter.stream(blocks())
    for k in range(20_000):
        found = next(stream)
        assert (found[0].start, found[-1].end) == (22 * k, 22 * k + 21)
    assert n_read < 220


def test_memory_holds_no_more_than_it_must(segmenter: Segmenter) -> None:
    finder = segmenter.finder()
    longest = 0
    for _ in range(300):
        for places in finder.feed("The cat sees the dog.\n" * 50):
            longest = max(longest, len(places.text))
    assert 300 * 50 * 22 > 300_000
    assert longest < 40_000


def test_threads_share_a_segmenter(segmenter: Segmenter) -> None:
    texts = [f"{raw_text(treebank(200, seed))} {chr(0x1000 + 256 * seed)}can't" for seed in range(20)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(segmenter.segment, texts))
    assert found == [segmenter.segment(text) for text in texts]


def test_one_endless_chunk(segmenter: Segmenter) -> None:
    (sentence,) = segmenter.segment("a" * 200_000)
    assert [len(token.form) for token in sentence.tokens] == [200_000]
    tokens = [token for sentence in segmenter.segment("x.y" * 20_000) for token in sentence.tokens]
    assert "".join(token.form for token in tokens) == "x.y" * 20_000


# ---------------------------------------------------------------------------------------------- model files


def test_a_model_file_gives_the_same_segmenter(segmenter: Segmenter, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_arrays(path, segmenter.arrays(), segmenter.metadata())
    loaded = Segmenter.from_arrays(*load_arrays(path))
    text = raw_text(treebank(50, 5))
    assert loaded.segment(text) == segmenter.segment(text)
    assert loaded.metadata() == segmenter.metadata()


def test_a_damaged_model_is_refused(segmenter: Segmenter) -> None:
    arrays, metadata = segmenter.arrays(), segmenter.metadata()
    for name, array in arrays.items():
        with pytest.raises(InputError, match=r"^the segmenter: is damaged: its array .* is missing"):
            Segmenter.from_arrays({key: a for key, a in arrays.items() if key != name}, metadata)
        if array.size:
            with pytest.raises(InputError, match=r"its array .* is "):
                Segmenter.from_arrays(arrays | {name: array[1:]}, metadata)
    wrong = arrays | {"tokens/hashes.0": -arrays["tokens/hashes.0"]}
    with pytest.raises(InputError, match="hashes"):
        Segmenter.from_arrays(wrong, metadata)
    with pytest.raises(InputError, match="its field 'rules' is missing"):
        Segmenter.from_arrays(arrays, {})
    with pytest.raises(InputError, match="one of its rules for multiword tokens has no words"):
        Segmenter.from_arrays(arrays, metadata | {"rules": {"n't": []}})


def test_segmenters_of_older_versions_are_read(segmenter: Segmenter) -> None:
    """Segmenters of firth 0.1 have smaller networks, and no statistics of words."""
    arrays = {"never": segmenter.arrays()["never"]}
    for part, shape in zip(("characters", "tokens"), _OLD_SHAPES, strict=True):
        vocabulary = FrequentHashes([np.arange(3, dtype=np.int32) + 9 * k for k in range(len(shape.tables))])
        network = BoundaryNetwork(shape, vocabulary, {})
        network.initialise(np.random.default_rng(1))
        arrays |= {f"{part}/{name}": array for name, array in network.arrays().items()}
    metadata = {name: segmenter.metadata()[name] for name in ("rules", "exceptions", "scores")}
    old = Segmenter.from_arrays(arrays, metadata)
    found = [form for sentence in forms(old.segment("The cat don't\nsee Mr. Dog.")) for form in sentence]
    assert "".join(found) == "Thecatdon'tseeMr.Dog."
    with pytest.raises(InputError, match="unknown version 3"):
        Segmenter.from_arrays(segmenter.arrays(), segmenter.metadata() | {"version": 3})


# ---------------------------------------------------------------------------------------------- parts


def test_kernels_run_as_plain_python(segmenter: Segmenter, tmp_path: Path) -> None:
    """With NUMBA_DISABLE_JIT=1 the same code runs uncompiled."""
    path = tmp_path / "model.safetensors"
    save_arrays(path, segmenter.arrays(), segmenter.metadata())
    text = "Mr. Dog can't find  the 漢字.\r\n\r\nThe cat sees the king, 2.7 of it! e\u0301\U0001f467"
    program = """
import sys
from firth.parsing.segmenter.network import BoundaryNetwork, FrequentHashes
from firth.parsing.segmenter.segmenter import _OLD_SHAPES, Segmenter
from firth.files.arrays_file import load_arrays
segmenter = Segmenter.from_arrays(*load_arrays(sys.argv[1]))
print(ascii([[t.form for t in s.tokens] for s in segmenter.segment(ascii_text)]))
""".replace("ascii_text", ascii(text))
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONWARNINGS": "error::RuntimeWarning"}
    output = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert output.strip() == ascii(forms(segmenter.segment(text)))


def test_a_real_treebank(shared_data: Path) -> None:
    train_, dev = (
        conllu.load(shared_data / "ud" / "hu_szeged" / f"{part}.conllu") for part in ("train", "dev")
    )
    segmenter = train(train_, dev, epochs=4)
    system = segmenter.segment(raw_text(dev))
    for token in (token for sentence in system for token in sentence.tokens):
        token.head = token.id - 1
    scores = evaluate_raw(dev, system)
    assert scores.words_f1 > 99
    assert scores.sentences_f1 > 96
    assert all(a.end <= b.start for s in system for a, b in pairwise(s.tokens))  # type: ignore[operator]
