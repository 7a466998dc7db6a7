"""Train word vectors: skip-gram with negative sampling (Mikolov et al. 2013), from text to `WordVectors`."""

from __future__ import annotations

import math
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

import firth
from firth.errors import InputError
from firth.progress import Progress, default_progress
from firth.storage import load_arrays, save_arrays
from firth.text.corpus import Corpus, EncodedCorpus, Source, encode
from firth.vectors.word_vectors import WordVectors

if TYPE_CHECKING:
    from firth.text.vocabulary import Vocabulary
    from firth.vectors.kernels import Sampling, Shape

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int32]

_BLOCK = 16_384  # numbers of the encoded corpus that a thread takes at a time, at one learning rate
_BLOCKS_IN_BATCH = 16  # a thread, between two looks at the clock
_CHUNK = 64  # centres of a chunk, at most
_MOST_STEPS = 4.0  # of learning rate x pairs, by which a chunk may move a row
# Deterministic threads share out this many chunks, of this many centres at most, and then wait for each
# other.
_CHUNKS_IN_STEP, _CHUNK_IN_STEP = 8, 32
_LEAST_LR = 1e-4  # of the initial learning rate
_CHECKPOINT = "checkpoint.safetensors"


class SkipGram:
    """Skip-gram word vectors, trained with negative sampling.

    With ``threads=1``, or with ``deterministic=True`` and any number of threads, the same corpus, seed and
    settings give the same bits on the same machine. Otherwise threads write to the same vectors without
    locks (Hogwild), which is fastest and differs a little from run to run.

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
    >>> vectors = SkipGram(dim=16, min_count=1, threads=1).fit(sentences, progress=Progress())
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
        for name, value in {
            "dim": dim, "window": window, "negative": negative, "epochs": epochs, "min_count": min_count,
            "max_vocab": 1 if max_vocab is None else max_vocab, "threads": 1 if threads is None else threads,
        }.items():  # fmt: skip
            if value != int(value) or value < 1:
                raise InputError(f"{name} must be a whole number of at least 1, not {value!r}")
        if not 0 <= sample < float("inf"):
            raise InputError(f"sample must be 0 or a small positive number such as 1e-3, not {sample!r}")
        if not 0 < lr < float("inf"):
            raise InputError(f"lr must be a positive number such as 0.025, not {lr!r}")
        if not 0 <= seed < 2**63:
            raise InputError(f"seed must be between 0 and 2**63 - 1, not {seed!r}")
        self.dim, self.window, self.negative = dim, window, negative
        self.epochs, self.min_count = epochs, min_count
        self.sample, self.lr, self.max_vocab, self.seed = sample, lr, max_vocab, seed
        processors = _processors()
        self.threads = processors if threads is None else threads
        if deterministic:  # more threads would have nothing to do but wait for the others
            self.threads = min(self.threads, processors, _CHUNKS_IN_STEP)
        self.deterministic = deterministic
        self.lowercase, self.pretokenized, self.field, self.errors = lowercase, pretokenized, field, errors
        self.seconds_between_checkpoints = 30.0

    def fit(
        self,
        corpus: Source | Iterable[Source] | Iterable[Iterable[str]],
        *,
        checkpoint_dir: str | os.PathLike[str] | None = None,
        resume: bool = False,
        progress: Progress | None = None,
    ) -> WordVectors:
        """Train on a corpus.

        Parameters
        ----------
        corpus
            Files, or sentences; see `firth.text.corpus.Corpus`.
        checkpoint_dir
            Folder for the encoded corpus and, every 30 seconds, all that is needed to go on. Without it, the
            encoded corpus (4 bytes a word) is in a temporary folder, and an interrupted training is lost.
        resume
            Go on from the checkpoint in `checkpoint_dir`, or begin if there is none.
        progress
            Where to report; None shows a bar on a terminal and plain lines elsewhere.

        Returns
        -------
        WordVectors
            The centre vectors; ``history`` has the exact mean loss a pair of each epoch.

        Raises
        ------
        InputError
            The corpus cannot be read or has too few words; the checkpoint is of another corpus or of other
            settings, or there is one and `resume` was not asked for.
        KeyboardInterrupt
            Training was interrupted; if there is a `checkpoint_dir`, a checkpoint was saved first.
        """
        if resume and checkpoint_dir is None:
            raise InputError("to resume, say which checkpoint_dir to resume from")
        progress = default_progress() if progress is None else progress
        reading = Corpus(
            corpus,
            lowercase=self.lowercase,
            pretokenized=self.pretokenized,
            field=self.field,
            errors=self.errors,
        )
        with _folder(checkpoint_dir) as folder:
            settings = self._settings() | {"corpus": reading.fingerprint()}
            checkpoint = folder / _CHECKPOINT
            if checkpoint.exists():
                if not resume:
                    raise InputError(f"{checkpoint} exists: resume from it, or choose another folder")
                run, encoded = _Run.load(checkpoint, settings), EncodedCorpus.open(folder)
                progress.note(f"resuming at epoch {len(run.history) + 1} of {self.epochs}")
            else:
                encoded = encode(
                    reading, folder, min_count=self.min_count, max_size=self.max_vocab, progress=progress
                )
                run = _Run.begin(len(encoded.vocabulary), self.dim, self.seed)

            def save() -> None:
                if checkpoint_dir is not None:
                    run.save(checkpoint, settings)

            try:
                self._train(run, encoded, save, progress)
            except KeyboardInterrupt:
                save()
                raise
            save()
            return WordVectors(
                encoded.vocabulary.words,
                run.vectors(len(encoded.vocabulary), self.dim),
                counts=encoded.vocabulary.counts,
                history=run.history,
                metadata={
                    "firth": firth.__version__,
                    "objective": "negative-sampling",
                    "settings": self._settings() | {"threads": self.threads},
                    "corpus": {
                        "words": encoded.n_words,
                        "kept": encoded.n_kept,
                        "sentences": encoded.n_sentences,
                    },
                },
            )

    def _settings(self) -> dict[str, Any]:
        """Return all that the vectors depend on, apart from the corpus and the number of threads."""
        names = (
            "dim", "window", "negative", "epochs", "min_count", "sample", "lr", "max_vocab", "seed",
            "deterministic", "lowercase", "pretokenized", "field", "errors",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names}

    def _train(self, run: _Run, encoded: EncodedCorpus, save: Callable[[], None], progress: Progress) -> None:
        """Take the run from where it is to the end of the last epoch."""
        words_a_number = encoded.n_words / len(encoded.ids)
        saved = time.perf_counter()
        with ThreadPoolExecutor(self.threads) as pool:
            trainer = _Trainer(self, run, encoded, pool, progress)
            while run.epoch < self.epochs:
                progress.begin(f"epoch {run.epoch + 1} of {self.epochs}", encoded.n_words, "words")
                while run.block < trainer.blocks:
                    trainer.train_batch()
                    done = min(run.block * _BLOCK, len(encoded.ids)) * words_a_number
                    progress.advance(round(done), loss=run.mean_loss, lr=trainer.lr(run.block))
                    if time.perf_counter() - saved >= self.seconds_between_checkpoints:
                        save()
                        saved = time.perf_counter()
                progress.end(loss=run.mean_loss)
                run.end_epoch(encoded.n_words, trainer.lr(run.block))


@dataclass
class _Run:
    """Where a training is: all that a checkpoint has to hold."""

    V: Floats  # flat, rows padded for the kernels
    U: Floats
    block: int = 0  # of the epoch, the next one to train on
    loss: float = 0.0  # of the epoch so far
    pairs: float = 0.0
    seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)

    @classmethod
    def begin(cls, n: int, dim: int, seed: int) -> _Run:
        """Initialise as word2vec does: V uniform in +-1/(2 dim), U zero."""
        from firth.learning.simd import aligned_zeros, padded

        run = cls(aligned_zeros(n * padded(dim)), aligned_zeros(n * padded(dim)))
        rng = np.random.default_rng(seed)
        V = run.V.reshape(n, -1)
        for start in range(0, n, 4096):  # no second matrix in memory
            rows = V[start : start + 4096, :dim]
            rows[:] = (rng.random(rows.shape, dtype=np.float32) - 0.5) / dim
        return run

    @property
    def epoch(self) -> int:
        return len(self.history)

    @property
    def mean_loss(self) -> float:
        return self.loss / self.pairs if self.pairs else 0.0

    def vectors(self, n: int, dim: int) -> Floats:
        """Return the centre vectors without padding; the outside vectors are given up, to save memory."""
        self.U = self.U[:0]
        return np.ascontiguousarray(self.V.reshape(n, -1)[:, :dim])

    def end_epoch(self, words: int, lr: float) -> None:
        self.history.append(
            {
                "epoch": self.epoch + 1,
                "loss": self.mean_loss,
                "pairs": self.pairs,
                "words": words,
                "seconds": self.seconds,
                "lr": lr,
            }
        )
        self.block, self.loss, self.pairs, self.seconds = 0, 0.0, 0.0, 0.0

    def save(self, path: Path, settings: dict[str, Any]) -> None:
        position = {
            "block": self.block,
            "loss": self.loss,
            "pairs": self.pairs,
            "seconds": self.seconds,
            "history": self.history,
        }
        save_arrays(path, {"V": self.V, "U": self.U}, {"settings": settings, "position": position})

    @classmethod
    def load(cls, path: Path, settings: dict[str, Any]) -> _Run:
        from firth.learning.simd import aligned_zeros

        arrays, metadata = load_arrays(path)
        try:
            then, position = metadata["settings"], metadata["position"]
            run = cls(aligned_zeros(len(arrays["V"])), aligned_zeros(len(arrays["U"])), **position)
            run.V[:], run.U[:] = arrays["V"], arrays["U"]
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path}: not a checkpoint of this version of firth ({error})") from None
        for name, value in settings.items():
            if then.get(name) != value:
                what = "the corpus was another one" if name == "corpus" else f"{name} was {then.get(name)!r}"
                raise InputError(f"{path}: cannot resume with this, because {what} when it was made")
        return run


class _Trainer:
    """Trains on the blocks of an epoch, several threads at a time."""

    def __init__(
        self, model: SkipGram, run: _Run, encoded: EncodedCorpus, pool: ThreadPoolExecutor, progress: Progress
    ) -> None:
        self._model, self._run, self._ids, self._pool = model, run, encoded.ids, pool
        self.blocks = -(-len(encoded.ids) // _BLOCK)
        with _patience(progress, "compiling the training loop for this machine (only this once)"):
            from firth.vectors import kernels

            self._kernels = kernels
            self._sampling = _sampling(encoded, model.sample)
            self._shape, most_lr = _shape(encoded.vocabulary, model)
            if model.deterministic:
                self._shared = kernels.new_shared(self._shape, _CHUNKS_IN_STEP)
            nothing = encoded.ids[:0]  # of the type that the threads will pass, so that they need not compile
            self._lr = min(model.lr, most_lr)
            self._train_block(nothing, 0, np.zeros(1, np.int64), thread=0, threads=1)
        if self._lr < model.lr:
            progress.note(
                f"learning rate lowered to {self._lr:.2g}: with so few words, {model.lr:g} diverges"
            )

    def lr(self, block: int) -> float:
        """Return the learning rate at a block of this epoch."""
        done = (self._run.epoch + block / self.blocks) / self._model.epochs
        return self._lr * max(1.0 - done, _LEAST_LR)

    def train_batch(self) -> None:
        """Train on the next blocks of the epoch; Ctrl-C takes effect when they are done."""
        run, threads = self._run, self._model.threads
        batch = range(run.block, min(run.block + threads * _BLOCKS_IN_BATCH, self.blocks))
        started = time.perf_counter()
        if self._model.deterministic:
            meetings = np.zeros((len(batch), 1), np.int64)
            work = [self._pool.submit(self._together, batch, meetings, thread) for thread in range(threads)]
        else:
            work = [self._pool.submit(self._alone, block) for block in batch]
        interrupted = _wait(work)
        # In the order of the blocks: the sum must not depend on which thread was first.
        for future in work:
            loss, pairs = future.result()
            run.loss += loss
            run.pairs += pairs
        if not math.isfinite(run.loss):
            raise InputError(
                f"training diverged in epoch {run.epoch + 1}: lower the learning rate, which was {self._lr:g}"
            )
        run.block = batch.stop
        run.seconds += time.perf_counter() - started
        if interrupted:
            raise KeyboardInterrupt

    def _alone(self, block: int) -> tuple[float, float]:
        return self._train_block(self._text(block), block, np.zeros(1, np.int64), thread=0, threads=1)

    def _together(self, batch: range, meetings: npt.NDArray[np.int64], thread: int) -> tuple[float, float]:
        total, n = 0.0, 0.0
        for block, counter in zip(batch, meetings, strict=True):
            loss, pairs = self._train_block(
                self._text(block), block, counter, thread=thread, threads=self._model.threads
            )
            total += loss
            n += pairs
        return total, n

    def _train_block(
        self, ids: Ids, block: int, counter: npt.NDArray[np.int64], *, thread: int, threads: int
    ) -> tuple[float, float]:
        model, run = self._model, self._run
        number = run.epoch * self.blocks + block
        seed = np.uint64((model.seed * 0x9E3779B97F4A7C15 + number * 0xD1B54A32D192ED03) % 2**64)
        arguments = (ids, self._sampling, run.V, run.U, self._shape, np.float32(self.lr(block)), seed)
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


def _sampling(encoded: EncodedCorpus, sample: float) -> Sampling:
    """Prepare what the kernels draw from."""
    from firth.vectors.kernels import Sampling, alias_table

    vocabulary = encoded.vocabulary
    keep = (vocabulary.keep_probabilities(sample).astype(np.float64) * (2**32 - 1)).astype(np.uint32)
    return Sampling(keep, *alias_table(vocabulary.noise_distribution()))


def _shape(vocabulary: Vocabulary, model: SkipGram) -> tuple[Shape, float]:
    """Choose how many centres a chunk has and how many negatives they share; return the highest safe lr too.

    A centre has window + 1 pairs on average and would draw K negatives for each. Half as many shared ones do:
    scores on similarities and analogies are then those of fresh negatives.

    All pairs of a chunk (in step: of some chunks) take their gradients at the same vectors. The more often a
    row comes in it, the
    farther it is moved by gradients that do not know of each other; past a point, training overshoots and
    diverges. A negative comes as often as the chunk has centres, times its weight, so chunks are made
    smaller where words are few or the learning rate is high.
    """
    from firth.learning.simd import padded
    from firth.vectors.kernels import Shape

    pairs = model.window + 1
    shared = padded(-(-model.negative * pairs // 2))
    largest, chunks = (_CHUNK_IN_STEP, _CHUNKS_IN_STEP) if model.deterministic else (_CHUNK, 1)
    kept = vocabulary.counts * vocabulary.keep_probabilities(model.sample)
    as_outside = chunks * pairs * kept.max() / kept.sum()
    again = (chunks * shared - 1) * vocabulary.noise_distribution().max()
    as_negative = model.negative * pairs / shared * (1 + again)
    most = _MOST_STEPS / (as_outside + as_negative)  # lr x centres
    chunk = min(max(int(most / model.lr) // 4 * 4, 4), largest)
    return Shape(padded(model.dim), model.window, model.negative, chunk, shared), most / chunk


def _processors() -> int:
    """Return how many processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1


def _wait(work: list[Future[Any]]) -> bool:
    """Wait until all work is done; return whether Ctrl-C was pressed meanwhile."""
    interrupted = False
    while True:
        try:
            wait(work)
        except KeyboardInterrupt:
            interrupted = True
        else:
            return interrupted


@contextmanager
def _patience(progress: Progress, message: str) -> Iterator[None]:
    """Say what is being waited for, if it takes longer than a second."""
    timer = threading.Timer(1.0, progress.note, [message])
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def _folder(checkpoint_dir: str | os.PathLike[str] | None) -> Iterator[Path]:
    """Give the folder to work in: the one for checkpoints, or one that is removed afterwards."""
    if checkpoint_dir is None:
        with tempfile.TemporaryDirectory(prefix="firth-") as temporary:
            yield Path(temporary)
        return
    folder = Path(checkpoint_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be used for checkpoints: {error.strerror}") from None
    for left_behind in folder.glob(".firth-*"):  # by a training that was killed while it wrote
        left_behind.unlink(missing_ok=True)
    yield folder
