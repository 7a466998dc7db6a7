"""The table of configurations and transitions, as text and as Markdown."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from firth.errors import InputError
from firth.parsing.transitions.systems import (
    SYSTEMS,
    ArcHybrid,
    ArcStandard,
    ArcStandardSwap,
    Configuration,
    Kind,
    Transition,
)
from firth.show.traces import Step, derivation, trace, trace_markdown, trace_rows, trace_text
from firth.text.document import Sentence, Token

FORMS = ["I", "parsed", "this", "sentence", "correctly"]
HEADS = [2, 0, 4, 2, 2]
LABELS = ["nsubj", "root", "det", "obj", "advmod"]


@pytest.fixture
def steps() -> list[Step]:
    return trace(ArcStandard(), ArcStandard().oracle(HEADS, LABELS), FORMS)


def test_the_worked_example(steps: list[Step]) -> None:
    assert trace_rows(steps) == [
        ("[ROOT]", "[I, parsed, this, sentence, correctly]", "", "(initial)"),
        ("[ROOT, I]", "[parsed, this, sentence, correctly]", "", "SHIFT"),
        ("[ROOT, I, parsed]", "[this, sentence, correctly]", "", "SHIFT"),
        ("[ROOT, parsed]", "[this, sentence, correctly]", "parsed→I (nsubj)", "LEFT-ARC"),
        ("[ROOT, parsed, this]", "[sentence, correctly]", "", "SHIFT"),
        ("[ROOT, parsed, this, sentence]", "[correctly]", "", "SHIFT"),
        ("[ROOT, parsed, sentence]", "[correctly]", "sentence→this (det)", "LEFT-ARC"),
        ("[ROOT, parsed]", "[correctly]", "parsed→sentence (obj)", "RIGHT-ARC"),
        ("[ROOT, parsed, correctly]", "[]", "", "SHIFT"),
        ("[ROOT, parsed]", "[]", "parsed→correctly (advmod)", "RIGHT-ARC"),
        ("[ROOT]", "[]", "ROOT→parsed (root)", "RIGHT-ARC"),
    ]


def test_arcs_from_the_buffer_and_swaps() -> None:
    hybrid = trace(ArcHybrid(), ArcHybrid().oracle(HEADS, LABELS), FORMS)
    assert hybrid[2] == Step(
        ("ROOT",), ("parsed", "this", "sentence", "correctly"), "parsed→I (nsubj)", "LEFT-ARC"
    )
    kinds = [Kind.SHIFT, Kind.SHIFT, Kind.SWAP]
    swapped = trace(ArcStandardSwap(), map(Transition, kinds), ["a", "b"])
    assert swapped[-1] == Step(("ROOT", "b"), ("a",), "", "SWAP")


def sentence_of(heads: list[int | None], labels: list[str] | None = None) -> Sentence:
    names = labels or ["dep"] * len(heads)
    return Sentence(
        [Token(i, f"w{i}", head=h, deprel=d) for i, (h, d) in enumerate(zip(heads, names, strict=True), 1)]
    )


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_derivation_of_a_tree(name: str) -> None:
    system, transitions = derivation(sentence_of([*HEADS], LABELS), name)
    assert system is SYSTEMS[name]
    assert transitions == system.oracle(HEADS, LABELS)


@pytest.mark.parametrize("name", SYSTEMS)
def test_crossing_arcs_need_swap(name: str) -> None:
    heads = [3, 4, 0, 3]
    system, transitions = derivation(sentence_of([*heads]), name)
    assert isinstance(system, ArcStandardSwap)
    configuration = Configuration.initial(4)
    for transition in transitions:
        system.apply(configuration, transition)
    assert configuration.tree()[0] == heads
    assert Kind.SWAP in {transition.kind for transition in transitions}


def test_no_tree_has_no_derivation() -> None:
    with pytest.raises(InputError, match="without a head; parse it first"):
        derivation(sentence_of([0, None]), "arc-standard")
    with pytest.raises(InputError, match="no transition system 'arc-eager'"):
        derivation(sentence_of([0]), "arc-eager")


def test_arcs_without_labels() -> None:
    kinds = [Kind.SHIFT, Kind.RIGHT_ARC]
    assert trace(ArcStandard(), map(Transition, kinds), ["yes"])[-1].dependency == "ROOT→yes"


def test_an_illegal_transition_is_refused() -> None:
    with pytest.raises(InputError, match="LEFT-ARC is not legal"):
        trace(ArcStandard(), [Transition(Kind.LEFT_ARC)], ["yes"])


def test_text_is_a_table_with_nothing_left_out(steps: list[Step]) -> None:
    lines = trace_text(steps).splitlines()
    assert lines[0].split("  ")[0] == "Stack"
    assert set(lines[1]) == {"─", " "}
    assert len(lines) == 2 + 11
    columns = [lines[0].index(name) for name in ("Stack", "Buffer", "New dependency", "Transition")]
    for line, row in zip(lines[2:], trace_rows(steps), strict=True):
        for column, cell in zip(columns, row, strict=True):
            assert line[column:].startswith(cell)
    assert not any(line.endswith(" ") for line in lines)


@pytest.mark.parametrize("width", [60, 72, 80, 100, 200])
def test_text_of_a_given_width(steps: list[Step], width: int) -> None:
    text = trace_text(steps, width)
    assert all(cell_len(line) <= width for line in text.splitlines())
    assert ("…" in text) == (width < 120)
    if "…" in text:
        assert "[…" in text, "the top of the stack is to be seen"
        assert "…]" in text, "the next words are to be seen"


def test_wide_characters_are_two_cells_wide() -> None:
    forms = ["我", "读", "书"]
    steps = trace(ArcStandard(), ArcStandard().oracle([2, 0, 2], ["nsubj", "root", "obj"]), forms)
    lines = trace_text(steps).splitlines()
    places = {
        cell_len(line[: line.index(kind)])
        for line in lines[3:]
        for kind in ("SHIFT", "RIGHT")
        if kind in line
    }
    assert len(places) == 1
    assert all(cell_len(line) <= 58 for line in trace_text(steps, 58).splitlines())


def test_markdown(steps: list[Step]) -> None:
    lines = trace_markdown(steps).splitlines()
    assert lines[:3] == [
        "| Stack | Buffer | New dependency | Transition |",
        "| --- | --- | --- | --- |",
        "| [ROOT] | [I, parsed, this, sentence, correctly] |  | (initial) |",
    ]
    assert lines[-1] == "| [ROOT] | [] | ROOT→parsed (root) | RIGHT-ARC |"


def test_markdown_means_what_it_says() -> None:
    markdown = trace_markdown(trace(ArcStandard(), [], ["a|b", "*", "<b>", "snake_case", "\\", "`"]))
    assert r"[a\|b, \*, \<b\>, snake\_case, \\, \`]" in markdown
