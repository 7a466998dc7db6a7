"""The interactive map: one HTML page by plotly that needs nothing else, no network either."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from firth.arrays import PathLike
from firth.files.atomic import atomic_path
from firth.show.layout import ANCHORS, DOT_RADIUS, FRAME, Anchor, Drawing, label_sizes, place_labels
from firth.show.pictures import COLOURS

_PIXELS_PER_POINT = 96 / 72
# Labels are placed anew at each of these zooms.
_ZOOMS = (0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 8.0)


def write_page(drawing: Drawing, descriptions: Sequence[str], path: PathLike) -> None:
    """Draw a map to an .html file.

    Parameters
    ----------
    drawing
        The map.
    descriptions
        The text shown when the pointer is at a word, for each word, in plotly's subset of HTML.
    path
        The file.
    """
    import plotly.graph_objects as go

    font_sizes = drawing.font_sizes * _PIXELS_PER_POINT
    sizes = label_sizes(drawing.words, font_sizes)
    texts = np.array([html.escape(word) for word in drawing.words], dtype=object)
    levels = []
    for zoom in _ZOOMS:
        places = place_labels(drawing.positions * _PIXELS_PER_POINT * zoom, sizes)
        levels.append(
            {
                "zoom": zoom,
                "text": np.where(places >= 0, texts, _BLANK).tolist(),
                "textposition": [_side(ANCHORS[place]) for place in places],
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
            marker={"size": 3 * DOT_RADIUS, "color": colours},
            hovertext=descriptions,
            hoverinfo="text",
        ),
        {
            "template": "simple_white",
            "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
            # Labels know no frame here: room for those at the edge.
            "xaxis": {"visible": False, "range": [-0.05 * FRAME[0], 1.05 * FRAME[0]]},
            "yaxis": {"visible": False, "range": [-0.03 * FRAME[1], 1.03 * FRAME[1]]},
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
            f"const frame = {[side * _PIXELS_PER_POINT for side in FRAME]};\n{_SCRIPT}"
        ),
    )
    page = _PAGE_TEMPLATE.format(
        title=html.escape(drawing.title), caption=html.escape(drawing.caption), chart=chart
    )
    with atomic_path(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _side(anchor: Anchor) -> str:
    """Return the name that plotly has for an anchor."""
    return f"{('bottom', 'middle', 'top')[anchor.y + 1]} {('left', 'center', 'right')[anchor.x + 1]}"


def _script_json(value: Any) -> str:
    """Write JSON that cannot end the <script> that holds it."""
    return json.dumps(value).replace("<", "\\u003c")


# plotly removes an empty label for good. It would not come back at the next zoom.
_BLANK = " "

_BUTTONS = ["zoomIn2d", "zoomOut2d", "resetScale2d", "toImage"]

_PAGE_TEMPLATE = """<!doctype html>
<html>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
  body {{ margin: 0; height: 100vh; display: flex; flex-direction: column }}
  body {{ font-family: sans-serif; color: #222 }}
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
<footer>{caption} · point at a word for its neighbours, scroll for more labels, drag to move,
double click to go back</footer>
</body>
</html>
"""

# Labels keep their size while the map grows and shrinks with the window and the zoom: show() takes those that
# were placed for the present scale. When words are searched, theirs are the only ones.
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
