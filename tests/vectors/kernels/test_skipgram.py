"""The compiled training loops make the steps that the formulas say."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from firth.compute.lanes import aligned_zeros, padded
from firth.compute.splitmix import alias_table
from firth.learning import objectives
from firth.vectors.kernels import draws, skipgram

SEED = np.uint64(7)
WORDS = 40


def _sizes(dim: int, window: int, negative: int, chunk: int = 64, shared: int = 16) -> skipgram.ChunkSizes:
    return skipgram.ChunkSizes(padded(dim), window, window, negative, chunk, shared)


def _parameters(dim: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    matrices = []
    for _ in range(2):
        flat = aligned_zeros(WORDS * padded(dim))
        flat.reshape(WORDS, -1)[:, :dim] = rng.standard_normal((WORDS, dim)) / np.sqrt(dim)
        matrices.append(flat)
    return matrices[0], matrices[1]


def _text(n: int, seed: int = 0) -> np.ndarray:
    """Sentences of 1 to 30 words; some words come again and again."""
    rng = np.random.default_rng(seed)
    ids = (rng.integers(0, WORDS, n) * rng.random(n)).astype(np.int32)
    ends = np.cumsum(rng.integers(2, 32, n))
    ids[ends[ends < n]] = -1
    return ids


def _sampling(seed: int = 0) -> draws.Sampling:
    noise = np.random.default_rng(seed).random(WORDS) + 0.1
    return draws.Sampling(np.full(WORDS, 2**32 - 1, np.uint32), *alias_table(noise / noise.sum()))


def _expected_steps(ids, sampling, V, U, sizes, chunk):
    """Compute loss, pairs and gradients of one chunk of a text by the formulas, in float64."""
    words, sentence = [], []
    for k, word in enumerate(ids):
        if word >= 0:
            words.append(word)
            sentence.append(np.count_nonzero(ids[:k] < 0))
    state = np.empty(1, np.uint64)
    negatives = np.empty(sizes.shared, np.int32)
    draws.draw_negatives(sampling, SEED, chunk, state, negatives)
    V, U = V.astype(np.float64), U.astype(np.float64)
    grad_V, grad_U = np.zeros_like(V), np.zeros_like(U)
    loss, pairs = 0.0, 0.0
    none = np.empty(0, np.int64)
    start = chunk * sizes.chunk
    for p in range(start, min(start + sizes.chunk, len(words))):
        for q in range(max(0, p - sizes.window), min(len(words), p + sizes.window + 1)):
            if q == p or sentence[q] != sentence[p]:
                continue
            center = V[words[p]]
            alone = objectives.negative_sampling(center, int(words[q]), none, U)
            shared = objectives.negative_sampling(center, int(words[q]), negatives.astype(np.int64), U)
            share = sizes.negative / sizes.shared
            # The share of the radii 1..window that reach from p to q.
            weight = (sizes.window - abs(p - q) + 1) / sizes.window
            parts = [weight * (a + share * (s - a)) for a, s in zip(alone, shared, strict=True)]
            loss += parts[0]
            grad_V[words[p]] += parts[1]
            grad_U += parts[2]
            pairs += weight
    return loss, pairs, grad_V, grad_U


@pytest.mark.parametrize(
    "sizes", [(100, 5, 5), (16, 1, 1, 8), (20, 8, 3, 64, 32), (300, 12, 20, 32, 64)], ids=str
)
@pytest.mark.parametrize("n", [2, 5, 29, 66])
def test_a_step_is_that_of_the_formulas(sizes: tuple[int, ...], n: int) -> None:
    sizes, dim = _sizes(*sizes), sizes[0]
    n = min(n, sizes.chunk)
    ids, sampling, lr = _text(n), _sampling(), 0.1
    V, U = _parameters(dim)
    V2, U2 = V.reshape(WORDS, -1)[:, :dim].copy(), U.reshape(WORDS, -1)[:, :dim].copy()
    loss, pairs, grad_V, grad_U = _expected_steps(ids, sampling, V2, U2, sizes, 0)
    result = skipgram.train_block(ids, sampling, V, U, sizes, np.float32(lr), SEED)
    assert result[1] == pytest.approx(pairs)
    np.testing.assert_allclose(result[0], loss, rtol=1e-5)
    np.testing.assert_allclose(V.reshape(WORDS, -1)[:, :dim] - V2, -lr * grad_V, atol=2e-5)
    np.testing.assert_allclose(U.reshape(WORDS, -1)[:, :dim] - U2, -lr * grad_U, atol=2e-5)
    assert not V.reshape(WORDS, -1)[:, dim:].any(), "the padding must stay zero"


@pytest.mark.parametrize(("window", "reach"), [(1000, 29), (1000, 60), (40, 29)])
@pytest.mark.parametrize("chunk", [4, 24])
def test_reach_of_a_wide_window(window: int, reach: int, chunk: int) -> None:
    """Sentences have 30 words at most. Where no pair is farther apart, a shorter reach changes nothing."""
    ids, sampling = _text(300), _sampling()
    results = []
    for each in (reach, window):
        sizes = skipgram.ChunkSizes(padded(20), window, each, 5, chunk, 16)
        V, U = _parameters(20)
        sums = skipgram.train_block(ids, sampling, V, U, sizes, np.float32(0.05), SEED)
        results.append((V, U, np.array(sums)))
    for shorter, longer in zip(*results, strict=True):
        np.testing.assert_allclose(shorter, longer, rtol=1e-5, atol=1e-6)


def test_shared_negatives_have_the_expected_gradient_of_fresh_ones() -> None:
    """The mean step over many draws of the negatives, against their whole distribution by the formulas."""
    dim, window, negative, runs, lr = 8, 3, 5, 10_000, 0.5
    sizes = _sizes(dim, window, negative, chunk=24)
    ids = _text(24)
    noise = np.random.default_rng(3).random(WORDS) + 0.1
    noise /= noise.sum()
    everything = np.full(WORDS, 2**32 - 1, np.uint32)
    sampling = draws.Sampling(everything, *alias_table(noise.copy()))
    before = _parameters(dim)

    def matrices(flat: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        return np.stack([each.reshape(WORDS, -1)[:, :dim].astype(np.float64) for each in flat])

    steps = []
    for seed in range(runs):
        V, U = before[0].copy(), before[1].copy()
        skipgram.train_block(ids, sampling, V, U, sizes, np.float32(lr), np.uint64(seed))
        steps.append((matrices(before) - matrices((V, U))) / lr)
    observed, fresh = _expected_gradients(ids, *matrices(before), noise, sizes)
    drawn = np.array(steps) - observed
    # Entry by entry, within 5 standard errors (of 640 entries, the farthest is 3 off), ...
    standard_errors = drawn.std(axis=0) / np.sqrt(runs)
    assert (np.abs(drawn.mean(axis=0) - fresh) < 5 * standard_errors + 1e-6).all()
    # ... and along the expected gradient, where a weight that is wrong by two hundredths would show.
    along = np.tensordot(drawn, fresh, axes=3) / np.sum(fresh**2)
    standard_error = along.std() / np.sqrt(runs)
    assert standard_error < 0.004
    assert abs(along.mean() - 1) < 5 * standard_error


def _expected_gradients(ids, V, U, noise, sizes):
    """Compute the gradients (V and U stacked) of a text by the formulas, in expectation over fresh negatives.

    Return those of the observed pairs, and those of their negatives.
    """
    observed, fresh = np.zeros((2, 2, *V.shape))
    ends = np.flatnonzero(ids < 0)
    for sentence in np.split(ids, ends):
        words = sentence[sentence >= 0]
        for p, q in itertools.permutations(range(len(words)), 2):
            weight = (sizes.window - abs(p - q) + 1) / sizes.window
            if weight <= 0:
                continue
            c, o = int(words[p]), int(words[q])
            _, grad_center, grad_U = objectives.negative_sampling(V[c], o, [], U)
            observed[0, c] += weight * grad_center
            observed[1] += weight * grad_U
            for w in range(WORDS):
                _, with_w_center, with_w_U = objectives.negative_sampling(V[c], o, [w], U)
                drawn = weight * sizes.negative * noise[w]  # times in expectation
                fresh[0, c] += drawn * (with_w_center - grad_center)
                fresh[1] += drawn * (with_w_U - grad_U)
    return observed, fresh


@pytest.mark.parametrize("threads", [1, 2])
def test_in_step_all_chunks_see_the_same_parameters(threads: int) -> None:
    sizes, lr = _sizes(32, 4, 5, 24), 0.05
    ids, sampling = _text(3 * sizes.chunk), _sampling()
    V, U = _parameters(32)
    V2, U2 = V.reshape(WORDS, -1).copy(), U.reshape(WORDS, -1).copy()
    expected = [_expected_steps(ids, sampling, V2, U2, sizes, chunk) for chunk in range(3)]
    loss, pairs = _in_step(ids, sampling, V, U, sizes, lr, threads)
    assert pairs == pytest.approx(sum(e[1] for e in expected))
    np.testing.assert_allclose(loss, sum(e[0] for e in expected), rtol=1e-5)
    np.testing.assert_allclose(V.reshape(WORDS, -1), V2 - lr * sum(e[2] for e in expected), atol=2e-5)
    np.testing.assert_allclose(U.reshape(WORDS, -1), U2 - lr * sum(e[3] for e in expected), atol=2e-5)


def _in_step(ids, sampling, V, U, sizes, lr, threads):
    shared, counter = skipgram.new_shared(sizes, 4), np.zeros(1, np.int64)
    arguments = (ids, sampling, V, U, sizes, np.float32(lr), SEED)
    with ThreadPoolExecutor(threads) as pool:
        work = [
            pool.submit(skipgram.train_block_in_step, *arguments, thread, threads, *shared, counter)
            for thread in range(threads)
        ]
        return work[0].result()


def test_in_step_gives_the_same_bits_for_any_number_of_threads() -> None:
    ids, sampling = _text(5_000), _sampling()
    results = []
    for threads in (1, 2, 3):
        V, U = _parameters(48)
        loss, pairs = _in_step(ids, sampling, V, U, _sizes(48, 5, 5), 0.01, threads)
        results.append((V.tobytes(), U.tobytes(), loss, pairs))
    assert results[0] == results[1] == results[2]


def test_plain_python_makes_the_same_steps() -> None:
    """With NUMBA_DISABLE_JIT=1 the same code runs uncompiled, vector instructions and all."""
    program = """
import numpy as np, sys
sys.path.insert(0, sys.argv[1])
import test_skipgram as t
with np.errstate(over="ignore"):
    sampling = t._sampling()
    V, U = t._parameters(20)
    lr = np.float32(0.05)
    loss, pairs = t.skipgram.train_block(t._text(90), sampling, V, U, t._sizes(20, 3, 5), lr, t.SEED)
    V2, U2 = t._parameters(20)
    step_loss, step_pairs = t._in_step(t._text(90), sampling, V2, U2, t._sizes(20, 3, 5, 16), lr, 1)
np.savez(sys.argv[2], V=V, U=U, V2=V2, U2=U2, figures=[loss, pairs, step_loss, step_pairs])
"""
    here = str(Path(__file__).parent)
    with tempfile.TemporaryDirectory() as folder:
        results = []
        for plain in ("0", "1"):
            out = str(Path(folder, f"{plain}.npz"))
            environment = os.environ | {"NUMBA_DISABLE_JIT": plain}
            subprocess.run([sys.executable, "-c", program, here, out], env=environment, check=True)
            results.append(dict(np.load(out)))
    compiled, plain = results
    for name in compiled:
        np.testing.assert_allclose(compiled[name], plain[name], rtol=1e-5, atol=1e-6, err_msg=name)


def test_subsample_keeps_all_or_some() -> None:
    ids = _text(20_000)
    state = np.ones(1, np.uint64)
    words, first, last = draws.subsample(ids, np.full(WORDS, 2**32 - 1, np.uint32), state)
    assert np.array_equal(words, ids[ids >= 0])
    sentences = [s[s >= 0] for s in np.split(ids, np.flatnonzero(ids < 0))]
    lengths = np.array([len(s) for s in sentences if len(s)])
    starts = np.cumsum(lengths) - lengths
    assert np.array_equal(first, np.repeat(starts, lengths))
    assert np.array_equal(last, np.repeat(starts + lengths - 1, lengths))

    keep = np.full(WORDS, 2**30, np.uint32)  # a quarter
    keep[0] = 0
    words, _, _ = draws.subsample(ids, keep, state)
    assert 0 not in words
    assert abs(len(words) / np.count_nonzero(ids > 0) - 0.25) < 0.02
