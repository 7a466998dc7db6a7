"""Every format comes back bit for bit, agrees with gensim's, and bad files say what is wrong with them."""

from __future__ import annotations

import gzip
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from firth.errors import InputError
from firth.files.arrays_file import pack_strings, save_arrays
from firth.vectors.word_vectors import WordVectors, load_vectors

OWN = [".safetensors", ".safetensors.gz"]
FOREIGN = [
    ".vec",
    ".txt",
    ".glove",
    ".glove.txt",
    ".bin",
    ".vec.gz",
    ".txt.xz",
    ".glove.gz",
    ".bin.gz",
    ".bin.xz",
]

steady = settings(derandomize=True, deadline=None)

some_words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8).filter(
    lambda word: not any(letter.isspace() for letter in word)
)


@st.composite
def some_vectors(draw: st.DrawFn) -> WordVectors:
    words = draw(st.lists(some_words, min_size=1, max_size=5, unique=True))
    finite = st.floats(width=32, allow_nan=False, allow_infinity=False)
    shape = (len(words), draw(st.integers(2, 5)))
    return WordVectors(words, draw(hnp.arrays(np.float32, shape, elements=finite)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("formats")


@pytest.fixture(scope="module")
def vectors() -> WordVectors:
    rng = np.random.default_rng(1)
    words = [f"wört{i}" for i in range(2500)]
    return WordVectors(words, rng.standard_normal((2500, 7)) * 10.0 ** rng.integers(-30, 30, (2500, 1)))


def assert_same(loaded: WordVectors, saved: WordVectors) -> None:
    assert loaded.words == saved.words
    assert loaded.matrix.dtype == np.float32 and loaded.matrix.shape == saved.matrix.shape
    assert loaded.matrix.tobytes() == saved.matrix.tobytes()


# --- round trips


@pytest.mark.parametrize("suffix", OWN + FOREIGN)
@settings(steady, max_examples=25)
@given(vectors=some_vectors())
@example(
    vectors=WordVectors(["5", "7"], np.array([[-0.0, 1e-45], [3.4028235e38, 1.1754942e-38]], np.float32))
)
@example(vectors=WordVectors(["\ufeffa", "a\u00a0b", "a\u2028b", "0.5", "<s>"], np.zeros((5, 2))))
@example(vectors=WordVectors(["%s", "#"], [[1 / 3, 1e7 / 3], [16777216, 0.1]]))
def test_every_format_comes_back_bit_for_bit(folder: Path, suffix: str, vectors: WordVectors) -> None:
    path = folder / f"round{suffix}"
    vectors.save(path)
    for mmap in (True, False):
        assert_same(load_vectors(path, mmap=mmap), vectors)


@pytest.mark.parametrize("suffix", OWN + FOREIGN)
def test_more_words_than_are_written_at_a_time(tmp_path: Path, vectors: WordVectors, suffix: str) -> None:
    vectors.save(tmp_path / f"x{suffix.upper()}")
    assert_same(load_vectors(str(tmp_path / f"x{suffix.upper()}")), vectors)


@pytest.mark.parametrize("suffix", [".vec", ".bin", ".txt", ".safetensors"])
def test_one_dimension(tmp_path: Path, suffix: str) -> None:
    one = WordVectors(["5", "a"], [[3], [4]])
    one.save(tmp_path / f"x{suffix}")
    assert_same(load_vectors(tmp_path / f"x{suffix}"), one)
    with pytest.raises(InputError, match="one dimension cannot be told from a header"):
        one.save(tmp_path / "x.glove")


@pytest.mark.parametrize("suffix", OWN)
def test_our_own_format_keeps_everything(tmp_path: Path, suffix: str) -> None:
    history = [{"epoch": 1, "loss": 2.25}, {"epoch": 2, "loss": 1.5}]
    words = ["with space", "line\nend", "", "\tß", "𝔘"]
    outside = np.arange(25.0).reshape(5, 5)
    saved = WordVectors(
        words,
        np.eye(5),
        counts=range(5),
        outside=outside,
        history=history,
        metadata={"dim": 5, "a": [None]},
    )
    saved.save(tmp_path / f"x{suffix}")
    loaded = load_vectors(tmp_path / f"x{suffix}")
    assert_same(loaded, saved)
    assert loaded.counts is not None and loaded.counts.tolist() == [0, 1, 2, 3, 4]
    assert loaded.outside is not None
    np.testing.assert_array_equal(loaded.outside, outside)
    assert loaded.history == history and loaded.metadata == {"dim": 5, "a": [None]}


@pytest.mark.parametrize("suffix", FOREIGN)
def test_other_formats_leave_the_outside_vectors_out(tmp_path: Path, suffix: str) -> None:
    WordVectors(["a", "b"], np.eye(2), outside=np.ones((2, 2))).save(tmp_path / f"x{suffix}")
    assert load_vectors(tmp_path / f"x{suffix}").outside is None


def test_mapping_reads_only_what_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    WordVectors(list(map(str, range(1000))), np.ones((1000, 1000))).save(path)
    tracemalloc.start()
    try:
        mapped = load_vectors(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < mapped.matrix.nbytes / 4
    mapped.save(path)  # a mapped file may be replaced by its own contents
    assert_same(load_vectors(path, mmap=False), mapped)


# --- other programs


def test_gensim_reads_what_we_write(tmp_path: Path, vectors: WordVectors) -> None:
    keyed_vectors = pytest.importorskip("gensim.models").KeyedVectors
    for suffix, options in {
        ".vec": {},
        ".vec.gz": {},
        ".bin": {"binary": True},
        ".bin.xz": {"binary": True},
        ".glove": {"no_header": True},
    }.items():
        vectors.save(tmp_path / f"x{suffix}")
        loaded = keyed_vectors.load_word2vec_format(str(tmp_path / f"x{suffix}"), **options)
        assert loaded.index_to_key == vectors.words
        assert loaded.vectors.tobytes() == vectors.matrix.tobytes()


def test_we_read_what_gensim_writes(tmp_path: Path, vectors: WordVectors) -> None:
    theirs = pytest.importorskip("gensim.models").KeyedVectors(vectors.dim)
    theirs.add_vectors(vectors.words, vectors.matrix)
    for suffix, options in {
        ".vec": {},
        ".txt.gz": {},
        ".bin": {"binary": True},
        ".bin.xz": {"binary": True},
        ".glove.txt": {"write_header": False},
        ".txt": {"write_header": False},
    }.items():
        theirs.save_word2vec_format(str(tmp_path / f"x{suffix}"), **options)
        assert_same(load_vectors(tmp_path / f"x{suffix}"), vectors)


@pytest.mark.parametrize(
    "text",
    [
        "2 3\nthe 1 2.5 -3e-1\nof 4 5 6\n",
        "2 3\nthe 1 2.5 -3e-1 \nof 4 5 6 \n",  # word2vec.c and fastText end each line with a space
        "2 3\r\nthe 1 2.5 -0.3\r\nof 4 5 6\r\n",
        "the 1 2.5 -0.3\nof 4 5 6",  # GloVe
        "the +1 2.50 -.3\n\nof 4.0 5 6\n\n",
    ],
)
def test_text_as_other_programs_write_it(tmp_path: Path, text: str) -> None:
    for name in ("x.vec", "x.txt", "x.glove"):
        (tmp_path / name).write_bytes(text.encode())
        loaded = load_vectors(tmp_path / name)
        assert loaded.words == ["the", "of"]
        assert np.array_equal(loaded.matrix, np.array([[1, 2.5, -0.3], [4, 5, 6]], dtype=np.float32))


def test_words_with_spaces_in_glove_files(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("the 1 2 3\n. . . 4 5 6\nat name@domain.com 7 8 9\n")
    loaded = load_vectors(tmp_path / "x.txt")
    assert loaded.words == ["the", ". . .", "at name@domain.com"]
    assert loaded.matrix.tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]


@pytest.mark.parametrize("between", [b"", b"\n"])  # gensim; word2vec.c
def test_binary_with_and_without_line_ends(tmp_path: Path, between: bytes) -> None:
    rows = [b"the " + struct.pack("<2f", 1, 2), b"of " + struct.pack("<2f", 3, 4)]
    (tmp_path / "x.bin").write_bytes(b"2 2\n" + between.join(rows) + between)
    loaded = load_vectors(tmp_path / "x.bin")
    assert loaded.words == ["the", "of"] and loaded.matrix.tolist() == [[1, 2], [3, 4]]


def test_text_names_without_a_header_are_those_of_glove(tmp_path: Path) -> None:
    vectors = WordVectors(["a"], [[1, 2]])
    for name, content in {
        "x.vec": "1 2\na 1 2\n",
        "glove.6B.2d.txt": "1 2\na 1 2\n",
        "x.glove": "a 1 2\n",
        "x.glove.txt": "a 1 2\n",
    }.items():
        vectors.save(tmp_path / name)
        assert (tmp_path / name).read_text() == content


# --- what cannot be written


@pytest.mark.parametrize("suffix", FOREIGN)
@pytest.mark.parametrize("word", ["two words", "line\nend", "tab\t", "", "\r", "bad\ud800"])
def test_words_that_a_format_cannot_hold(tmp_path: Path, suffix: str, word: str) -> None:
    with pytest.raises(InputError) as error:
        WordVectors(["fine", word], np.ones((2, 2))).save(tmp_path / f"x{suffix}")
    assert repr(word) in str(error.value) and "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [*OWN, *FOREIGN])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_not_written(tmp_path: Path, suffix: str, bad: float) -> None:
    with pytest.raises(InputError, match="the vector of 'b' is not finite"):
        WordVectors(["a", "b"], [[1, 2], [3, bad]]).save(tmp_path / f"x{suffix}")
    assert list(tmp_path.iterdir()) == []


def test_outside_vectors_that_are_not_finite_are_neither_written_nor_read(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    with pytest.raises(InputError, match=r"x\.safetensors: an outside vector is not finite"):
        WordVectors(["a"], [[1, 2]], outside=[[1, np.nan]]).save(path)
    assert list(tmp_path.iterdir()) == []
    save_arrays(path, GOOD | {"outside": np.full((2, 2), np.inf, np.float32)}, ABOUT)
    with pytest.raises(InputError, match=r"x\.safetensors: an outside vector is not finite"):
        load_vectors(path, mmap=False)


@pytest.mark.parametrize("name", ["x", "x.npy", "x.model", "x.gz", "safetensors"])
def test_formats_that_are_not_known(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("1 2\na 1 2\n")
    with pytest.raises(InputError, match=r"not a known format.*\.safetensors, \.vec"):
        load_vectors(tmp_path / name)
    with pytest.raises(InputError, match="not a known format"):
        WordVectors(["a"], [[1, 2]]).save(tmp_path / name)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no folder"):
        WordVectors(["a"], [[1, 2]]).save(tmp_path / "missing" / "x.vec")


# --- what cannot be read


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty"),
        (b"\n", "x.txt:1: neither a header"),
        (b"hello\n", "x.txt:1: neither a header"),
        (b"hello world and all\n", "x.txt:1: neither a header"),
        (b"\x00\x01\x02" * 100, "x.txt:1: neither a header"),
        (b"0 3\n", "holds no vectors"),
        (b"2 0\na\nb\n", "holds no vectors"),
        (b"2 2\n", "truncated: its header promises 2 vectors, it holds 0"),
        (b"3 2\na 1 2\nb 3 4\n", "truncated: its header promises 3 vectors, it holds 2"),
        (b"1 2\na 1 2\nb 3 4\n", "x.txt:3: more vectors than the 1 that the header promises"),
        (b"2 2\na 1 2\nb 3\n", "x.txt:3: expected a word and 2 numbers"),
        (b"2 2\na 1 2\nb 3 4 5\n", "x.txt:3: expected a word and 2 numbers"),
        (b"2 2\na 1 2\n3 4\n", "x.txt:3: expected a word and 2 numbers"),
        (b"2 2\na 1 2\n 3 4\n", "x.txt:3: expected a word and 2 numbers"),
        (b"a 1 2\nb 3\n", "x.txt:2: expected a word and 2 numbers"),
        (b"a 1 2\nb 3 4-5\n", "x.txt:2: '4-5' is not a number"),
        (b"a 1 2\nb 3 \xff\n", "x.txt:2: '\ufffd' is not a number"),
        (b"a 1 2\nb 3 nan\n", "x.txt:2: a number is not finite"),
        (b"a 1 2\nb 3 -inf\n", "x.txt:2: a number is not finite"),
        (b"a 1 2\nb 3 1e39\n", "x.txt:2: a number is not finite, or too large for float32"),
        (b"a 1 2\nb 3 1e400\n", "x.txt:2: a number is not finite"),
        (b"a 1 2\n\xe9 3 4\n", "x.txt:2: the word is not UTF-8"),
        (b"a " + b"1" * (1 << 24), "x.txt:1: neither a header"),
    ],
)
def test_broken_text(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        load_vectors(path)
    assert complaint in str(error.value) and str(path) in str(error.value) and "\n" not in str(error.value)


A, B = b"a " + struct.pack("<2f", 1, 2), b"b " + struct.pack("<2f", 3, 4)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "does not start with 'count dimensions'"),
        (b"the quick fox\n", "does not start with 'count dimensions'"),
        (b"\xba\x16\x4f\x2f\x0c\x00\x00\x00" + bytes(50), "a fastText model"),
        (b"0 2\n", "holds no vectors"),
        (b"2 0\n", "holds no vectors"),
        (b"2 2\n" + A, "truncated: its header promises 2 vectors, it holds 1"),
        (b"2 2\n" + A + B[:-1], "truncated: its header promises 2 vectors, it holds 1"),
        (b"2 2\n" + A + b"b", "truncated: its header promises 2 vectors, it holds 1"),
        (b"1 2\n" + A + B, "more vectors than the 1 that the header promises"),
        (b"1 2\n" + A + b"\n\n", "more vectors than the 1 that the header promises"),
        (b"2 2\n" + A + B[1:], "vector 2 has no word"),
        (b"2 2\n" + A + b"\xe9" + B, "the word of vector 2 is not UTF-8"),
        (b"2 2\n" + A + b"b " + struct.pack("<2f", 3, np.nan), "the vector of 'b' is not finite"),
        (b"2 2\n" + b"x" * 2_000_000, "vector 1 has no word"),
        (b"999999999 9999999\n" + A, "truncated: its header promises 999999999 vectors, it holds 0"),
    ],
)
def test_broken_binary(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "x.bin"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        load_vectors(path)
    assert complaint in str(error.value) and str(path) in str(error.value) and "\n" not in str(error.value)


WORDS, OFFSETS = pack_strings(["a", "b"])
GOOD = {"matrix": np.ones((2, 2), np.float32), "words": WORDS, "word_offsets": OFFSETS}
ABOUT = {"kind": "word vectors", "version": 1, "history": [], "metadata": {}}


@pytest.mark.parametrize(
    ("arrays", "about", "complaint"),
    [
        ({}, {"kind": "parser"}, "is no file of word vectors; make one with firth vectors train"),
        ({}, {"version": 2}, "was made by another version of firth (format 2, not 1)"),
        ({}, {"history": {}}, "is damaged: its field 'history' is {}, not a list; copy it again"),
        ({}, {"history": [1]}, "its field 'history[]' is 1, not an object"),
        ({}, {"metadata": []}, "its field 'metadata' is [], not an object"),
        ({"matrix": np.ones((2, 2))}, {}, "its array 'matrix' is float64 [2, 2], not float32 [any, any]"),
        ({"matrix": np.ones(4, np.float32)}, {}, "its array 'matrix' is float32 [4], not float32 [any, any]"),
        ({"matrix": np.ones((3, 2), np.float32)}, {}, "2 words need a matrix of 2 rows"),
        ({"words": np.ones(2, np.int8)}, {}, "its array 'words' is int8 [2], not uint8 [any]"),
        ({"words": np.full(2, 97, np.uint8)}, {}, "the word 'a' is there twice"),
        ({"words": np.full(2, 255, np.uint8)}, {}, "not UTF-8"),
        ({"word_offsets": OFFSETS[:-1]}, {}, "broken list of strings"),
        ({"counts": np.ones(2)}, {}, "its array 'counts' is float64 [2], not int64 [any]"),
        ({"counts": np.ones(3, np.int64)}, {}, "2 words need as many counts"),
        ({"outside": np.ones((2, 2))}, {}, "its array 'outside' is float64 [2, 2], not float32 [any, any]"),
        ({"outside": np.ones((1, 2), np.float32)}, {}, "outside vectors have the shape (1, 2)"),
    ],
)
def test_broken_files_of_our_own(tmp_path: Path, arrays: dict, about: dict, complaint: str) -> None:
    path = tmp_path / "x.safetensors"
    save_arrays(path, GOOD | arrays, ABOUT | about)
    with pytest.raises(InputError) as error:
        load_vectors(path)
    assert complaint in str(error.value) and str(path) in str(error.value) and "\n" not in str(error.value)


def test_what_is_not_finite_is_found_at_once_or_at_the_first_question(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    save_arrays(path, GOOD | {"matrix": np.full((2, 2), np.nan, np.float32)}, ABOUT)
    with pytest.raises(InputError, match=r"x\.safetensors: the vector of 'a' is not finite"):
        load_vectors(path, mmap=False)
    with pytest.raises(InputError, match="the vector of 'b' is not finite"):
        load_vectors(path).most_similar("b")


@pytest.mark.parametrize("name", ["x.vec", "x.vec.gz", "x.bin", "x.bin.gz"])
def test_a_huge_promise_allocates_nothing(tmp_path: Path, name: str) -> None:
    content = b"999999999 1000000\n" + b"a 1 2\n" * 10
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    tracemalloc.start()
    try:
        with pytest.raises(InputError):
            load_vectors(tmp_path / name)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20e6


def test_files_that_are_not_there(tmp_path: Path) -> None:
    for name in ("x.vec", "x.bin", "x.safetensors", "x.vec.gz"):
        with pytest.raises(InputError, match="no such file"):
            load_vectors(tmp_path / name)


@pytest.mark.parametrize("suffix", [".safetensors", ".vec", ".glove", ".bin", ".vec.gz", ".bin.xz"])
@settings(steady, max_examples=100)
@given(data=st.data())
def test_damaged_files_raise_nothing_but_input_errors(folder: Path, suffix: str, data: st.DataObject) -> None:
    intact, damaged = folder / f"intact{suffix}", folder / f"damaged{suffix}"
    if not intact.exists():
        WordVectors(["the", "öf", "x"], [[0.5, -2, 3], [1, 2, 3], [0, 0, 1e-3]], counts=[3, 2, 1]).save(
            intact
        )
    content = bytearray(intact.read_bytes())
    for _ in range(data.draw(st.integers(0, 3))):
        place = data.draw(st.integers(0, len(content)))
        content[place : place + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content)))]
    damaged.write_bytes(data.draw(st.binary(max_size=60)) if data.draw(st.integers(0, 9)) == 0 else content)
    try:
        loaded = load_vectors(damaged, mmap=data.draw(st.booleans()))
    except InputError as error:
        assert "\n" not in str(error) and str(damaged) in str(error)
    else:
        assert len(loaded) == len(set(loaded.words)) == len(loaded.matrix) > 0


def test_python_spellings_of_numbers_are_none(tmp_path: Path) -> None:
    (tmp_path / "a.vec").write_text("1 2\ntea 1_0 2\n")
    with pytest.raises(InputError, match=r"a\.vec:2"):
        load_vectors(tmp_path / "a.vec")
    (tmp_path / "b.txt").write_text("tea 1_0 2\n")
    with pytest.raises(InputError, match=r"b\.txt:1"):
        load_vectors(tmp_path / "b.txt")
