"""Maps of word vectors in the plane, and training curves.

A map shows words as dots: words with similar vectors lie near each other, and groups of similar words (found
by k-means in the space of the vectors, not in the plane) share a colour. A label is drawn only where it
covers nothing else; the caption says how many are left out.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from firth.arrays import Int64s, PathLike
from firth.checks import require
from firth.errors import InputError
from firth.show import pages, pictures
from firth.show.layout import Drawing, fit_to_frame, font_sizes, project
from firth.vectors.groups import cluster, unit_rows

if TYPE_CHECKING:
    from firth.vectors.word_vectors import WordVectors

MAP_SUFFIXES = (".png", ".svg", ".html")
CURVE_SUFFIXES = (".png", ".svg")

# With a smaller share of words without digits, a vocabulary is one of names or codes.
_FEWEST_PROPER_WORDS_SHARE = 0.05


def plot_map(
    vectors: WordVectors,
    path: PathLike,
    *,
    words: Sequence[str] | None = None,
    n: int = 200,
    method: str | None = None,
    title: str | None = None,
    groups: int | None = None,
) -> None:
    """Draw words in the plane, similar words near each other.

    Parameters
    ----------
    vectors
        The word vectors.
    path
        The picture to write: ``.png`` or ``.svg`` (matplotlib), or ``.html``, a page of its own that zooms,
        finds words, and shows frequency and nearest neighbours under the pointer (plotly).
    words
        The words to show; by default `n` words chosen by `choose_words`.
    n
        How many words to choose if `words` is None.
    method
        ``"pca"``: the two directions in which the unit vectors differ most; ``"tsne"``: t-SNE of the unit
        vectors (van der Maaten & Hinton 2008), which keeps neighbours together better, while far distances
        mean nothing. By default t-SNE for 30 words or more if scikit-learn is installed, else PCA.
    title
        The heading; by default it names the number of words.
    groups
        Into how many groups, each of one colour, similar words are put; by default more for more words, 7 at
        most.

    Raises
    ------
    InputError
        Nothing to show, too many groups for the colours, an unknown suffix or method, or the library for it
        is not installed.
    UnknownWordError
        One of `words` is not in the vocabulary.

    Notes
    -----
    The picture depends on the vectors, the arguments and the releases of the libraries, not on chance.
    """
    suffix = check_suffix(path, MAP_SUFFIXES)
    if words is None:
        rows = choose_words(vectors, n)
    else:
        # Once each, the most frequent first: they get their labels first.
        rows = np.unique(np.array([vectors.index(word) for word in words], dtype=np.int64))
    if len(rows) == 0:
        raise InputError("a map needs at least one word: name the words to show")
    if groups is None:
        groups = min(len(pictures.COLOURS), round((len(rows) / 2) ** 0.5) or 1)
    if not 1 <= groups <= len(pictures.COLOURS):
        raise InputError(f"{groups} groups: there must be at least one and at most {len(pictures.COLOURS)}")
    unit = unit_rows(vectors.matrix[rows])
    plane, how = project(unit, method)
    drawing = Drawing(
        words=[vectors.words[row] for row in rows],
        positions=fit_to_frame(plane),
        groups=cluster(unit, min(groups, len(rows))),
        # Without counts the rank stands for the frequency (Zipf's law).
        font_sizes=font_sizes(1_000_000 // (rows + 1) if vectors.counts is None else vectors.counts[rows]),
        title=f"{len(rows):,} of {len(vectors):,} words" if title is None else title,
        caption=f"{how} · colours: groups of similar words (k-means)",
    )
    if suffix == ".html":
        pages.write_page(drawing, [_describe(vectors, int(row)) for row in rows], path)
    else:
        pictures.write_map(drawing, path)


def plot_history(history: Sequence[dict[str, float]], path: PathLike) -> None:
    """Draw the training curve: loss and learning rate by epoch.

    Parameters
    ----------
    history
        One entry an epoch, with ``loss`` and ``lr`` (``WordVectors.history``).
    path
        The picture to write, ``.png`` or ``.svg``.

    Raises
    ------
    InputError
        The history is empty, the suffix is unknown, or matplotlib is not installed.
    """
    check_suffix(path, CURVE_SUFFIXES)
    if not history:
        raise InputError("no training curve: these vectors carry no history of their training")
    pictures.write_history(history, path)


def check_suffix(path: PathLike, suffixes: Sequence[str]) -> str:
    """Return the suffix of `path` in lower case.

    Raises
    ------
    InputError
        It is none of `suffixes`, or the library that draws such pictures is not installed.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in suffixes:
        raise InputError(f"{path}: a picture's name must end in {' or '.join(suffixes)}")
    require("plotly" if suffix == ".html" else "matplotlib", "plot", f"{path}: drawing it")
    return suffix


def choose_words(vectors: WordVectors, n: int) -> Int64s:
    """Choose `n` frequent content words, for a map that shows what was learned.

    The most frequent words of any text are function words, which make a dull map. Skip-gram vectors separate
    them without a word list: a word that occurs in all kinds of contexts is pulled in all directions, so its
    vector is short for its frequency (Schakel & Wilson 2015, https://arxiv.org/abs/1508.02297). Of the
    ``8 n`` most frequent words without digits, less the first sixteenth, the `n` with the longest vectors for
    their rank are taken. A vocabulary of names with digits (``user123``, k-mers) has hardly any such
    words: then the most frequent of all words are taken.

    Parameters
    ----------
    vectors
        The word vectors, in order of frequency. If they are all of one length, it tells nothing, and the
        most frequent words are taken.
    n
        How many words.

    Returns
    -------
    ndarray of int64, shape (at most n,)
        Rows of the words, the most frequent first.
    """
    candidates: list[int] = []
    for row, word in enumerate(vectors.words):
        if _is_proper_word(word):
            candidates.append(row)
            if len(candidates) == 8 * n:
                break
    if len(candidates) < n and len(candidates) < _FEWEST_PROPER_WORDS_SHARE * len(vectors):
        return np.arange(min(n, len(vectors)), dtype=np.int64)
    passed_over = min(len(candidates) // 16, max(0, len(candidates) - n))
    rows = np.array(candidates[passed_over:], dtype=np.int64)
    if len(rows) <= n:
        return rows
    lengths = np.linalg.norm(np.asarray(vectors.matrix[rows], dtype=np.float64), axis=1)
    rank = np.log(np.arange(1, len(rows) + 1) + passed_over)
    excess = lengths - np.polyval(np.polyfit(rank, lengths, 2), rank)
    # Rounded, and sorted stably, so that equal lengths leave the order of frequency as it is.
    order = np.argsort(-np.round(excess / lengths.mean(), 3), kind="stable")
    return np.sort(rows[order[:n]])


def _is_proper_word(word: str) -> bool:
    """Tell words from numbers, signs and single letters of alphabets (a single Han character is a word)."""
    if any(c.isdigit() for c in word) or not any(c.isalpha() for c in word):
        return False
    return len(word) > 1 or word.lower() == word.upper()


def _describe(vectors: WordVectors, row: int) -> str:
    """Return the text that is shown when the pointer is at a word, in plotly's subset of HTML."""
    word = vectors.words[row]
    lines = [f"<b>{html.escape(word)}</b>"]
    if vectors.counts is not None:
        lines.append(f"{int(vectors.counts[row]):,} times")
    lines += [
        f"{similarity:.2f} {html.escape(near)}" for near, similarity in vectors.most_similar(word, topn=8)
    ]
    return "<br>".join(lines)
