"""Training: what it learns, that it can be repeated to the bit, and that it survives being killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import firth
from firth.errors import InputError
from firth.files.arrays_file import load_arrays, save_arrays
from firth.progress import Progress
from firth.text.corpus import Corpus
from firth.text.encoded import encode
from firth.vectors.trainers import negative_sampling


def _sentences(n: int = 2_000, seed: int = 0) -> list[list[str]]:
    """Sentences about one of two subjects, with function words in both."""
    rng = np.random.default_rng(seed)
    subjects = [[f"{name}{k}" for k in range(10)] for name in ("sea", "hill")]
    sentences = []
    for _ in range(n):
        words = [*rng.choice(subjects[rng.integers(2)], 8), *rng.choice(["the", "of", "and"], 4)]
        rng.shuffle(words)
        sentences.append(words)
    return sentences


def _fit(corpus=None, **settings) -> firth.WordVectors:
    settings = {"dim": 24, "min_count": 1, "epochs": 2, "threads": 1} | settings
    return firth.SkipGram(**settings).fit(_sentences() if corpus is None else corpus)


def test_words_of_one_subject_become_neighbours() -> None:
    vectors = _fit(epochs=8, lr=0.05, sample=0)
    for word in ("sea3", "hill7"):
        subject = word[:-1]
        assert all(near.startswith(subject) for near, _ in vectors.most_similar(word, topn=9))
    assert vectors.similarity("sea1", "sea2") > vectors.similarity("sea1", "hill2") + 0.3


def test_history_has_the_exact_loss() -> None:
    """While U is 0 every score is 0, so a pair costs (1 + K) log 2, whatever is drawn."""
    history = _fit(epochs=3, lr=1e-12, negative=7, sample=0).history
    assert [entry["epoch"] for entry in history] == [1, 2, 3]
    for entry in history:
        assert entry["loss"] == pytest.approx(8 * np.log(2), rel=1e-6)
        assert entry["words"] == 24_000
        assert entry["pairs"] > 24_000
    losses = [entry["loss"] for entry in _fit(epochs=4, lr=0.05, sample=0).history]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.95 * losses[0]


@pytest.mark.parametrize("settings", [{"threads": 1}, {"threads": 2, "deterministic": True}], ids=str)
def test_the_same_training_makes_the_same_file_byte_for_byte(
    settings: dict[str, int], tmp_path: Path
) -> None:
    files = []
    for name in ("a", "b"):
        vectors = _fit(**settings, sample=0)
        assert vectors.history[0]["seconds"] > 0  # in memory, times are there
        vectors.save(tmp_path / f"{name}.safetensors")
        vectors.save(tmp_path / f"{name}.vec.gz")
        files.append([(tmp_path / f"{name}{suffix}").read_bytes() for suffix in (".safetensors", ".vec.gz")])
    assert files[0] == files[1]
    loaded = firth.load_vectors(tmp_path / "a.safetensors").history
    assert loaded[0].keys() == vectors.history[0].keys() - {"seconds"}


def test_one_thread_and_a_seed_give_the_same_bits() -> None:
    first, again, other = _fit(seed=5), _fit(seed=5), _fit(seed=6)
    assert first.matrix.tobytes() == again.matrix.tobytes()
    assert [e["loss"] for e in first.history] == [e["loss"] for e in again.history]
    assert first.matrix.tobytes() != other.matrix.tobytes()


def test_deterministic_gives_the_same_bits_for_any_number_of_threads() -> None:
    runs = [_fit(deterministic=True, threads=threads) for threads in (1, 2, 2)]
    assert runs[0].matrix.tobytes() == runs[1].matrix.tobytes() == runs[2].matrix.tobytes()
    assert len({run.history[-1]["loss"] for run in runs}) == 1


def test_several_threads_learn_as_much() -> None:
    one, two = _fit(epochs=4), _fit(epochs=4, threads=2)
    assert two.history[-1]["pairs"] == pytest.approx(one.history[-1]["pairs"])
    assert two.history[-1]["loss"] == pytest.approx(one.history[-1]["loss"], rel=0.05)


def test_a_sentence_of_any_length_is_trained_on_whole() -> None:
    words = [word for sentence in _sentences(8_000) for word in sentence]
    vectors = _fit([words], epochs=1, sample=0, window=1)
    assert vectors.history[0]["words"] == len(words) == 96_000
    # Every word has its two neighbours, but for the ends of the text and of blocks within it.
    assert 2 * len(words) - 20 < vectors.history[0]["pairs"] < 2 * len(words)


def test_vectors_carry_counts_and_settings() -> None:
    vectors = _fit(seed=9, max_vocab=5)
    assert len(vectors) == 5
    assert vectors.counts is not None
    assert sorted(vectors.counts, reverse=True) == list(vectors.counts)
    assert vectors.metadata["settings"]["seed"] == 9
    assert vectors.metadata["corpus"]["words"] == 24_000
    assert vectors.matrix.shape == (5, 24)
    assert vectors.matrix.flags.c_contiguous


class _Notes(Progress):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)


@pytest.mark.parametrize("n_words", [2, 5, 50])
@pytest.mark.parametrize(("lr", "negative", "window"), [(0.05, 5, 5), (0.1, 20, 10)])
@pytest.mark.parametrize(("threads", "deterministic"), [(1, False), (2, False), (8, False), (1, True)])
def test_few_words_do_not_diverge(
    n_words: int, lr: float, negative: int, window: int, threads: int, deterministic: bool
) -> None:
    rng = np.random.default_rng(0)
    corpus = [[f"word{k}" for k in rng.zipf(1.5, 12) % n_words] for _ in range(2_000)]
    notes = _Notes()
    model = firth.SkipGram(
        dim=16,
        min_count=1,
        threads=threads,
        sample=0,
        lr=lr,
        negative=negative,
        window=window,
        deterministic=deterministic,
    )
    vectors = model.fit(corpus, progress=notes)
    assert np.isfinite(vectors.matrix).all()
    assert np.abs(vectors.matrix).max() < 20
    losses = [entry["loss"] for entry in vectors.history]
    assert losses[-1] < losses[0] * 1.02 < (1 + negative) * np.log(2)
    lowered = vectors.metadata["settings"]["lr"] < lr
    assert lowered == any("learning rate lowered" in note for note in notes.notes)


def test_divergence_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        negative_sampling, "_MOST_STEPS_AT_ONCE", 1e30
    )  # as if nothing kept the learning rate down
    with pytest.raises(InputError, match="diverged in epoch 1: lower the learning rate, which was 1e"):
        _fit(lr=1e4)


def test_checkpoints_are_not_overwritten_or_mixed_up(tmp_path: Path) -> None:
    corpus = tmp_path / "text.txt"
    corpus.write_text("\n".join(" ".join(s) for s in _sentences()))
    model = firth.SkipGram(dim=8, epochs=1, threads=1)
    whole = model.fit(corpus, checkpoint_dir=tmp_path / "c")
    with pytest.raises(InputError, match="holds checkpoints of a training: resume it"):
        model.fit(corpus, checkpoint_dir=tmp_path / "c")
    with pytest.raises(InputError, match="made with window = 5"):
        firth.SkipGram(dim=8, epochs=1, threads=1, window=4).fit(
            corpus, checkpoint_dir=tmp_path / "c", resume=True
        )
    again = model.fit(corpus, checkpoint_dir=tmp_path / "c", resume=True)
    assert again.matrix.tobytes() == whole.matrix.tobytes()
    corpus.write_text("other words here " * 50)
    with pytest.raises(InputError, match="made of another corpus"):
        model.fit(corpus, checkpoint_dir=tmp_path / "c", resume=True)
    with pytest.raises(InputError, match="checkpoint_dir"):
        model.fit(corpus, resume=True)


PROGRAM = """
import sys
from pathlib import Path
import firth, numpy as np
from firth.runs import checkpoints
from firth.vectors import contexts
from firth.vectors.trainers import trainer
# Many small steps, so that there is time to be killed.
contexts._NUMBERS_IN_BLOCK, trainer._SECONDS_BETWEEN_LOOKS = 512, 0
checkpoints._SECONDS_BETWEEN = 0.01
corpus, folder, out, deterministic = sys.argv[1:]
together = deterministic == "yes"
model = firth.SkipGram(dim=16, epochs=20, threads=2 if together else 1, deterministic=together, window=7)
print("ready", flush=True)
vectors = model.fit(corpus, checkpoint_dir=folder, resume=True)
np.save(out, vectors.matrix)
Path(out).with_suffix(".loss").write_text(repr([e["loss"] for e in vectors.history]))
"""


def _start(tmp_path: Path, name: str, deterministic: str) -> subprocess.Popen[str]:
    arguments = [
        str(tmp_path / "text.txt"),
        str(tmp_path / name),
        str(tmp_path / f"{name}.npy"),
        deterministic,
    ]
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize(("deterministic", "sign"), [("no", "kill"), ("yes", "kill"), ("no", "ctrl-c")])
def test_a_stopped_training_goes_on_to_the_same_bits(tmp_path: Path, deterministic: str, sign: str) -> None:
    (tmp_path / "text.txt").write_text("\n".join(" ".join(s) for s in _sentences(1_000)))
    _start(tmp_path, "whole", deterministic).communicate(timeout=120)
    # At any moment: while the text is encoded, while kernels are loaded, in training, in a checkpoint.
    stopped = 0
    for delay in [0.0, 0.05, 0.2, 0.5, 0.6, 0.7, 0.8, None]:
        process = _start(tmp_path, "stopped", deterministic)
        try:
            _, errors = process.communicate(timeout=120 if delay is None else delay)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT if sign == "ctrl-c" else signal.SIGKILL)
            process.communicate(timeout=60)
            stopped += 1
        else:
            assert process.returncode == 0, errors
    assert stopped >= 3, "the training was over before it could be stopped"
    assert (tmp_path / "stopped.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()
    assert (tmp_path / "stopped.loss").read_text() == (tmp_path / "whole.loss").read_text()


def test_ctrl_c_in_python_saves_a_checkpoint(tmp_path: Path) -> None:
    class PressCtrlC(Progress):
        def advance(self, done: int, **figures: float) -> None:
            if "loss" in figures:
                signal.raise_signal(signal.SIGINT)

    sentences = _sentences()
    model = firth.SkipGram(dim=8, epochs=3, min_count=1, threads=1)
    with pytest.raises(KeyboardInterrupt):
        model.fit(sentences, checkpoint_dir=tmp_path, progress=PressCtrlC())
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    resumed = model.fit(sentences, checkpoint_dir=tmp_path, resume=True)
    whole = model.fit(sentences)
    assert resumed.matrix.tobytes() == whole.matrix.tobytes()


def test_a_checkpoint_that_does_not_fit_its_corpus(tmp_path: Path) -> None:
    model = firth.SkipGram(dim=8, epochs=1, min_count=1, threads=1)
    model.fit(_sentences(), checkpoint_dir=tmp_path)
    ids = np.fromfile(tmp_path / "firth-work" / "ids.bin", np.int32)
    ids[5] = 10_000_000
    ids.tofile(tmp_path / "firth-work" / "ids.bin")
    with pytest.raises(InputError, match="does not belong to its checkpoint"):
        model.fit(_sentences(), checkpoint_dir=tmp_path, resume=True)
    arrays, metadata = load_arrays(tmp_path / "firth-vectors-training.checkpoint", mmap=False)
    encode(Corpus(_sentences()), tmp_path / "firth-work", min_count=1)
    for broken, state, message in (
        ({**arrays, "V": arrays["V"][1:]}, metadata["state"], "the array 'V' is missing or has another size"),
        (arrays, {"done": 3}, "does not say how far training was"),
    ):
        save_arrays(tmp_path / "firth-vectors-training.checkpoint", broken, {**metadata, "state": state})
        with pytest.raises(InputError, match=message):
            model.fit(_sentences(), checkpoint_dir=tmp_path, resume=True)
    (tmp_path / "firth-vectors-training.checkpoint").write_bytes(b"xx")
    with pytest.raises(InputError, match=r"firth-vectors-training\.checkpoint"):
        model.fit(_sentences(), checkpoint_dir=tmp_path, resume=True)
