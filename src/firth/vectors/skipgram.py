"""Train word vectors: skip-gram with negative sampling (Mikolov et al. 2013), from text to `WordVectors`."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from firth.arrays import Float32s, Ids, Int64s, PathLike
from firth.checks import processors, seed_number, whole_number
from firth.errors import InputError
from firth.learning.schedules import linear_decay
from firth.progress import Progress, default_progress, saying_what_takes_long
from firth.runs.interrupt import Interrupt, deferred_interrupt
from firth.text.corpus import Corpus, Source
from firth.text.encoded import EncodedCorpus, encode
from firth.vectors.losses import negative_sampling_loss
from firth.vectors.split import Text, check_heldout, heldout_settings, hold_out, reopen
from firth.vectors.training_run import Checkpoints, Position, working_folder
from firth.vectors.validation import Validation
from firth.vectors.word_vectors import WordVectors
from firth.version import __version__

if TYPE_CHECKING:
    from firth.text.vocabulary import Vocabulary
    from firth.vectors.kernels import Sampling, Shape


_BLOCK = 16_384  # numbers of the encoded corpus that a thread takes at a time, at one learning rate
_SECONDS_A_BATCH = 0.2  # so often there is a look at progress, checkpoints and Ctrl-C
# Centres of a chunk, at most. More are faster, because rows travel less, but cost similarity scores: on 16 M
# words and 5 epochs, SimLex-999 is 30.5 with 24 and 29.5 with 64. Long rows are not so
# sensitive (33.5 with 24, 48 and 64 at 300 dimensions), and gain more.
_CHUNK, _CHUNK_OF_LONG_ROWS, _LONG_ROW = 24, 48, 128
_CHUNKS_IN_STEP = 8  # which deterministic threads share out before they wait for each other
_MOST_STEPS = 4.0  # learning rate x pairs, by which gradients at the same vectors may move a row
_DIVERGED = 1.5  # times the loss of vectors that know nothing, which is (1 + K) log 2
_HARDLY_ANY = 0.1  # of the words are left by subsampling


class SkipGram:
    """Skip-gram word vectors, trained with negative sampling.

    With ``threads=1``, or with ``deterministic=True`` and any number of threads, the same corpus, seed and
    settings give the same bits on the same machine, also when the training was interrupted and resumed.
    Otherwise threads write to the same vectors without locks (Hogwild), which is fastest and differs a little
    from run to run.

    Parameters
    ----------
    dim
        Length of the vectors.
    window
        Outside words are at most this far from the centre word. A word j places away counts as
        (window - j + 1) / window pairs: word2vec draws the radius from 1..window, this is its expectation.
    negative
        Negative samples a pair.
    epochs
        Passes over the corpus.
    min_count
        Leave out words that occur less often.
    sample
        Threshold of the subsampling of frequent words; 0 keeps all.
    lr
        Learning rate, which falls linearly to almost 0.
    max_vocab
        Keep only this many words, the most frequent ones; None keeps all.
    seed
        Seed of everything that is drawn.
    threads
        Threads that train; None means one a processor.
    deterministic
        Give the same bits for any number of threads. The gradients of about a thousand words are then
        taken at the same vectors, and threads wait for each other (``docs/benchmarks.md`` has the cost).
    lowercase, pretokenized, field, errors
        How text is read, see `firth.text.corpus.Corpus`.

    Examples
    --------
    >>> sentences = [["tea", "with", "milk"], ["coffee", "with", "milk"]] * 50
    >>> model = SkipGram(dim=16, min_count=1, sample=0, threads=1)  # so little text has no word to spare
    >>> vectors = model.fit(sentences, progress=Progress())
    >>> len(vectors)
    4
    """

    def __init__(
        self,
        dim: int = 100,
        window: int = 5,
        negative: int = 5,
        epochs: int = 5,
        min_count: int = 5,
        *,
        sample: float = 1e-3,
        lr: float = 0.025,
        max_vocab: int | None = None,
        seed: int = 1,
        threads: int | None = None,
        deterministic: bool = False,
        lowercase: bool = True,
        pretokenized: bool = False,
        field: str = "text",
        errors: str = "strict",
    ) -> None:
        given = dict(  # noqa: C408
            dim=dim,
            window=window,
            negative=negative,
            epochs=epochs,
            min_count=min_count,
            max_vocab=1 if max_vocab is None else max_vocab,
            threads=processors() if threads is None else threads,
        )
        whole = {name: whole_number(name, value) for name, value in given.items()}
        if not 0 <= sample < math.inf:
            raise InputError(f"sample must be 0 or a small positive number such as 1e-3, not {sample!r}")
        if not 1e-30 < lr < math.inf:
            raise InputError(f"lr must be a positive number such as 0.025, not {lr!r}")
        self.dim, self.window, self.negative = whole["dim"], whole["window"], whole["negative"]
        self.epochs, self.min_count = whole["epochs"], whole["min_count"]
        self.max_vocab = None if max_vocab is None else whole["max_vocab"]
        self.sample, self.lr, self.seed = float(sample), float(lr), seed_number(seed)
        self.threads, self.deterministic = whole["threads"], deterministic
        if deterministic:  # more threads would have nothing to do but wait for the others
            self.threads = min(self.threads, processors(), _CHUNKS_IN_STEP)
        self.lowercase, self.pretokenized, self.field, self.errors = lowercase, pretokenized, field, errors
        self.seconds_between_checkpoints = 30.0

    def fit(
        self,
        corpus: Source | Iterable[Source] | Iterable[Iterable[str]],
        *,
        heldout: float | Text | None = None,
        patience: int | None = None,
        checkpoint_dir: PathLike | None = None,
        resume: bool = False,
        progress: Progress | None = None,
    ) -> WordVectors:
        """Train on a corpus.

        Parameters
        ----------
        corpus
            Files, or sentences; see `firth.text.corpus.Corpus`.
        heldout
            Text that is not trained on, to compute the loss on after each epoch: a share of the corpus, such
            as 0.02 (see `firth.vectors.split.split`), or files or sentences as for `corpus`.
        patience
            Stop after so many epochs in a row that did not lower the held-out loss, and return the vectors of
            the epoch where it was lowest. None: all epochs, and the vectors of the last one.
        checkpoint_dir
            Folder for the encoded corpus and, every 30 seconds, all that is needed to go on. Without it, the
            encoded corpus (4 bytes a word) is in a temporary folder, and an interrupted training is lost.
        resume
            Go on from the checkpoint in `checkpoint_dir`, or begin if there is none. Files must be unchanged;
            that sentences from Python are the same as before is taken on trust.
        progress
            Where to report; None shows a bar on a terminal and plain lines elsewhere.

        Returns
        -------
        WordVectors
            The centre vectors, and the outside vectors as ``outside``. ``history`` has for each epoch the
            exact loss: the mean over all pairs, each at the vectors that its gradient was taken at (summed in
            double precision over chunks of a few dozen centre words), with the expected number of pairs.
            With `heldout`, ``history`` has the loss of the held-out text after each epoch as ``heldout``, in
            expectation over the negatives, and ``metadata["heldout"]`` that of the result, its epoch, and
            how many words the text has and how many are known.

        Raises
        ------
        InputError
            The corpus cannot be read or has too few words; the checkpoint is of another corpus or of other
            settings, or there is one and `resume` was not asked for; the held-out text is part of the corpus
            or has no two known words beside each other; the training diverged.
        KeyboardInterrupt
            Training was interrupted; if there is a `checkpoint_dir`, a checkpoint was saved first.
        """
        if resume and checkpoint_dir is None:
            raise InputError("to resume, say which checkpoint_dir to resume from")
        reading = Corpus(
            corpus,
            lowercase=self.lowercase,
            pretokenized=self.pretokenized,
            field=self.field,
            errors=self.errors,
        )
        withheld = check_heldout(heldout, patience, reading)
        settings = self._settings() | {"corpus": reading.fingerprint()} | heldout_settings(withheld, patience)
        progress = default_progress() if progress is None else progress
        with working_folder(checkpoint_dir, reading) as folder:
            checkpoints = Checkpoints(
                folder, settings, self.seconds_between_checkpoints, active=checkpoint_dir is not None
            )
            # In a function of its own: the encoded corpus must be closed before its folder can be removed.
            return self._fit(reading, withheld, patience, folder, checkpoints, resume, progress)

    def _fit(
        self,
        reading: Corpus,
        withheld: float | Corpus | None,
        patience: int | None,
        folder: Path,
        checkpoints: Checkpoints,
        resume: bool,
        progress: Progress,
    ) -> WordVectors:
        from firth.compute.lanes import aligned_zeros, padded

        found = checkpoints.load(resume)
        if found is None:
            encoded = encode(
                reading, folder, min_count=self.min_count, max_size=self.max_vocab, progress=progress
            )
        else:
            encoded = reopen(folder, reading.fingerprint())
        encoded, held_out = hold_out(
            encoded,
            withheld,
            folder,
            window=self.window,
            sample=self.sample,
            seed=self.seed,
            threads=self.threads,
            progress=progress,
        )
        n = len(encoded.vocabulary)
        V, U = aligned_zeros(n * padded(self.dim)), aligned_zeros(n * padded(self.dim))
        if found is None:
            position = Position()
            _initialize(V.reshape(n, -1)[:, : self.dim], self.seed)
        else:
            arrays, position = found
            V[:], U[:] = arrays["V"], arrays["U"]
            progress.note(f"resuming in epoch {min(position.epoch + 1, self.epochs)} of {self.epochs}")
        noise = encoded.vocabulary.noise_distribution()
        loss = partial(negative_sampling_loss, noise=noise, negative=self.negative, threads=self.threads)
        validation = Validation(held_out, loss, patience, folder, position.history)
        trainer = _Trainer(self, encoded, V, U, position, validation, progress)
        trainer.train(checkpoints)
        of_held_out = validation.finish({"V": V, "U": U}, trainer.position.history, progress)
        return WordVectors(
            encoded.vocabulary.words,
            without_padding(V, n, self.dim),
            outside=without_padding(U, n, self.dim),
            counts=encoded.vocabulary.counts,
            history=trainer.position.history,
            metadata={
                "firth": __version__,
                "objective": "negative-sampling",
                "settings": self._settings() | {"lr": trainer.initial_lr, "threads": self.threads},
                "corpus": {
                    "words": encoded.n_words,
                    "kept": encoded.n_kept,
                    "sentences": encoded.n_sentences,
                },
                **of_held_out,
            },
        )

    def _settings(self) -> dict[str, Any]:
        """Return all that the vectors depend on, apart from the corpus and the number of threads."""
        names = (
            "dim", "window", "negative", "epochs", "min_count", "sample", "lr", "max_vocab", "seed",
            "deterministic", "lowercase", "pretokenized", "field", "errors",
        )  # fmt: skip
        return {"objective": "negative-sampling"} | {name: getattr(self, name) for name in names}


def _initialize(V: Float32s, seed: int) -> None:
    """Fill V as word2vec does, uniformly in ±1/(2 dim); U begins at zero."""
    rng = np.random.default_rng(seed)
    for start in range(0, len(V), 4096):  # no second matrix in memory
        rows = V[start : start + 4096]
        rows[:] = (rng.random(rows.shape, dtype=np.float32) - 0.5) / V.shape[1]


class _Trainer:
    """Trains on the blocks of the encoded corpus, several threads at a time."""

    def __init__(
        self,
        model: SkipGram,
        encoded: EncodedCorpus,
        V: Float32s,
        U: Float32s,
        position: Position,
        validation: Validation,
        progress: Progress,
    ) -> None:
        self._validation = validation
        self._model, self._encoded, self._ids = model, encoded, encoded.ids
        self._V, self._U, self.position, self._progress = V, U, position, progress
        self._blocks = -(-len(self._ids) // _BLOCK)
        with saying_what_takes_long(
            progress, "compiling the training loop for this machine (only this once)"
        ):
            from firth.vectors import kernels

            self._kernels = kernels
            self._sampling = _sampling(encoded.vocabulary, model.sample)
            self._shape, most_lr = _shape(encoded.vocabulary, model)
            if model.deterministic:
                self._shared = kernels.new_shared(self._shape, _CHUNKS_IN_STEP)
            self.initial_lr = min(model.lr, most_lr)
            nothing = self._ids[:0]  # of the type that the threads will pass, so that they need not compile
            self._train_block(nothing, 0, np.zeros(1, np.int64), thread=0, threads=1)
        if self.initial_lr < model.lr:
            progress.note(
                f"learning rate lowered to {self.initial_lr:.2g}: with this vocabulary, window and number of "
                f"negatives, {model.lr:g} would diverge"
            )
        kept = encoded.vocabulary.counts * encoded.vocabulary.keep_probabilities(model.sample)
        if kept.sum() < _HARDLY_ANY * encoded.n_kept:
            progress.note(
                f"subsampling leaves only {kept.sum() / encoded.n_kept:.1%} of the words, "
                "because few different ones make up the text; --sample 0 keeps all"
            )

    def train(self, checkpoints: Checkpoints) -> None:
        """Go on to the end of the last epoch."""
        with deferred_interrupt() as interrupt, ThreadPoolExecutor(self._model.threads) as pool:
            while self.position.epoch < self._model.epochs and not self._validation.exhausted(
                self.position.history
            ):
                self._train_epoch(pool, checkpoints, interrupt)
                self._validation.keep_best({"V": self._V, "U": self._U}, self.position, checkpoints)
            checkpoints.save({"V": self._V, "U": self._U}, self.position)

    def _train_epoch(self, pool: ThreadPoolExecutor, checkpoints: Checkpoints, interrupt: Interrupt) -> None:
        """Go on to the end of this epoch; after Ctrl-C, save a checkpoint and raise KeyboardInterrupt."""
        words = self._encoded.n_words
        stage = f"epoch {self.position.epoch + 1} of {self._model.epochs}"
        batch = self._model.threads  # blocks
        with self._progress.stage(stage, words, "words"):
            while self.position.done < self._blocks:
                seconds = self._train_batch(pool, batch)
                batch = max(1, round(batch * min(_SECONDS_A_BATCH / seconds, 2.0)))
                position = self.position
                done = round(words * min(position.done * _BLOCK / len(self._ids), 1.0))
                self._progress.advance(done, loss=position.mean_loss, lr=self._lr(position.done))
                if interrupt.pressed or checkpoints.due:
                    checkpoints.save({"V": self._V, "U": self._U}, position)
                interrupt.check()
            V, U = (flat.reshape(-1, self._shape.dim)[:, : self._model.dim] for flat in (self._V, self._U))
            held_out = self._validation.figures(V, U)
            self._progress.advance(words, loss=self.position.mean_loss, **held_out)
        if self.position.pairs == 0:
            raise InputError(
                "no word has another one beside it: every line has one word, or subsampling leaves none "
                "(--sample 0 keeps all)"
            )
        self.position = self.position.after_epoch(words, self._lr(self._blocks), **held_out)

    def _train_batch(self, pool: ThreadPoolExecutor, n: int) -> float:
        """Train on the next `n` blocks of the epoch; return how many seconds it took."""
        position, threads = self.position, self._model.threads
        blocks = range(position.done, min(position.done + n, self._blocks))
        started = time.perf_counter()
        if self._model.deterministic:
            sums = self._train_together(pool, blocks)
        else:
            sums = list(pool.map(self._train_alone, blocks))
        # One block after the other, so that the sums do not depend on the number of blocks in a batch.
        for loss, pairs in sums:
            position.loss += loss
            position.pairs += pairs
        seconds = time.perf_counter() - started
        position.seconds += seconds
        position.done = blocks.stop
        highest = _DIVERGED * (1 + self._model.negative) * math.log(2)
        if not position.loss <= highest * position.pairs:  # NaN too
            raise InputError(
                f"training diverged in epoch {position.epoch + 1}: lower the learning rate, "
                f"which was {self.initial_lr:.2g}" + (f", or the {threads} threads" if threads > 1 else "")
            )
        return max(seconds, 1e-6)

    def _lr(self, block: int) -> float:
        """Return the learning rate at a block of this epoch."""
        done = self.position.epoch + block / self._blocks
        return linear_decay(self.initial_lr, done, self._model.epochs)

    def _train_alone(self, block: int) -> tuple[float, float]:
        return self._train_block(self._text(block), block, np.zeros(1, np.int64), thread=0, threads=1)

    def _train_together(self, pool: ThreadPoolExecutor, blocks: range) -> list[tuple[float, float]]:
        """Train on some blocks with all threads in step."""
        counters = np.zeros((len(blocks), 1), np.int64)

        def work(thread: int) -> list[tuple[float, float]]:
            try:
                return [
                    self._train_block(
                        self._text(block), block, counter, thread=thread, threads=self._model.threads
                    )
                    for block, counter in zip(blocks, counters, strict=True)
                ]
            except BaseException:
                counters[:] = 2**62  # nobody is to wait for this thread any more
                raise

        try:
            threads = [pool.submit(work, thread) for thread in range(self._model.threads)]
        except BaseException:
            counters[:] = 2**62
            raise
        wait(threads)
        results = [thread.result() for thread in threads]  # all, for the sake of their errors
        return results[0]

    def _train_block(
        self, ids: Ids, block: int, counter: Int64s, *, thread: int, threads: int
    ) -> tuple[float, float]:
        model = self._model
        number = self.position.epoch * self._blocks + block
        seed = np.uint64((model.seed * 0x9E3779B97F4A7C15 + number * 0xD1B54A32D192ED03) % 2**64)
        arguments = (ids, self._sampling, self._V, self._U, self._shape, np.float32(self._lr(block)), seed)
        if not model.deterministic:
            return self._kernels.train_block(*arguments)  # type: ignore[no-any-return]
        return self._kernels.train_block_in_step(  # type: ignore[no-any-return]
            *arguments, thread, threads, *self._shared, counter
        )

    def _text(self, block: int) -> Ids:
        return self._ids[self._sentence_start(block * _BLOCK) : self._sentence_start((block + 1) * _BLOCK)]

    def _sentence_start(self, position: int) -> int:
        """Return the start of a sentence near the position, or in a very long sentence the position."""
        if position == 0:
            return 0
        near = self._ids[position - 1 : position - 1 + _BLOCK // 2]
        ends = np.flatnonzero(near < 0)
        return min(position + int(ends[0]) if len(ends) else position, len(self._ids))


def _sampling(vocabulary: Vocabulary, sample: float) -> Sampling:
    """Prepare what the kernels draw from."""
    from firth.compute.splitmix import alias_table
    from firth.vectors.kernels import Sampling

    keep = (vocabulary.keep_probabilities(sample).astype(np.float64) * (2**32 - 1)).astype(np.uint32)
    return Sampling(keep, *alias_table(vocabulary.noise_distribution()))


def _shape(vocabulary: Vocabulary, model: SkipGram) -> tuple[Shape, float]:
    """Choose how many centres a chunk has and how many negatives they share; return the highest safe lr too.

    A centre has window + 1 pairs in expectation and would draw K negatives for each. Half as many shared
    ones keep most of the quality (``docs/benchmarks.md`` has what more and fewer do).

    All pairs of a chunk take their gradients at the same vectors, and so do those of other threads at that
    time. The more often a row comes in them, the farther it is moved by gradients that do not know of each
    other; past a point, training overshoots and diverges. A negative comes as often as the chunk has
    centres, times its weight, so chunks are made smaller where words are few or the learning rate is high.
    """
    from firth.compute.lanes import padded
    from firth.vectors.kernels import Shape

    pairs = model.window + 1
    shared = -(-model.negative * pairs // 8) * 4
    chunks = _CHUNKS_IN_STEP if model.deterministic else model.threads
    kept = vocabulary.counts * vocabulary.keep_probabilities(model.sample)
    as_outside = chunks * pairs * kept.max() / kept.sum()
    again = (chunks * shared - 1) * vocabulary.noise_distribution().max()
    as_negative = model.negative * pairs / shared * (1 + again)
    most = float(_MOST_STEPS / (as_outside + as_negative))  # lr x centres
    largest = _CHUNK if model.dim <= _LONG_ROW else _CHUNK_OF_LONG_ROWS
    chunk = max(int(min(most / model.lr, largest)) // 4 * 4, 4)
    return Shape(padded(model.dim), model.window, model.negative, chunk, shared), most / chunk


def without_padding(flat: Float32s, n: int, dim: int) -> Float32s:
    """Return the matrix (n, dim) whose rows are padded in `flat`; it takes the place of `flat` in memory."""
    stride = len(flat) // n
    if stride != dim:
        rows = max(1, (1 << 20) // stride)
        for start in range(0, n, rows):
            stop = min(start + rows, n)
            # What is written is behind what is still to be read.
            block = flat[start * stride : stop * stride].reshape(-1, stride)[:, :dim].copy()
            flat[start * dim : stop * dim] = block.ravel()
    return flat[: n * dim].reshape(n, dim)
