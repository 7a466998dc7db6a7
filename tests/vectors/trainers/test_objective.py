"""The state of a training can be taken out, put back elsewhere, and run over any ranges of parts."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest

import firth
from firth.errors import InputError
from firth.progress import Progress
from firth.runs.workers import worker_threads
from firth.text.corpus import Corpus
from firth.text.encoded import encode
from firth.vectors import contexts as contexts_module
from firth.vectors.contexts import WindowContexts
from firth.vectors.trainers.objective import Objective

OBJECTIVES = pytest.mark.parametrize(
    "trainer",
    [
        firth.SkipGram(dim=20, min_count=1, threads=1),
        firth.SkipGram(dim=16, min_count=1, threads=2, deterministic=True),
        firth.ExactSoftmax(dim=6, epochs=2, min_count=1, threads=2),
    ],
    ids=["skip-gram", "deterministic", "softmax"],
)


@pytest.fixture
def contexts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WindowContexts:
    monkeypatch.setattr(contexts_module, "_NUMBERS_IN_BLOCK", 256)
    rng = np.random.default_rng(0)
    sentences = [[f"w{int(word)}" for word in 30 * rng.random(10) ** 2] for _ in range(300)]
    return WindowContexts(encode(Corpus(sentences), tmp_path, min_count=1), 5, 1e-3)


def run(objective: Objective, *ranges: range, threads: int) -> Objective:
    with worker_threads(threads) as pool:
        for parts in ranges:
            objective.run(parts, pool)
    return objective


def figures(objective: Objective) -> tuple[object, ...]:
    position = objective.position
    arrays = {name: array.tobytes() for name, array in objective.arrays.items()}
    return arrays, position.done, position.loss, position.pairs


@OBJECTIVES
def test_ranges_of_any_length_give_the_same_bits(trainer: firth.SkipGram, contexts: WindowContexts) -> None:
    def begun() -> Objective:
        objective = trainer._make_objective(contexts, Progress())
        objective.begin()
        return objective

    n = begun().n_parts
    assert n > 5
    whole = run(begun(), range(n), threads=trainer.threads_used)
    assert whole.position.done == n
    pieces = run(begun(), range(1), range(1, 4), range(4, n), threads=trainer.threads_used)
    assert figures(pieces) == figures(whole)
    assert whole.done == whole.total


@OBJECTIVES
def test_a_state_goes_on_in_another_objective(trainer: firth.SkipGram, contexts: WindowContexts) -> None:
    first = trainer._make_objective(contexts, Progress())
    first.begin()
    run(first, range(3), threads=trainer.threads_used)
    arrays = {name: array.copy() for name, array in first.arrays.items()}
    position = copy.deepcopy(first.position)
    rest = range(3, first.n_parts)
    run(first, rest, threads=trainer.threads_used)
    second = trainer._make_objective(contexts, Progress())
    second.restore(arrays, position)
    assert figures(run(second, rest, threads=trainer.threads_used)) == figures(first)


@OBJECTIVES
def test_a_state_of_other_sizes_is_refused(trainer: firth.SkipGram, contexts: WindowContexts) -> None:
    objective = trainer._make_objective(contexts, Progress())
    objective.begin()
    arrays = dict(objective.arrays)
    for wrong in (arrays["V"][:-1], arrays["V"].astype(np.float64), None):
        with pytest.raises(InputError, match="'V' is missing or has another size"):
            objective.restore({**arrays, "V": wrong}, objective.position)


@OBJECTIVES
def test_arrays_are_those_that_training_changes(trainer: firth.SkipGram, contexts: WindowContexts) -> None:
    objective = trainer._make_objective(contexts, Progress())
    objective.begin()
    V, before = objective.arrays["V"], objective.arrays["V"].copy()
    run(objective, range(2), threads=trainer.threads_used)
    assert objective.arrays["V"] is V
    assert (before != V).any()
