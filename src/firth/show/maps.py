"""Maps of word vectors in the plane, and training curves.

A map shows words as dots: words with similar vectors lie near each other, and groups of similar words (found by
k-means in the space of the vectors, not in the plane) share a colour. A label is drawn only where it covers
nothing else; the caption says how many are left out.
"""

from __future__ import annotations

import html
import json
import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from firth.errors import InputError
from firth.storage import atomic_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from firth.vectors.word_vectors import WordVectors

PathLike = str | os.PathLike[str]
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

METHODS = ("pca", "tsne")
MAP_SUFFIXES = (".png", ".svg", ".html")
CURVE_SUFFIXES = (".png", ".svg")

# Hues of Okabe & Ito's palette and indigo, in lightnesses chosen so that text is legible on white (contrast at least
# 3.8) and any two differ (CIE Lab distance at least 17) for normal, protan, deutan and tritan vision alike.
COLOURS = ("#0a6cc4", "#d1570a", "#006b4a", "#cc5fb0", "#5a1030", "#332288", "#808080")
_GREY = "#767676"

# Sizes are in points (1/72 inch) on a page of _PAGE; the frame of the map is _FRAME of it.
_PAGE = (864.0, 648.0)
_FRAME = (832.0, 574.0)
_DOT_RADIUS = 2.0
_PIXELS = 96 / 72  # CSS pixels a point
_ZOOMS = (0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 8.0)  # where the interactive map places its labels anew

_SMALLEST_TSNE = 30  # fewer words have too few neighbours for t-SNE to tell groups apart


@dataclass(frozen=True)
class _Anchor:
    """A place for a label beside its dot: the side on which it stands (x to the right, y upwards)."""

    x: int
    y: int

    @property
    def horizontal(self) -> str:
        """The alignment that puts the label there, as matplotlib calls it."""
        return ("right", "center", "left")[self.x + 1]

    @property
    def vertical(self) -> str:
        return ("top", "center", "bottom")[self.y + 1]

    @property
    def plotly(self) -> str:
        """The same in the words of plotly, which names the side instead."""
        return f"{('bottom', 'middle', 'top')[self.y + 1]} {('left', 'center', 'right')[self.x + 1]}"


# The best places first: beside the dot, then above and below, then the corners.
ANCHORS = tuple(
    _Anchor(x, y) for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))
)


@dataclass(frozen=True)
class _Map:
    """Everything that a map shows, before it becomes a file; n words, the most frequent first."""

    words: list[str]
    positions: Floats  # (n, 2), points from the lower left corner of the frame
    groups: Integers  # (n,), a number of a colour
    weights: Floats  # (n,), frequency on a scale from 0 to 1
    title: str
    caption: str


def plot_map(
    vectors: WordVectors,
    path: PathLike,
    *,
    words: Sequence[str] | None = None,
    n: int = 200,
    method: str | None = None,
    title: str | None = None,
) -> None:
    """Draw words in the plane, similar words near each other.

    Parameters
    ----------
    vectors
        The word vectors.
    path
        The picture to write: ``.png`` or ``.svg`` (matplotlib), or ``.html``, a page of its own that zooms, finds
        words, and shows frequency and nearest neighbours under the pointer (plotly).
    words
        The words to show; by default `n` words chosen by `choose_words`.
    n
        How many words to choose if `words` is None.
    method
        ``"pca"``: the two directions in which the unit vectors differ most; ``"tsne"``: t-SNE of the unit vectors
        (van der Maaten & Hinton 2008), which keeps neighbours together better, while far distances mean nothing.
        By default t-SNE for 30 words or more if scikit-learn is installed, else PCA.
    title
        The heading; by default it names the number of words.

    Raises
    ------
    InputError
        Nothing to show, an unknown suffix or method, or the library for it is not installed.
    UnknownWordError
        One of `words` is not in the vocabulary.

    Notes
    -----
    The picture depends on the vectors and arguments only (for a given release of the libraries), not on chance.
    """
    suffix = check_suffix(path, MAP_SUFFIXES)
    if words is None:
        rows = choose_words(vectors, n)
    else:
        # Once each, the most frequent first: they get their labels first.
        rows = np.unique(np.array([vectors.index(word) for word in words], dtype=np.int64))
    if len(rows) == 0:
        raise InputError("a map needs at least one word")
    unit = _unit_rows(vectors.matrix[rows])
    plane, how = project(unit, method)
    counts = vectors.counts
    drawing = _Map(
        words=[vectors.words[row] for row in rows],
        positions=_fit_to_frame(plane),
        groups=cluster(unit, min(len(COLOURS), round((len(rows) / 2) ** 0.5) or 1)),
        weights=_weights(rows if counts is None else counts[rows], by_rank=counts is None),
        title=f"{len(rows):,} of {len(vectors):,} words" if title is None else title,
        caption=f"{how} · colours: groups of similar words (k-means)",
    )
    if suffix == ".html":
        _write_page(drawing, [_describe(vectors, int(row)) for row in rows], path)
    else:
        _write_picture(_draw_map, drawing, path, words=drawing.words)


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
    _write_picture(_draw_history, history, path)


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
    library = "plotly" if suffix == ".html" else "matplotlib"
    try:
        __import__(library)
    except ImportError:
        raise InputError(
            f"{path}: drawing it needs {library}; install it with: pip install 'firth[plot]'"
        ) from None
    return suffix


def choose_words(vectors: WordVectors, n: int) -> Integers:
    """Choose `n` frequent words that mean something, for a map that shows what was learned.

    The most frequent words of any text are function words, and a map of them is dull. Skip-gram vectors tell them
    apart without a word list: a word that occurs in all kinds of contexts is pulled in all directions, so its
    vector is short for its frequency (Schakel & Wilson 2015, https://arxiv.org/abs/1508.02297). Of the ``8 n``
    most frequent words without digits, less the first sixteenth, the `n` with the longest vectors for their rank
    are taken.

    Parameters
    ----------
    vectors
        The word vectors, in order of frequency. If they are of equal lengths, the most frequent words are taken.
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


def project(unit: Floats, method: str | None = None) -> tuple[Floats, str]:
    """Lay vectors out in the plane.

    Parameters
    ----------
    unit : ndarray, shape (n, d)
        Vectors of length 1.
    method
        ``"pca"``, ``"tsne"`` or None (see `plot_map`).

    Returns
    -------
    plane : ndarray, shape (n, 2)
        Positions in no particular unit.
    how : str
        What was done, for the caption.

    Raises
    ------
    InputError
        An unknown method, or t-SNE without scikit-learn.
    """
    if method not in (None, *METHODS):
        raise InputError(f"unknown method {method!r} for a map: choose pca or tsne")
    n = len(unit)
    wanted = method == "tsne" or (method is None and n >= _SMALLEST_TSNE)
    if wanted and n > 3:
        try:
            from sklearn.manifold import TSNE
        except ImportError:
            if method == "tsne":
                raise InputError(
                    "t-SNE needs scikit-learn; install it with: pip install 'firth[plot]', or choose pca"
                ) from None
        else:
            perplexity = min(15.0, (n - 1) / 3)
            # Little exaggeration leaves less empty paper between the groups, and more room for labels.
            model = TSNE(2, perplexity=perplexity, early_exaggeration=4, init="pca", random_state=0)
            return model.fit_transform(unit).astype(np.float64), "t-SNE of the cosines"
    centred = unit - unit.mean(axis=0)
    left, singular, _ = np.linalg.svd(centred, full_matrices=False)
    plane = np.zeros((n, 2))
    k = min(2, len(singular))
    plane[:, :k] = left[:, :k] * singular[:k]
    # The signs of singular vectors are arbitrary: the largest coordinate on each axis is made positive.
    plane *= np.where(plane[np.abs(plane).argmax(axis=0), [0, 1]] < 0, -1.0, 1.0)
    variance = float((singular**2).sum())
    share = float((singular[:2] ** 2).sum()) / variance if variance > 0 else 1.0
    return plane, f"PCA, {100 * share:.0f} % of the variance"


def cluster(unit: Floats, k: int, rounds: int = 100) -> Integers:
    """Group similar vectors by spherical k-means (Dhillon & Modha 2001), without chance.

    Parameters
    ----------
    unit : ndarray, shape (n, d)
        Vectors of length 1.
    k
        How many groups, at most n.
    rounds
        The most rounds of reassignment.

    Returns
    -------
    ndarray of int64, shape (n,)
        The group of each vector, 0 the largest.
    """
    # What all vectors share says nothing about groups; and each is averaged with its nearest neighbours, so that a
    # vector from little text, which is mostly noise, goes with them.
    points = _unit_rows(unit - unit.mean(axis=0))
    nearest = np.argsort(-(points @ points.T), axis=1, kind="stable")[:, : 1 + min(5, len(unit) // 8)]
    points = _unit_rows(points[nearest].mean(axis=1))
    # Start from points far apart: each next one is the least similar to those chosen.
    chosen = [0]
    while len(chosen) < k:
        chosen.append(int((points @ points[chosen].T).max(axis=1).argmin()))
    centres = points[chosen]
    groups = np.full(len(points), -1, dtype=np.int64)
    for _ in range(rounds):
        closest = (points @ centres.T).argmax(axis=1)
        if (closest == groups).all():
            break
        groups = closest
        sums = np.zeros_like(centres)
        np.add.at(sums, groups, points)
        centres = np.where(sums.any(axis=1, keepdims=True), _unit_rows(sums), centres)
    by_size = np.argsort(-np.bincount(groups, minlength=k), kind="stable")
    return np.argsort(by_size)[groups]


def place_labels(positions: Floats, sizes: Floats, frame: tuple[float, float] | None = None) -> Integers:
    """Find places for labels beside their dots where they cover neither dots nor each other.

    Greedy and without chance: each label in turn takes the first of the `ANCHORS` that is free, so the first
    words, the most frequent, get theirs most surely.

    Parameters
    ----------
    positions : ndarray, shape (n, 2)
        The dots.
    sizes : ndarray, shape (n, 2)
        Width and height of each label, in the same unit.
    frame
        Width and height of the frame in which labels must stay; no frame if None.

    Returns
    -------
    ndarray of int64, shape (n,)
        The index of an anchor for each label, -1 where there is no free place.
    """
    n = len(positions)
    taken = np.empty((2 * n, 4))  # left, bottom, right, top: all the dots, then the labels placed so far
    taken[:n, :2] = positions - _DOT_RADIUS
    taken[:n, 2:] = positions + _DOT_RADIUS
    used = n
    places = np.full(n, -1, dtype=np.int64)
    for i, ((x, y), (width, height)) in enumerate(zip(positions, sizes, strict=True)):
        for place, anchor in enumerate(ANCHORS):
            left = x + anchor.x * (_DOT_RADIUS + 1) + (anchor.x - 1) * width / 2
            bottom = y + anchor.y * (_DOT_RADIUS + 0.5) + (anchor.y - 1) * height / 2
            right, top = left + width, bottom + height
            if frame and (left < 0 or bottom < 0 or right > frame[0] or top > frame[1]):
                continue
            boxes = taken[:used]
            overlaps = (
                (boxes[:, 0] < right) & (boxes[:, 2] > left) & (boxes[:, 1] < top) & (boxes[:, 3] > bottom)
            )
            overlaps[i] = False  # its own dot
            if not overlaps.any():
                places[i] = place
                taken[used] = left, bottom, right, top
                used += 1
                break
    return places


def _unit_rows(matrix: npt.NDArray[np.floating[Any]]) -> Floats:
    rows = np.asarray(matrix, dtype=np.float64)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def _fit_to_frame(plane: Floats) -> Floats:
    """Stretch positions in the plane to the frame, with a margin."""
    margin = 14.0
    low, high = plane.min(axis=0), plane.max(axis=0)
    room = np.array(_FRAME) - 2 * margin
    spread = high - low
    middle = np.where(spread > 0, (plane - low) / np.where(spread > 0, spread, 1), 0.5)
    return margin + middle * room


def _weights(values: npt.NDArray[np.integer[Any]], *, by_rank: bool) -> Floats:
    """Scale frequencies (or ranks, which stand for them) logarithmically to 0 … 1."""
    logs = np.log(np.maximum(np.asarray(values, dtype=np.float64) + by_rank, 1))
    spread = logs.max() - logs.min()
    scaled = (logs - logs.min()) / spread if spread > 0 else np.full(len(logs), 0.5)
    return 1 - scaled if by_rank else scaled


def _font_sizes(weights: Floats) -> Floats:
    """Set many words smaller than few, and frequent words, which lead the eye, a little larger than others."""
    size = np.clip(8.5 * (200 / len(weights)) ** 0.25, 7.0, 12.0)
    return size * (0.9 + 0.35 * weights)


def _label_sizes(words: Sequence[str], font_sizes: Floats) -> Floats:
    """Return width and height of each word in points."""
    widths = np.array([_ems(word) for word in words])
    return np.column_stack([widths * font_sizes, 1.15 * font_sizes])


def _ems(word: str) -> float:
    """Estimate the width of a word in ems of a sans-serif font, rather too wide than too narrow.

    An estimate, since the fonts of whoever looks at an SVG or HTML file are not known here.
    """
    return sum(_em(character) for character in word)


@cache
def _em(character: str) -> float:
    from unicodedata import combining, east_asian_width

    if combining(character):
        return 0.0
    if east_asian_width(character) in "WF":
        return 1.0
    if character in "iljtfrI'.,:;|-":
        return 0.4
    return 0.95 if character in "mwMW" else 0.72 if character.isupper() else 0.63


# --- PNG and SVG ---------------------------------------------------------------------------------------------


def _write_picture(
    draw: Callable[..., None], content: Any, path: PathLike, words: Iterable[str] = ()
) -> None:
    """Let `draw` fill a page and write it to `path`."""
    import matplotlib
    from matplotlib.figure import Figure

    svg = Path(path).suffix.lower() == ".svg"
    letters = set("".join(words))
    fonts, missing = fonts_for(letters)
    settings = {
        "font.family": [*fonts, "sans-serif"] if svg else fonts,
        "svg.fonttype": "none",  # text stays text: it can be searched, and is set in the reader's fonts
        "svg.hashsalt": "firth",  # the same picture gives the same bytes
        "axes.unicode_minus": False,
    }
    with matplotlib.rc_context(settings), warnings.catch_warnings(), atomic_path(path) as temporary:
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        figure = Figure(figsize=(_PAGE[0] / 72, _PAGE[1] / 72), facecolor="white")
        draw(figure, content)
        metadata = {"Date": None} if svg else None
        figure.savefig(temporary, format="svg" if svg else "png", dpi=160, metadata=metadata)
    if missing and not svg:
        concerned = sum(not missing.isdisjoint(word) for word in words)
        warnings.warn(
            f"{path}: no installed font has the letters {''.join(sorted(missing)[:5])} …, so {concerned} words show "
            "boxes: install a font of that script (Noto, say), or write .svg or .html, which use the reader's fonts",
            stacklevel=3,
        )


def fonts_for(letters: set[str]) -> tuple[list[str], set[str]]:
    """Find installed fonts that together have all letters.

    Parameters
    ----------
    letters
        The characters to be drawn.

    Returns
    -------
    fonts : list of str
        Names of fonts, to be tried in this order; the first is matplotlib's own, DejaVu Sans.
    missing : set of str
        Letters that no installed font has.
    """
    from matplotlib import font_manager

    def covers(file: str) -> set[str]:
        return {chr(code) for code in font_manager.get_font(file).get_charmap()}

    fonts = ["DejaVu Sans"]
    missing = {c for c in letters if not c.isspace()}
    missing -= covers(font_manager.findfont("DejaVu Sans"))
    others = sorted(
        (font.name, font.fname)
        for font in font_manager.fontManager.ttflist
        # "Last Resort" draws every character as a box of its own.
        if font.style == "normal" and font.weight == 400 and not font.name.startswith("Last Resort")
    )
    while missing and others:
        best = max(others, key=lambda font: len(missing & covers(font[1])))
        found = missing & covers(best[1])
        if not found:
            break
        fonts.append(best[0])
        missing -= found
    return fonts, missing


def _draw_map(figure: Figure, drawing: _Map) -> None:
    axes = _frame(figure, drawing.title)
    axes.set(xlim=(0, _FRAME[0]), ylim=(0, _FRAME[1]), xticks=[], yticks=[])
    colours = [COLOURS[group] for group in drawing.groups]
    axes.scatter(
        *drawing.positions.T, s=(2 * _DOT_RADIUS) ** 2, c=colours, linewidths=0, alpha=0.75, zorder=2
    )
    font_sizes = _font_sizes(drawing.weights)
    places = place_labels(drawing.positions, _label_sizes(drawing.words, font_sizes), _FRAME)
    for i, place in enumerate(places):
        if place >= 0:
            anchor = ANCHORS[place]
            axes.annotate(
                drawing.words[i].replace("$", r"\$"),  # not mathematics
                drawing.positions[i],
                xytext=(anchor.x * (_DOT_RADIUS + 1), anchor.y * (_DOT_RADIUS + 0.5)),
                textcoords="offset points",
                ha=anchor.horizontal,
                va=anchor.vertical,
                fontsize=font_sizes[i],
                color=colours[i],
            )
    hidden = int((places < 0).sum())
    note = f" · {hidden} of {len(places)} words without label, for want of room" if hidden else ""
    figure.text(16 / _PAGE[0], 12 / _PAGE[1], drawing.caption + note, fontsize=8, color=_GREY)


def _frame(figure: Figure, title: str) -> Any:
    """Add the frame of the map to a page, and its heading."""
    left, bottom = (_PAGE[0] - _FRAME[0]) / 2, 32.0
    axes = figure.add_axes(
        (left / _PAGE[0], bottom / _PAGE[1], _FRAME[0] / _PAGE[0], _FRAME[1] / _PAGE[1]),
    )
    axes.spines[:].set_color("#d0d0d0")
    figure.text(left / _PAGE[0], 616 / _PAGE[1], title.replace("$", r"\$"), fontsize=14, color="#222222")
    return axes


def _draw_history(figure: Figure, history: Sequence[dict[str, float]]) -> None:
    from matplotlib.ticker import MaxNLocator

    figure.set_size_inches(6.4, 4.8)
    epochs = [entry["epoch"] for entry in history]
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    for axes, key, label, colour in ((upper, "loss", "loss per pair", 0), (lower, "lr", "learning rate", 1)):
        axes.plot(epochs, [entry[key] for entry in history], "o-", color=COLOURS[colour], markersize=4, clip_on=False)
        axes.set_ylabel(label)
        axes.grid(color="#e4e4e4")
        axes.spines[["top", "right"]].set_visible(False)
    lower.set_xlabel("epoch")
    lower.set_xlim(min(epochs) - 0.5, max(epochs) + 0.5)
    lower.set_ylim(bottom=0)
    lower.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    figure.align_ylabels()
    figure.tight_layout()


# --- HTML ----------------------------------------------------------------------------------------------------


def _describe(vectors: WordVectors, row: int) -> str:
    """Say what the pointer shows about a word, in plotly's small HTML."""
    word = vectors.words[row]
    lines = [f"<b>{html.escape(word)}</b>"]
    if vectors.counts is not None:
        lines.append(f"{int(vectors.counts[row]):,} times")
    lines += [f"{similarity:.2f} {html.escape(near)}" for near, similarity in vectors.most_similar(word, topn=8)]
    return "<br>".join(lines)


def _write_page(drawing: _Map, descriptions: list[str], path: PathLike) -> None:
    """Write the interactive map as one HTML file that needs nothing else."""
    import plotly.graph_objects as go

    font_sizes = _font_sizes(drawing.weights) * _PIXELS
    sizes = _label_sizes(drawing.words, font_sizes)
    texts = np.array([html.escape(word) for word in drawing.words], dtype=object)
    levels = []
    for zoom in _ZOOMS:
        places = place_labels(drawing.positions * _PIXELS * zoom, sizes)
        levels.append(
            {
                "zoom": zoom,
                "text": np.where(places >= 0, texts, _BLANK).tolist(),
                "textposition": [ANCHORS[place].plotly for place in places],
            }
        )
    colours = [COLOURS[group] for group in drawing.groups]
    figure = go.Figure(
        go.Scatter(
            x=drawing.positions[:, 0].round(2),
            y=drawing.positions[:, 1].round(2),
            mode="markers+text",
            text=texts,
            textfont={"size": font_sizes.round(1), "color": colours},
            marker={"size": 3 * _DOT_RADIUS, "color": colours},
            hovertext=descriptions,
            hoverinfo="text",
        ),
        {
            "template": "simple_white",
            "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
            # Labels know no frame here: room for those at the edge.
            "xaxis": {"visible": False, "range": [-0.05 * _FRAME[0], 1.05 * _FRAME[0]]},
            "yaxis": {"visible": False, "range": [-0.03 * _FRAME[1], 1.03 * _FRAME[1]]},
            "dragmode": "pan",
            "hoverlabel": {"bgcolor": "white", "align": "left"},
        },
    )
    chart = figure.to_html(
        full_html=False,
        include_plotlyjs=True,
        div_id="map",
        default_height="100%",
        # Named one by one: among plotly's default buttons is one that sends the chart to a server.
        config={"scrollZoom": True, "displaylogo": False, "responsive": True, "modeBarButtons": [_BUTTONS]},
        post_script=(
            f"const levels = {_script_json(levels)}, words = {_script_json(drawing.words)};\n"
            f"const frame = {[side * _PIXELS for side in _FRAME]};\n{_SCRIPT}"
        ),
    )
    page = _PAGE_TEMPLATE.format(
        title=html.escape(drawing.title), caption=html.escape(drawing.caption), chart=chart
    )
    with atomic_path(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _script_json(value: Any) -> str:
    """Write JSON that cannot end the <script> that holds it."""
    return json.dumps(value).replace("<", "\\u003c")


_BLANK = " "  # plotly removes an empty label for good: it would not come back at the next zoom

_BUTTONS = ["zoomIn2d", "zoomOut2d", "resetScale2d", "toImage"]

_PAGE_TEMPLATE = """<!doctype html>
<html>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
  body {{ margin: 0; height: 100vh; display: flex; flex-direction: column; font-family: sans-serif; color: #222 }}
  header {{ display: flex; flex-wrap: wrap; align-items: baseline; gap: 0.3em 1.5em; padding: 0.7em 1em 0 }}
  h1 {{ font-size: 1.2em; font-weight: normal; margin: 0 }}
  input {{ font: inherit; padding: 0.2em 0.5em; border: 1px solid #bbb; border-radius: 4px }}
  footer {{ padding: 0 1em 0.6em; font-size: 0.8em; color: #666 }}
  main {{ flex: 1; min-height: 0 }}
  main > div {{ height: 100% }}
</style>
</head>
<body>
<header><h1>{title}</h1>
<input id="find" type="search" placeholder="find a word" aria-label="find a word" list="words">
<datalist id="words"></datalist></header>
<main>{chart}</main>
<footer>{caption} · point at a word for its neighbours, scroll for more labels, drag to move, double click to go
back</footer>
</body>
</html>
"""

# Labels keep their size while the map grows and shrinks with the window and the zoom: show() takes those that were
# placed for the present scale. When words are searched, theirs are the only ones.
_SCRIPT = """
const map = document.getElementById('map'), find = document.getElementById('find');
const escaped = map.data[0].text.slice();
const full = ['xaxis', 'yaxis'].map(axis => map.layout[axis].range.slice());
document.getElementById('words').append(...words.map(word => new Option(word)));
function show() {
  const size = [map.clientWidth, map.clientHeight];
  const zoom = Math.min(...['xaxis', 'yaxis'].map((axis, i) => {
    const [low, high] = map.layout[axis].range;
    return size[i] / frame[i] * (full[i][1] - full[i][0]) / (high - low);
  }));
  const level = levels.filter(each => each.zoom <= zoom).pop() || levels[0];
  const wanted = find.value.trim().toLowerCase();
  const found = words.map(word => wanted !== '' && word.toLowerCase().startsWith(wanted));
  const any = found.some(Boolean);
  Plotly.restyle(map, {
    text: [any ? words.map((word, i) => found[i] ? escaped[i] : ' ') : level.text],
    textposition: [level.textposition],
    'marker.opacity': [found.map(hit => any && !hit ? 0.2 : 1)],
    'marker.size': [found.map(hit => hit ? 12 : 6)],
  });
}
map.on('plotly_relayout', show);
window.addEventListener('resize', show);
find.addEventListener('input', show);
show();
"""
