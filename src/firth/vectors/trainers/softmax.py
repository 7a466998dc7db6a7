r"""The naive softmax over the whole vocabulary, minimised exactly, at the cost of a few matrix products.

Pair by pair, the softmax over all words is too expensive: each of millions of pairs costs :math:`O(nd)`. But
the corpus enters the objective only through the weights N(c, o) (`firth.vectors.cooccurrence`):

.. math::

    \sum_{c,o} N(c,o) \left(-\log \hat y_{c,o}\right)
    = \sum_c \Big( N(c) \log \sum_w e^{u_w^\top v_c} - \sum_o N(c,o)\, u_o^\top v_c \Big),
    \qquad \hat y_c = \mathrm{softmax}(U v_c) .

So all pairs of a centre word are computed at once. With the vectors of some centre words as rows of V_B, a
minibatch is S = V_B Uᵀ; E = N(c) softmax(S) − N(c, ·), row by row; ∂J/∂V_B = E U; ∂J/∂U = Eᵀ V_B. These are
three products, however long the text is. An epoch costs 6 n² d operations.

The words are dealt out to the minibatches once, so that each gets frequent and rare ones. In each epoch every
minibatch is done once, in an order drawn anew. Nothing is reweighted: the gradients of all minibatches sum up
to the gradient of the objective, so training finds its minimum. The gradients of frequent and rare words
are five orders of magnitude apart, but Adam's steps do not depend on such factors.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from firth.arrays import Arrays, Float32s, Int64s
from firth.errors import InputError
from firth.learning.optimizers import Adam
from firth.learning.schedules import level_then_linear
from firth.progress import Progress
from firth.vectors.contexts import WindowContexts
from firth.vectors.losses import perplexity_of, softmax_loss
from firth.vectors.trainers.objective import Objective, Position
from firth.vectors.trainers.settings import ExactSoftmaxSettings

if TYPE_CHECKING:
    from firth.vectors.cooccurrence import Cooccurrences

# The largest size of the scores of a minibatch, in bytes.
_BYTES_OF_SCORES = 256 << 20
# An epoch has at least this many minibatches; more if their scores would not fit into memory.
_FEWEST_MINIBATCHES = 40
# A thread takes about this many centre words of a minibatch at a time, and then this many outside words.
_CENTERS_AT_A_TIME, _OUTSIDES_AT_A_TIME = 128, 1024
# Scores are turned into errors this many bytes at a time, so that they stay in the cache.
_BYTES_IN_CACHE = 1 << 20
# A centre vector moves once an epoch. Gradients from several epochs ago belong to another U, so the mean of
# the gradients in Adam is a short one.
_BETA1_OF_CENTERS = 0.5
# Outside vectors move with every minibatch, so their learning rate is only this share of the learning rate of
# centre vectors.
_SHARE_OF_LR_FOR_OUTSIDES = 0.2
# Training counts as diverged when the loss exceeds this multiple of 1 + log n (log n is the loss at U = 0).
_DIVERGED_LOSS_RATIO = 1.5
# Training has converged when an epoch lowers the loss by less than this share of the loss of the first epoch.
_CONVERGED_SHARE_OF_LOSS = 1e-4


class Softmax(Objective):
    """Trains on one minibatch of centre words after another, several threads on each.

    Besides V and U, the state has the first and second moments of Adam, and ``words``: row i of V belongs to
    the word ``words[i]``, so that a minibatch is a range of rows.

    Parameters
    ----------
    settings
        The settings of the training.
    contexts
        Where the pairs come from.
    progress
        Shows how far the counting of pairs is.

    Raises
    ------
    InputError
        There are no pairs.
    """

    settings: ExactSoftmaxSettings
    unit = "pairs"
    parts_side_by_side = 1

    def __init__(self, settings: ExactSoftmaxSettings, contexts: WindowContexts, progress: Progress) -> None:
        self.settings, self._threads = settings, settings.threads_used
        self._counts = contexts.count(threads=self._threads, progress=progress)
        if self._counts.pairs == 0:
            raise InputError("no word has another one beside it: there is nothing to learn from")
        n = len(self._counts)
        self.arrays, self.position, self.initial_lr = {}, Position(), settings.lr
        self.n_parts, self.total = _number_of_minibatches(n), round(self._counts.pairs)
        self._bounds = np.arange(self.n_parts + 1) * n // self.n_parts
        self._errors = np.empty((int(np.diff(self._bounds).max()), n), np.float32)

    def begin(self) -> None:
        """Begin with vectors that predict how frequent words are, whatever the centre word is.

        V is uniform in ±1/(2 dim) and U zero as in word2vec, but for one dimension: there v = 1 and u is the
        logarithm of the word's frequency, so that each centre word predicts the distribution of all words.
        Left to find that by itself, training first moves all vectors far in one direction, and takes several
        times as long.
        """
        n, dim, totals = len(self._counts), self.settings.dim, self._counts.totals
        rng = np.random.default_rng(self.settings.seed)
        V = (rng.random((n, dim), dtype=np.float32) - np.float32(0.5)) / np.float32(dim)
        U = np.zeros((n, dim), np.float32)
        # Some words have no pairs, hence + 1.
        frequencies = (totals + 1) / (totals + 1).mean()
        V[:, 0] = 1
        U[:, 0] = np.log(frequencies)
        moments = {name: np.zeros_like(V) for name in ("V_first", "V_second", "U_first", "U_second")}
        self.arrays = {"words": _deal_into_minibatches(n, self.n_parts, rng), "V": V, "U": U, **moments}

    def array_shapes(self) -> Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]]:
        """Return the shapes and types of the matrices and of ``words``."""
        n, single = len(self._counts), np.dtype(np.float32)
        matrices = ("V", "U", "V_first", "V_second", "U_first", "U_second")
        return {
            "words": ((n,), np.dtype(np.int64)),
            **dict.fromkeys(matrices, ((n, self.settings.dim), single)),
        }

    def _take_over(self, arrays: Arrays) -> None:
        self.arrays = dict(arrays)

    @property
    def n_epochs(self) -> int | None:
        """The number of epochs; None as long as training has not converged."""
        if self.settings.epochs is not None:
            return self.settings.epochs
        losses = [epoch["loss"] for epoch in self.position.history]
        for k in range(1, len(losses)):
            if losses[k - 1] - losses[k] <= _CONVERGED_SHARE_OF_LOSS * losses[0]:
                return 3 * (k + 1)
        return None

    def learning_rate(self, part: int) -> float:
        """Return the learning rate: level for a third of all epochs, then falling to 0 on a straight line."""
        n_epochs = self.n_epochs
        if n_epochs is None:
            return self.initial_lr
        return level_then_linear(self.initial_lr, self.position.epoch + part / self.n_parts, n_epochs)

    @property
    def done(self) -> int:
        """The pairs that are done in this epoch."""
        return round(self.position.pairs)

    def run(self, parts: range, pool: ThreadPoolExecutor) -> None:
        """Train on some minibatches, one after the other; the number of threads makes no difference."""
        order = np.random.default_rng((self.settings.seed, self.position.epoch)).permutation(self.n_parts)
        for part in parts:
            started = time.perf_counter()
            self._run_minibatch(part, int(order[part]), pool)
            self.position.done = part + 1
            self.position.seconds += time.perf_counter() - started

    def check_epoch(self) -> None:
        """Check that training did not diverge."""
        highest = _DIVERGED_LOSS_RATIO * (1 + math.log(len(self._counts)))
        if not self.position.mean_loss < highest:  # written this way, NaN is an error too
            raise InputError(
                f"training diverged in epoch {self.position.epoch + 1}: lower the learning rate, "
                f"which was {self.initial_lr:g}"
            )

    def loss(self, counts: Cooccurrences) -> float:
        """Return the mean softmax loss of a pair of some text."""
        return softmax_loss(self._V_in_order(), self.arrays["U"], counts, threads=self._threads)

    def final_figures(self, progress: Progress) -> dict[str, float]:
        """Return the exact loss and its exponential."""
        loss = self.loss(self._counts)
        perplexity = perplexity_of(loss)
        progress.note(f"exact loss {loss:.4f} a pair, perplexity {perplexity:.1f}")
        return {"loss": loss, "perplexity": perplexity}

    def take_vectors(self) -> tuple[Float32s, Float32s]:
        """Return centre and outside vectors."""
        vectors = self._V_in_order(), self.arrays["U"]
        self.arrays = {}
        return vectors

    def _V_in_order(self) -> Float32s:  # noqa: N802
        """Return a copy of V with its rows in the order of the vocabulary."""
        V = self.arrays["V"]
        ordered = np.empty_like(V)
        ordered[self.arrays["words"]] = V
        return ordered

    def _run_minibatch(self, part: int, minibatch: int, pool: ThreadPoolExecutor) -> None:
        """Take one step of Adam: with the centre words of a minibatch, and then with all outside words."""
        n, lr, arrays = len(self._counts), self.learning_rate(part), self.arrays
        first, last = self._bounds[minibatch:][:2].tolist()
        # The gradients of both matrices are taken before either moves.
        V = arrays["V"][first:last].copy()
        errors = self._errors[: last - first]
        # How the work is cut up does not depend on the number of threads, so the result does not either.
        pieces = max(1, round((last - first) / _CENTERS_AT_A_TIME))
        cuts = [(last - first) * k // pieces for k in range(pieces + 1)]
        losses = pool.map(
            lambda cut: self._move_centers(slice(first + cut[0], first + cut[1]), errors[slice(*cut)], lr),
            itertools.pairwise(cuts),
        )
        self.position.loss += sum(losses)
        self.position.pairs += float(self._counts.totals[arrays["words"][first:last]].sum())
        starts = range(0, n, _OUTSIDES_AT_A_TIME)
        rows = [slice(start, min(start + _OUTSIDES_AT_A_TIME, n)) for start in starts]
        steps = self.position.epoch * self.n_parts + part
        for _ in pool.map(lambda some: self._move_outsides(some, errors, V, lr, steps), rows):
            pass

    def _move_centers(self, rows: slice, errors: Float32s, lr: float) -> float:
        """Move some rows of V; fill in their errors, the gradients of their scores; return their loss."""
        words, V, U = self.arrays["words"][rows], self.arrays["V"][rows], self.arrays["U"]
        np.matmul(V, U.T, out=errors)
        loss = 0.0
        step = max(1, _BYTES_IN_CACHE // (4 * errors.shape[1]))
        for start in range(0, len(words), step):
            loss += _softmax_errors(errors[start : start + step], words[start : start + step], self._counts)
        self._adam("V", rows, lr, _BETA1_OF_CENTERS, self.position.epoch).step({"V": V}, {"V": errors @ U})
        return loss

    def _move_outsides(self, rows: slice, errors: Float32s, V: Float32s, lr: float, steps: int) -> None:
        """Move some rows of U, by the errors of all centre words of the minibatch and their vectors V."""
        adam = self._adam("U", rows, lr * _SHARE_OF_LR_FOR_OUTSIDES, 0.9, steps)
        adam.step({"U": self.arrays["U"][rows]}, {"U": errors[:, rows].T @ V})

    def _adam(self, name: str, rows: slice, lr: float, beta1: float, steps: int) -> Adam:
        """Return Adam for some rows of a matrix, after the given number of steps."""
        adam = Adam(lr, beta1=beta1)
        adam.steps = steps
        adam.first = {name: self.arrays[f"{name}_first"][rows]}
        adam.second = {name: self.arrays[f"{name}_second"][rows]}
        return adam


def _softmax_errors(scores: Float32s, centers: Int64s, counts: Cooccurrences) -> float:
    """Turn the scores S of some centre words into N(c) softmax(S) − N(c, ·), in place; return their loss."""
    totals = counts.totals[centers]
    observed = counts.dot(centers, scores)
    highest = scores.max(axis=1, keepdims=True)
    scores -= highest
    np.exp(scores, out=scores)
    sums = scores.sum(axis=1)
    scores *= (totals / sums).astype(np.float32)[:, np.newaxis]
    counts.subtract_from(scores, centers)
    return float(totals @ (np.log(sums, dtype=np.float64) + highest[:, 0])) - observed


def _number_of_minibatches(n: int) -> int:
    """Return how many minibatches `n` centre words are done in."""
    return min(n, max(_FEWEST_MINIBATCHES, -(-n * n * 4 // _BYTES_OF_SCORES)))


def _deal_into_minibatches(n: int, minibatches: int, rng: np.random.Generator) -> Int64s:
    """Return the words 0..n−1, sorted by frequency, dealt out like cards: minibatch after minibatch."""
    rounds = -(-n // minibatches)
    ranks = np.arange(rounds * minibatches).reshape(rounds, minibatches)
    dealt = rng.permuted(ranks, axis=1).T.ravel()
    return dealt[dealt < n]
