"""The parser: it tags words and links them into dependency trees."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from firth.arrays import Arrays, Ints, PathLike
from firth.checks import thread_count
from firth.files.arrays_file import load_arrays, save_arrays
from firth.parsing.batches import batches_of_words
from firth.parsing.evaluation import evaluate
from firth.parsing.given import check_sentences
from firth.parsing.model_file import pack_parser, unpack_parser
from firth.parsing.notes import ParseNotes
from firth.parsing.parser.network import ParserNetwork, ParserRunner, ParserShape, Tree
from firth.parsing.parser.settings import ParserSettings
from firth.parsing.parser.training import train_parser
from firth.parsing.parser.treebank import Treebank, as_sentences, read_treebanks
from firth.parsing.scores import Scores
from firth.parsing.tagger.features import Vectors
from firth.parsing.tagger.tagger import Tagger
from firth.parsing.transitions.systems import SYSTEMS, Transition, TransitionSystem
from firth.progress import Progress
from firth.runs.run import Run, open_run
from firth.runs.workers import worker_threads
from firth.text.document import Sentence, Token

# With so many pretrained vectors, nearly all words of a text in the parser's language are known.
_MANY_VECTORS = 10_000


class Parser:
    """A tagger and a dependency parser, trained together on a treebank.

    Made by `train` or `load`.

    Attributes
    ----------
    metadata
        How it was trained, and its scores on the development set.
    """

    def __init__(
        self, tagger: Tagger, network: ParserNetwork, metadata: dict[str, Any] | None = None
    ) -> None:
        self.tagger, self.network = tagger, network
        self.metadata: dict[str, Any] = {} if metadata is None else metadata
        self._tagger_runner = tagger.runner()
        self._parser_runner = ParserRunner(network)

    @classmethod
    def train(
        cls,
        train: Treebank,
        dev: Treebank | None = None,
        vectors: Vectors | None = None,
        *,
        silver: Treebank = (),
        epochs: int | None = ParserSettings.epochs,
        seed: int = ParserSettings.seed,
        threads: int | None = ParserSettings.threads,
        shape: ParserShape | None = None,
        checkpoint_dir: PathLike | None = None,
        resume: bool = False,
        progress: Progress | None = None,
    ) -> Parser:
        """Train on a treebank.

        Parameters
        ----------
        train, dev
            CoNLL-U files, or sentences. The development set decides which epoch is the best, nothing else. If
            it is None, a tenth of the training sentences, drawn by `seed`, takes its place and is not learned
            (`firth.parsing.parser.treebank.hold_out`); `metadata` has their number.
        vectors
            Pretrained word vectors, most frequent words first. They are not changed.
        silver
            Sentences that were tagged and parsed by machine, best by several parsers of the same treebank
            together. They are learned like the treebank, and may outnumber its sentences.
        epochs, seed, threads, shape
            See `firth.parsing.parser.settings.ParserSettings`.
        checkpoint_dir
            Folder for a checkpoint after each epoch; made if it does not exist. None: an interrupted training
            is lost.
        resume
            Go on from the checkpoints in `checkpoint_dir`, or begin if there are none.
        progress
            What to report to; silent if None.

        Raises
        ------
        InputError
            A setting has no meaning; a treebank is empty or malformed; or `checkpoint_dir` holds checkpoints,
            but of another training, or `resume` was not asked for.
        """
        settings = ParserSettings(epochs, seed, threads, shape or ParserShape())
        with open_run("treebank", checkpoint_dir, resume, progress) as run:
            treebanks = read_treebanks(train, dev, silver, seed=settings.seed, progress=run.progress)
            parser = cls.train_in(run, *treebanks, vectors, settings)
        parser.note_held_out(treebanks[1] if dev is None else ())
        return parser

    @classmethod
    def train_in(
        cls,
        run: Run,
        train: Sequence[Sentence],
        dev: Sequence[Sentence],
        silver: Sequence[Sentence],
        vectors: Vectors | None,
        settings: ParserSettings,
    ) -> Parser:
        """Train as a part of a run that is open already, on treebanks from `read_treebanks`; see `train`."""
        return cls(*train_parser(run, train, dev, silver, vectors, settings))

    def note_held_out(self, sentences: Sequence[Sentence]) -> None:
        """Note in the metadata how many training sentences were held out, if any."""
        if sentences:
            self.metadata["held out sentences"] = len(sentences)

    def parse(
        self,
        sentences: Sequence[Sentence],
        *,
        given_tags: bool = False,
        keep_deps: bool = False,
        threads: int | None = 1,
    ) -> Sequence[Sentence]:
        """Write tags, lemmas, heads and relations into sentences, in place.

        Parameters
        ----------
        sentences
            Sentences of words. A sentence without words stays as it is.
        given_tags
            Read and keep the tags and lemmas that the words have. The parser reads the tag of its own tagger
            where a given tag is ``_``, or is not in the treebank that the parser was trained on. A warning
            says how many words that concerns.
        keep_deps
            Keep enhanced dependencies and empty nodes. Otherwise they are taken out, with a warning, because
            they belong to other trees.
        threads
            Threads to use; all processors if None.

        Returns
        -------
        sequence of Sentence
            The same sentences.
        """
        check_sentences(sentences)
        notes = ParseNotes()
        self.parse_noting(sentences, notes, given_tags=given_tags, keep_deps=keep_deps, threads=threads)
        notes.warn()
        return sentences

    def parse_noting(
        self,
        sentences: Sequence[Sentence],
        notes: ParseNotes,
        *,
        given_tags: bool = False,
        keep_deps: bool = False,
        threads: int | None = 1,
    ) -> None:
        """Parse sentences in place; see `parse`. Add to `notes` instead of giving warnings."""
        threads = thread_count(threads)
        if given_tags:
            notes.count_tags(sentences, self.tagger.tags)
        if not keep_deps:
            notes.remove_enhanced(sentences)
        batches = [sentences[where] for where in batches_of_words(map(len, sentences))]
        with worker_threads(threads) as pool:
            results = pool.map(lambda batch: self._analyse(batch, given_tags), batches)
            for batch, (tags, trees) in zip(batches, results, strict=True):
                self._write_back(batch, tags, trees)

    def evaluate(
        self, gold: Treebank, *, given_tags: bool = False, threads: int | None = None, **conventions: bool
    ) -> Scores:
        """Score the parser on a treebank with gold words; for `conventions` see `evaluation.evaluate`."""
        gold = as_sentences(gold)
        system = self.parse(
            [_without_annotation(sentence, given_tags) for sentence in gold],
            given_tags=given_tags,
            threads=threads,
        )
        return evaluate(gold, system, **conventions)

    @property
    def known_share(self) -> float | None:
        """The share of words that the parser knows in text of its language.

        It is the share on the development set. Models before firth 0.2 do not hold it: if they have many
        pretrained vectors, it is taken to be 0.95, as for the English model; otherwise it is None.
        """
        share = self.metadata.get("known words")
        if isinstance(share, float):
            return share
        return 0.95 if len(self.network.features.vectors) >= _MANY_VECTORS else None

    @property
    def system(self) -> TransitionSystem:
        """The transition system, in its readable form."""
        return SYSTEMS[self.network.shape.system]

    def transitions(self, sentence: Sentence, *, given_tags: bool = False) -> list[Transition]:
        """Return the steps in which the parser builds the tree of a sentence, for `firth.show.traces`.

        The steps belong to the transition system `system`. Lifted relations keep their marks
        (`firth.parsing.transitions.projectivity`).
        """
        ids, lengths, _ = self._look_up([sentence], given_tags)
        (actions,) = self._parser_runner.actions(ids, lengths)
        return [self.network.actions.transition(action) for action in actions.tolist()]

    def save(self, path: PathLike) -> None:
        """Write the parser to one file, for `load`."""
        save_arrays(path, *self.pack())

    @classmethod
    def load(cls, path: PathLike) -> Parser:
        """Read a parser from a file.

        Raises
        ------
        InputError
            It is not a model of firth, is damaged, or is of another version.
        """
        return cls.unpack(*load_arrays(path), str(path))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy a parser by what its file would hold."""
        arrays, metadata = self.pack()
        training = {**self.metadata, "history": self.metadata.get("history", [])}
        # A file holds its metadata in JSON, which has lists but no tuples.
        fields = json.loads(json.dumps({**metadata, "training": training}))
        return Parser.unpack, (arrays, fields, "the pickled parser")

    def pack(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
        """Return the arrays and the metadata of a model file."""
        return pack_parser(self.tagger, self.network, self.metadata)

    @classmethod
    def unpack(cls, arrays: Arrays, metadata: Mapping[str, Any], name: str) -> Parser:
        """Make a parser of the arrays and metadata from `pack`. Errors name the file as `name`."""
        return cls(*unpack_parser(arrays, metadata, name))

    def parse_in_place(self, sentences: Sequence[Sentence]) -> None:
        """Tag and parse sentences, in place, in the thread of the caller."""
        for where in batches_of_words(map(len, sentences)):
            self._write_back(sentences[where], *self._analyse(sentences[where], given_tags=False))

    def _analyse(self, batch: Sequence[Sentence], given_tags: bool) -> tuple[Ints | None, list[Tree]]:
        """Return the tags (None if they are given) and the trees of some sentences."""
        ids, lengths, tags = self._look_up(batch, given_tags)
        return None if given_tags else tags, list(self._parser_runner.parse(ids, lengths))

    def _look_up(self, batch: Sequence[Sentence], given_tags: bool) -> tuple[Ints, Ints, Ints | None]:
        """Return the rows that the encoder reads, the lengths of the sentences, and the predicted tags.

        Tags are not predicted (None) if all are given and known.
        """
        lengths = np.array([len(sentence.tokens) for sentence in batch])
        words = self.network.features.number(t.form for sentence in batch for t in sentence.tokens)
        given = self.tagger.tags.number(batch) if given_tags else None
        if given is not None and (given >= 0).all():
            return self.network.ids(words, given, given), lengths, None
        tags = self._tagger_runner.tag(words, lengths)
        return self.network.ids(words, tags, given), lengths, tags

    def _write_back(self, batch: Sequence[Sentence], tags: Ints | None, trees: Sequence[Tree]) -> None:
        """Write tags and trees into the tokens of some sentences."""
        for sentence, (heads, deprels) in zip(batch, trees, strict=True):
            for token, head, deprel in zip(sentence.tokens, heads, deprels, strict=True):
                token.head, token.deprel = head, deprel
        if tags is not None:
            self.tagger.write(tags, batch)


def _without_annotation(sentence: Sentence, with_tags: bool) -> Sentence:
    """Return a copy of a gold sentence without its tree, and without its tags unless they are to be read."""
    tokens = [
        Token(t.id, t.form, t.lemma, t.upos, t.xpos, t.feats) if with_tags else Token(t.id, t.form)
        for t in sentence.tokens
    ]
    return Sentence(tokens)
