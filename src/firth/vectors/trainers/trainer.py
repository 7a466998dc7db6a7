"""The one trainer of word vectors: it reads text, runs an objective over epochs, and judges the vectors."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from firth.arrays import Arrays, PathLike
from firth.errors import InputError
from firth.progress import Progress
from firth.runs.checkpoints import Checkpoints
from firth.runs.interrupt import Interrupt, deferred_interrupt
from firth.runs.run import Run, open_run
from firth.runs.workers import worker_threads
from firth.text.corpus import Corpus
from firth.text.encoded import EncodedCorpus, encode
from firth.vectors.contexts import Text, WindowContexts
from firth.vectors.trainers.best import BestVectors
from firth.vectors.trainers.heldout import HeldOut, check_heldout, heldout_settings, hold_out
from firth.vectors.trainers.objective import Objective, Position
from firth.vectors.trainers.settings import VectorSettings
from firth.vectors.word_vectors import WordVectors
from firth.version import __version__

# The trainer updates the progress and checks for checkpoints and Ctrl-C about this often.
_SECONDS_BETWEEN_LOOKS = 0.2


class VectorTrainer(VectorSettings, ABC):
    """Trains word vectors: settings with `fit`. A subclass says by which objective."""

    # A field of each settings class: its place among the positional arguments differs.
    min_count: int

    @abstractmethod
    def _make_objective(self, contexts: WindowContexts, progress: Progress) -> Objective:
        """Return the objective, before `begin`."""

    def _check_vocabulary(self, n_words: int) -> None:
        """Check that there are not too many words, before any training."""

    def fit(
        self,
        corpus: Text,
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
            Stop after this many epochs in a row that did not lower the held-out loss, and return the vectors
            of the epoch with the lowest. None: train all epochs, and return the vectors of the last one.
        checkpoint_dir
            Folder for the encoded corpus and for a checkpoint every 30 seconds. Without it, the encoded
            corpus (4 bytes a word) is in a temporary folder, and an interrupted training is lost.
        resume
            Go on from the checkpoint in `checkpoint_dir`, or begin if there is none. Files must be unchanged.
            Sentences from Python must be the same as before, which is not checked.
        progress
            Where to report, such as `firth.progress.default_progress()`; None is silent.

        Returns
        -------
        WordVectors
            The centre vectors, and the outside vectors as ``outside``. ``history`` has an entry for each
            epoch, with the expected number of pairs and the exact mean loss of a pair, computed at the
            vectors at which its gradient was taken. With `heldout`, each entry has the loss of the held-out
            text after the epoch as ``heldout`` (in expectation, if negatives are drawn), and
            ``metadata["heldout"]`` has the loss of the result, its epoch, and the numbers of words and of
            known words of the text.

        Raises
        ------
        InputError
            The corpus cannot be read, or has too few words or too many different ones; the checkpoint
            belongs to another corpus or other settings, or there is one without `resume`; the held-out
            text is part of the corpus or has no two known words beside each other; the training diverged.
        KeyboardInterrupt
            Training was interrupted; if there is a `checkpoint_dir`, a checkpoint was saved first.
        """
        reading = Corpus(
            corpus,
            lowercase=self.lowercase,
            pretokenized=self.pretokenized,
            field=self.field,
            errors=self.errors,
        )
        withheld = check_heldout(heldout, patience, reading)
        settings = self.as_dict() | {"corpus": reading.fingerprint()} | heldout_settings(withheld, patience)
        if checkpoint_dir is not None:
            # The corpus, when it is read the next time, must not contain the files of the run.
            reading.check_output(Path(checkpoint_dir, "firth-vectors-training.checkpoint"))
        with open_run("vectors", checkpoint_dir, resume, progress) as run:
            # In a function of its own: the encoded corpus must be closed before its folder can be removed.
            return self._fit(reading, withheld, BestVectors(run.work_folder, patience), settings, run)

    def _fit(
        self,
        reading: Corpus,
        withheld: float | Corpus | None,
        best: BestVectors,
        settings: dict[str, Any],
        run: Run,
    ) -> WordVectors:
        checkpoints = run.checkpoints("training", settings)
        found = checkpoints.load()
        if found is None:
            encoded = encode(
                reading,
                run.work_folder,
                min_count=self.min_count,
                max_size=self.max_vocab,
                progress=run.progress,
            )
        else:
            encoded = _reopen(run.work_folder, reading.fingerprint())
        self._check_vocabulary(len(encoded.vocabulary))
        encoded, held_out = hold_out(
            encoded,
            withheld,
            run.work_folder,
            window=self.window,
            sample=self.sample,
            seed=self.seed,
            threads=self.threads_used,
            progress=run.progress,
        )
        objective = self._make_objective(WindowContexts(encoded, self.window, self.sample), run.progress)
        if found is None:
            objective.begin()
        else:
            _restore(objective, *found, checkpoints)
            best.check(objective.position.history)
            run.progress.note(f"resuming in {_name_of_epoch(objective)}")
        # Its arrays are as large as those in training.
        del found
        training = _Training(objective, encoded.n_words, held_out, best, checkpoints, run.progress)
        training.run(self.threads_used)
        return self._result(training, encoded)

    def _result(self, training: _Training, encoded: EncodedCorpus) -> WordVectors:
        """Return the vectors of the last epoch, or of the best."""
        objective = training.objective
        of_held_out = training.judge()
        metadata = {
            "firth": __version__,
            "objective": self.objective,
            "settings": self.as_dict() | {"lr": objective.initial_lr, "threads": self.threads_used},
            "corpus": {
                "words": encoded.n_words,
                "kept": encoded.n_kept,
                "sentences": encoded.n_sentences,
            },
            **objective.final_figures(training.progress),
            **of_held_out,
        }
        V, U = objective.take_vectors()
        return WordVectors(
            encoded.vocabulary.words,
            V,
            outside=U,
            counts=encoded.vocabulary.counts,
            history=objective.position.history,
            metadata=metadata,
        )


class _Training:
    """Runs an objective from where it is to the end of the last epoch."""

    def __init__(
        self,
        objective: Objective,
        n_words: int,
        held_out: HeldOut | None,
        best: BestVectors,
        checkpoints: Checkpoints,
        progress: Progress,
    ) -> None:
        self.objective, self.progress = objective, progress
        self._n_words, self._held_out, self._best, self._checkpoints = n_words, held_out, best, checkpoints

    def run(self, threads: int) -> None:
        """Go on to the end; after Ctrl-C, save a checkpoint and raise KeyboardInterrupt."""
        with deferred_interrupt() as interrupt, worker_threads(threads) as pool:
            while not self._is_finished:
                self._run_epoch(pool, interrupt)
                self._best.keep(self.objective, self._checkpoints)
            self._save()

    @property
    def _is_finished(self) -> bool:
        position, n_epochs = self.objective.position, self.objective.n_epochs
        is_last = n_epochs is not None and position.epoch >= n_epochs
        return is_last or self._best.is_exhausted(position.history)

    def _run_epoch(self, pool: ThreadPoolExecutor, interrupt: Interrupt) -> None:
        """Go on to the end of this epoch."""
        objective, position, progress = self.objective, self.objective.position, self.progress
        n = objective.parts_side_by_side
        with progress.stage(_name_of_epoch(objective), objective.total, objective.unit):
            while position.done < objective.n_parts:
                started = time.perf_counter()
                parts = range(position.done, min(position.done + n, objective.n_parts))
                objective.run(parts, pool)
                seconds = max(time.perf_counter() - started, 1e-6)
                n = max(1, round(n * min(_SECONDS_BETWEEN_LOOKS / seconds, 2.0)))
                lr = objective.learning_rate(position.done)
                progress.advance(objective.done, loss=position.mean_loss, lr=lr)
                if interrupt.pressed or self._checkpoints.due:
                    self._save()
                interrupt.check()
            objective.check_epoch()
            figures = {} if self._held_out is None else {"heldout": objective.loss(self._held_out.counts)}
            progress.advance(objective.total, loss=position.mean_loss, **figures)
        lr = objective.learning_rate(objective.n_parts)
        objective.position = position.after_epoch(self._n_words, lr, **figures)

    def _save(self) -> None:
        self._checkpoints.save(self.objective.arrays, asdict(self.objective.position))

    def judge(self) -> dict[str, Any]:
        """Put back the vectors of the best epoch; return the metadata about the held-out text."""
        if self._held_out is None:
            return {}
        history = self.objective.position.history
        best = self._best.epoch(history)
        loss = history[best - 1]["heldout"]
        self._best.put_back(self.objective)
        if self._best.has_patience:
            when = "stopped early, " if self._best.is_exhausted(history) else ""
            self.progress.note(
                f"{when}after epoch {len(history)}: these are the vectors of epoch {best}, "
                f"whose held-out loss of {loss:.4f} is the lowest"
            )
        text = {"words": self._held_out.words, "known": self._held_out.known}
        return {"heldout": {"epoch": best, "loss": loss, **text}}


def _name_of_epoch(objective: Objective) -> str:
    """Return ``epoch 2 of 5``, or ``epoch 2`` as long as the last epoch is not known."""
    epoch, n_epochs = objective.position.epoch + 1, objective.n_epochs
    return f"epoch {epoch}" if n_epochs is None else f"epoch {min(epoch, n_epochs)} of {n_epochs}"


def _reopen(folder: Path, fingerprint: str) -> EncodedCorpus:
    """Open the encoded corpus of a checkpoint, and make sure that it is whole: kernels check no bounds."""
    encoded = EncodedCorpus.open(folder)
    is_whole = encoded.fingerprint == fingerprint and len(encoded.ids) > 0
    if not is_whole or encoded.ids.min() < -1 or encoded.ids.max() >= len(encoded.vocabulary):
        raise InputError(
            f"{folder}: its encoded corpus does not belong to its checkpoint; use another folder"
        )
    return encoded


def _restore(objective: Objective, arrays: Arrays, state: dict[str, Any], checkpoints: Checkpoints) -> None:
    """Put back the state of a checkpoint."""
    if state.keys() != {field.name for field in fields(Position)}:
        raise checkpoints.refusal("does not say how far training was")
    try:
        objective.restore(arrays, Position(**state))
    except InputError as error:
        raise checkpoints.refusal(f"does not fit its settings ({error})") from None
