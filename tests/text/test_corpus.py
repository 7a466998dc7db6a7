from __future__ import annotations

import collections
import errno
import gzip
import io
import lzma
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth.errors import InputError
from firth.progress import Progress
from firth.text import encoded as encoded_module
from firth.text.corpus import Corpus
from firth.text.encoded import EncodedCorpus, encode
from firth.text.splitting import split
from firth.text.vocabulary import Vocabulary

TEXT = "The cat sat.\n\nThe mat, the CAT’s mat!\r\n---\nA cat\n"
SENTENCES = [["the", "cat", "sat"], ["the", "mat", "the", "cat's", "mat"], ["a", "cat"]]


def decoded(encoded: EncodedCorpus) -> list[list[str]]:
    """Return the sentences of an encoded corpus, having checked its figures."""
    ids, words = encoded.ids, encoded.vocabulary.words
    assert ids.dtype == np.int32 and ids[-1] == -1
    assert encoded.n_kept == np.count_nonzero(ids >= 0)
    assert encoded.n_sentences == np.count_nonzero(ids < 0)
    sentences = [piece.tolist() for piece in np.split(ids, np.flatnonzero(ids < 0) + 1)[:-1]]
    return [[words[i] for i in sentence[:-1]] for sentence in sentences]


class Recorder(Progress):
    def __init__(self) -> None:
        self.stages: list[tuple[str, int | None, str]] = []
        self.done: list[int] = []
        self.notes: list[str] = []
        self.ended = 0

    def begin(self, stage: str, total: int | None = None, unit: str = "words") -> None:
        self.stages.append((stage, total, unit))

    def advance(self, done: int, **figures: float) -> None:
        self.done.append(done)

    def end(self, **figures: float) -> None:
        self.ended += 1

    def note(self, message: str) -> None:
        self.notes.append(message)


# ------------------------------------------------------------------------------------- kinds of corpora


def test_sentences_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(TEXT)
    corpus = Corpus(tmp_path / "a.txt")
    assert list(corpus) == SENTENCES
    assert list(corpus) == SENTENCES  # files can be read again
    encoded = encode(corpus, tmp_path / "encoded", min_count=1)
    assert decoded(encoded) == SENTENCES
    assert encoded.vocabulary.words == ["the", "cat", "mat", "a", "cat's", "sat"]
    assert encoded.vocabulary.counts.tolist() == [3, 2, 2, 1, 1, 1]
    assert encoded.n_words == encoded.n_kept == encoded.vocabulary.n_words == 10
    assert encoded.n_sentences == 3


def test_options(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The CAT’s 3-D mat.")
    assert list(Corpus(str(tmp_path / "a.txt"), lowercase=False)) == [["The", "CAT's", "3", "D", "mat"]]
    assert list(Corpus([tmp_path / "a.txt"], pretokenized=True)) == [["the", "cat’s", "3-d", "mat."]]
    assert list(Corpus(tmp_path / "a.txt", pretokenized=True, lowercase=False)) == [
        ["The", "CAT’s", "3-D", "mat."]
    ]


def test_several_files_of_several_kinds(tmp_path: Path) -> None:
    (tmp_path / "1.txt").write_text("One two")
    (tmp_path / "2.txt.gz").write_bytes(gzip.compress(b"\nThree\n"))
    (tmp_path / "3.jsonl.xz").write_bytes(lzma.compress(b'{"text": "Four\\nfive", "id": 1}\n{"text": ""}\n'))
    (tmp_path / "4.txt").write_bytes(b"")
    expected = [["one", "two"], ["three"], ["four"], ["five"]]
    assert list(Corpus(tmp_path)) == expected
    assert decoded(encode(Corpus([tmp_path]), tmp_path / "encoded", min_count=1)) == expected
    assert list(Corpus(f"{tmp_path}/[12].*")) == expected[:2]


def test_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(TEXT.encode())))
    assert decoded(encode(Corpus("-"), tmp_path, min_count=1)) == SENTENCES


def test_token_lists(tmp_path: Path) -> None:
    sentences = [["New York", "a\tb", "", "x\ny"], (), ("É", "a\tb"), iter(["É"]), np.array(["New York"])]
    expected = [["New York", "a\tb", "", "x\ny"], ["É", "a\tb"], ["É"], ["New York"]]
    one_shot = (sentence for sentence in sentences)
    assert decoded(encode(Corpus(one_shot, lowercase=False), tmp_path, min_count=1)) == expected
    vocabulary = EncodedCorpus.open(tmp_path).vocabulary
    assert vocabulary.words == ["New York", "a\tb", "É", "", "x\ny"]
    assert all(type(word) is str for word in vocabulary.words)
    assert list(Corpus([["A", "b"], [], ["b"]])) == [["a", "b"], ["b"]]


def test_token_lists_are_read_once(tmp_path: Path) -> None:
    class Sentences:
        passes = 0

        def __iter__(self) -> Iterator[list[str]]:
            self.passes += 1
            yield ["a", "b"]

    sentences = Sentences()
    corpus = Corpus(sentences)
    encode(corpus, tmp_path, min_count=1)
    assert sentences.passes == 1
    assert list(corpus) == [["a", "b"]]


def test_many_token_lists(tmp_path: Path) -> None:
    sentences = [[f"w{i * j % 5003}" for j in range(i % 50)] for i in range(30_000)]
    encoded = encode(Corpus(sentences), tmp_path, min_count=1)
    assert decoded(encoded) == [sentence for sentence in sentences if sentence]
    counts = collections.Counter(word for sentence in sentences for word in sentence)
    assert dict(zip(encoded.vocabulary.words, encoded.vocabulary.counts.tolist(), strict=True)) == counts


def test_strings(tmp_path: Path) -> None:
    assert list(Corpus(line for line in TEXT.split("\n"))) == SENTENCES
    assert decoded(encode(Corpus(iter([TEXT])), tmp_path, min_count=1)) == SENTENCES


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ([["a"], "b c"], "sentence 2 of the corpus is a string, but the first is a list of tokens"),
        ([["a"], ["b", 3]], "sentence 2 of the corpus is not a list of words: 3 is not a string"),
        ([["a"], 3], "sentence 2 of the corpus is not a list of words: 'int' object is not iterable"),
        ([["a", ["b"]]], "sentence 1 of the corpus is not a list of words: unhashable type: 'list'"),
        ([["\ud800"]], "sentence 1 of the corpus is not a list of words: .*surrogates not allowed"),
        ([["a"], None], "sentence 2 of the corpus is not a list of words: 'NoneType'"),
        (iter(["a", ["b"]]), r"line 2 of the corpus is \['b'\], not a string"),
        (iter([Path("a.txt")]), "a.txt: give files as a list"),
        ([], "the corpus is empty: there is not one word in the sentences given"),
        ([[], []], "the corpus is empty"),
        (iter(["", " - "]), "the corpus is empty"),
    ],
)
def test_what_is_no_corpus(tmp_path: Path, sources: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        encode(Corpus(sources), tmp_path, min_count=1)
    assert list(tmp_path.iterdir()) == []


def test_arguments_without_meaning(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not of None"):
        Corpus(None)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="errors must be 'strict' or 'replace'"):
        Corpus([["a"]], errors="ignore")
    with pytest.raises(InputError, match="no such file"):
        Corpus(tmp_path / "absent")
    with pytest.raises(InputError, match="no such file"):
        Corpus(["the cat sat", "on the mat"])
    with pytest.raises(InputError, match="field 'body'"):
        Corpus([["the", "cat"]], field="body")


# --------------------------------------------------------------------------------------------- encoding


WORDS = st.text("abcΣσA", min_size=1, max_size=2)


@given(
    sentences=st.lists(st.lists(WORDS, max_size=6), min_size=1, max_size=30),
    min_count=st.integers(0, 4),
    max_size=st.none() | st.integers(1, 5),
    lowercase=st.booleans(),
    as_text=st.booleans(),
)
def test_encoding_is_what_a_plain_count_says(
    tmp_path_factory: pytest.TempPathFactory,
    sentences: list[list[str]],
    min_count: int,
    max_size: int | None,
    lowercase: bool,
    as_text: bool,
) -> None:
    folder = tmp_path_factory.mktemp("encoded")
    source = iter([" ".join(sentence) for sentence in sentences]) if as_text else iter(sentences)
    spelled = [split(" ".join(sentence), lowercase=lowercase) for sentence in sentences]
    counts = collections.Counter(word for sentence in spelled for word in sentence)
    order = sorted(counts, key=lambda word: (-counts[word], word))
    expected = [word for word in order if counts[word] >= min_count][:max_size]
    kept = [[word for word in sentence if word in expected] for sentence in spelled]
    corpus = Corpus(source, lowercase=lowercase)
    if not expected:
        with pytest.raises(InputError, match=r"no word occurs|corpus is empty"):
            encode(corpus, folder, min_count=min_count, max_size=max_size)
        return
    encoded = encode(corpus, folder, min_count=min_count, max_size=max_size)
    assert encoded.vocabulary.words == expected
    assert encoded.vocabulary.counts.tolist() == [counts[word] for word in expected]
    assert decoded(encoded) == [sentence for sentence in kept if sentence]
    assert encoded.n_words == encoded.vocabulary.n_words == sum(counts.values())


def test_text_of_many_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firth.text.readers.BLOCK", 101)
    monkeypatch.setattr("firth.text.encoded._CHUNK_NUMBERS", 37)
    lines = [" ".join(f"wörd{i * j % 101}" for j in range(i % 40)) for i in range(300)]
    (tmp_path / "a.txt").write_text("\n".join(lines), encoding="utf-8")
    expected = [line.split() for line in lines if line]
    assert list(Corpus(tmp_path / "a.txt")) == expected
    assert decoded(encode(Corpus(tmp_path / "a.txt"), tmp_path / "encoded", min_count=1)) == expected
    rare = encode(Corpus(tmp_path / "a.txt"), tmp_path / "rare", min_count=60)
    frequent = set(rare.vocabulary.words)
    left = [[word for word in sentence if word in frequent] for sentence in expected]
    assert 0 < len(frequent) < 101
    assert decoded(rare) == [sentence for sentence in left if sentence]


def test_given_vocabulary(tmp_path: Path) -> None:
    vocabulary = Vocabulary.from_counts(["cat", "οδος", "dog"], [9, 5, 2])
    encoded = encode(Corpus(iter([TEXT, "ΟΔΟΣ"])), tmp_path, vocabulary=vocabulary)
    assert decoded(encoded) == [["cat"], ["cat"], ["οδος"]]
    assert encoded.vocabulary.words == vocabulary.words
    assert encoded.vocabulary.counts.tolist() == [9, 5, 2]
    assert (encoded.n_words, encoded.n_kept, encoded.vocabulary.n_words) == (11, 3, 16)
    with pytest.raises(InputError, match="none of the 2 words of the text is in the vocabulary"):
        encode(Corpus(iter(["other words"])), tmp_path / "none", vocabulary=vocabulary)


def test_nothing_is_frequent_enough(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no word occurs 5 times: the most frequent, 'the', occurs 3 times"):
        encode(Corpus(iter([TEXT])), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_opened_again(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(TEXT)
    corpus = Corpus(tmp_path / "a.txt")
    encode(corpus, tmp_path / "x" / "y", min_count=2)
    encoded = EncodedCorpus.open(tmp_path / "x" / "y")
    assert decoded(encoded) == [["the", "cat"], ["the", "mat", "the", "mat"], ["cat"]]
    assert encoded.fingerprint == corpus.fingerprint()
    assert encoded.n_words == 10
    with pytest.raises(ValueError, match="read-only"):
        encoded.ids[0] = 1


# ----------------------------------------------------------------------------------------- what can go wrong


def test_incomplete_folders_are_not_opened(tmp_path: Path) -> None:
    encode(Corpus([["a", "b"]]), tmp_path, min_count=1)
    ids, index = tmp_path / "ids.bin", tmp_path / "corpus.safetensors"
    whole = ids.read_bytes()
    for broken in (whole[:-4], whole + b"1234", b""):
        ids.write_bytes(broken)
        with pytest.raises(InputError, match=r"ids.bin: not the 3 numbers that corpus.safetensors speaks of"):
            EncodedCorpus.open(tmp_path)
    ids.unlink()
    with pytest.raises(InputError, match=r"ids.bin: not the 3 numbers"):
        EncodedCorpus.open(tmp_path)
    index.unlink()
    with pytest.raises(InputError, match=r"corpus.safetensors: no such file"):
        EncodedCorpus.open(tmp_path)


def test_failure_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    def breaks() -> Iterator[list[str]]:
        yield ["c"] * 10
        raise KeyboardInterrupt

    encode(Corpus([["a", "b"]]), tmp_path, min_count=1)
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(KeyboardInterrupt):
        encode(Corpus(breaks()), tmp_path, min_count=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert decoded(EncodedCorpus.open(tmp_path)) == [["a", "b"]]


@pytest.mark.parametrize("step", ["_final_numbers", "_renumber_file", "save_arrays"])
def test_crash_leaves_nothing_that_can_be_opened(tmp_path: Path, step: str) -> None:
    code = (
        "import os, sys\n"
        "from firth.text import corpus, encoded\n"
        f"encoded.{step} = lambda *a: os._exit(9)\n"
        "encoded.encode(corpus.Corpus([['a', 'b']]), sys.argv[1], min_count=1)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)]).returncode == 9
    with pytest.raises(InputError):
        EncodedCorpus.open(tmp_path)
    assert decoded(encode(Corpus([["c"]]), tmp_path, min_count=1)) == [["c"]]


def test_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def write(self, data: Any) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    real = Path.open

    def open_full(path: Path, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        return Full() if mode == "wb" else real(path, mode, *args, **kwargs)

    monkeypatch.setattr(Path, "open", open_full)
    message = r"ids.bin: cannot be written: No space left on device; .*--checkpoint-dir or TMPDIR"
    with pytest.raises(InputError, match=message):
        encode(Corpus([["a"]]), tmp_path, min_count=1)
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file: cannot be made: File exists"):
        encode(Corpus([["a"]]), tmp_path / "file", min_count=1)


def test_an_empty_corpus_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
    for name in "abc":
        Path(name).write_text("... !\n")
    for sources, named in [("a", "a"), (["a", "b", "c"], "a or the 2 other files"), ("-", "standard input")]:
        with pytest.raises(InputError, match=f"there is not one word in {named}$"):
            encode(Corpus(sources), tmp_path / "encoded")


def test_an_output_must_not_become_part_of_the_corpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("texts").mkdir()
    Path("texts", "a.txt").write_text("a")
    Path("link").symlink_to(Path("texts", "a.txt"))
    Corpus(["texts/a.txt", "texts/*.txt", "-"]).check_output("texts/out.vec")
    Corpus("texts").check_output("out.vec")
    Corpus(iter([["a"]])).check_output("texts/a.txt")
    with pytest.raises(
        InputError, match=r"^link: is part of the corpus, and would be written over; choose an"
    ):
        Corpus("texts/a.txt").check_output("link")
    with pytest.raises(InputError, match=r"^link: is part of the corpus"):
        Corpus("texts").check_output("link")
    with pytest.raises(
        InputError, match=r"^texts/new/ids.bin: would be read as text next time, .* texts; cho"
    ):
        Corpus(["link", "texts"]).check_output(Path("texts", "new", "ids.bin"))
    with pytest.raises(InputError, match=r"^texts/out.txt: would be read as text .* texts/\*\.txt; choose"):
        Corpus("texts/*.txt").check_output("texts/out.txt")


def test_invalid_utf8(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"fine\nfine too\nbr\xf6ken\n")
    (tmp_path / "b.txt").write_bytes(b"x\0")
    message = r"a.txt:3: not valid UTF-8 \(byte 0xf6\); convert it to UTF-8, or go on with --errors replace"
    with pytest.raises(InputError, match=message):
        encode(Corpus(tmp_path / "a.txt"), tmp_path / "encoded", min_count=1)
    assert list((tmp_path / "encoded").iterdir()) == []
    with pytest.raises(
        InputError, match=r"b.txt:1: holds a NUL byte: this looks like a binary or UTF-16 file"
    ):
        list(Corpus(tmp_path / "b.txt", errors="replace"))
    recorder = Recorder()
    corpus = Corpus(tmp_path / "a.txt", errors="replace")
    encoded = encode(corpus, tmp_path / "encoded", min_count=1, progress=recorder)
    assert decoded(encoded) == [["fine"], ["fine", "too"], ["br", "ken"]]
    assert recorder.notes == ["1 invalid sequences of bytes were read as U+FFFD"]


# ------------------------------------------------------------------------------- fingerprints, progress


def test_fingerprint(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("one")
    os.utime(path, ns=(1, 1))
    print_ = Corpus(path).fingerprint()
    assert re.fullmatch("[0-9a-f]{64}", print_)
    assert Corpus([str(path)]).fingerprint() == print_
    others = [
        Corpus(path, lowercase=False),
        Corpus(path, pretokenized=True),
        Corpus(path, field="body"),
        Corpus(path, errors="replace"),
        Corpus([path, path]),
        Corpus("-"),
        Corpus([["a"]]),
        Corpus([["a"], ["b"]]),
        Corpus(iter([["a"]])),
    ]
    prints = {print_, *(corpus.fingerprint() for corpus in others)}
    assert len(prints) == len(others) + 1
    os.utime(path, ns=(1, 2))
    assert Corpus(path).fingerprint() not in prints
    os.utime(path, ns=(1, 1))
    path.write_text("three")
    os.utime(path, ns=(1, 1))
    assert Corpus(path).fingerprint() not in prints


def test_progress(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(TEXT)
    (tmp_path / "b.txt").write_text(TEXT)
    total = 2 * len(TEXT.encode())
    recorder = Recorder()
    encode(Corpus(tmp_path), tmp_path / "encoded", min_count=1, progress=recorder)
    assert recorder.stages == [("reading", total, "bytes")]
    assert recorder.done == sorted(recorder.done) and recorder.done[-1] == total
    assert recorder.ended == 1 and recorder.notes == []
    recorder = Recorder()
    encode(Corpus(iter([TEXT])), tmp_path / "encoded", min_count=1, progress=recorder)
    assert recorder.stages == [("reading", None, "words")]
    assert recorder.done[-1] == 10


# -------------------------------------------------------------------------------------------- real data


def test_real_text_is_counted_as_the_plain_rule_counts_it(shared_data: Path, tmp_path: Path) -> None:
    for name in ("enwiki", "kowiki"):
        with lzma.open(shared_data / "corpus" / f"{name}.txt.xz") as file:
            sample = file.read(1_500_000).rpartition(b"\n")[0]
        (tmp_path / name).write_bytes(sample)
        expected = [words for line in sample.decode().split("\n") if (words := split(line))]
        assert list(Corpus(tmp_path / name)) == expected


def test_reading_does_not_load_numba_before_it_is_needed() -> None:
    code = (
        "import sys\n"
        "from firth.text.corpus import Corpus\n"
        "Corpus([['a']]).fingerprint()\n"
        "assert 'numba' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_longest_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = [3, 1, 17, 2, 9, 9]
    encoded = encode(Corpus([["a"] * n for n in lengths]), tmp_path, min_count=1)
    for chunk in (1, 2, 5, 1000):
        monkeypatch.setattr(encoded_module, "_CHUNK_NUMBERS", chunk)
        found = [encoded.longest_sentence(at_most) for at_most in (1, 2, 3, 16, 17, 18, 1000)]
        assert found == [1, 2, 3, 16, 17, 17, 17]
