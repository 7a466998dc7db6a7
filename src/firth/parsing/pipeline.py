"""The pipeline: from raw text to trees."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.resources import files
from itertools import chain, count, islice
from pathlib import Path
from typing import Any, Literal, TypeVar, overload

from firth.arrays import Arrays, PathLike
from firth.checks import thread_count
from firth.errors import InputError
from firth.files.arrays_file import load_arrays, save_arrays
from firth.parsing.evaluation import evaluate_raw
from firth.parsing.given import Given, check_texts, given_sentences, text_and_context
from firth.parsing.language import LanguageCheck
from firth.parsing.lines import Lines, batches_of_lines, sentences_of_lines
from firth.parsing.model_file import pack_segmenter, unpack_segmenter
from firth.parsing.notes import ParseNotes
from firth.parsing.parser.network import ParserShape
from firth.parsing.parser.parser import Parser
from firth.parsing.parser.settings import ParserSettings
from firth.parsing.parser.treebank import Treebank, as_sentences, read_treebanks
from firth.parsing.scores import RawScores
from firth.parsing.segmenter.segmenter import Segmenter
from firth.parsing.segmenter.sentences import SentencePlaces
from firth.parsing.segmenter.treebank import raw_text
from firth.parsing.streaming import in_order, progress_of
from firth.parsing.tagger.features import Vectors
from firth.progress import Progress
from firth.runs.run import open_run
from firth.runs.workers import single_threaded_blas, worker_threads
from firth.text.document import Document, Sentence
from firth.text.ranges import place_words
from firth.text.stream import Source, n_utf8_bytes, pieces_of, source_size, text_blocks

BUNDLED = ("en",)
"""The models that come with the package."""

# Each thread may work on this many texts, or pieces of a text, before the caller asks for them.
_JOBS_AHEAD = 4

# A streamed text is analysed in pieces of 32 Ki characters.
_PIECE_CHARACTERS = 1 << 15


C = TypeVar("C")


class Pipeline:
    """A segmenter, a tagger and a parser: call it with a text.

    Made by `train` or `load`. Threads may share a pipeline: each call works on its own text, and the tables
    of forms that its parts remember are safe to share (`segmenter.multiwords`, `tagger.features`).

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
        dev: Treebank | None = None,
        vectors: Vectors | None = None,
        *,
        silver: Treebank = (),
        text: Iterable[Source] = (),
        epochs: int | None = ParserSettings.epochs,
        seed: int = ParserSettings.seed,
        threads: int | None = ParserSettings.threads,
        shape: ParserShape | None = None,
        checkpoint_dir: PathLike | None = None,
        resume: bool = False,
        progress: Progress | None = None,
    ) -> Pipeline:
        """Train all parts on a treebank; see `firth.Parser.train`.

        `silver`, `epochs` and `shape` concern the parser and its tagger only; `text`, raw texts of the same
        language, the segmenter only: see `firth.parsing.segmenter.segmenter.Segmenter.train`.
        """
        settings = ParserSettings(epochs, seed, threads, shape or ParserShape())
        with open_run("treebank", checkpoint_dir, resume, progress) as run:
            treebanks = read_treebanks(train, dev, silver, seed=settings.seed, progress=run.progress)
            sentences, dev_sentences, _ = treebanks
            segmenter = Segmenter.train_in(
                run, sentences, dev_sentences, seed=seed, threads=threads, text=text
            )
            parser = Parser.train_in(run, *treebanks, vectors, settings)
        parser.note_held_out(dev_sentences if dev is None else ())
        return cls(segmenter, parser)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy a pipeline by what its model file would hold."""
        make_parser, arguments = self.parser.__reduce__()
        segmenter = pack_segmenter(self.segmenter)
        return _restored, (make_parser, arguments, *segmenter)

    def __call__(self, text: Given) -> Document:
        """Cut a text into sentences and words, tag and parse them.

        Parameters
        ----------
        text
            A text; or sentences of words, which stay as they are: each is a list of words or a `Sentence`.

        Raises
        ------
        InputError
            It is neither.
        """
        with single_threaded_blas():
            document = self._analyse(text)
        _number(document, count(1))
        self._is_strange(document)
        return document

    @overload
    def pipe(
        self, texts: Iterable[Given], *, as_tuples: Literal[False] = False, threads: int | None = None
    ) -> Iterator[Document]: ...
    @overload
    def pipe(
        self, texts: Iterable[tuple[Given, C]], *, as_tuples: Literal[True], threads: int | None = None
    ) -> Iterator[tuple[Document, C]]: ...
    def pipe(
        self, texts: Iterable[Any], *, as_tuples: bool = False, threads: int | None = None
    ) -> Iterator[Any]:
        """Analyse a stream of texts, in order, several at a time; few of them are in memory at once.

        The sentences are numbered (``# sent_id``) through all texts.

        Parameters
        ----------
        texts
            The texts; each may be anything that the pipeline can be called with.
        as_tuples
            `texts` has pairs of a text and any other object, its context.
        threads
            Threads to use; all processors if None.

        Returns
        -------
        iterator of Document
            The sentences of the next text; with `as_tuples` a pair of them and the context.

        Raises
        ------
        InputError
            `texts` is one text; or one of the texts is none.
        """
        check_texts(texts)
        return self._pipe(texts, as_tuples, thread_count(threads))

    def _pipe(self, texts: Iterable[Any], as_tuples: bool, threads: int) -> Iterator[Any]:
        numbers = count(1)
        check_language = True

        def analysed(item: Any) -> tuple[Document, Any]:
            text, context = text_and_context(item, as_tuples)
            return self._analyse(text), context

        with worker_threads(threads) as pool:
            jobs = (pool.submit(analysed, item) for item in texts)
            for document, context in in_order(jobs, _JOBS_AHEAD * threads):
                _number(document, numbers)
                check_language = check_language and not self._is_strange(document)
                yield (document, context) if as_tuples else document

    def stream(
        self,
        source: Source,
        *,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> Generator[Sentence, None, None]:
        """Analyse one text of any length while it is read. The result is the same as for the whole text.

        Memory holds some pieces of the text and the longest sentence; see also `Segmenter.stream`.

        Parameters
        ----------
        source
            A file (it may end in .gz or .xz), ``"-"`` for standard input, an open file, binary or text, or an
            iterable of blocks of text. Files are UTF-8.
        threads
            Threads to use; all processors if None. The sentences do not depend on their number.
        progress
            Told the bytes of text that have been analysed, if the text has more than one block (1 MB of a
            file); silent if None.

        Yields
        ------
        Sentence
            The sentences are numbered (``# sent_id``), and their places are counted through the whole text.

        Raises
        ------
        InputError
            The file cannot be read, is not UTF-8, or holds a NUL byte.
        """
        threads = thread_count(threads)
        blocks = text_blocks(source)
        begin = list(islice(blocks, 2))
        progress = progress_of(progress, is_long=len(begin) == 2)
        numbers = count(1)
        language = LanguageCheck(self.parser)
        with worker_threads(threads) as pool, progress.stage("parsing", source_size(source), "bytes"):
            jobs = self._jobs(pool, chain(begin, blocks))
            for sentences, n_bytes in in_order(jobs, _JOBS_AHEAD * threads):
                _number(sentences, numbers)
                language.see(sentences)
                yield from sentences
                progress.advance(n_bytes)
        language.warn()

    def lines(
        self,
        source: Source,
        *,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> Generator[Sentence, None, None]:
        """Analyse a text whose lines are its sentences; otherwise as `stream`. Blank lines are left out."""
        threads = thread_count(threads)
        blocks = text_blocks(source)
        begin = list(islice(blocks, 2))
        progress = progress_of(progress, is_long=len(begin) == 2)
        numbers = count(1)
        language = LanguageCheck(self.parser)
        with worker_threads(threads) as pool, progress.stage("parsing", source_size(source), "bytes"):
            batches = batches_of_lines(chain(begin, blocks))
            jobs = (pool.submit(self._parse_lines, batch) for batch in batches)
            for sentences, n_bytes in in_order(jobs, _JOBS_AHEAD * threads):
                _number(sentences, numbers)
                language.see(sentences)
                yield from sentences
                progress.advance(n_bytes)
        language.warn()

    def _parse_lines(self, batch: Lines) -> tuple[list[Sentence], int]:
        """Return the sentences of some lines, parsed, and the bytes of text up to them."""
        sentences = sentences_of_lines(self.segmenter, batch)
        self.parser.parse_in_place(sentences)
        return sentences, batch.n_bytes

    def _jobs(
        self, pool: ThreadPoolExecutor, blocks: Iterable[str]
    ) -> Iterator[Future[tuple[list[Sentence], int]]]:
        """Yield a job for each piece of a text, whose results are its sentences and the bytes read so far.

        Sentences are found by one job after another. That is a tenth of the work; the rest, making sentences
        of the places and parsing them, runs beside it.
        """
        finder = self.segmenter.finder()
        feeds = chain(
            ((finder.feed(piece), n_utf8_bytes(piece)) for piece in pieces_of(blocks, _PIECE_CHARACTERS)),
            [(finder.finish(), 0)],
        )
        n_bytes = 0
        finding: Future[list[SentencePlaces]] = pool.submit(list)
        for feed, n_new in feeds:
            found = finding.result()
            finding = pool.submit(list, feed)
            yield pool.submit(self._parse_found, found, n_bytes)
            n_bytes += n_new
        yield pool.submit(self._parse_found, finding.result(), n_bytes)

    def _parse_found(self, found: Iterable[SentencePlaces], n_bytes: int) -> tuple[list[Sentence], int]:
        """Return the sentences at these places, parsed, and the bytes of text up to them."""
        return self._parsed(found), n_bytes

    def evaluate(self, gold: Treebank) -> RawScores:
        """Score all parts together, from raw text, on a treebank."""
        gold = as_sentences(gold)
        return evaluate_raw(gold, self(raw_text(gold)).sentences)

    def _analyse(self, text: Given) -> Document:
        """Analyse a text, or sentences of words; see `__call__`."""
        if isinstance(text, str):
            return Document(self._parsed(self.segmenter.find([text])), text)
        sentences = given_sentences(text)
        assert sentences is not None
        notes = ParseNotes()
        notes.remove_enhanced(sentences)
        notes.warn(stacklevel=4)
        self.parser.parse_in_place(sentences)
        return Document(sentences, text.text if isinstance(text, Document) else None)

    def _is_strange(self, document: Document) -> bool:
        """Return whether a document does not look like the language of the model; if so, give a warning."""
        language = LanguageCheck(self.parser)
        language.see(document)
        return language.warn(stacklevel=4)

    def _parsed(self, found: Iterable[SentencePlaces]) -> list[Sentence]:
        """Make sentences of the places where they were found; tag and parse them."""
        sentences = []
        for places in found:
            for sentence in self.segmenter.sentences(places):
                start, end = sentence.tokens[0].start, sentence.tokens[-1].end
                place_words(sentence)
                assert start is not None and end is not None
                sentence.comments = [f"# text = {' '.join(places.slice(start, end).split())}"]
                sentences.append(sentence)
        self.parser.parse_in_place(sentences)
        return sentences

    def save(self, path: PathLike) -> None:
        """Write the pipeline to one file. `firth.Parser.load` reads the parser from it."""
        arrays, metadata = self.parser.pack()
        segmenter_arrays, segmenter_metadata = pack_segmenter(self.segmenter)
        save_arrays(path, arrays | segmenter_arrays, metadata | segmenter_metadata)


def _number(sentences: Iterable[Sentence], numbers: Iterator[int]) -> None:
    """Give sentences the next numbers as identifiers; a sentence that was given one keeps it."""
    for sentence, number in zip(sentences, numbers, strict=False):
        if sentence.sent_id is None:
            sentence.comments.insert(0, f"# sent_id = {number}")


def _restored(
    make_parser: Callable[..., Parser], arguments: tuple[Any, ...], arrays: Arrays, metadata: dict[str, Any]
) -> Pipeline:
    """Undo `Pipeline.__reduce__`."""
    return Pipeline(unpack_segmenter(arrays, metadata, "the pickled pipeline"), make_parser(*arguments))


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
        There is no such model; or it is not a model of firth, is damaged, or is of another version.
    """
    arrays, metadata = load_arrays(model_file(model))
    parser = Parser.unpack(arrays, metadata, str(model))
    return Pipeline(unpack_segmenter(arrays, metadata, str(model)), parser)
