"""The encoder: batches of sentences, what a unit can know, and the compiled runner."""

from __future__ import annotations

import numpy as np
import pytest

from firth import FirthError
from firth.network.encoder import Batch, Encoder, EncoderShape, unit_rows
from firth.network.gradients import Gradients
from firth.network.runner import SPARE_ROWS, EncoderRunner

TABLES = ((9, 5), (4, 3))


def _encoder(depth: int = 2, vectors: int = 6, width: int = 16, seed: int = 1) -> Encoder:
    encoder = Encoder(EncoderShape(TABLES, vectors, width, depth), {})
    random = np.random.default_rng(seed)
    encoder.initialise(random)
    for array in encoder.parameters.values():  # away from gains of 1 and biases of 0
        array += random.normal(scale=0.2, size=array.shape)
    return encoder


def _units(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return ids, with the number of a given vector last, and the given vectors."""
    random = np.random.default_rng(seed)
    ids = np.stack([random.integers(size, size=n) for size in (9, 4, 7)], axis=1)
    return ids, random.normal(size=(7, 6)).astype(np.float32)


def _batch(lengths: list[int], seed: int = 0) -> Batch:
    ids, vectors = _units(sum(lengths), seed)
    return Batch(ids[:, :-1], vectors[ids[:, -1]], np.array(lengths))


def test_rows_of_a_batch() -> None:
    batch = _batch([2, 1, 3])
    np.testing.assert_array_equal(batch.unit_rows, [1, 2, 4, 6, 7, 8])
    np.testing.assert_array_equal(batch.empty_rows, [0, 3, 5, 9])
    assert batch.n_rows == 10
    np.testing.assert_array_equal(unit_rows(np.array([2, 1, 3])), batch.unit_rows)


def test_the_same_seed_makes_the_same_parameters() -> None:
    first, again, other = (_encoder(seed=seed).parameters for seed in (1, 1, 2))
    assert first.keys() == again.keys()
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["encoder.table.0"], other["encoder.table.0"])
    assert {array.dtype for array in first.values()} == {np.dtype(np.float32)}


def test_parts_with_different_prefixes_share_a_dictionary() -> None:
    parameters: dict[str, np.ndarray] = {}
    for prefix in ("a.", "b."):
        Encoder(EncoderShape(TABLES, 0, 16, 1), parameters, prefix).initialise(np.random.default_rng(1))
    names = {name[2:] for name in parameters}
    assert set(parameters) == {f"{prefix}.{name}" for prefix in "ab" for name in names}
    assert {"table.0", "table.1", "input.weight", "0.weight"} <= names


def test_sentences_do_not_see_each_other() -> None:
    encoder, batch = _encoder(), _batch([3, 1, 4])
    rows, _ = encoder.forward(batch, Gradients())
    np.testing.assert_array_equal(rows[batch.empty_rows], 0)
    ends = np.cumsum(batch.lengths)
    for length, end in zip(batch.lengths, ends, strict=True):
        part = slice(end - length, end)
        alone = Batch(batch.ids[part], batch.vectors[part], np.array([length]))
        expected, _ = encoder.forward(alone, Gradients())
        np.testing.assert_allclose(rows[batch.unit_rows[part]], expected[1:-1], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_a_unit_knows_as_many_neighbours_as_there_are_convolutions(depth: int) -> None:
    encoder, batch = _encoder(depth), _batch([9])
    rows, _ = encoder.forward(batch, Gradients())
    batch.vectors[4] += 1
    changed = (encoder.forward(batch, Gradients())[0] != rows).any(axis=1)
    np.testing.assert_array_equal(np.flatnonzero(changed), np.arange(5 - depth, 5 + depth + 1))


def test_the_gradient_of_empty_rows_does_not_matter() -> None:
    encoder, batch = _encoder(), _batch([2, 1])
    gradients = Gradients(), Gradients()
    random = np.random.default_rng(1)
    drows = random.normal(size=(batch.n_rows, 16)).astype(np.float32)
    for k, each in enumerate(gradients):
        drows[batch.empty_rows] = 100 * k
        given = drows.copy()
        encoder.forward(batch, each, 0.2, np.random.default_rng(1))[1](drows)
        np.testing.assert_array_equal(drows, given)
    for name, array in encoder.parameters.items():
        totals = np.zeros_like(array), np.zeros_like(array)
        for total, each in zip(totals, gradients, strict=True):
            each.add_to(total, name)
        assert totals[0].any()
        np.testing.assert_array_equal(*totals)


def test_dropout_is_of_the_training_only() -> None:
    encoder, batch = _encoder(), _batch([5])
    plain, _ = encoder.forward(batch, Gradients())
    evaluated, _ = encoder.forward(batch, Gradients(), 0.5)
    dropped, again = (encoder.forward(batch, Gradients(), 0.5, np.random.default_rng(1))[0] for _ in range(2))
    np.testing.assert_array_equal(evaluated, plain)
    np.testing.assert_array_equal(dropped, again)
    assert not np.allclose(dropped, plain)


# Numbers of rows with every remainder by 4, of which the compiled products write whole groups.
LENGTHS = [[1], [2], [3], [4], [5], [1, 1], [1, 1, 1, 1, 1], [3, 1], [7, 2, 6], [4, 8, 1, 11], [30, 33]]


def _assert_close(rows: np.ndarray, expected: np.ndarray) -> None:
    """Check rows that were computed in 8 bits."""
    np.testing.assert_array_equal(rows == 0, expected == 0)
    assert np.std(rows - expected) < 0.02 * np.std(expected)


@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_the_runner_computes_what_the_encoder_does(lengths: list[int], depth: int) -> None:
    encoder = _encoder(depth, width=48)
    ids, vectors = _units(sum(lengths))
    expected, _ = encoder.forward(_batch(lengths), Gradients())
    rows = EncoderRunner(encoder, vectors).run(ids, np.array(lengths))
    assert rows.dtype == np.float32
    assert len(rows) == len(expected) + SPARE_ROWS
    _assert_close(rows[:-SPARE_ROWS], expected)
    np.testing.assert_array_equal(rows[-SPARE_ROWS:], 0)


def test_all_remainders_are_tested() -> None:
    for rows_of in (sum, lambda lengths: sum(lengths) + len(lengths) - 1):  # units, and rows of a convolution
        assert {rows_of(lengths) % 4 for lengths in LENGTHS} == {0, 1, 2, 3}


def test_the_runner_without_given_vectors() -> None:
    encoder, (ids, _) = _encoder(vectors=0), _units(5)
    ids[:, -1] = 0
    lengths = np.array([2, 3])
    batch = Batch(ids[:, :-1], np.zeros((5, 0), np.float32), lengths)
    expected, _ = encoder.forward(batch, Gradients())
    rows = EncoderRunner(encoder, np.zeros((1, 0), np.float32)).run(ids.astype(np.int32), lengths)
    _assert_close(rows[:-SPARE_ROWS], expected)


def test_the_runner_of_many_sentences_is_that_of_each() -> None:
    encoder, lengths = _encoder(), np.random.default_rng(2).integers(1, 40, size=50)
    ids, vectors = _units(int(lengths.sum()))
    runner = EncoderRunner(encoder, vectors)
    rows = runner.run(ids, lengths)[unit_rows(lengths)]
    ends = np.cumsum(lengths)
    for length, end in zip(lengths, ends, strict=True):
        part = slice(end - length, end)
        alone = runner.run(ids[part], np.array([length]))[1 : length + 1]
        np.testing.assert_array_equal(rows[part], alone)


def test_a_width_that_cannot_be_run_is_refused() -> None:
    with pytest.raises(FirthError, match="the width of the network is 20: make it a multiple of 16"):
        EncoderRunner(_encoder(width=20), np.zeros((1, 6), np.float32))
