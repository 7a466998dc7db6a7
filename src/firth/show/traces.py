"""Traces: how a sentence was parsed, step by step, as a table of configurations and transitions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from rich.cells import cell_len

from firth.errors import InputError
from firth.parsing.transitions.projectivity import is_projective
from firth.parsing.transitions.systems import (
    ArcStandardSwap,
    Configuration,
    Transition,
    TransitionSystem,
    system_named,
)
from firth.show.tables import GAP, align, column_widths
from firth.text.document import Sentence

Row: TypeAlias = tuple[str, str, str, str]

COLUMNS: Row = ("Stack", "Buffer", "New dependency", "Transition")

_ELLIPSIS = "…"


@dataclass(frozen=True, slots=True)
class Step:
    """A row of the table: a configuration and the transition that led to it.

    Attributes
    ----------
    stack, buffer
        The words there, the top of the stack at its end.
    dependency
        The arc that was made, ``parsed→I (nsubj)``, or the empty string.
    transition
        ``SHIFT``, ``LEFT-ARC``, ``RIGHT-ARC``, ``SWAP`` or, in the first row, ``(initial)``.
    """

    stack: tuple[str, ...]
    buffer: tuple[str, ...]
    dependency: str
    transition: str


def trace(system: TransitionSystem, transitions: Iterable[Transition], forms: Sequence[str]) -> list[Step]:
    """Take transitions, and note every configuration on the way.

    Parameters
    ----------
    system
        The transition system.
    transitions
        What to do, from the initial configuration on.
    forms
        The words of the sentence.

    Returns
    -------
    list of Step
        One for the initial configuration and one for each transition. Their memory grows with the square of
        the length of the sentence.

    Raises
    ------
    InputError
        A transition is not legal.
    """
    names = ("ROOT", *forms)
    configuration = Configuration.initial(len(forms))
    steps = [Step(names[:1], names[1:], "", "(initial)")]
    for transition in transitions:
        n_arcs = len(configuration.arcs)
        system.apply(configuration, transition)
        dependency = ""
        for head, dependent, label in configuration.arcs[n_arcs:]:
            dependency = f"{names[head]}→{names[dependent]}" + (f" ({label})" if label else "")
        stack = tuple(names[word] for word in configuration.stack)
        buffer = tuple(names[word] for word in configuration.buffer)
        steps.append(Step(stack, buffer, dependency, str(transition.kind)))
    return steps


def derivation(sentence: Sentence, system: str) -> tuple[TransitionSystem, list[Transition]]:
    """Return the steps in which a transition system builds the tree of a sentence, as textbooks have them.

    Parameters
    ----------
    sentence
        A sentence with heads.
    system
        The name of a transition system.

    Returns
    -------
    system, transitions
        For `trace`. The system is arc-standard-swap if arcs of the tree cross and the system that was asked
        for builds projective trees only.

    Raises
    ------
    InputError
        There is no such system; or the heads are not known, or form no tree with one root.
    """
    asked_for = system_named(system)
    heads = [token.head for token in sentence if token.head is not None]
    if len(heads) < len(sentence):
        raise InputError("the sentence has no tree to derive: there are words without a head; parse it first")
    labels = [token.deprel for token in sentence]
    if not asked_for.has_swap and not is_projective(heads):
        asked_for = system_named(ArcStandardSwap.name)
    return asked_for, asked_for.oracle(heads, labels)


def trace_rows(steps: Iterable[Step]) -> list[Row]:
    """Return the cells of the table: stack and buffer as ``[ROOT, parsed]``, dependency, transition."""
    return [(_listed(step.stack), _listed(step.buffer), step.dependency, step.transition) for step in steps]


def trace_text(steps: Sequence[Step], width: int | None = None) -> str:
    """Lay the table out in plain text for a terminal.

    Parameters
    ----------
    steps
        See `trace`.
    width
        Shorten long stacks (at the bottom) and long buffers (at the end) with an ellipsis, so that lines have
        no more cells than this, if the other columns leave room for it; None: shorten nothing.

    Returns
    -------
    str
        Lines, each with its end.
    """
    rows = trace_rows(steps)
    if width is not None:
        stack, buffer = _widths_of_lists(rows, width)
        rows = [
            (_shortened(step.stack, stack, top=True), _shortened(step.buffer, buffer, top=False), *row[2:])
            for step, row in zip(steps, rows, strict=True)
        ]
    rule = ["─" * column for column in column_widths([COLUMNS, *rows])]
    return align([COLUMNS, rule, *rows])


def trace_markdown(steps: Iterable[Step]) -> str:
    """Write the table in Markdown; characters of words that mean something there are escaped.

    Returns
    -------
    str
        Lines, each with its end.
    """
    lines = [COLUMNS, ("---",) * len(COLUMNS)]
    lines += [tuple(map(_escaped, row)) for row in trace_rows(steps)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _listed(words: Iterable[str]) -> str:
    return f"[{', '.join(words)}]"


def _shortened(words: Sequence[str], width: int, *, top: bool) -> str:
    """List words in `width` cells: if need be, only the last ones (`top`) or only the first, ``[a, …]``."""
    whole = _listed(words)
    if cell_len(whole) <= width:
        return whole
    kept = [_ELLIPSIS]
    left = width - cell_len(_listed(kept))
    for word in reversed(words) if top else words:
        left -= cell_len(f"{word}, ")
        if left < 0:
            break
        kept.insert(1 if top else -1, word)
    return _listed(kept)


def _widths_of_lists(rows: Iterable[Row], width: int) -> tuple[int, int]:
    """Return how wide stack and buffer may be in a table that is `width` wide."""
    stack, buffer, dependency, transition = column_widths([COLUMNS, *rows])
    both = width - dependency - transition - 3 * len(GAP)
    # Each gets half, and what the other one does not need.
    return max(both // 2, both - buffer), max(both - both // 2, both - stack)


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_|<>&~#$])", r"\\\1", text)
