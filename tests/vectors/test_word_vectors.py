"""Neighbours, similarities and analogies against their definitions, and every awkward question."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from firth import FirthError
from firth.errors import InputError, UnknownWordError
from firth.vectors.word_vectors import WordVectors

WORDS = ["man", "woman", "king", "queen", "tea", "coffee", "Zürich"]


@pytest.fixture
def royal() -> WordVectors:
    """Return vectors in which royalty and sex are dimensions, and drinks lie elsewhere."""
    matrix = [[1, 0, 0], [-1, 0.1, 0], [1, 1, 0], [-1, 1.1, 0], [0, 0, 1], [0, 0.1, 2], [0.1, -1, -1]]
    return WordVectors(WORDS, np.array(matrix, dtype=np.float32))


@pytest.fixture
def many() -> WordVectors:
    rng = np.random.default_rng(1)
    return WordVectors([f"w{i}" for i in range(5000)], rng.standard_normal((5000, 20), dtype=np.float32))


def brute_force(
    vectors: WordVectors, plus: list[str], minus: list[str], topn: int
) -> tuple[list[str], np.ndarray]:
    matrix = vectors.matrix.astype(np.float64)
    unit = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    row = vectors.words.index
    direction = sum(unit[row(word)] for word in plus) - sum(unit[row(word)] for word in minus)
    cosines = unit @ direction / np.linalg.norm(direction)
    order = [i for i in np.argsort(-cosines) if vectors.words[i] not in plus + minus][:topn]
    return [vectors.words[i] for i in order], cosines[order]


# --- lookups


def test_a_word_gives_its_vector_and_a_list_of_words_a_matrix(royal: WordVectors) -> None:
    assert royal["tea"].tolist() == [0, 0, 1] and royal["tea"].dtype == np.float32
    assert royal[["tea", "man"]].tolist() == [[0, 0, 1], [1, 0, 0]]
    assert royal[np.array(["tea", "man"])].shape == (2, 3)
    assert royal[[]].shape == (0, 3)


def test_it_is_a_collection_of_words(royal: WordVectors) -> None:
    assert list(royal) == royal.words == WORDS
    assert len(royal) == 7 and royal.dim == 3 and royal.index("queen") == 3
    assert "tea" in royal and "milk" not in royal and 4 not in royal
    assert repr(royal) == "<WordVectors: 7 words × 3 dimensions: man, woman, king, …>"


def test_vectors_cannot_be_changed_by_accident(royal: WordVectors) -> None:
    vector = royal["king"]
    with pytest.raises(ValueError, match="read-only"):
        vector -= royal["man"]


def test_numpy_makes_the_matrix_of_them(royal: WordVectors) -> None:
    array = np.asarray(royal)
    assert array.dtype == np.float32 and np.shares_memory(array, royal.matrix)
    np.testing.assert_array_equal(array, royal.matrix)
    doubles = np.asarray(royal, dtype=np.float64)
    assert doubles.dtype == np.float64 and doubles.shape == (7, 3)
    copy = np.array(royal)
    copy[:] = 0
    assert not np.shares_memory(copy, royal.matrix) and royal.matrix.any()
    with pytest.raises(ValueError, match="a copy is needed"):
        royal.__array__(np.float64, copy=False)
    assert WordVectors(royal.words, royal).matrix.shape == (7, 3)
    np.testing.assert_allclose(np.linalg.norm(royal, axis=1), royal.norms, rtol=1e-6)


def test_words_may_be_an_array_of_strings() -> None:
    words = WordVectors(np.array(["a", "b"]), np.eye(2)).words
    assert words == ["a", "b"] and {type(word) for word in words} == {str}


def test_the_matrix_is_taken_without_a_copy() -> None:
    matrix = np.ones((2, 3), dtype=np.float32)
    assert np.shares_memory(WordVectors(["a", "b"], matrix).matrix, matrix)
    assert matrix.flags.writeable
    assert WordVectors(["a"], [[1, 2]]).matrix.dtype == np.float32


@pytest.mark.parametrize("ask", ["__getitem__", "index", "most_similar"])
def test_unknown_words_are_named_with_near_spellings(royal: WordVectors, ask: str) -> None:
    for word, near in {
        "cofee": "'coffee'",
        "quen": "'queen'",
        "zürich": "'Zürich'",
        "ueen": "'queen'",
    }.items():
        with pytest.raises(UnknownWordError) as error:
            getattr(royal, ask)(word)
        assert str(error.value) == f"{word!r} is not among the 7 words; did you mean {near}?"
    with pytest.raises(UnknownWordError) as error:
        getattr(royal, ask)("xyzzy")
    assert str(error.value) == "'xyzzy' is not among the 7 words"


def test_unknown_words_are_key_errors_and_firth_errors(royal: WordVectors) -> None:
    with pytest.raises(KeyError):
        royal["milk"]
    with pytest.raises(FirthError):
        royal[["tea", "milk"]]


def test_row_numbers_are_not_words(royal: WordVectors) -> None:
    with pytest.raises(TypeError, match=r"by word, not by 4; rows by number are in \.matrix"):
        royal.index(4)  # type: ignore[arg-type]


# --- questions


@pytest.mark.parametrize(
    ("plus", "minus", "topn"),
    [(["w7"], [], 10), (["w1", "w2", "w3"], ["w4"], 25), ([], ["w9"], 3), (["w5"], ["w6"], 4998)],
)
def test_neighbours_are_those_of_the_definition(
    many: WordVectors, plus: list[str], minus: list[str], topn: int
) -> None:
    answer = many.most_similar(positive=plus, negative=minus, topn=topn)
    words, cosines = brute_force(many, plus, minus, topn)
    found = np.array([cosine for _, cosine in answer])
    assert np.allclose(found, cosines, atol=1e-6) and (np.diff(found) <= 0).all()
    assert len(answer) == topn and not {word for word, _ in answer} & {*plus, *minus}
    if topn < 100:
        assert [word for word, _ in answer] == words


def test_a_query_is_a_word_a_vector_or_a_list_of_them(many: WordVectors) -> None:
    one = many.most_similar("w7", topn=5)
    assert many.most_similar(["w7"], topn=5) == many.most_similar(positive="w7", topn=5) == one
    assert isinstance(one[0][0], str) and type(one[0][1]) is float
    by_vector = many.most_similar(3 * many["w7"], topn=6)
    assert by_vector[0] == ("w7", pytest.approx(1, abs=1e-6))  # a vector is no word, so nothing is left out
    assert [word for word, _ in by_vector[1:]] == [word for word, _ in one]
    mixed = many.most_similar([many["w1"], "w2"], topn=5)
    both = many.most_similar(["w1", "w2"], topn=6)
    assert [word for word, _ in mixed if word != "w1"] == [word for word, _ in both][:4]
    assert many.most_similar(many[["w1", "w2"]]) == many.most_similar([many["w1"], many["w2"]])


def test_analogies(royal: WordVectors) -> None:
    assert royal.analogy("man", "king", "woman", topn=1)[0][0] == "queen"
    assert royal.analogy("man", "king", "woman") == royal.most_similar(["king", "woman"], ["man"])


def test_similarity_is_the_cosine(royal: WordVectors, many: WordVectors) -> None:
    assert royal.similarity("man", "king") == pytest.approx(np.sqrt(0.5))
    assert royal.similarity("man", np.array([-2.0, 0, 0])) == -1
    assert all(abs(many.similarity(word, word) - 1) < 1e-12 for word in many.words[:50])
    assert max(many.similarity(word, word) for word in many.words) <= 1


def test_topn_beyond_the_vocabulary_gives_all_other_words(royal: WordVectors) -> None:
    assert len(royal.most_similar("tea", topn=100)) == 6
    assert len(royal.most_similar(royal["tea"], topn=100)) == 7
    assert royal.most_similar("tea", topn=0) == []
    assert WordVectors(["only"], [[1, 2]]).most_similar("only") == []


def test_topn_of_none_gives_all_other_words(royal: WordVectors) -> None:
    assert royal.most_similar("tea", topn=None) == royal.most_similar("tea", topn=100)
    assert len(royal.analogy("man", "king", "woman", topn=None)) == 4
    assert royal.most_similar("tea", topn=np.int64(2)) == royal.most_similar("tea", topn=2)


def test_equal_cosines_come_in_the_order_of_the_vocabulary() -> None:
    vectors = WordVectors(list("abcdef"), [[1, 0], [0, 1], [2, 0], [4, 0], [8, 0], [0, 2]])
    assert [word for word, _ in vectors.most_similar("a", topn=2)] == ["c", "d"]
    assert [word for word, _ in vectors.most_similar("b")] == ["f", "a", "c", "d", "e"]


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ({}, "name at least one word"),
        ({"positive": []}, "name at least one word"),
        ({"positive": "tea", "topn": -1}, "topn must be a whole number of at least 0, not -1"),
        ({"positive": np.ones(4)}, "must have 3 numbers"),
        ({"positive": [0.1, 0.2, 0.3]}, "must have 3 numbers"),
        ({"positive": [np.array([1, np.nan, 0])]}, "NaN"),
        ({"positive": [None, "tea"]}, "NaN|must have"),
        ({"positive": [{}]}, "neither a word nor a vector"),
        ({"positive": 5}, "neither a word nor a vector, nor a list of these: 5"),
        ({"positive": "tea", "negative": None}, "neither a word nor a vector, nor a list of these: None"),
        ({"positive": "tea", "topn": 2.0}, "topn must be a whole number of at least 0, not 2.0"),
        ({"positive": "tea", "topn": "3"}, "topn must be a whole number of at least 0, not '3'"),
    ],
)
def test_questions_that_make_no_sense(royal: WordVectors, query: dict, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        royal.most_similar(**query)


# --- awkward vectors


def test_zero_vectors_have_the_cosine_zero_with_everything() -> None:
    vectors = WordVectors(["zero", "a", "b"], [[0, 0], [1, 0], [-1, 1]])
    assert vectors.similarity("zero", "a") == vectors.similarity("zero", "zero") == 0
    assert vectors.most_similar("zero") == [("a", 0), ("b", 0)]
    assert vectors.most_similar("a") == [("zero", 0), ("b", pytest.approx(-np.sqrt(0.5)))]
    assert vectors.most_similar(["a"], ["a"]) == [("zero", 0), ("b", 0)]


@pytest.mark.parametrize("scale", [1e-44, 1e-30, 1e30])
def test_very_short_and_very_long_vectors(scale: float) -> None:
    vectors = WordVectors(["a", "b", "c"], np.array([[1, 0], [3, 4], [0, -2]]) * scale)
    answer = dict(vectors.most_similar("a"))
    assert answer["b"] == pytest.approx(0.6, abs=0.1) and answer["c"] == pytest.approx(0, abs=1e-6)


def test_vectors_that_single_precision_cannot_multiply_are_named() -> None:
    vectors = WordVectors(["a", "b"], np.full((2, 4), [[1], [3e38]], dtype=np.float32))
    with pytest.raises(InputError, match="the vector of 'b' is too long"):
        vectors.most_similar("a")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
def test_vectors_that_are_not_finite_are_named_at_the_first_question(bad: float) -> None:
    vectors = WordVectors(["a", "b"], np.array([[1, 0], [bad, 1]]))
    with pytest.raises(InputError, match="the vector of 'b' is not finite"):
        vectors.most_similar("a")


def test_questions_do_not_copy_the_matrix() -> None:
    vectors = WordVectors(list(map(str, range(30_000))), np.ones((30_000, 100), dtype=np.float32))
    tracemalloc.start()
    try:
        vectors.most_similar("7")
        vectors.analogy("1", "2", "3")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < vectors.matrix.nbytes / 2


# --- making them


@pytest.mark.parametrize(
    ("words", "matrix", "counts", "complaint"),
    [
        (["a", "b"], np.ones((3, 2)), None, "2 words need a matrix of 2 rows, not one of shape (3, 2)"),
        (["a", "b"], np.ones(2), None, "not one of shape (2,)"),
        ([], np.ones((0, 2)), None, "no word vectors"),
        (["a"], np.ones((1, 0)), None, "no word vectors"),
        (["a", "b", "a"], np.ones((3, 2)), None, "the word 'a' is there twice: vectors 1 and 3"),
        (["a", "b"], np.ones((2, 2)), [1], "2 words need as many counts"),
        (["a", "b"], np.ones((2, 2)), [1.5, 1], "counts must be whole numbers"),
        (["a", "b"], np.ones((2, 2)), ["x", "y"], "counts must be whole numbers"),
        ([1, 2, 3], np.ones((3, 2)), None, "words must be strings: word 1 is 1"),
        (["a", None], np.ones((2, 2)), None, "words must be strings: word 2 is None"),
        ([b"a"], np.ones((1, 2)), None, "words must be strings: word 1 is b'a'"),
        (np.arange(3), np.ones((3, 2)), None, "words must be strings: word 1 is 0"),
        ([["a"], ["b"]], np.ones((2, 2)), None, "words must be strings: word 1 is ['a']"),
        ("ab", np.ones((2, 2)), None, "words must be a list of strings, not one string: 'ab'"),
        (None, np.ones((2, 2)), None, "words must be a list of strings, not None"),
        (["a", "b"], [[1, 2], [3]], None, "matrix must be an array of numbers"),
        (["a", "b"], [["x", "y"], ["z", "w"]], None, "matrix must be an array of numbers"),
        (["a", "b"], {}, None, "matrix must be an array of numbers"),
    ],
)
def test_parts_that_do_not_go_together(
    words: list[str], matrix: np.ndarray, counts: list[int] | None, complaint: str
) -> None:
    with pytest.raises(InputError) as error:
        WordVectors(words, matrix, counts=counts)
    assert complaint in str(error.value)


def test_outside_vectors_go_with_the_matrix() -> None:
    vectors = WordVectors(["a", "b"], np.eye(2), outside=[[1, 2], [3, 4]])
    assert vectors.outside is not None and vectors.outside.dtype == np.float32
    assert vectors.outside.tolist() == [[1, 2], [3, 4]]
    assert not vectors.outside.flags.writeable
    with pytest.raises(InputError, match=r"outside vectors have the shape \(1, 2\), the matrix \(2, 2\)"):
        WordVectors(["a", "b"], np.eye(2), outside=[[1, 2]])


def test_counts_history_and_metadata_are_kept() -> None:
    vectors = WordVectors(["a"], [[1, 2]], counts=[5], history=[{"loss": 1.5}], metadata={"dim": 2})
    assert vectors.counts is not None and vectors.counts.dtype == np.int64
    assert vectors.counts.tolist() == [5]
    assert vectors.history == [{"loss": 1.5}] and vectors.metadata == {"dim": 2}
    bare = WordVectors(["a"], [[1, 2]])
    assert bare.outside is None
    assert bare.counts is None and bare.history == [] and bare.metadata == {}
