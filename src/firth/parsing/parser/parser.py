"""The parser: it tags words and links them into dependency trees."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from firth.arrays import Arrays, Ints, PathLike
from firth.checks import seed_number, thread_count, whole_number
from firth.files.arrays_file import load_arrays, save_arrays
from firth.network.training import Schedule
from firth.parsing.batches import batches_of_words
from firth.parsing.evaluation import Scores, evaluate
from firth.parsing.model_file import pack_parser, unpack_parser
from firth.parsing.parser.network import ParserNetwork, ParserRunner, ParserShape, Tree
from firth.parsing.parser.training import train_parser
from firth.parsing.tagger.features import Vectors
from firth.parsing.tagger.tagger import Tagger
from firth.parsing.transitions.systems import SYSTEMS, Transition, TransitionSystem
from firth.progress import Progress
from firth.runs.run import Run, open_run
from firth.runs.workers import worker_threads
from firth.text import conllu
from firth.text.document import Sentence, Token

Treebank = PathLike | Sequence[Sentence]


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
        dev: Treebank,
        vectors: Vectors | None = None,
        *,
        silver: Treebank = (),
        epochs: int | None = None,
        seed: int = 1,
        threads: int | None = None,
        shape: ParserShape | None = None,
        checkpoint_dir: PathLike | None = None,
        resume: bool = False,
        progress: Progress | None = None,
    ) -> Parser:
        """Train on a treebank.

        Parameters
        ----------
        train, dev
            CoNLL-U files, or sentences. The development set decides which epoch is the best, nothing else.
        vectors
            Pretrained word vectors, most frequent words first. They are not changed.
        silver
            Sentences that were tagged and parsed by machine, best by several parsers of the same treebank
            together, to be learned beside it. They may be more than those of the treebank.
        epochs
            How often the parser goes through the treebank; 28 times through one of 200,000 words, up to 60
            times through a smaller one, and at least 16 times.
        seed
            Of everything random; the same seed gives the same parser, with any number of threads.
        threads
            How many to use; all processors if None.
        shape
            Sizes of the network.
        checkpoint_dir
            Folder for a checkpoint after each epoch, which is made if need be. None: an interrupted training
            is lost.
        resume
            Go on from the checkpoints in `checkpoint_dir`, or begin if there are none.
        progress
            What to report to; silent if None.

        Raises
        ------
        InputError
            A treebank is empty or malformed; or `checkpoint_dir` holds checkpoints, but of another training,
            or `resume` was not asked for.
        """
        with open_run(checkpoint_dir, resume, progress) as run:
            return cls.train_in(
                run,
                train,
                dev,
                vectors,
                silver=silver,
                epochs=epochs,
                seed=seed,
                threads=threads,
                shape=shape,
            )

    @classmethod
    def train_in(
        cls,
        run: Run,
        train: Treebank,
        dev: Treebank,
        vectors: Vectors | None = None,
        *,
        silver: Treebank = (),
        epochs: int | None = None,
        seed: int = 1,
        threads: int | None = None,
        shape: ParserShape | None = None,
    ) -> Parser:
        """Train as a part of a run that is open already; see `train`."""
        train, dev, silver = as_sentences(train), as_sentences(dev), as_sentences(silver)
        epochs = whole_number("epochs", _epochs([*train, *silver]) if epochs is None else epochs)
        # Scores stand still for long while the learning rate is high, and rise when it falls.
        schedule = Schedule(epochs, batch=400, patience=max(5, epochs // 2), seed=seed_number(seed))
        parts = train_parser(
            train, dev, vectors, shape or ParserShape(), schedule, thread_count(threads), run, silver
        )
        return cls(*parts)

    def parse(
        self, sentences: Sequence[Sentence], *, given_tags: bool = False, threads: int | None = 1
    ) -> Sequence[Sentence]:
        """Fill in heads and relations, in place, and before that tags and lemmas.

        Parameters
        ----------
        sentences
            Of words. One without words stays as it is.
        given_tags
            Read the tags that the words have, instead of tagging them, and keep them, and the lemmas. Where
            one is ``_``, or another that the treebank of the parser does not have, the parser reads what the
            tagger would say.
        threads
            How many to use; all processors if None.

        Returns
        -------
        sequence of Sentence
            The same sentences.
        """
        threads = thread_count(threads)
        all_parts = [sentences[where] for where in batches_of_words(map(len, sentences))]
        with worker_threads(threads) as pool:
            results = pool.map(lambda part: self._analyse(part, given_tags), all_parts)
            for part, (tags, trees) in zip(all_parts, results, strict=True):
                self._fill_in(part, tags, trees)
        return sentences

    def evaluate(
        self, gold: Treebank, *, given_tags: bool = False, threads: int | None = None, **conventions: bool
    ) -> Scores:
        """Score the parser on a treebank with gold words; for `conventions` see `evaluation.evaluate`."""
        gold = as_sentences(gold)
        system = self.parse(
            [_bare(sentence, given_tags) for sentence in gold], given_tags=given_tags, threads=threads
        )
        return evaluate(gold, system, **conventions)

    @property
    def system(self) -> TransitionSystem:
        """The transition system, in its readable form."""
        return SYSTEMS[self.network.shape.system]

    def transitions(self, sentence: Sentence, *, given_tags: bool = False) -> list[Transition]:
        """Return the steps in which the parser builds the tree of a sentence, for `firth.show.traces`.

        They are those of `system`.
        Lifted relations (`firth.parsing.transitions.projectivity`) are named as the parser names them.
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

    def pack(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
        """Return the arrays and the metadata of a model file."""
        return pack_parser(self.tagger, self.network, self.metadata)

    @classmethod
    def unpack(cls, arrays: Arrays, metadata: Mapping[str, Any], name: str) -> Parser:
        """Make a parser of what `pack` returned; `name` is the name of the file, for errors."""
        return cls(*unpack_parser(arrays, metadata, name))

    def fill_in(self, sentences: Sequence[Sentence]) -> None:
        """Tag and parse sentences, in place, in the thread of the caller."""
        for where in batches_of_words(map(len, sentences)):
            self._fill_in(sentences[where], *self._analyse(sentences[where], given_tags=False))

    def _analyse(self, part: Sequence[Sentence], given_tags: bool) -> tuple[Ints | None, list[Tree]]:
        """Return the tags (unless they are given) and the trees of some sentences."""
        ids, lengths, tags = self._look_up(part, given_tags)
        return None if given_tags else tags, list(self._parser_runner.parse(ids, lengths))

    def _look_up(self, part: Sequence[Sentence], given_tags: bool) -> tuple[Ints, Ints, Ints | None]:
        """Return what the parser reads of words, the lengths of their sentences, and the guessed tags."""
        lengths = np.array([len(sentence.tokens) for sentence in part])
        words = self.network.features.number(t.form for sentence in part for t in sentence.tokens)
        given = self.tagger.tags.number(part) if given_tags else None
        if given is not None and (given >= 0).all():
            return self.network.ids(words, given, given), lengths, None
        tags = self._tagger_runner.tag(words, lengths)
        return self.network.ids(words, tags, given), lengths, tags

    def _fill_in(self, part: Sequence[Sentence], tags: Ints | None, trees: Sequence[Tree]) -> None:
        """Write tags and trees into the tokens."""
        for sentence, (heads, deprels) in zip(part, trees, strict=True):
            for token, head, deprel in zip(sentence.tokens, heads, deprels, strict=True):
                token.head, token.deprel = head, deprel
        if tags is not None:
            self.tagger.write(tags, part)


def _epochs(treebank: Sequence[Sentence]) -> int:
    """Return how often to go through a treebank: the smaller it is, the more often."""
    n_words = sum(len(sentence.tokens) for sentence in treebank)
    return min(max(round(5_700_000 / max(n_words, 1)), 16), 60)


def as_sentences(treebank: Treebank) -> Sequence[Sentence]:
    """Return a treebank as sentences, read from its file if it is a path."""
    return conllu.load(treebank) if isinstance(treebank, str | os.PathLike) else treebank


def _bare(sentence: Sentence, with_tags: bool) -> Sentence:
    """Return a copy of a gold sentence without what is to be predicted."""
    tokens = [
        Token(t.id, t.form, t.lemma, t.upos, t.xpos, t.feats) if with_tags else Token(t.id, t.form)
        for t in sentence.tokens
    ]
    return Sentence(tokens)
