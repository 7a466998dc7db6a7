"""Maps and curves: what is on them, and that labels never cover one another."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path

import numpy as np
import pytest

from firth.errors import InputError, UnknownWordError
from firth.show import maps
from firth.show.pictures import fonts_for
from firth.vectors.word_vectors import WordVectors

pytest.importorskip("matplotlib")
pytest.importorskip("plotly")

HISTORY = [{"epoch": 1, "loss": 3.1, "lr": 0.0125}, {"epoch": 2, "loss": 2.7, "lr": 0.0001}]


def make_vectors(words: list[str], *, groups: int = 4, counts: bool = True) -> WordVectors:
    """Return vectors in well separated groups: word i belongs to group i % groups."""
    rng = np.random.default_rng(0)
    centres = 3 * rng.normal(size=(groups, 12))
    matrix = centres[np.arange(len(words)) % groups] + 0.3 * rng.normal(size=(len(words), 12))
    return WordVectors(words, matrix, counts=np.arange(len(words), 0, -1) * 10 if counts else None)


@pytest.fixture(scope="module")
def vectors() -> WordVectors:
    return make_vectors([f"word{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(60)])


def svg_words(path: Path) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_svg_has_the_words_as_text(tmp_path: Path, method: str) -> None:
    if method == "tsne":
        pytest.importorskip("sklearn")
    vectors = make_vectors([f"word{chr(97 + i)}" for i in range(12)], groups=12)
    path = tmp_path / "map.svg"
    maps.plot_map(vectors, path, words=vectors.words, method=method, title="twelve & words")
    texts = svg_words(path)
    assert set(vectors.words) <= set(texts)
    assert "twelve &amp; words" in texts
    assert [file.name for file in tmp_path.iterdir()] == ["map.svg"]


@pytest.mark.parametrize("name", ["user{}", "{}", "#{}!"])
def test_names_with_digits_are_drawn_where_there_are_no_other_words(tmp_path: Path, name: str) -> None:
    vectors = make_vectors([name.format(i) for i in range(60)])
    assert maps.choose_words(vectors, 20).tolist() == list(range(20))
    assert maps.choose_words(vectors, 200).tolist() == list(range(60))
    with_a_few_words = make_vectors([*(name.format(i) for i in range(60)), "unknown", "other"])
    assert maps.choose_words(with_a_few_words, 20).tolist() == list(range(20))
    maps.plot_map(vectors, tmp_path / "map.svg", n=20, method="pca", title="")
    assert set(svg_words(tmp_path / "map.svg")) & set(vectors.words) <= set(vectors.words[:20])
    assert svg_words(tmp_path / "map.svg")


def test_png_is_a_picture_and_always_the_same(vectors: WordVectors, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        maps.plot_map(vectors, tmp_path / name, n=20, method="pca")
    content = (tmp_path / "a.png").read_bytes()
    assert content.startswith(b"\x89PNG")
    assert content == (tmp_path / "b.png").read_bytes()


def test_html_stands_alone_and_describes_each_word(vectors: WordVectors, tmp_path: Path) -> None:
    path = tmp_path / "map.html"
    maps.plot_map(vectors, path, words=vectors.words[:20])
    page = path.read_text(encoding="utf-8")
    assert not re.search(r"<(script|link)[^>]*(src|href)=", page)
    chart = page[page.rindex("Plotly.newPlot") :]
    for word in vectors.words[:20]:
        neighbour, cosine = vectors.most_similar(word, topn=1)[0]
        assert f"{cosine:.2f} {neighbour}" in chart
        assert f"{vectors.counts[vectors.index(word)]:,} times" in chart  # type: ignore[index]


def test_words_cannot_break_out_of_the_page(tmp_path: Path) -> None:
    nasty = ["</script><script>alert(1)</script>", "<b>bold</b>", "$x^2$", 'quo"te', "&amp;"]
    vectors = make_vectors(nasty, groups=2)
    maps.plot_map(vectors, tmp_path / "map.html", words=nasty, title="<i>title</i>")
    page = (tmp_path / "map.html").read_text(encoding="utf-8")
    assert nasty[0] not in page
    assert "<i>title" not in page
    assert "&lt;i&gt;title" in page
    maps.plot_map(vectors, tmp_path / "map.svg", words=nasty)
    assert "$x^2$" in svg_words(tmp_path / "map.svg")


def test_hidden_labels_are_counted_in_the_caption(tmp_path: Path) -> None:
    words = [f"longish{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(400)]
    vectors = make_vectors(words, groups=1)
    maps.plot_map(vectors, tmp_path / "map.svg", words=words, method="pca")
    texts = svg_words(tmp_path / "map.svg")
    drawn = len(set(words) & set(texts))
    caption = next(text for text in texts if text.startswith("PCA"))
    hidden = re.search(r"(\d+) of 400 words without label", caption)
    assert hidden
    assert 0 < int(hidden[1]) == 400 - drawn
    assert words[0] in texts  # the most frequent word goes first


def test_one_word_and_equal_vectors_can_be_drawn(tmp_path: Path) -> None:
    same = WordVectors(["one", "two", "three"], np.ones((3, 5)))
    for words in (["one"], ["one", "two", "three"]):
        maps.plot_map(same, tmp_path / "map.svg", words=words)
        assert set(words) & set(svg_words(tmp_path / "map.svg"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"path": "map.jpg"}, "must end in .png or .svg or .html"),
        ({"path": "map.png", "method": "umap"}, "choose pca or tsne"),
        ({"path": "map.png", "words": []}, "at least one word"),
        ({"path": "nowhere/map.png"}, "no folder"),
    ],
)
def test_bad_arguments(
    vectors: WordVectors, tmp_path: Path, arguments: dict[str, object], message: str
) -> None:
    path = tmp_path / str(arguments.pop("path"))
    with pytest.raises(InputError, match=message):
        maps.plot_map(vectors, path, n=10, **arguments)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_unknown_word(vectors: WordVectors, tmp_path: Path) -> None:
    with pytest.raises(UnknownWordError, match="xylophone"):
        maps.plot_map(vectors, tmp_path / "map.png", words=["wordaa", "xylophone"])


@pytest.mark.parametrize(("suffix", "library"), [(".png", "matplotlib"), (".html", "plotly")])
def test_missing_library(
    vectors: WordVectors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, library: str
) -> None:
    monkeypatch.setitem(__import__("sys").modules, library, None)
    with pytest.raises(InputError, match=f"needs {library}, .* pip install 'firth.plot.'"):
        maps.plot_map(vectors, tmp_path / f"map{suffix}")


def test_without_scikit_learn_the_default_is_pca(
    vectors: WordVectors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sklearn", None)
    maps.plot_map(vectors, tmp_path / "map.svg", n=40)
    assert any(text.startswith("PCA") for text in svg_words(tmp_path / "map.svg"))
    with pytest.raises(InputError, match="t-SNE needs sklearn"):
        maps.plot_map(vectors, tmp_path / "map.svg", n=40, method="tsne")


def test_letters_without_a_font_are_told_once(tmp_path: Path) -> None:
    words = [
        "plain",
        "\U00010480\U00010481",
        "\U00010482",
    ]  # Osmanya, which hardly any machine has a font for
    if not fonts_for(set("".join(words)))[1]:
        pytest.skip("a font for Osmanya is installed")
    vectors = make_vectors(words, groups=1)
    with pytest.warns(UserWarning, match="2 words show boxes") as caught:
        maps.plot_map(vectors, tmp_path / "map.png", words=words)
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the reader of an SVG brings the fonts
        maps.plot_map(vectors, tmp_path / "map.svg", words=words)


def test_fonts_are_chosen_by_their_letters() -> None:
    fonts, missing = fonts_for(set("aβж"))
    assert (fonts, missing) == (["DejaVu Sans"], set())


def test_words_chosen_are_content_words() -> None:
    """Function words have short vectors for their frequency; numbers and single letters are no words."""
    rng = np.random.default_rng(1)
    function = [f"the{chr(97 + i)}" for i in range(20)]
    content = [f"house{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(140)]
    rest = ["1914", "x", "...", "b2b"]
    words = function[:10] + rest + content[:70] + function[10:] + content[70:]
    unit = rng.normal(size=(len(words), 30))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    lengths = np.array([0.8 if word in function else 2.0 for word in words])
    chosen = maps.choose_words(WordVectors(words, unit * lengths[:, None]), 20)
    assert len(chosen) == 20
    assert all(words[row] in content for row in chosen)
    assert (np.diff(chosen) > 0).all()
    equal = maps.choose_words(WordVectors(words, unit), 20)  # vectors of equal lengths tell nothing
    proper = [row for row, word in enumerate(words) if word not in rest][: 8 * 20]
    assert equal.tolist() == proper[len(proper) // 16 :][:20]


def test_single_characters_are_words_where_they_are_not_letters() -> None:
    words = ["水", "a", "Я", "火", "и7"]
    assert [words[row] for row in maps.choose_words(make_vectors(words), 10)] == ["水", "火"]


def test_zoom_levels_give_more_labels(tmp_path: Path) -> None:
    words = [f"longish{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(200)]
    maps.plot_map(make_vectors(words, groups=1), tmp_path / "map.html", words=words, method="pca")
    page = (tmp_path / "map.html").read_text(encoding="utf-8")
    levels = json.loads(re.search(r"const levels = (\[.*\]), words =", page)[1])  # type: ignore[index]
    shown = [sum(text != " " for text in level["text"]) for level in levels]
    assert shown == sorted(shown)
    assert shown[0] < shown[-1] == 200


@pytest.mark.parametrize("history", [HISTORY[:1], HISTORY])
def test_training_curve(tmp_path: Path, history: list[dict[str, float]]) -> None:
    maps.plot_history(history, tmp_path / "loss.svg")
    texts = svg_words(tmp_path / "loss.svg")
    assert {"loss per pair", "learning rate", "epoch", str(len(history))} <= set(texts)
    assert "held out" not in texts
    maps.plot_history([{**entry, "heldout": entry["loss"] + 0.1} for entry in history], tmp_path / "h.svg")
    assert {"training", "held out"} <= set(svg_words(tmp_path / "h.svg"))


def test_no_training_curve_without_history(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no history"):
        maps.plot_history([], tmp_path / "loss.png")
    with pytest.raises(InputError, match="must end in"):
        maps.plot_history(HISTORY, tmp_path / "loss.html")
