"""Scores agree with gensim's and SciPy's, and with solving every question by hand."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firth.errors import InputError
from firth.vectors import evaluation
from firth.vectors.evaluation import AnalogyScore, evaluate_analogies, evaluate_similarity
from firth.vectors.word_vectors import WordVectors


@pytest.fixture(scope="module")
def structured() -> WordVectors:
    """Return random vectors w0 … w399 in which w(i + 100) lies beyond w(i) by a common offset, roughly."""
    rng = np.random.default_rng(3)
    base, offset = rng.standard_normal((100, 24)), 2 * rng.standard_normal((4, 1, 24))
    matrix = (base + offset + 0.7 * rng.standard_normal((4, 100, 24))).reshape(400, 24)
    return WordVectors([f"w{i}" for i in range(400)], matrix)


@pytest.fixture(scope="module")
def analogies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(4)
    lines = []
    for section, shift in (("capital-world", 100), ("gram1-plural", 200), ("gram2-past", 300)):
        lines.append(f": {section}")
        for a, c in rng.integers(
            0, 110, (60, 2)
        ):  # some lie outside the vocabulary, some ask for a given word
            lines.append(f"W{a} W{a + shift} w{c} w{c + shift}")
    path = tmp_path_factory.mktemp("evaluation") / "questions.txt"
    path.write_text("\n".join(lines))
    return path


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def gensim_vectors(vectors: WordVectors) -> object:
    keyed = pytest.importorskip("gensim.models").KeyedVectors(vectors.dim)
    logging.getLogger("gensim").setLevel(logging.ERROR)
    keyed.add_vectors(vectors.words, vectors.matrix)
    return keyed


# --- similarity


def test_similarity_agrees_with_gensim(structured: WordVectors, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    lines = [f"W{a}\tw{b}\t{score}" for a, b, score in rng.integers(0, 450, (200, 3)) // [1, 1, 50]]
    path = write(tmp_path / "pairs.tsv", "# two words, a score\n" + "\n".join(lines))
    result = evaluate_similarity(structured, path)
    _, spearman, unknown = gensim_vectors(structured).evaluate_word_pairs(str(path))  # type: ignore[attr-defined]
    assert result.pairs == 200 and 100 < result.found < 200
    assert result.score == pytest.approx(100 * spearman[0], abs=1e-9)
    assert result.coverage == pytest.approx(100 - unknown)


def test_ranks_of_ties_agree_with_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(6)
    for size, values in ((10, 3), (50, 2), (300, 20), (300, 10**9)):
        x, y = rng.integers(0, values, (2, size)).astype(float)
        assert evaluation._spearman(x, x + y) == pytest.approx(stats.spearmanr(x, x + y)[0])


PAIRS = WordVectors(["a", "b", "c", "new york"], [[1, 0], [1, 1], [0, 1], [-1, 1]])


@pytest.mark.parametrize(
    "text",
    [
        "a\tb\t9\na\tc\t5\na\tnew york\t1\n",
        "Word 1\tWord 2\tHuman (mean)\na\tb\t9\na\tc\t5\na\tnew york\t1\n",
        "Word 1,Word 2,Human (mean)\na,b,9\na,c,5\na,new york,1.0\n",
        "\ufeff# comment\r\n\r\na,b,9\r\na , c , 5\r\na,new york,1.0",
        "word1\tword2\tPOS\tSimLex999\tconc\na\tb\tA\t9\t1\na\tc\tN\t5\t2\na\tnew york\tN\t1\t3\n",
        "A B 9\na  c   5\nb b 10\n",
    ],
)
def test_pair_files_as_they_are_found(tmp_path: Path, text: str) -> None:
    result = evaluate_similarity(PAIRS, write(tmp_path / "pairs", text))
    assert (result.score, result.coverage, result.pairs, result.found) == (pytest.approx(100), 100, 3, 3)


def test_words_are_tried_as_they_stand_before_lower_case(tmp_path: Path) -> None:
    vectors = WordVectors(["a", "A", "b", "c"], [[1, 0], [0, 1], [1, 0.1], [0.1, 1]])
    result = evaluate_similarity(vectors, write(tmp_path / "pairs", "A c 9\nA B 1\n"))
    assert result.score == pytest.approx(100) and result.found == 2


@pytest.mark.parametrize(
    ("text", "found"), [("x y 1\n", 0), ("a b 1\n", 1), ("a b 1\na c 1\n", 2), ("a b 1\nb a 2\n", 2)]
)
def test_no_correlation_is_none_and_not_nan(tmp_path: Path, text: str, found: int) -> None:
    result = evaluate_similarity(PAIRS, write(tmp_path / "pairs", text))
    assert result.score is None and result.found == found
    assert result.coverage == 100 * found / result.pairs


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a b 1\na b\n", "pairs:2: expected two words and a number"),
        ("a b 1\na b many\n", "pairs:2: expected two words and a number"),
        ("# x\n\na b\n", "pairs:3: expected two words and a number"),
        ("a\tb\tnan\na\tb\tnan\n", "pairs:2: expected two words and a number"),
        ("a\t\t1\n", "pairs:1: expected two words and a number"),
        ("", "holds no word pairs"),
        ("# nothing\n", "holds no word pairs"),
    ],
)
def test_malformed_pairs(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(InputError) as error:
        evaluate_similarity(PAIRS, write(tmp_path / "pairs", text))
    assert complaint in str(error.value)


@pytest.mark.parametrize("evaluate", [evaluate_similarity, evaluate_analogies])
def test_files_that_cannot_be_read(tmp_path: Path, evaluate: object) -> None:
    (tmp_path / "latin1").write_bytes(b"# fine\ncaf\xe9 the 1\n")
    with pytest.raises(InputError, match="latin1:2: not UTF-8"):
        evaluate(PAIRS, tmp_path / "latin1")  # type: ignore[operator]
    with pytest.raises(InputError, match="missing: no such file"):
        evaluate(PAIRS, tmp_path / "missing")  # type: ignore[operator]


# --- analogies


@pytest.mark.parametrize("restrict", [None, 350, 250])
def test_analogies_agree_with_gensim(structured: WordVectors, analogies: Path, restrict: int | None) -> None:
    result = evaluate_analogies(structured, analogies, restrict=restrict)
    score, sections = gensim_vectors(structured).evaluate_word_analogies(  # type: ignore[attr-defined]
        str(analogies), restrict_vocab=restrict or 300_000
    )
    assert [(part.name, part.correct, part.found) for part in result.sections] == [
        (part["section"], len(part["correct"]), len(part["correct"]) + len(part["incorrect"]))
        for part in sections[:-1]
    ]
    assert result.score == pytest.approx(100 * score)
    assert 10 < result.score < 90


def test_blocks_of_words_and_questions_do_not_show(
    structured: WordVectors, analogies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = evaluate_analogies(structured, analogies)
    monkeypatch.setattr(evaluation, "_WORDS_AT_A_TIME", 7)
    monkeypatch.setattr(evaluation, "_QUESTIONS_AT_A_TIME", 11)
    assert evaluate_analogies(structured, analogies) == whole


def test_answers_are_those_of_the_query(structured: WordVectors, tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    right, lines = 0, []
    for i, (a, b, c) in enumerate(rng.integers(0, 400, (50, 3))):
        best = structured.analogy(f"w{a}", f"w{b}", f"w{c}", topn=2)[i % 2][0]
        right += i % 2 == 0
        lines.append(f"w{a} w{b} w{c} {best}")
    result = evaluate_analogies(structured, write(tmp_path / "q", "\n".join(lines)))
    assert [(part.name, part.correct, part.questions) for part in result.sections] == [
        ("questions", right, 50)
    ]


def test_totals_by_kind_and_in_all(structured: WordVectors, analogies: Path) -> None:
    result = evaluate_analogies(structured, analogies)
    world, plural, past = result.sections
    assert result.semantic == AnalogyScore("semantic", world.questions, world.found, world.correct)
    assert result.syntactic.correct == plural.correct + past.correct
    assert result.total.questions == 180 and result.score == result.total.score
    assert result.coverage == 100 * result.total.found / 180 < 100


def test_nothing_covered_has_no_score(tmp_path: Path) -> None:
    result = evaluate_analogies(PAIRS, write(tmp_path / "q", ": one\nx y z w\na b c x\n: empty\n"))
    assert result.score is None and result.coverage == 0 and result.syntactic.coverage == 0
    assert result.sections == [AnalogyScore("one", 2, 0, 0), AnalogyScore("empty", 0, 0, 0)]


def test_questions_that_leave_no_word_are_answered_wrongly(tmp_path: Path) -> None:
    path = write(tmp_path / "q", "a b c a\n")
    assert evaluate_analogies(PAIRS, path, restrict=3).score == 0
    assert evaluate_analogies(WordVectors(["a", "b", "c"], np.zeros((3, 2))), path).score == 0


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (": one\na b c\n", "q:2: expected four words or ': section', found 3 words"),
        (": one\na b c d e\n", "q:2: expected four words or ': section', found 5 words"),
        ("", "holds no analogy questions"),
        (": one\n: two\n", "holds no analogy questions"),
    ],
)
def test_malformed_questions(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(InputError) as error:
        evaluate_analogies(PAIRS, write(tmp_path / "q", text))
    assert complaint in str(error.value)


@pytest.mark.parametrize("restrict", [0, 2.5])
def test_a_restriction_to_nothing(analogies: Path, restrict: int) -> None:
    with pytest.raises(InputError, match="restrict must be a whole number of at least 1"):
        evaluate_analogies(PAIRS, analogies, restrict=restrict)


lines = st.lists(
    st.sampled_from(["a", "B", "x", "1.5", "nan", "\t", ",", " ", "\n", "\r", ":", "#", "\xe9", "\0"])
)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(parts=lines, encoding=st.sampled_from(["utf-8", "latin-1"]))
def test_any_file_gives_a_result_or_an_input_error(
    tmp_path_factory: pytest.TempPathFactory, parts: list[str], encoding: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes("".join(parts).encode(encoding))
    for evaluate in (evaluate_similarity, evaluate_analogies):
        try:
            assert 0 <= evaluate(PAIRS, path).coverage <= 100
        except InputError as error:
            assert "\n" not in str(error) and str(path) in str(error)


# --- the real files


def test_the_files_that_everybody_uses(structured: WordVectors, shared_data: Path) -> None:
    folder = shared_data / "eval"
    assert evaluate_similarity(structured, folder / "wordsim353.tsv").pairs == 353
    assert evaluate_similarity(structured, folder / "simlex999.txt").pairs == 999
    result = evaluate_analogies(structured, folder / "questions-words.txt")
    assert len(result.sections) == 14 and result.total.questions == 19_544
    assert result.syntactic.questions == 10_675 and result.score is None
