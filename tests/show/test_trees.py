"""Trees as text and as SVG: what stands where, and that nothing covers anything else."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.cells import cell_len

from firth.errors import InputError
from firth.show.trees import tree_svg, tree_text, trees_svg
from firth.text import conllu
from firth.text.document import Sentence, Token

SVG = "{http://www.w3.org/2000/svg}"


def parsed(words: str, heads: list[int], deprels: str = "", upos: str = "") -> Sentence:
    n = len(heads)
    return Sentence(
        [
            Token(i, form, upos=tag, head=head, deprel=deprel)
            for i, (form, head, deprel, tag) in enumerate(
                zip(
                    words.split(), heads, deprels.split() or ["_"] * n, upos.split() or ["_"] * n, strict=True
                ),
                1,
            )
        ]
    )


@pytest.fixture
def sentence() -> Sentence:
    return parsed(
        "I parsed this sentence correctly .",
        [2, 0, 4, 2, 2, 2],
        "nsubj root det obj advmod punct",
        "PRON VERB DET NOUN ADV PUNCT",
    )


def test_text(sentence: Sentence) -> None:
    assert tree_text(sentence) == (
        "  ┌─ I           PRON   nsubj\n"
        "──┼─ parsed      VERB   root\n"
        "  │ ┌─ this      DET    det\n"
        "  ├─┴─ sentence  NOUN   obj\n"
        "  ├─ correctly   ADV    advmod\n"
        "  └─ .           PUNCT  punct\n"
    )


def test_text_of_a_tree_that_is_not_projective() -> None:
    """The arc from "menteni" to "Fel" crosses the line to the root."""
    sentence = parsed("Fel akarja menteni Kovácsot .", [3, 0, 2, 3, 2])
    assert tree_text(sentence) == (
        "    ┌─ Fel\n"  #
        "──┬─│─ akarja\n"
        "  ├─┼─ menteni\n"
        "  │ └─ Kovácsot\n"
        "  └─ .\n"
    )


def test_text_of_a_chain() -> None:
    assert tree_text(parsed("c b a", [2, 3, 0])) == "    ┌─ c\n  ┌─┴─ b\n──┴─ a\n"
    assert tree_text(parsed("a b c", [0, 1, 2])) == "──┬─ a\n  └─┬─ b\n    └─ c\n"


def test_columns_are_aligned_in_cells() -> None:
    lines = tree_text(parsed("我 读 书籍", [2, 0, 2], "nsubj root obj", "PRON VERB NOUN")).splitlines()
    places = [cell_len(line[: re.search("PRON|VERB|NOUN", line).start()]) for line in lines]  # type: ignore[union-attr]
    assert len(set(places)) == 1


def test_text_needs_a_tree() -> None:
    with pytest.raises(InputError, match="parse it first"):
        tree_text(Sentence([Token(1, "yes")]))
    with pytest.raises(InputError, match="word 1 is in a cycle"):
        tree_text(parsed("a b c", [2, 1, 0]))
    assert tree_text(Sentence([])) == ""


def texts(svg: str, style: str) -> dict[str, float]:
    """Return the texts of a style and where they stand, from left to right."""
    root = ElementTree.fromstring(svg)
    found = [node for node in root.iter(f"{SVG}text") if node.get("class") == style]
    return {node.text or "": float(node.get("x", "nan")) for node in found}


def boxes(svg: str) -> list[tuple[float, float, float, float]]:
    """Return left, top, right and bottom of the labels."""
    rectangles = list(ElementTree.fromstring(svg).iter(f"{SVG}rect"))[1:]  # the first is the paper
    found = []
    for rectangle in rectangles:
        x, y, width, height = (float(rectangle.get(name, "nan")) for name in ("x", "y", "width", "height"))
        found.append((x, y, x + width, y + height))
    return found


def test_svg(sentence: Sentence) -> None:
    svg = tree_svg(sentence)
    assert list(texts(svg, "form")) == ["I", "parsed", "this", "sentence", "correctly", "."]
    assert list(texts(svg, "upos")) == ["PRON", "VERB", "DET", "NOUN", "ADV", "PUNCT"]
    assert set(texts(svg, "label")) == {"nsubj", "root", "det", "obj", "advmod", "punct"}
    places = list(texts(svg, "form").values())
    assert places == sorted(places)
    root = ElementTree.fromstring(svg)
    assert root.get("aria-label") == "I parsed this sentence correctly ."
    arcs = [node.get("d", "") for node in root.iter(f"{SVG}path") if node.get("class") == "arc"]
    assert len(arcs) == 6
    tips = [node.get("d", "") for node in root.iter(f"{SVG}path") if node.get("class") == "tip"]
    assert [float(tip[1:].split()[0]) for tip in tips] == places, "each word has one arrow, over its middle"


def test_longer_arcs_are_above_shorter_ones(sentence: Sentence) -> None:
    root = ElementTree.fromstring(tree_svg(sentence))
    height = {node.text: -float(node.get("y", "nan")) for node in root.iter(f"{SVG}text")}
    assert (
        height["nsubj"] == height["det"] < height["obj"] < height["advmod"] < height["punct"] < height["root"]
    )


def test_text_is_escaped() -> None:
    svg = tree_svg(parsed('<b>&"x" \x00', [0, 1], "a<b c&d", "X Y"))
    assert list(texts(svg, "form")) == ['<b>&"x"', "\ufffd"]
    assert set(texts(svg, "label")) == {"a<b", "c&d"}


def test_svg_without_a_tree() -> None:
    svg = tree_svg(Sentence([Token(1, "no"), Token(2, "tree")]))
    assert list(texts(svg, "form")) == ["no", "tree"]
    assert texts(svg, "upos") == texts(svg, "label") == {}
    assert not list(ElementTree.fromstring(svg).iter(f"{SVG}path"))
    assert ElementTree.fromstring(tree_svg(Sentence([]))).tag == f"{SVG}svg"


def sheet(sentences: list[Sentence]) -> str:
    parts: list[str] = []
    assert trees_svg(iter(sentences), parts.append) == len(sentences)
    return "".join(parts)


def test_a_sheet_of_trees(sentence: Sentence) -> None:
    sentences = [sentence, parsed("é", [0]), sentence]
    picture = ElementTree.fromstring(sheet(sentences))
    trees = [ElementTree.fromstring(tree_svg(sentence)) for sentence in sentences]
    heights = [int(tree.attrib["height"]) for tree in trees]
    assert picture.attrib["width"] == trees[0].attrib["width"]
    assert int(picture.attrib["height"]) == sum(heights)
    assert picture.attrib["viewBox"] == f"0 0 {picture.attrib['width']} {sum(heights)}"
    for k, (group, tree) in enumerate(zip(picture, trees, strict=True)):
        assert group.attrib["transform"] == f"translate(0 {sum(heights[:k])})"
        assert ElementTree.tostring(group[0]).strip() == ElementTree.tostring(tree)


def test_a_sheet_of_one_tree_or_none(sentence: Sentence) -> None:
    assert sheet([sentence]) == tree_svg(sentence)
    assert list(ElementTree.fromstring(sheet([]))) == []


def test_long_labels_have_room() -> None:
    svg = tree_svg(parsed("a b c", [0, 1, 2], "root:of-all-roots advcl:relcl:verylong x", "X X X"))
    width = float(ElementTree.fromstring(svg).get("width", "nan"))
    assert all(0 <= left < right <= width for left, _, right, _ in boxes(svg))
    place = list(texts(svg, "form").values())
    (left, _, right, _) = boxes(svg)[1]
    assert place[0] < left < right < place[1]


@pytest.mark.parametrize("treebank", ["en_ewt", "hu_szeged", "ko_gsd"])
def test_labels_do_not_cover_each_other(treebank: str, shared_data: Path) -> None:
    for sentence in conllu.load(shared_data / "ud" / treebank / "dev.conllu")[:150]:
        for (l1, t1, r1, b1), (l2, t2, r2, b2) in combinations(boxes(tree_svg(sentence)), 2):
            assert l1 >= r2 or l2 >= r1 or t1 >= b2 or t2 >= b1
        assert len(tree_text(sentence).splitlines()) == len(sentence)
