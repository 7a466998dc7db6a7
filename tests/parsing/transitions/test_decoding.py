"""The compiled transition machine does what the readable systems do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from firth.compute.quantized import whole_numbers
from firth.network import layers
from firth.network.decider import Decider, DeciderShape
from firth.network.gradients import Gradients
from firth.network.kernels import sum_slots
from firth.network.runner import SPARE_ROWS
from firth.parsing.transitions.actions import Actions
from firth.parsing.transitions.codes import ACTIVATIONS, LEFT_ARC, RIGHT_ARC, ROOT_ARC, SHIFT
from firth.parsing.transitions.decoding import Decoder, Walk
from firth.parsing.transitions.projectivity import projectivize
from firth.parsing.transitions.slots import SLOTS
from firth.parsing.transitions.systems import (
    SYSTEMS,
    ArcHybrid,
    ArcStandard,
    Configuration,
    Kind,
    Transition,
)
from firth.text.conllu import tree_fault

RELATIONS, ROOTS = ["amod", "det", "nsubj", "obj"], ["parataxis", "root"]
UNITS = HIDDEN = 16
LENGTHS = np.array([3, 0, 9, 1, 1, 14, 2, 6, 25, 5])
NONE = -1

each_system = pytest.mark.parametrize("system", SYSTEMS)


def make_decoder(
    system: str,
    seed: int = 0,
    unit_slots: Sequence[str] = SLOTS,
    label_slots: Sequence[str] = SLOTS,
    activation: str = "relu",
) -> tuple[Decoder, Actions, Decider]:
    """Return a decoder whose scores are random."""
    actions = Actions(RELATIONS, ROOTS, swap=SYSTEMS[system].has_swap)
    shape = DeciderShape(
        units=UNITS,
        extras=2,
        slots=len(unit_slots),
        label_slots=len(label_slots),
        labels=actions.none_label + 1,
        hidden=HIDDEN,
        outputs=len(actions.kinds),
        activation=activation,
    )
    decider, random = Decider(shape, {}), np.random.default_rng(seed)
    decider.initialise(random)
    for array in decider.parameters.values():
        array += random.normal(size=array.shape, scale=0.1)
    if actions.swap:  # the last action, which would often be rare
        decider.parameters["decider.output.bias"][-1] += 3
    return Decoder(decider, actions, system, unit_slots, label_slots), actions, decider


def make_rows(lengths: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return random vectors of words, as an encoder returns them: with empty rows around sentences."""
    rows = np.zeros((int(lengths.sum()) + len(lengths) + 1 + SPARE_ROWS, UNITS), np.float32)
    for first, length in zip(first_rows(lengths), lengths, strict=True):
        rows[first : first + length] = np.random.default_rng([seed, length]).normal(size=(length, UNITS))
    return rows


def first_rows(lengths: np.ndarray) -> np.ndarray:
    return np.cumsum(lengths + 1) - lengths


def random_tree(n: int, random: np.random.Generator, projective: bool = True) -> tuple[list[int], list[str]]:
    order = (random.permutation(n) + 1).tolist()
    heads = [0] * n
    for place, word in enumerate(order[1:], 1):
        heads[word - 1] = order[random.integers(place)]
    if projective:
        heads, _ = projectivize(heads, ["x"] * n)
    return heads, [str(random.choice(RELATIONS if head else ROOTS)) for head in heads]


def configurations(system: str, transitions: Sequence[Transition], n: int) -> Iterator[Configuration]:
    """Yield the configuration before each transition of a sentence, taken by a readable system."""
    configuration = Configuration.initial(n)
    for transition in transitions:
        yield configuration
        SYSTEMS[system].apply(configuration, transition)
    assert configuration.is_final


def plain_slots(configuration: Configuration) -> dict[str, int]:
    """Return the word in each slot: the definition, read from the arcs."""

    def children(word: int) -> tuple[list[int], list[int]]:
        of_word = sorted(arc.dependent for arc in configuration.arcs if arc.head == word)
        return [c for c in of_word if c < word], [c for c in reversed(of_word) if c > word]

    words = dict.fromkeys(SLOTS, NONE)
    words |= {f"s{k}": word for k, word in enumerate(reversed(configuration.stack[-3:]))}
    words |= {f"b{k}": word for k, word in enumerate(list(configuration.buffer)[:3])}
    for slot in SLOTS:  # a word comes before its children
        parent, _, child = slot.rpartition(".")
        if parent and words[parent] != NONE:
            place, of_side = int(child[1]) - 1, children(words[parent])[child[0] == "r"]
            words[slot] = of_side[place] if place < len(of_side) else NONE
    return words


def words_of(units: np.ndarray, first: int, lengths: np.ndarray) -> list[int]:
    """Return the words that a step read: 0 for ROOT, -1 for an empty slot."""
    n_rows = int(lengths.sum()) + len(lengths) + 1
    special = {n_rows: 0, n_rows + 1: NONE}
    return [special.get(unit, unit - first + 1) for unit in units.tolist()]


def legal_actions(system: str, actions: Actions, configuration: Configuration) -> list[bool]:
    kinds = SYSTEMS[system].legal(configuration)
    is_last = len(configuration.stack) == 2 and not configuration.buffer
    return [
        actions.transition(k).kind in kinds
        and (kind not in (RIGHT_ARC, ROOT_ARC) or (kind == ROOT_ARC) == is_last)
        for k, kind in enumerate(actions.kinds)
    ]


def check_walk(
    walk: Walk,
    at: int,
    system: str,
    actions: Actions,
    configuration: Configuration,
    first: int,
    lengths: np.ndarray,
) -> None:
    """Compare what a step saw with the configuration it was in; all of `SLOTS` were read."""
    slots = plain_slots(configuration)
    assert words_of(walk.unit_slots[at], first, lengths) == [slots[name] for name in SLOTS]
    labels = {arc.dependent: arc.label for arc in configuration.arcs}
    names = dict(enumerate([*actions.labels, None]))
    assert [names[k] for k in walk.label_slots[at].tolist()] == [labels.get(slots[name]) for name in SLOTS]
    assert walk.legal[at].tolist() == legal_actions(system, actions, configuration)


def is_optimal(
    actions: Actions,
    legal: np.ndarray,
    configuration: Configuration,
    heads: Sequence[int],
    labels: Sequence[str],
) -> list[bool]:
    """Say which actions the readable oracle takes for right."""
    right = dict(ArcHybrid().optimal(configuration, heads, labels))
    transitions = [actions.transition(k) for k in range(len(actions.kinds))]

    def can_be_labelled(kind: Kind) -> bool:
        return any(legal[k] and transition == (kind, right[kind]) for k, transition in enumerate(transitions))

    return [
        bool(legal[k]) and kind in right and (label == right[kind] or not can_be_labelled(kind))
        for k, (kind, label) in enumerate(transitions)
    ]


def test_arc_standard_as_in_the_literature() -> None:
    """The sentence "I parsed this sentence correctly", in the 10 steps of the textbook."""
    heads, labels = [2, 0, 4, 2, 2], ["nsubj", "root", "det", "obj", "amod"]
    decoder, actions, _ = make_decoder("arc-standard")
    steps = actions.number_steps(ArcStandard().oracle(heads, labels))
    assert actions.kinds[steps].tolist() == [
        SHIFT, SHIFT, LEFT_ARC, SHIFT, SHIFT, LEFT_ARC, RIGHT_ARC, SHIFT, RIGHT_ARC, ROOT_ARC,
    ]  # fmt: skip
    lengths = np.array([5])
    walk = decoder.follow(lengths, [steps])
    read = [dict(zip(SLOTS, words_of(units, 1, lengths), strict=True)) for units in walk.unit_slots]
    assert [(step["s1"], step["s0"], step["b0"]) for step in read] == [
        (NONE, 0, 1), (0, 1, 2), (1, 2, 3), (0, 2, 3), (2, 3, 4), (3, 4, 5), (2, 4, 5), (0, 2, 5),
        (2, 5, NONE), (0, 2, NONE),
    ]  # fmt: skip
    last = read[-1]
    assert (last["s0.l1"], last["s0.r1"], last["s0.r2"], last["s0.r1.r1"]) == (1, 5, 4, NONE)
    assert walk.optimal.argmax(axis=1).tolist() == steps.tolist()
    assert walk.optimal.sum() == 10


@each_system
@pytest.mark.parametrize("seed", range(5))
def test_decoded_trees_are_those_of_the_readable_system(system: str, seed: int) -> None:
    decoder, actions, _ = make_decoder(system, seed)
    heads, labels = decoder.decode(make_rows(LENGTHS, seed), LENGTHS)
    steps = decoder.actions(make_rows(LENGTHS, seed), LENGTHS)
    assert len(steps) == len(LENGTHS)
    walk = decoder.follow(LENGTHS, steps)
    at = swaps = 0
    for first, n, of_sentence in zip(first_rows(LENGTHS), LENGTHS, steps, strict=True):
        configuration = Configuration.initial(n)
        for step in of_sentence:
            check_walk(walk, at, system, actions, configuration, first, LENGTHS)
            SYSTEMS[system].apply(configuration, actions.transition(step))
            at += 1
        names = [actions.labels[k] for k in labels[first : first + n]]
        is_root = (heads[first : first + n] == 0).tolist()
        assert configuration.tree() == (heads[first : first + n].tolist(), names)
        assert sum(is_root) == min(n, 1)
        assert [name in ROOTS for name in names] == is_root
        n_swaps = sum(actions.transition(step).kind == Kind.SWAP for step in of_sentence)
        assert len(of_sentence) == 2 * (n + n_swaps)
        swaps += n_swaps
    assert swaps == 0 or system == "arc-standard-swap"
    if seed == 0:
        assert (swaps > 0) == (system == "arc-standard-swap")


@each_system
def test_followed_steps_see_what_is_there(system: str) -> None:
    random = np.random.default_rng(0)
    decoder, actions, _ = make_decoder(system)
    trees = [random_tree(n, random, projective=system != "arc-standard-swap") for n in LENGTHS if n]
    lengths = LENGTHS[LENGTHS > 0]
    transitions = [SYSTEMS[system].oracle(*tree) for tree in trees]
    steps = [actions.number_steps(of_sentence) for of_sentence in transitions]
    walk = decoder.follow(lengths, steps)
    at = 0
    for n, first, of_sentence in zip(lengths, first_rows(lengths), transitions, strict=True):
        for configuration in configurations(system, of_sentence, n):
            check_walk(walk, at, system, actions, configuration, first, lengths)
            at += 1
    assert at == len(walk.legal)
    np.testing.assert_array_equal(np.nonzero(walk.optimal), (np.arange(at), np.concatenate(steps)))
    if system == "arc-standard-swap":
        assert Kind.SWAP in {transition.kind for of_sentence in transitions for transition in of_sentence}


@each_system
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["slots", "labels", "output", "output.bias"])
def test_scores_that_are_no_numbers_lead_to_some_tree(system: str, value: float, name: str) -> None:
    """Training may diverge: it must be told so, and not crash before."""
    _, actions, decider = make_decoder(system)
    decider.parameters[f"decider.{name}"][..., 0] = value
    with np.errstate(all="ignore"):
        decoder = Decoder(decider, actions, system, SLOTS, SLOTS)
        heads, _ = decoder.decode(make_rows(LENGTHS), LENGTHS)
    for first, length in zip(first_rows(LENGTHS), LENGTHS, strict=True):
        assert length == 0 or tree_fault(heads[first : first + length].tolist()) is None


def test_followed_steps_build_the_tree() -> None:
    """What has been read in the last step, and the arcs before, are the gold tree."""
    decoder, actions, _ = make_decoder("arc-standard-swap")
    heads, labels = [3, 0, 2, 1, 2], ["obj", "root", "obj", "det", "amod"]  # 4 hangs on 1, across 2
    steps = actions.number_steps(SYSTEMS["arc-standard-swap"].oracle(heads, labels))
    walk = decoder.follow(np.array([5]), [steps])
    last = dict(zip(SLOTS, words_of(walk.unit_slots[-1], 1, np.array([5])), strict=True))
    assert (last["s0"], last["s0.r1"], last["s0.r2"]) == (2, 5, 3)
    assert Kind.SWAP in {actions.transition(step).kind for step in steps}


def test_all_activations_are_compiled() -> None:
    assert tuple(ACTIVATIONS) == layers.ACTIVATIONS


def rounded_scores(decider: Decider, rows: np.ndarray, walk: Walk) -> np.ndarray:
    """Return the scores of all steps as the decoder computes them, with products in 8 bits."""
    weight, extras, labels, bias, output, output_bias = decider.arrays(
        "slots", "extras", "labels", "bias", "output", "output.bias"
    )
    products = rounded(np.concatenate([rows, extras]), 1) @ rounded(weight, 0)
    hidden = sum_slots(products, walk.unit_slots, labels, walk.label_slots, bias)
    hidden, _ = layers.activation(hidden, decider.shape.activation)
    return rounded(hidden, 1) @ rounded(output, 0) + output_bias


def rounded(x: np.ndarray, axis: int) -> np.ndarray:
    return np.multiply(*whole_numbers(x, axis))


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "cube"])
@pytest.mark.parametrize("exploring", [0.0, 0.7, 1.0])
def test_explored_steps(activation: str, exploring: float) -> None:
    """On the way, each step sees what is there, knows what is right, and takes what the network says."""
    random = np.random.default_rng(1)
    lengths = LENGTHS[LENGTHS > 0]
    decoder, actions, decider = make_decoder("arc-hybrid", 3, activation=activation)
    trees = [random_tree(n, random) for n in lengths]
    rows = make_rows(lengths)
    follow_best = random.random(2 * lengths.sum()) < exploring
    walk = decoder.explore(
        rows.copy(),
        lengths,
        np.concatenate([heads for heads, _ in trees]),
        np.concatenate([actions.number_labels(*tree) for tree in trees]),
        follow_best,
    )
    scores = rounded_scores(decider, rows[:-SPARE_ROWS], walk)
    allowed = np.where(follow_best[:, None], walk.legal, walk.optimal)
    taken = np.where(allowed, scores, -np.inf).argmax(axis=1)
    at = mistakes = 0
    for n, first, (heads, labels) in zip(lengths, first_rows(lengths), trees, strict=True):
        transitions = [actions.transition(step) for step in taken[at : at + 2 * n]]
        for configuration in configurations("arc-hybrid", transitions, n):
            check_walk(walk, at, "arc-hybrid", actions, configuration, first, lengths)
            optimal = walk.optimal[at].tolist()
            assert optimal == is_optimal(actions, walk.legal[at], configuration, heads, labels)
            assert any(optimal)
            mistakes += not optimal[taken[at]]
            at += 1
        if exploring == 0:
            assert configuration.tree() == (heads, labels)
    assert (mistakes > 0) == (exploring > 0)


def test_a_gold_label_that_is_not_known() -> None:
    """Where the right label cannot be given, any label is right."""
    decoder, actions, _ = make_decoder("arc-hybrid")
    lengths = np.array([2])
    walk = decoder.explore(
        make_rows(lengths),
        lengths,
        np.array([2, 0]),
        actions.number_labels([2, 0], ["new", "new"]),
        np.zeros(4, bool),
    )
    left, root = actions.kinds == LEFT_ARC, actions.kinds == ROOT_ARC
    np.testing.assert_array_equal(walk.optimal, [actions.kinds == SHIFT, left, actions.kinds == SHIFT, root])


@each_system
def test_sentences_do_not_influence_each_other(system: str) -> None:
    """Side by side in lanes, or one by one: the same trees, and the same actions."""
    decoder, _, _ = make_decoder(system, 2)
    heads, labels = decoder.decode(make_rows(LENGTHS), LENGTHS)
    actions = decoder.actions(make_rows(LENGTHS), LENGTHS)
    for first, n, of_sentence in zip(first_rows(LENGTHS), LENGTHS, actions, strict=True):
        alone = np.array([n])
        here, row = slice(1, 1 + n), slice(first, first + n)
        own_heads, own_labels = decoder.decode(make_rows(alone), alone)
        np.testing.assert_array_equal(own_heads[here], heads[row])
        np.testing.assert_array_equal(own_labels[here], labels[row])
        np.testing.assert_array_equal(decoder.actions(make_rows(alone), alone)[0], of_sentence)


def test_walks_do_not_influence_each_other() -> None:
    random = np.random.default_rng(4)
    decoder, actions, _ = make_decoder("arc-hybrid", 2)
    trees = [random_tree(n, random) if n else ([], []) for n in LENGTHS]
    heads = [np.array(heads, np.int64) for heads, _ in trees]
    labels = [actions.number_labels(*tree) for tree in trees]
    follow_best = random.random(2 * LENGTHS.sum()) < 0.5
    together = decoder.explore(
        make_rows(LENGTHS), LENGTHS, np.concatenate(heads), np.concatenate(labels), follow_best
    )
    ends = np.cumsum(2 * LENGTHS)
    for k, n in enumerate(LENGTHS):
        here, alone = slice(ends[k] - 2 * n, ends[k]), np.array([n])
        walk = decoder.explore(make_rows(alone), alone, heads[k], labels[k], follow_best[here])
        np.testing.assert_array_equal(walk.label_slots, together.label_slots[here])
        np.testing.assert_array_equal(walk.legal, together.legal[here])
        np.testing.assert_array_equal(walk.optimal, together.optimal[here])
        for own, shared in zip(walk.unit_slots, together.unit_slots[here], strict=True):
            assert words_of(own, 1, alone) == words_of(shared, first_rows(LENGTHS)[k], LENGTHS)


@pytest.mark.parametrize("lengths", [[], [0], [0, 0]], ids=str)
def test_nothing_to_parse(lengths: list[int]) -> None:
    decoder, _, _ = make_decoder("arc-hybrid")
    of_sentences = np.array(lengths, np.int64)
    heads, labels = decoder.decode(make_rows(of_sentences), of_sentences)
    assert not heads.any() and not labels.any()
    assert [len(actions) for actions in decoder.actions(make_rows(of_sentences), of_sentences)] == lengths


def test_slots_can_be_chosen() -> None:
    decoder, actions, decider = make_decoder("arc-hybrid", 1, ("b0", "s0"), ())
    lengths = np.array([4])
    (steps,) = decoder.actions(make_rows(lengths), lengths)
    walk = decoder.follow(lengths, [steps])
    assert words_of(walk.unit_slots[0], 1, lengths) == [1, 0]
    scores, _ = decider.forward(
        make_rows(lengths)[:-SPARE_ROWS], walk.unit_slots, walk.label_slots, Gradients()
    )
    np.testing.assert_array_equal(np.where(walk.legal, scores, -np.inf).argmax(axis=1), steps)
    assert len(actions.kinds) == walk.legal.shape[1]


def small_run(system: str) -> dict[str, np.ndarray]:
    """Return all that the machine computes for a few sentences."""
    lengths = np.array([3, 0, 5, 1, 2, 4])
    decoder, actions, _ = make_decoder(system, 5, activation="leaky_relu")
    heads, labels = decoder.decode(make_rows(lengths), lengths)
    steps = decoder.actions(make_rows(lengths), lengths)
    followed = decoder.follow(lengths, steps)
    results = {"heads": heads, "labels": labels, "steps": np.concatenate(steps), **vars(followed)}
    if system == "arc-hybrid":
        random = np.random.default_rng(6)
        trees = [random_tree(n, random) for n in lengths if n]
        gold_heads = np.concatenate([heads for heads, _ in trees])
        gold_labels = np.concatenate([actions.number_labels(*tree) for tree in trees])
        follow_best = random.random(2 * lengths.sum()) < 0.6
        walk = decoder.explore(make_rows(lengths), lengths, gold_heads, gold_labels, follow_best)
        results |= {f"explored {name}": array for name, array in vars(walk).items()}
    return results


def test_plain_python_computes_the_same(tmp_path: Path) -> None:
    """With NUMBA_DISABLE_JIT=1 the same code runs uncompiled."""
    program = """
import sys
import numpy as np
sys.path.insert(0, sys.argv[1])
import test_decoding as t
for system in t.SYSTEMS:
    np.savez(f"{sys.argv[2]}/{system}.npz", **t.small_run(system))
"""
    command = [sys.executable, "-c", program, str(Path(__file__).parent), str(tmp_path)]
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONWARNINGS": "error::RuntimeWarning"}
    subprocess.run(command, env=environment, check=True)
    for system in SYSTEMS:
        plain_python = np.load(tmp_path / f"{system}.npz")
        for name, array in small_run(system).items():
            np.testing.assert_array_equal(array, plain_python[name], err_msg=name)
