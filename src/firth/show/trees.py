"""Dependency trees as text, and as arcs over the sentence in SVG."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from tempfile import SpooledTemporaryFile

import numpy as np

from firth.arrays import Floats
from firth.errors import InputError
from firth.parsing.transitions.projectivity import children_of, top_down
from firth.show.layout import label_sizes
from firth.show.tables import align
from firth.text.document import Sentence

# All sizes in the SVG are in pixels. Font sizes of words, UPOS tags and relations:
_FORM, _UPOS, _LABEL = 17, 11, 12
# The letters of a UPOS tag are spaced, so the tag is as wide as one in this font size.
_UPOS_SPACED = 12
# Vertical distance between the lines of two arcs, one above the other.
_LEVEL = 24
# Distances from the tips of the arcs to the base lines of the words and of their UPOS tags.
_FORM_LINE, _TAG_LINE = 21, 39
# Smallest distance between two words.
_GAP = 18
_MARGIN = 20
# Largest distance between two arcs that leave a word on the same side.
_PORT = 5
# Radius of the corners of an arc.
_CORNER = 9
# Length and width of the tip of an arrow.
_TIP = 7

# Colours of the paper, the words, their UPOS, the arcs and their labels.
_STYLE = """
.firth-tree text { text-anchor: middle; font-family: system-ui, "Segoe UI", Helvetica, Arial, sans-serif; }
.firth-tree .paper { fill: #ffffff; }
.firth-tree .form { fill: #1c2733; }
.firth-tree .upos { fill: #66717d; letter-spacing: 0.04em; }
.firth-tree .arc { fill: none; stroke: #8593a3; stroke-width: 1.4; }
.firth-tree .tip { fill: #8593a3; }
.firth-tree .label { fill: #0a5cab; }
@media (prefers-color-scheme: dark) {
.firth-tree .paper { fill: #171b21; }
.firth-tree .form { fill: #eceff3; }
.firth-tree .upos { fill: #9aa5b1; }
.firth-tree .arc { stroke: #6d7b8b; }
.firth-tree .tip { fill: #6d7b8b; }
.firth-tree .label { fill: #7cbcff; }
}
""" + "".join(
    f".firth-tree .{name} {{ font-size: {size}px; }}\n"
    for name, size in (("form", _FORM), ("upos", _UPOS), ("label", _LABEL))
)

# A picture of many trees is kept in memory up to 16 MB, then on the disk. It is written in blocks of 1 MB.
_SHEET_BYTES = 1 << 24
_SHEET_BLOCK = 1 << 20

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def tree_text(sentence: Sentence) -> str:
    """Draw a tree with box-drawing characters: a line for each word, in their order.

    A vertical line joins a word, at ``┬``, ``┴`` or ``┼``, with its children, at ``┌─``, ``├─`` and ``└─``.
    The words are followed by their UPOS and relation, where these are known.

    Parameters
    ----------
    sentence
        A parsed sentence; non-projective too.

    Returns
    -------
    str
        Lines, each with its end.

    Raises
    ------
    InputError
        The heads are not known, or form no tree.
    """
    heads = [token.head for token in sentence if token.head is not None]
    if len(heads) < len(sentence):
        raise InputError("the sentence has no tree to draw: there are words without a head; parse it first")
    branches = _branches(heads)
    cells = [
        (f"{branch} {token.form}", token.upos, token.deprel)
        for branch, token in zip(branches, sentence, strict=True)
    ]
    columns = [column for column in zip(*cells, strict=True) if set(column) != {"_"}]
    return align(list(zip(*columns, strict=True)))


def _branches(heads: Sequence[int]) -> list[str]:
    """Return the lines that `tree_text` draws before each word."""
    children = children_of(heads)
    # The first line belongs to ROOT. It is not shown.
    lines = [""] * (len(heads) + 1)
    begun = [False] * len(lines)
    for root in children[0]:
        lines[root], begun[root] = "──", True
    for head in top_down(children)[1:]:
        dependents = children[head]
        if not dependents:
            continue
        first, last = min(head, dependents[0]), max(head, dependents[-1])
        column = max(map(len, lines[first : last + 1]))
        for word in range(first, last + 1):
            # The line to a word goes on where it has begun, across this vertical line too.
            blank = "─" if begun[word] else " "
            if word == head:
                joint = "┴" if last == head else "┬" if first == head else "┼"
            elif heads[word - 1] == head:
                joint = "┌" if word == first else "└" if word == last else "├"
                begun[word] = True
            else:
                joint = "│"
            lines[word] = lines[word].ljust(column, blank) + joint + ("─" if joint != "│" else blank)
    return lines[1:]


@dataclass(slots=True)
class _Arc:
    """An arc in the picture.

    Attributes
    ----------
    head, word
        Its ends; head 0 is above the picture.
    label, label_width
        Its relation, and how wide that is.
    start
        How far from the middle of the head it leaves.
    level
        How high it is, from 1.
    """

    head: int
    word: int
    label: str
    label_width: float
    start: float = 0.0
    level: int = 0


def tree_svg(sentence: Sentence) -> str:
    """Draw a tree as labelled arcs over the sentence.

    Arcs lead from heads to dependents, the shorter ones under the longer ones. The words stand in their order
    from left to right, whatever their script, with their UPOS beneath.

    Parameters
    ----------
    sentence
        A sentence; words whose head is not known get no arc.

    Returns
    -------
    str
        An SVG document of its own, or part of a page. It has its own background, which is dark if the
        reader prefers dark pages. Widths of words are estimated, because the fonts are not known.
    """
    return _picture(sentence).svg


def trees_svg(sentences: Iterable[Sentence], write: Callable[[str], object]) -> int:
    """Draw trees below each other in one SVG document. One tree alone is drawn as by `tree_svg`.

    Parameters
    ----------
    sentences
        The sentences; they are asked for one by one, and few trees are in memory at once.
    write
        Is given the document part by part, when all trees are drawn.

    Returns
    -------
    int
        The number of trees.
    """
    width = height = n_trees = 0
    # The size of the document stands before the trees, and is known after them.
    with SpooledTemporaryFile(_SHEET_BYTES, "w+", encoding="utf-8", newline="\n") as trees:
        for sentence in sentences:
            picture = _picture(sentence)
            trees.write(f'<g transform="translate(0 {height})">\n{picture.svg}</g>\n')
            width, height = max(width, picture.width), height + picture.height
            n_trees += 1
        if n_trees == 1:
            write(picture.svg)
            return 1
        write(
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}">\n'
        )
        trees.seek(0)
        while some := trees.read(_SHEET_BLOCK):
            write(some)
        write("</svg>\n")
    return n_trees


@dataclass(frozen=True)
class _Picture:
    """The picture of a tree, and its size in pixels."""

    svg: str
    width: int
    height: int


def _picture(sentence: Sentence) -> _Picture:
    """Draw the tree of a sentence; see `tree_svg`."""
    forms = [token.form for token in sentence]
    tags = ["" if token.upos == "_" else token.upos for token in sentence]
    arcs = _arcs(sentence)
    widths = np.maximum(_text_widths(forms, _FORM), _text_widths(tags, _UPOS_SPACED))
    for arc in arcs:
        if not arc.head:  # the label stands over its word
            widths[arc.word - 1] = max(widths[arc.word - 1], arc.label_width)
    _set_starts(arcs, widths)
    _set_levels(arcs, len(forms))
    x = _word_positions(arcs, widths)
    floor = _MARGIN + _LABEL / 2 + _LEVEL * max((arc.level for arc in arcs), default=0)
    width = round(float(x[-1] + widths[-1:].sum() / 2 + _MARGIN))
    height = round(float(floor + _TAG_LINE + _MARGIN))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="firth-tree" role="img" width="{width}" '
        f'height="{height}" viewBox="0 0 {width} {height}" aria-label="{_xml(sentence.text)}">',
        f"<style>{_STYLE}</style>",
        '<rect class="paper" width="100%" height="100%" rx="8"/>',
    ]
    parts += [_arc_svg(arc, x, floor) for arc in arcs]
    parts += [_label_svg(arc, x, floor) for arc in arcs if arc.label]
    for middle, form, tag in zip(x[1:], forms, tags, strict=True):
        parts.append(_text_svg("form", middle, floor + _FORM_LINE, form))
        if tag:
            parts.append(_text_svg("upos", middle, floor + _TAG_LINE, tag))
    return _Picture("\n".join([*parts, "</svg>", ""]), width, height)


def _arcs(sentence: Sentence) -> list[_Arc]:
    known = [(token, token.head) for token in sentence if token.head is not None]
    labels = ["" if token.deprel == "_" else token.deprel for token, _ in known]
    widths = _text_widths(labels, _LABEL)
    return [
        _Arc(head, token.id, label, width)
        for (token, head), label, width in zip(known, labels, widths, strict=True)
    ]


def _set_starts(arcs: Iterable[_Arc], widths: Floats) -> None:
    """Spread the arcs that leave a word: the longer, the nearer to its middle, so that they do not cross."""
    sides = defaultdict(list)
    for arc in arcs:
        if arc.head:
            sides[arc.head, arc.head < arc.word].append(arc)
    for (head, rightward), leaving in sides.items():
        step = min(_PORT, widths[head - 1] / 2 / (len(leaving) + 1))
        leaving.sort(key=lambda arc: -abs(arc.head - arc.word))
        for place, arc in enumerate(leaving, start=1):
            # The tip of the incoming arc is in the middle of the word.
            start = _TIP / 2 + place * step
            arc.start = start if rightward else -start


def _set_levels(arcs: Iterable[_Arc], n: int) -> None:
    """Place each arc above all those under it; the arrow from ROOT is the highest."""
    # The highest level so far in the gap between each word and the next one.
    highest = np.zeros(n + 1, dtype=np.int64)
    for arc in sorted(arcs, key=lambda arc: abs(arc.head - arc.word) if arc.head else n):
        left, right = sorted((arc.head, arc.word)) if arc.head else (0, n)
        arc.level = 1 + int(highest[left:right].max(initial=0))
        highest[left:right] = arc.level


def _word_positions(arcs: Iterable[_Arc], widths: Floats) -> Floats:
    """Return the middles of the words, (n + 1,) from word 1, with room for the words and for the labels."""
    n = len(widths)
    # For each word, the words to its left that an arc joins with it, and their smallest distances.
    ending = defaultdict(list)
    for arc in arcs:
        if arc.head:
            left, right = sorted((arc.head, arc.word))
            start = arc.start if arc.head == left else -arc.start
            ending[right].append((left, start + arc.label_width + 3 * _CORNER))
    x = np.zeros(n + 1)
    # Entry 0 acts as a word without width.
    x[0] = _MARGIN - _GAP
    for word in range(1, n + 1):
        before = widths[word - 2] if word > 1 else 0.0
        x[word] = x[word - 1] + before / 2 + _GAP + widths[word - 1] / 2
        for left, distance in ending[word]:
            x[word] = max(x[word], x[left] + distance)
    return x


def _arc_svg(arc: _Arc, x: Floats, floor: float) -> str:
    """Draw the line of an arc, down to `floor`, and its tip."""
    y, end = floor - _LEVEL * arc.level, x[arc.word]
    if arc.head:
        start = x[arc.head] + arc.start
        corner = float(np.clip((end - start) / 2, -_CORNER, _CORNER))
        line = (
            f"M{start:.1f} {floor:.1f}V{y + abs(corner):.1f}Q{start:.1f} {y:.1f} {start + corner:.1f} {y:.1f}"
            f"H{end - corner:.1f}Q{end:.1f} {y:.1f} {end:.1f} {y + abs(corner):.1f}V{floor - _TIP:.1f}"
        )
    else:
        line = f"M{end:.1f} {y:.1f}V{floor - _TIP:.1f}"
    tip = f"M{end:.1f} {floor:.1f}l{-_TIP / 2} {-_TIP}h{_TIP}z"
    return f'<path class="arc" d="{line}"/><path class="tip" d="{tip}"/>'


def _label_svg(arc: _Arc, x: Floats, floor: float) -> str:
    """Write the label of an arc on its line, with a background that hides the arcs behind it."""
    middle = (x[arc.head] + arc.start + x[arc.word]) / 2 if arc.head else x[arc.word]
    y = floor - _LEVEL * arc.level
    width, height = arc.label_width + 4, _LABEL + 2
    return (
        f'<rect class="paper" x="{middle - width / 2:.1f}" y="{y - height / 2:.1f}" '
        f'width="{width:.1f}" height="{height}"/>' + _text_svg("label", middle, y + 0.34 * _LABEL, arc.label)
    )


def _text_svg(style: str, x: float, y: float, text: str) -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}">{_xml(text)}</text>'


def _text_widths(texts: Sequence[str], size: float) -> Floats:
    return label_sizes(texts, np.full(len(texts), size))[:, 0]


def _xml(text: str) -> str:
    """Escape text; the control characters that XML does not allow become visible."""
    return escape(_NOT_IN_XML.sub("\ufffd", text))
