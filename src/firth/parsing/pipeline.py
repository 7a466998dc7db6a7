"""The pipeline: from raw text to trees."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from importlib.resources import files
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from firth.arrays import PathLike
from firth.checks import thread_count
from firth.errors import InputError
from firth.files.arrays_file import load_arrays, save_arrays
from firth.parsing.evaluation import RawScores, evaluate_raw
from firth.parsing.parser.parser import Parser, Treebank, as_sentences
from firth.parsing.segmenter.segmenter import Segmenter
from firth.parsing.segmenter.treebank import raw_text
from firth.parsing.tagger.features import Vectors
from firth.progress import Progress
from firth.runs.run import open_run
from firth.runs.workers import worker_threads
from firth.text.document import Document

BUNDLED = ("en",)
"""The models that come with the package."""

_WAITING = 4  # texts a thread may be ahead of the one that is asked for


class Pipeline:
    """A segmenter, a tagger and a parser: call it with a text.

    Made by `train` or `load`.

    Attributes
    ----------
    segmenter, parser
        Its parts.
    """

    def __init__(self, segmenter: Segmenter, parser: Parser) -> None:
        self.segmenter, self.parser = segmenter, parser

    @classmethod
    def train(
        cls,
        train: Treebank,
        dev: Treebank,
        vectors: Vectors | None = None,
        *,
        seed: int = 1,
        threads: int | None = None,
        checkpoint_dir: PathLike | None = None,
        resume: bool = False,
        progress: Progress | None = None,
        **settings: Any,
    ) -> Pipeline:
        """Train all parts on a treebank; see `firth.Parser.train`."""
        train, dev = as_sentences(train), as_sentences(dev)
        with open_run(checkpoint_dir, resume, progress) as run:
            segmenter = Segmenter.train_in(run, train, dev, seed=seed, threads=threads)
            parser = Parser.train_in(run, train, dev, vectors, seed=seed, threads=threads, **settings)
        return cls(segmenter, parser)

    def __call__(self, text: str) -> Document:
        """Cut a text into sentences and words, tag and parse them."""
        with threadpool_limits(1):
            document = self._analyse(text)
        _number(document, 1)
        return document

    def pipe(self, texts: Iterable[str], *, threads: int | None = None) -> Iterator[Document]:
        """Analyse a stream of texts, in order, several at a time; few of them are in memory at once.

        The sentences are numbered (``# sent_id``) through all texts.

        Parameters
        ----------
        threads
            How many to use; all processors if None.
        """
        first = 1
        for document in self._in_order(texts, thread_count(threads)):
            _number(document, first)
            first += len(document)
            yield document

    def _in_order(self, texts: Iterable[str], threads: int) -> Iterator[Document]:
        waiting: deque[Future[Document]] = deque()
        with worker_threads(threads) as pool:
            try:
                for text in texts:
                    waiting.append(pool.submit(self._analyse, text))
                    if len(waiting) > _WAITING * threads:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()

    def evaluate(self, gold: Treebank) -> RawScores:
        """Score all parts together, from raw text, on a treebank."""
        gold = as_sentences(gold)
        return evaluate_raw(gold, self(raw_text(gold)).sentences)

    def _analyse(self, text: str) -> Document:
        sentences = self.segmenter.segment(text)
        self.parser.fill_in(sentences)
        for sentence in sentences:
            written = text[sentence.tokens[0].start : sentence.tokens[-1].end]
            sentence.comments = [f"# text = {' '.join(written.split())}"]
        return Document(sentences, text)

    def save(self, path: PathLike) -> None:
        """Write the pipeline to one file. `firth.Parser.load` reads the parser from it."""
        arrays, metadata = self.parser.pack()
        arrays |= {f"segmenter/{name}": array for name, array in self.segmenter.arrays().items()}
        save_arrays(path, arrays, {**metadata, "segmenter": self.segmenter.metadata()})


def _number(document: Document, first: int) -> None:
    """Give the sentences of a document their identifiers, from number `first` on."""
    for number, sentence in enumerate(document, first):
        sentence.comments.insert(0, f"# sent_id = {number}")


def model_file(model: PathLike) -> Path:
    """Return the file of a model that comes with the package, by its name (``"en"``), or the file itself.

    Raises
    ------
    InputError
        The model does not come with this installation.
    """
    if str(model) not in BUNDLED:
        return Path(model)
    path = Path(str(files("firth") / "models" / f"{model}.firth"))
    if not path.is_file():
        raise InputError(
            f"{model}: this installation of firth comes without that model; pass a model file instead, as in "
            "firth parse --model FILE (firth parser train makes one)"
        )
    return path


def load(model: PathLike) -> Pipeline:
    """Load a pipeline: one that comes with the package, by its name (``"en"``), or a model file.

    Raises
    ------
    InputError
        There is no such model, it is no model of firth, broken, or of a newer version.
    """
    arrays, metadata = load_arrays(model_file(model))
    parser = Parser.unpack(arrays, metadata, str(model))
    if "segmenter" not in metadata:
        raise InputError(f"{model}: has no segmenter; train a whole pipeline with firth parser train")
    own = {name.removeprefix("segmenter/"): a for name, a in arrays.items() if name.startswith("segmenter/")}
    try:
        return Pipeline(Segmenter.from_arrays(own, metadata["segmenter"]), parser)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{model}: is damaged ({type(error).__name__}: {error}); copy it again") from None
