"""The objective of skip-gram with negative sampling (Mikolov et al. 2013), minimised by SGD."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

import numpy as np

from firth.arrays import Arrays, Float32s, Ids, Int64s
from firth.errors import InputError
from firth.learning.schedules import linear_decay
from firth.progress import Progress, saying_what_takes_long
from firth.vectors.contexts import WindowContexts
from firth.vectors.losses import negative_sampling_loss
from firth.vectors.trainers.inputs import WordRows
from firth.vectors.trainers.objective import Objective, Position
from firth.vectors.trainers.settings import CHUNKS_IN_STEP, SkipGramSettings

if TYPE_CHECKING:
    from firth.vectors.cooccurrence import Cooccurrences
    from firth.vectors.kernels.draws import Sampling
    from firth.vectors.kernels.skipgram import ChunkSizes

# The largest number of centres in a chunk. Larger chunks are faster, because rows are read and written less
# often, but similarity scores fall: on 16 M words and 5 epochs, SimLex-999 is 30.5 with 24 centres and 29.5
# with 64. Long rows are less sensitive (33.5 with 24, 48 and 64 centres at 300 dimensions), and gain more
# speed.
_MOST_CENTERS, _MOST_CENTERS_OF_LONG_ROWS, _DIMENSIONS_OF_A_LONG_ROW = 24, 48, 128
# Gradients taken at the same vectors may move a row by at most this many steps (learning rate x pairs).
_MOST_STEPS_AT_ONCE = 4.0
# Training counts as diverged when the loss exceeds this multiple of the loss at U = 0, (1 + K) log 2.
_DIVERGED_LOSS_RATIO = 1.5
# A note is shown if subsampling leaves less than this share of the words.
_SMALLEST_SHARE_KEPT = 0.1
# A waiting thread goes on when the counter reaches the value it waits for. This value releases all of them.
_NOBODY_WAITS = 2**62


class NegativeSampling(Objective):
    """Trains on blocks of text, several threads at a time.

    Parameters
    ----------
    settings
        The settings of the training.
    contexts
        Where the pairs come from.
    inputs
        How a centre's input vector is made.
    progress
        Where to note a learning rate that is lowered, and subsampling that leaves hardly any words.
    """

    settings: SkipGramSettings
    unit = "words"

    def __init__(
        self, settings: SkipGramSettings, contexts: WindowContexts, inputs: WordRows, progress: Progress
    ) -> None:
        self.settings, self._contexts, self._inputs = settings, contexts, inputs
        self._threads = settings.threads_used
        self.arrays, self.position = {}, Position()
        self.n_parts, self.parts_side_by_side = contexts.n_blocks, self._threads
        self.total = contexts.encoded.n_words
        with saying_what_takes_long(
            progress, "compiling the training loop for this machine (only this once)"
        ):
            from firth.vectors.kernels import skipgram

            self._kernels = skipgram
            self._sampling = _sampling(contexts)
            self._sizes, highest_lr = _chunk_sizes(contexts, settings)
            if settings.deterministic:
                self._shared = skipgram.new_shared(self._sizes, CHUNKS_IN_STEP)
            self.initial_lr = min(settings.lr, highest_lr)
            self._compile()
        if self.initial_lr < settings.lr:
            progress.note(
                f"learning rate lowered to {self.initial_lr:.2g}: with this vocabulary, window and number of "
                f"negatives, {settings.lr:g} would diverge"
            )
        kept, n_words = contexts.kept_counts().sum(), contexts.encoded.n_kept
        if kept < _SMALLEST_SHARE_KEPT * n_words:
            progress.note(
                f"subsampling leaves only {kept / n_words:.1%} of the words, "
                "because few different ones make up the text; --sample 0 keeps all"
            )

    def begin(self) -> None:
        """Initialise V as word2vec does, and U with zeros."""
        self._allocate()
        self._inputs.initialize(self._views()[0], self.settings.seed)

    def array_shapes(self) -> Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]]:
        """Return the shape and type of V and U: rows are padded, and one after the other."""
        n_words, stride = len(self._contexts.vocabulary), self._sizes.dim
        single = np.dtype(np.float32)
        return {
            "V": ((self._inputs.n_rows * stride,), single),
            "U": ((n_words * stride,), single),
        }

    def _allocate(self) -> None:
        from firth.compute.lanes import aligned_zeros

        self.arrays = {name: aligned_zeros(shape[0]) for name, (shape, _) in self.array_shapes().items()}

    def _take_over(self, arrays: Arrays) -> None:
        # Saved arrays are not aligned as kernels need them, so they are copied.
        self._allocate()
        for name, array in self.arrays.items():
            array[:] = arrays[name]

    def _views(self) -> tuple[Float32s, Float32s]:
        """Return V and U as matrices, without the padding."""
        V, U = (self.arrays[name].reshape(-1, self._sizes.dim)[:, : self.settings.dim] for name in "VU")
        return V, U

    @property
    def n_epochs(self) -> int:
        """The number of epochs."""
        return self.settings.epochs

    def learning_rate(self, part: int) -> float:
        """Return the learning rate at a block of this epoch; it falls linearly."""
        done = self.position.epoch + part / self.n_parts
        return linear_decay(self.initial_lr, done, self.settings.epochs)

    @property
    def done(self) -> int:
        """The words that are done in this epoch."""
        return self._contexts.words_of_blocks(self.position.done)

    def run(self, parts: range, pool: ThreadPoolExecutor) -> None:
        """Train on some blocks, side by side or, if deterministic, in step."""
        position = self.position
        started = time.perf_counter()
        if self.settings.deterministic:
            sums = self._run_in_step(parts, pool)
        else:
            sums = list(pool.map(self._run_alone, parts))
        # One block after the other, so that the sums do not depend on how blocks are cut into ranges.
        for loss, pairs in sums:
            position.loss += loss
            position.pairs += pairs
        position.seconds += time.perf_counter() - started
        position.done = parts.stop
        highest = _DIVERGED_LOSS_RATIO * (1 + self.settings.negative) * math.log(2)
        if not position.loss <= highest * position.pairs:  # written this way, NaN is an error too
            threads = f", or the {self._threads} threads" if self._threads > 1 else ""
            raise InputError(
                f"training diverged in epoch {position.epoch + 1}: lower the learning rate, "
                f"which was {self.initial_lr:.2g}{threads}"
            )

    def check_epoch(self) -> None:
        """Check that there were pairs to learn from."""
        if self.position.pairs == 0:
            raise InputError(
                "no word has another one beside it: every line has one word, or subsampling leaves none "
                "(--sample 0 keeps all)"
            )

    def loss(self, counts: Cooccurrences) -> float:
        """Return the mean loss of a pair of some text, in expectation over the negatives."""
        V, U = self._views()
        noise = self._contexts.vocabulary.noise_distribution()
        negative = self.settings.negative
        return negative_sampling_loss(
            self._inputs.vectors(V), U, counts, noise, negative, threads=self._threads
        )

    def final_figures(self, progress: Progress) -> dict[str, float]:
        """Return no figures: the history has the loss of each epoch."""
        return {}

    def take_vectors(self) -> tuple[Float32s, Float32s]:
        """Return centre and outside vectors; they take the memory of the state."""
        V, U = (_without_padding(self.arrays[name], self._sizes.dim, self.settings.dim) for name in "VU")
        self.arrays = {}
        return self._inputs.vectors(V), U

    def _run_alone(self, block: int) -> tuple[float, float]:
        """Train on a block with one thread."""
        return self._run_block(self._contexts.block(block), block, np.zeros(1, np.int64), 0, 1)

    def _run_in_step(self, blocks: range, pool: ThreadPoolExecutor) -> list[tuple[float, float]]:
        """Train on some blocks with all threads in step."""
        counters = np.zeros((len(blocks), 1), np.int64)

        def work(thread: int) -> list[tuple[float, float]]:
            try:
                return [
                    self._run_block(self._contexts.block(block), block, counter, thread, self._threads)
                    for block, counter in zip(blocks, counters, strict=True)
                ]
            except BaseException:
                counters[:] = _NOBODY_WAITS
                raise

        try:
            threads = [pool.submit(work, thread) for thread in range(self._threads)]
        except BaseException:
            counters[:] = _NOBODY_WAITS
            raise
        wait(threads)
        # Taking the results of all threads raises the error of any thread.
        results = [thread.result() for thread in threads]
        return results[0]

    def _run_block(
        self, ids: Ids, block: int, counter: Int64s, thread: int, threads: int
    ) -> tuple[float, float]:
        """Return the summed loss of a block and its number of pairs."""
        number = self.position.epoch * self.n_parts + block
        seed = np.uint64((self.settings.seed * 0x9E3779B97F4A7C15 + number * 0xD1B54A32D192ED03) % 2**64)
        lr = np.float32(self.learning_rate(block))
        arguments = (ids, self._sampling, self.arrays["V"], self.arrays["U"], self._sizes, lr, seed)
        if not self.settings.deterministic:
            return self._kernels.train_block(*arguments)  # type: ignore[no-any-return]
        return self._kernels.train_block_in_step(  # type: ignore[no-any-return]
            *arguments, thread, threads, *self._shared, counter
        )

    def _compile(self) -> None:
        """Train on no text, so that threads, which pass arguments of the same types, need not compile."""
        from firth.compute.lanes import aligned_zeros

        self.arrays = {name: aligned_zeros(self._sizes.dim) for name in "VU"}
        self._run_block(self._contexts.block(0)[:0], 0, np.zeros(1, np.int64), 0, 1)
        self.arrays = {}


def _sampling(contexts: WindowContexts) -> Sampling:
    """Return the distributions that the kernels draw from."""
    from firth.compute.splitmix import alias_table
    from firth.vectors.kernels.draws import Sampling

    keep = (contexts.keep_probabilities().astype(np.float64) * (2**32 - 1)).astype(np.uint32)
    return Sampling(keep, *alias_table(contexts.vocabulary.noise_distribution()))


def _chunk_sizes(contexts: WindowContexts, settings: SkipGramSettings) -> tuple[ChunkSizes, float]:
    """Choose how many centres a chunk has and how many negatives they share; return the highest safe lr too.

    A centre has window + 1 pairs in expectation, or fewer where the window is wider than the sentences. It
    would draw K negatives for each. Half as many shared ones keep most of the quality
    (``docs/benchmarks.md`` compares other numbers).

    All pairs of a chunk take their gradients at the same vectors, and so do the chunks of other threads at
    the same time. The more of these pairs have the same row, the farther their gradients move it, each
    without regard to the others; past a point, training overshoots and diverges. A negative is in as many
    pairs as the chunk has centres, times its weight. So chunks are smaller where words are few or the
    learning rate is high.
    """
    from firth.compute.lanes import padded
    from firth.vectors.kernels.skipgram import ChunkSizes

    pairs = contexts.pairs_of_a_center
    shared = int(-(-settings.negative * pairs // 8)) * 4
    chunks = CHUNKS_IN_STEP if settings.deterministic else settings.threads_used
    kept = contexts.kept_counts()
    as_outside = chunks * pairs * kept.max() / kept.sum()
    again = (chunks * shared - 1) * contexts.vocabulary.noise_distribution().max()
    as_negative = settings.negative * pairs / shared * (1 + again)
    # The learning rate times the number of centres is at most this.
    most = float(_MOST_STEPS_AT_ONCE / (as_outside + as_negative))
    is_long = settings.dim > _DIMENSIONS_OF_A_LONG_ROW
    largest = _MOST_CENTERS_OF_LONG_ROWS if is_long else _MOST_CENTERS
    chunk = max(int(min(most / settings.lr, largest)) // 4 * 4, 4)
    dim, window, negative = padded(settings.dim), settings.window, settings.negative
    return ChunkSizes(dim, window, contexts.reach, negative, chunk, shared), most / chunk


def _without_padding(flat: Float32s, stride: int, dim: int) -> Float32s:
    """Return the first `dim` of each `stride` numbers as the rows of a matrix, in the same memory."""
    n = len(flat) // stride
    if stride != dim:
        rows = max(1, (1 << 20) // stride)
        for start in range(0, n, rows):
            stop = min(start + rows, n)
            # Rows get shorter, so a row is written before the place of any row that is still to be read.
            block = flat[start * stride : stop * stride].reshape(-1, stride)[:, :dim].copy()
            flat[start * dim : stop * dim] = block.ravel()
    return flat[: n * dim].reshape(n, dim)
