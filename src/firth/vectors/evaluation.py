"""How good word vectors are: agreement with human judgements of similarity, and analogies solved.

Words of an evaluation file are looked up as they stand and, where they are not found, in lower case. A pair
or a question with a word that is not found counts against the coverage, not the score, as in gensim; on a
vocabulary in lower case both scores equal those of gensim's ``evaluate_word_pairs`` and
``evaluate_word_analogies``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from firth.arrays import Float64s, Indices, PathLike
from firth.checks import optional_whole_number
from firth.errors import InputError
from firth.files.atomic import open_input
from firth.vectors.word_vectors import WordVectors

# Cosines are computed in blocks of 512 questions × 4,096 words: 8 MB of float32 numbers.
_QUESTIONS_AT_A_TIME, _WORDS_AT_A_TIME = 512, 4096


@dataclass(frozen=True)
class SimilarityResult:
    """The outcome of `evaluate_similarity`.

    Attributes
    ----------
    score : float or None
        100 × Spearman's rank correlation of cosines and human judgements over the pairs found. None where it
        is not defined: fewer than two pairs were found, or all judgements or all cosines are equal.
    pairs, found : int
        Pairs in the file, and pairs whose two words are both in the vocabulary.
    """

    score: float | None
    pairs: int
    found: int

    @property
    def coverage(self) -> float:
        """The share of pairs found, in percent."""
        return _percent(self.found, self.pairs) or 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the figures, for JSON."""
        return {"score": self.score, "coverage": self.coverage, "pairs": self.pairs, "found": self.found}


@dataclass(frozen=True)
class AnalogyScore:
    """Figures of one section of an analogy file, or of several together.

    Attributes
    ----------
    name : str
        The section.
    questions, found, correct : int
        Questions in the file, questions whose four words are all in the vocabulary, and correct answers.
    """

    name: str
    questions: int
    found: int
    correct: int

    @property
    def score(self) -> float | None:
        """Correct answers in percent of the questions found; None if none was found."""
        return _percent(self.correct, self.found)

    @property
    def coverage(self) -> float:
        """The share of questions found, in percent."""
        return _percent(self.found, self.questions) or 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the figures without the name, for JSON."""
        return {
            "score": self.score,
            "coverage": self.coverage,
            "questions": self.questions,
            "found": self.found,
            "correct": self.correct,
        }


@dataclass(frozen=True)
class AnalogyResult:
    """The outcome of `evaluate_analogies`.

    Attributes
    ----------
    sections : list of AnalogyScore
        The sections, in the order of the file.
    """

    sections: list[AnalogyScore]

    @property
    def total(self) -> AnalogyScore:
        """All sections together."""
        return self._sum("total", self.sections)

    @property
    def semantic(self) -> AnalogyScore:
        """The sections whose names do not begin with "gram"."""
        return self._sum("semantic", [part for part in self.sections if not part.name.startswith("gram")])

    @property
    def syntactic(self) -> AnalogyScore:
        """The sections whose names begin with "gram", as those on grammar do in Google's file."""
        return self._sum("syntactic", [part for part in self.sections if part.name.startswith("gram")])

    @property
    def score(self) -> float | None:
        """Correct answers in percent of the questions found; None if none was found."""
        return self.total.score

    @property
    def coverage(self) -> float:
        """The share of questions found, in percent."""
        return self.total.coverage

    def to_dict(self) -> dict[str, Any]:
        """Return the figures of all questions, of both kinds, and of each section, for JSON."""
        return {
            **self.total.to_dict(),
            "semantic": self.semantic.to_dict(),
            "syntactic": self.syntactic.to_dict(),
            "sections": [{"name": part.name, **part.to_dict()} for part in self.sections],
        }

    @staticmethod
    def _sum(name: str, parts: list[AnalogyScore]) -> AnalogyScore:
        return AnalogyScore(
            name,
            questions=sum(part.questions for part in parts),
            found=sum(part.found for part in parts),
            correct=sum(part.correct for part in parts),
        )


def evaluate_similarity(vectors: WordVectors, path: PathLike) -> SimilarityResult:
    """Compare cosines with human judgements of similarity (WordSim-353, SimLex-999 and the like).

    Parameters
    ----------
    vectors
        The vectors to be judged.
    path
        A UTF-8 file (it may be packed) with two words and a number a line, between tabs, commas or spaces.
        Lines that begin with # are comments. The judgement is the third column, or the fourth where the third
        is no number (a part of speech, as in the full SimLex-999 file); further columns are not read. The
        first line may be a header: it has no number there.

    Returns
    -------
    SimilarityResult
        Spearman's rank correlation in percent, with average ranks for ties, and the coverage.

    Raises
    ------
    InputError
        The file cannot be read or a line is not as described.
    """
    judgements: list[float] = []
    cosines: list[float] = []
    pairs = 0
    for first, second, judgement in _read_pairs(Path(path)):
        pairs += 1
        a, b = _lookup(vectors, first), _lookup(vectors, second)
        if a is not None and b is not None:
            judgements.append(judgement)
            cosines.append(vectors.similarity(vectors.words[a], vectors.words[b]))
    score = _spearman(np.array(judgements), np.array(cosines))
    return SimilarityResult(None if score is None else 100 * score, pairs, len(judgements))


def evaluate_analogies(vectors: WordVectors, path: PathLike, *, restrict: int | None = None) -> AnalogyResult:
    """Solve analogies (Google's questions-words.txt and the like).

    The answer to "a is to b as c is to ?" is the word w, other than the three, that maximises
    cos(w, b − a + c) with a, b, c of unit length ("3CosAdd": Mikolov, Yih & Zweig 2013).

    Parameters
    ----------
    vectors
        The vectors to be judged.
    path
        A UTF-8 file (it may be packed) with four words a line, the last being the answer. A line ``: name``
        begins a section; lines that begin with # are comments.
    restrict
        Use the first `restrict` words of the vocabulary only, for questions and for answers, as gensim's
        ``restrict_vocab`` does (files list the most frequent words first). None: all words.

    Returns
    -------
    AnalogyResult
        Accuracy and coverage by section and in all.

    Raises
    ------
    InputError
        The file cannot be read or a line is not as described.
    """
    most = optional_whole_number("restrict", restrict)
    size = len(vectors) if most is None else min(most, len(vectors))
    names, sections, questions = _read_questions(Path(path))
    rows = [[_lookup(vectors, word, size) for word in question] for question in questions]
    is_found = np.array([None not in question for question in rows], dtype=bool)
    found = np.array([question for question in rows if None not in question], dtype=np.intp).reshape(-1, 4)
    is_correct = _answers(vectors, found[:, :3], size) == found[:, 3]
    section_of = np.array(sections, dtype=np.intp)
    asked = np.bincount(section_of, minlength=len(names))
    answered = np.bincount(section_of[is_found], minlength=len(names))
    correct = np.bincount(section_of[is_found][is_correct], minlength=len(names))
    figures = zip(names, asked.tolist(), answered.tolist(), correct.tolist(), strict=True)
    return AnalogyResult([AnalogyScore(*section) for section in figures])


def _answers(vectors: WordVectors, asked: Indices, size: int) -> Indices:
    """Return the row of the answer to each question (rows of a, b, c: shape (k, 3)), shape (k,).

    The answer is among the first `size` words; it is −1 where the question leaves no word to choose from.
    """
    unit_a, unit_b, unit_c = (_unit_rows(vectors, asked[:, column]) for column in range(3))
    directions = (unit_b - unit_a + unit_c).astype(np.float32)
    best = np.full(len(asked), -np.inf, dtype=np.float32)
    answers = np.full(len(asked), -1, dtype=np.intp)
    for start in range(0, size, _WORDS_AT_A_TIME):
        block = _unit_rows(vectors, slice(start, min(start + _WORDS_AT_A_TIME, size))).astype(np.float32).T
        for first in range(0, len(asked), _QUESTIONS_AT_A_TIME):
            part = slice(first, first + _QUESTIONS_AT_A_TIME)
            scores = directions[part] @ block
            question, word = np.nonzero((asked[part] >= start) & (asked[part] < start + block.shape[1]))
            scores[question, asked[part][question, word] - start] = -np.inf
            winners = scores.argmax(axis=1)
            highest = scores[np.arange(len(scores)), winners]
            is_better = highest > best[part]
            best[part][is_better] = highest[is_better]
            answers[part][is_better] = winners[is_better] + start
    return answers


def _unit_rows(vectors: WordVectors, rows: Indices | slice) -> Float64s:
    """Return vectors scaled to length 1 (zero vectors as they are), in double precision."""
    norms = vectors.norms[rows]
    return vectors.matrix[rows] / np.where(norms > 0, norms, 1.0)[:, np.newaxis]


def _spearman(x: Float64s, y: Float64s) -> float | None:
    """Return Spearman's correlation: Pearson's, of the ranks; None where it is not defined."""
    if len(x) < 2:
        return None
    x, y = _average_ranks(x), _average_ranks(y)
    x, y = x - x.mean(), y - y.mean()
    spread = math.sqrt((x @ x) * (y @ y))
    return float(x @ y) / spread if spread > 0 else None


def _average_ranks(values: Float64s) -> Float64s:
    """Return the rank of each value, equal values sharing the mean of their ranks."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Float64s = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return ranks


def _percent(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None


def _lookup(vectors: WordVectors, word: str, size: int | None = None) -> int | None:
    """Return the row of a word as it stands or else in lower case, if it is among the first `size` words."""
    for spelling in (word, word.lower()):
        if spelling in vectors:
            row = vectors.index(spelling)
            if size is None or row < size:
                return row
    return None


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines that are neither empty nor comments, with their numbers."""
    with open_input(path) as file:
        for number, line in enumerate(file, start=1):
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
            except UnicodeDecodeError:
                raise InputError(f"{path}:{number}: not UTF-8") from None
            if text and not text.startswith("#"):
                yield number, text


def _read_pairs(path: Path) -> list[tuple[str, str, float]]:
    """Read two words and a judgement from each line; the first line may be a header."""
    pairs = []
    for place, (number, line) in enumerate(_lines(path)):
        separator = next((mark for mark in "\t," if mark in line), None)  # None: any white space
        fields = [field.strip() for field in line.split(separator)]
        figures = [figure for figure in map(_number, fields[2:4]) if figure is not None]
        if not figures and place == 0 and len(fields) > 2:
            continue  # a header
        if not figures or not all(fields[:2]):
            raise InputError(
                f"{path}:{number}: expected two words and a number between tabs, commas or spaces"
            )
        pairs.append((fields[0], fields[1], figures[0]))
    if not pairs:
        raise InputError(f"{path}: holds no word pairs")
    return pairs


def _number(text: str) -> float | None:
    """Return the finite number that a text stands for, if it is one."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None  # 1_000 is a number to Python only


def _read_questions(path: Path) -> tuple[list[str], list[int], list[list[str]]]:
    """Read the names of the sections, the section of each question, and the four words of each question."""
    names: list[str] = []
    sections: list[int] = []
    questions: list[list[str]] = []
    for number, line in _lines(path):
        if line.startswith(":"):
            names.append(line[1:].strip())
            continue
        words = line.split()
        if len(words) != 4:
            raise InputError(f"{path}:{number}: expected four words or ': section', found {len(words)} words")
        if not names:
            names.append("questions")
        sections.append(len(names) - 1)
        questions.append(words)
    if not questions:
        raise InputError(f"{path}: holds no analogy questions")
    return names, sections, questions
