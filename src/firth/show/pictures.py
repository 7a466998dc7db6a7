"""PNG and SVG by matplotlib, without a display and without pyplot's global state."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from firth.arrays import PathLike
from firth.files.atomic import atomic_path
from firth.show.layout import ANCHORS, DOT_RADIUS, FRAME, Drawing, label_offset, label_sizes, place_labels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Hues of Okabe & Ito's palette and indigo, in lightnesses chosen so that text is legible on white (contrast
# at least 3.8) and any two differ (CIE Lab distance at least 17) for every kind of colour vision.
COLOURS = ("#0a6cc4", "#d1570a", "#006b4a", "#cc5fb0", "#5a1030", "#332288", "#808080")

# The page and the places on it, in points.
_PAGE = (864.0, 648.0)
_LEFT, _BOTTOM, _TITLE, _CAPTION = 16.0, 32.0, 616.0, 12.0


def write_map(drawing: Drawing, path: PathLike) -> None:
    """Draw a map to a .png or .svg file."""
    write_figure(lambda figure: _draw_map(figure, drawing), path, words=drawing.words)


def write_history(history: Sequence[dict[str, float]], path: PathLike) -> None:
    """Draw a training curve to a .png or .svg file."""
    write_figure(lambda figure: _draw_history(figure, history), path)


def write_figure(draw: Callable[[Figure], None], path: PathLike, words: Iterable[str] = ()) -> None:
    """Let `draw` fill a page and write it."""
    import matplotlib
    from matplotlib.figure import Figure

    svg = Path(path).suffix.lower() == ".svg"
    fonts, missing = fonts_for(set("".join(words)))
    with matplotlib.rc_context(), warnings.catch_warnings(), atomic_path(path) as temporary:
        matplotlib.rcParams["font.family"] = [*fonts, "sans-serif"] if svg else fonts
        matplotlib.rcParams["svg.fonttype"] = "none"  # text stays text, in the fonts of the reader
        matplotlib.rcParams["svg.hashsalt"] = "firth"  # the same picture gives the same bytes
        matplotlib.rcParams["text.parse_math"] = False  # "$" is a word like others
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        figure = Figure(figsize=(_PAGE[0] / 72, _PAGE[1] / 72), facecolor="white")
        draw(figure)
        metadata = {"Date": None} if svg else None
        figure.savefig(temporary, format="svg" if svg else "png", dpi=160, metadata=metadata)
    if missing and not svg:
        concerned = sum(not missing.isdisjoint(word) for word in words)
        letters = "".join(sorted(missing)[:5])
        warnings.warn(
            f"{path}: no installed font has letters such as {letters}; {concerned} words show boxes: install "
            "a font of that script (Noto, say), or write .svg or .html, which take the fonts of the reader",
            stacklevel=4,
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
    missing = {letter for letter in letters if not letter.isspace()}
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


def _draw_map(figure: Figure, drawing: Drawing) -> None:
    axes = figure.add_axes(
        (_LEFT / _PAGE[0], _BOTTOM / _PAGE[1], FRAME[0] / _PAGE[0], FRAME[1] / _PAGE[1]),
        xlim=(0, FRAME[0]),
        ylim=(0, FRAME[1]),
        xticks=[],
        yticks=[],
    )
    axes.spines[:].set_color("#d0d0d0")
    colours = [COLOURS[group] for group in drawing.groups]
    x, y = drawing.positions.T
    axes.scatter(x, y, s=(2 * DOT_RADIUS) ** 2, c=colours, linewidths=0, alpha=0.75, zorder=2)
    places = place_labels(drawing.positions, label_sizes(drawing.words, drawing.font_sizes), FRAME)
    for i, place in enumerate(places):
        if place >= 0:
            anchor = ANCHORS[place]
            axes.annotate(
                drawing.words[i],
                drawing.positions[i],
                xytext=label_offset(anchor),
                textcoords="offset points",
                ha=("right", "center", "left")[anchor.x + 1],
                va=("top", "center", "bottom")[anchor.y + 1],
                fontsize=drawing.font_sizes[i],
                color=colours[i],
            )
    hidden = int((places < 0).sum())
    note = f" · {hidden} of {len(places)} words without label, for lack of room" if hidden else ""
    left = _LEFT / _PAGE[0]
    figure.text(left, _TITLE / _PAGE[1], drawing.title, fontsize=14, color="#222222")
    figure.text(left, _CAPTION / _PAGE[1], drawing.caption + note, fontsize=8, color="#767676")


def _draw_history(figure: Figure, history: Sequence[dict[str, float]]) -> None:
    from matplotlib.ticker import MaxNLocator

    figure.set_size_inches(6.4, 4.8)
    epochs = [entry["epoch"] for entry in history]
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    for axes, key, label, colour in ((upper, "loss", "loss per pair", 0), (lower, "lr", "learning rate", 1)):
        values = [entry[key] for entry in history]
        axes.plot(epochs, values, "o-", color=COLOURS[colour], markersize=4, clip_on=False)
        if key == "loss" and "heldout" in history[0]:
            axes.lines[0].set_label("training")
            held_out = [entry["heldout"] for entry in history]
            axes.plot(epochs, held_out, "o-", color=COLOURS[2], markersize=4, clip_on=False, label="held out")
            axes.legend(frameon=False)
        axes.set_ylabel(label)
        axes.grid(color="#e4e4e4")
        axes.spines[["top", "right"]].set_visible(False)
    lower.set_xlabel("epoch")
    lower.set_xlim(min(epochs) - 0.5, max(epochs) + 0.5)
    lower.set_ylim(bottom=0)
    lower.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    figure.align_ylabels()
    figure.tight_layout()
