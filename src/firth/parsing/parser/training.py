"""What is trained: the tagger, and the network of the parser; see `firth.network.training.Task`."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any, TypeAlias

import numpy as np

from firth.arrays import Floats, Int64s, Ints
from firth.errors import InputError
from firth.network import layers
from firth.network.encoder import Batch
from firth.network.gradients import Gradients
from firth.network.packing import round_parameters
from firth.network.runner import SPARE_ROWS
from firth.network.training import Schedule, train
from firth.parsing.batches import batches_of_words
from firth.parsing.evaluation import universal
from firth.parsing.parser.network import ParserNetwork, ParserRunner, ParserShape, Tree
from firth.parsing.tagger.features import Vectors, WordFeatures
from firth.parsing.tagger.lemmas import Lemmas
from firth.parsing.tagger.tag_sets import ATTRIBUTES, TagSets
from firth.parsing.tagger.tagger import Tagger, TaggerShape
from firth.parsing.tagger.training import TaggerTask, number_words, tag_sentences
from firth.parsing.transitions.actions import Actions
from firth.parsing.transitions.decoding import Walk
from firth.parsing.transitions.projectivity import LIFTED, projectivize
from firth.parsing.transitions.systems import SYSTEMS
from firth.runs.run import Run
from firth.text.conllu import tree_fault
from firth.text.document import Sentence

Figures: TypeAlias = list[dict[str, float]]

_FOLDS = 2
_TAGGER_SHARE = 0.5  # of the epochs of the parser are enough for its tagger
_LIFTED_MIN_COUNT = 5  # a lifted relation that is rarer loses its mark: there is too little to learn it from
_DROPOUT, _HIDDEN_DROPOUT = 0.2, 0.2
_GIVEN = 0.5  # of the sentences are read with the tags of the treebank, the others with those of the tagger
_EXPLORE = 0.9  # of the steps take the best action, right or wrong, once the parser has seen all sentences


class ParserTask:
    """Training a parser network, with a dynamic oracle if the transition system has one, else a static one.

    See `firth.network.training.Task`.

    Parameters
    ----------
    network
        What to train.
    sentences, trees
        What to train on, and its trees, which the transition system can build.
    own_tags
        For each of them the tags that a tagger gives it which has not seen it.
    dev, dev_tags
        What to score on, with the tags of the tagger.
    """

    def __init__(
        self,
        network: ParserNetwork,
        sentences: Sequence[Sentence],
        trees: Sequence[Tree],
        own_tags: Sequence[Ints],
        dev: Sequence[Sentence],
        dev_tags: Sequence[Ints],
    ) -> None:
        self.parameters = network.parameters
        self._network = network
        self._lengths = np.array([len(sentence) for sentence in sentences])
        self._ids = [self._both_ids([s], tags) for s, tags in zip(sentences, own_tags, strict=True)]
        self._dev = [
            (dev[where], self._both_ids(dev[where], np.concatenate(dev_tags[where])))
            for where in batches_of_words(map(len, dev))
        ]
        actions, system = network.actions, SYSTEMS[network.shape.system]
        self._heads = [np.array(heads) for heads, _ in trees]
        self._labels = [actions.number_labels(heads, deprels) for heads, deprels in trees]
        self._static = not system.has_dynamic_oracle
        self._steps = [actions.number_steps(system.oracle(*tree)) for tree in trees] if self._static else []

    def _both_ids(self, sentences: Sequence[Sentence], tags: Ints) -> tuple[Ints, Ints]:
        """Return what the encoder reads of words: with a tagger's tags, and with those that they have."""
        network = self._network
        words = number_words(network.features, sentences)
        return network.ids(words, tags), network.ids(words, tags, network.tags.number(sentences))

    def lengths(self) -> Int64s:
        """Return the number of words of each sentence."""
        return self._lengths

    def gradient(
        self, sentences: Sequence[int], gradients: Gradients, random: np.random.Generator, epoch: int
    ) -> tuple[float, int]:
        """Add the gradient of the loss of all steps on a walk through some sentences."""
        network = self._network
        given = random.random(len(sentences)) < _GIVEN
        ids = np.concatenate([self._ids[i][int(g)] for i, g in zip(sentences, given, strict=True)])
        batch = Batch(ids[:, :-1], network.features.vectors[ids[:, -1]], self._lengths[list(sentences)])
        rows, encoder_backward = network.encoder.forward(batch, gradients, _DROPOUT, random)
        walk = self._walk(sentences, rows, random, epoch)
        scores, decider_backward = network.decider.forward(
            rows, walk.unit_slots, walk.label_slots, gradients, _HIDDEN_DROPOUT, random
        )
        losses, loss_backward = layers.optimal_softmax(scores, walk.legal, walk.optimal)
        (dscores,) = loss_backward(np.ones_like(losses))
        encoder_backward(decider_backward(dscores))
        return float(losses.sum(dtype=np.float64)), len(losses)

    def _walk(self, sentences: Sequence[int], rows: Floats, random: np.random.Generator, epoch: int) -> Walk:
        """Walk through sentences: on the way to the gold trees, or where the parser would go."""
        decoder, lengths = self._network.decoder(), self._lengths[list(sentences)]
        if self._static:
            return decoder.follow(lengths, [self._steps[i] for i in sentences])
        return decoder.explore(
            np.concatenate([rows, np.zeros((SPARE_ROWS, rows.shape[1]), rows.dtype)]),
            lengths,
            np.concatenate([self._heads[i] for i in sentences]),
            np.concatenate([self._labels[i] for i in sentences]),
            random.random(2 * int(lengths.sum())) < (_EXPLORE if epoch > 1 else 0),
        )

    def evaluate(self) -> dict[str, float]:
        """Return LAS with the tagger's tags and with given tags."""
        runner = ParserRunner(self._network)
        return {"LAS": self._las(runner, 0), "LAS with given tags": self._las(runner, 1)}

    def _las(self, runner: ParserRunner, which: int) -> float:
        right = n_words = 0
        for sentences, ids in self._dev:
            lengths = np.array([len(sentence) for sentence in sentences])
            for sentence, (heads, deprels) in zip(sentences, runner.parse(ids[which], lengths), strict=True):
                for token, head, deprel in zip(sentence.tokens, heads, deprels, strict=True):
                    right += token.head == head and universal(token.deprel) == universal(deprel)
            n_words += int(lengths.sum())
        return 100 * right / n_words


def train_parser(
    sentences: Sequence[Sentence],
    dev: Sequence[Sentence],
    vectors: Vectors | None,
    shape: ParserShape,
    schedule: Schedule,
    threads: int,
    run: Run,
    silver: Sequence[Sentence] = (),
) -> tuple[Tagger, ParserNetwork, dict[str, Any]]:
    """Train a tagger and a parser; see `firth.parsing.parser.parser.Parser.train`.

    The parser learns from the tags that taggers give which have not seen the sentence (jack-knifing), because
    it will have to live with their mistakes.

    Parameters
    ----------
    run
        Where the checkpoints of all networks are.
    silver
        Sentences that were parsed by machine, which are learned like others. Their tags are a machine's too,
        so they are what the parser will have to live with.

    Returns
    -------
    tagger, network, metadata
        Their parameters are rounded as a model file keeps them.
    """
    _check_treebank(sentences, "the training set")
    _check_treebank(dev, "the development set")
    if silver:
        _check_treebank(silver, "the silver set")
    features = WordFeatures.learn(([t.form for t in s.tokens] for s in sentences), vectors)
    tags = TagSets.learn(sentences)
    settings = {"data": _fingerprint([*sentences, *dev, *silver], features), "shape": asdict(shape)}

    def tagger_of(part: Sequence[Sentence], scored: Sequence[Sentence], name: str, lemmas: Lemmas) -> Tagger:
        tagger = Tagger(features, tags, lemmas, {}, TaggerShape())
        tagger.initialise(np.random.default_rng([schedule.seed, 1]))
        plan = replace(schedule, epochs=max(1, round(_TAGGER_SHARE * schedule.epochs)))
        task = TaggerTask(tagger, part, scored)
        train(task, plan, name=name, threads=threads, run=run, settings=settings)
        return tagger

    own_tags: list[Ints] = [np.zeros((0, len(ATTRIBUTES)), np.int32)] * len(sentences)
    if len(sentences) >= _FOLDS:
        for fold in range(_FOLDS):
            rest = [s for k, s in enumerate(sentences) if k % _FOLDS != fold]
            held_out = sentences[fold::_FOLDS]
            tagger = tagger_of(rest, held_out, f"tagger {fold + 1} of {_FOLDS + 1}", Lemmas([]))
            own_tags[fold::_FOLDS] = tag_sentences(tagger, held_out)
        name = f"tagger {_FOLDS + 1} of {_FOLDS + 1}"
    else:
        own_tags, name = [tags.number([sentence]) for sentence in sentences], "tagger"
    tagger = tagger_of([*sentences, *silver], dev, name, Lemmas.learn(sentences))
    round_parameters(tagger.parameters, tagger.specs())

    swap = SYSTEMS[shape.system].has_swap
    trees = _trees(sentences) if swap else _projective_trees(sentences)
    network = ParserNetwork(features, tags, _actions(trees, swap), shape, {})
    network.initialise(np.random.default_rng([schedule.seed, 2]))
    dev_tags = tag_sentences(tagger, dev)
    trees += _trees(silver) if swap else _projective_trees(silver)
    own_tags += [tags.number([sentence]) for sentence in silver]
    task = ParserTask(network, [*sentences, *silver], trees, own_tags, dev, dev_tags)
    history = train(task, schedule, name="parser", threads=threads, run=run, settings=settings)
    round_parameters(network.parameters, network.specs())
    metadata = {
        "sentences": len(sentences),
        "words": sum(len(sentence.tokens) for sentence in sentences),
        "seed": schedule.seed,
        "epochs": schedule.epochs,
        "dev": TaggerTask(tagger, (), dev).evaluate() | task.evaluate(),
        "history": history,
    }
    return tagger, network, metadata


def _trees(sentences: Sequence[Sentence]) -> list[Tree]:
    return [([t.head or 0 for t in s.tokens], [t.deprel for t in s.tokens]) for s in sentences]


def _projective_trees(sentences: Sequence[Sentence]) -> list[Tree]:
    """Return the trees, made projective. Lifted relations that are rare are named like others."""
    trees = [projectivize(heads, deprels) for heads, deprels in _trees(sentences)]
    counts = Counter(deprel for _, deprels in trees for deprel in deprels)
    return [
        (heads, [d if counts[d] >= _LIFTED_MIN_COUNT else d.partition(LIFTED)[0] for d in deprels])
        for heads, deprels in trees
    ]


def _actions(trees: Sequence[Tree], swap: bool) -> Actions:
    """Return the actions that some trees need."""
    relations: set[str] = set()
    roots: set[str] = set()
    for heads, deprels in trees:
        for head, deprel in zip(heads, deprels, strict=True):
            (relations if head else roots).add(deprel)
    # Sentences of one word have no relations, but others will be parsed: UD's unspecified dependency.
    return Actions(sorted(relations) or ["dep"], sorted(roots), swap)


def _check_treebank(sentences: Sequence[Sentence], name: str) -> None:
    """Check that there are sentences, and that each is a tree: they may have been made by a program."""
    if not sentences:
        raise InputError(f"{name} is empty: give one with at least one sentence")
    for number, sentence in enumerate(sentences, 1):
        fault = _fault(sentence)
        if fault is not None:
            raise InputError(f"{name}, sentence {number}: {fault}")


def _fault(sentence: Sentence) -> str | None:
    """Say in one line what is wrong with the tree of a sentence, if anything."""
    if not sentence.tokens:
        return "it has no words; leave it out"
    heads = []
    for word, token in enumerate(sentence.tokens, 1):
        if token.head is None:
            return f"word {word} has no head; every sentence needs a whole tree"
        if not 0 <= token.head <= len(sentence):
            return f"the head of word {word} is {token.head}, but there are {len(sentence)} words; correct it"
        if LIFTED in token.deprel:
            return (
                f"the relation {token.deprel!r} of word {word} contains {LIFTED!r}, which marks lifted arcs"
            )
        heads.append(token.head)
    fault = tree_fault(heads)
    return None if fault is None else fault[1]


def _fingerprint(sentences: Sequence[Sentence], features: WordFeatures) -> str:
    """Return a hash of all data that a training depends on."""
    digest = hashlib.sha256()
    for sentence in sentences:
        for t in sentence.tokens:
            digest.update(
                f"{t.form}\t{t.lemma}\t{t.upos}\t{t.xpos}\t{t.feats}\t{t.head}\t{t.deprel}\n".encode()
            )
        digest.update(b"\n")
    for array in features.arrays().values():
        digest.update(array.tobytes())
    return digest.hexdigest()
