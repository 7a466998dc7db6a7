"""How a parser is trained: first taggers, then the parser network on the tags that these predict.

Tags are predicted by jack-knifing: no sentence gets its tags from a tagger that was trained on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from firth.arrays import Ints
from firth.checks import thread_count
from firth.network.packing import round_parameters
from firth.network.training import Schedule, train
from firth.parsing.parser.network import ParserNetwork, ParserShape, Tree
from firth.parsing.parser.settings import ParserSettings
from firth.parsing.parser.task import ParserTask
from firth.parsing.parser.training_trees import actions_of, training_trees
from firth.parsing.parser.treebank import fingerprint
from firth.parsing.tagger.features import Vectors, WordFeatures
from firth.parsing.tagger.lemmas import Lemmas
from firth.parsing.tagger.tag_sets import ATTRIBUTES, TagSets
from firth.parsing.tagger.tagger import Tagger, TaggerShape
from firth.parsing.tagger.training import TaggerTask, tag_sentences
from firth.parsing.transitions.systems import SYSTEMS
from firth.runs.run import Run
from firth.text.document import Sentence

# Jack-knifing cuts the treebank into this many folds.
_FOLDS = 2
# The tagger needs only this share of the parser's epochs.
_TAGGER_EPOCHS_SHARE = 0.5


def train_parser(
    run: Run,
    sentences: Sequence[Sentence],
    dev: Sequence[Sentence],
    silver: Sequence[Sentence],
    vectors: Vectors | None,
    settings: ParserSettings,
) -> tuple[Tagger, ParserNetwork, dict[str, Any]]:
    """Train a tagger and a parser network; see `firth.Parser.train`.

    The parser network learns from predicted tags, because it will be used with them.

    Parameters
    ----------
    run
        Where the checkpoints of all stages are kept.
    sentences, dev, silver
        See `firth.parsing.parser.treebank.read_treebanks`. Silver sentences are learned like others. Their
        tags were predicted too, so the parser network reads them as they are.
    vectors
        Pretrained word vectors.
    settings
        How to train.

    Returns
    -------
    tagger, network, metadata
        Their parameters are rounded as a model file keeps them.
    """
    features = WordFeatures.learn(([t.form for t in s.tokens] for s in sentences), vectors)
    tags = TagSets.learn(sentences)
    schedule = settings.schedule(sum(len(sentence.tokens) for sentence in [*sentences, *silver]))
    stages = _Stages(
        features,
        tags,
        schedule,
        thread_count(settings.threads),
        run,
        {"data": fingerprint([*sentences, *dev, *silver], features), "shape": asdict(settings.shape)},
    )
    predicted_tags = stages.jackknifed_tags(sentences)
    predicted_tags += [tags.number([sentence]) for sentence in silver]
    last = f"tagger {_FOLDS + 1} of {_FOLDS + 1}" if len(sentences) >= _FOLDS else "tagger"
    tagger = stages.train_tagger([*sentences, *silver], dev, last, Lemmas.learn(sentences))
    round_parameters(tagger.parameters, tagger.specs())

    network, trees = _new_network(stages, settings.shape, sentences, silver)
    task = ParserTask(network, [*sentences, *silver], trees, predicted_tags, dev, tag_sentences(tagger, dev))
    history = stages.train(task, "parser", schedule)
    round_parameters(network.parameters, network.specs())
    n_words, known = features.count_known(token.form for sentence in dev for token in sentence.tokens)
    metadata = {
        "sentences": len(sentences),
        "words": sum(len(sentence.tokens) for sentence in sentences),
        "seed": schedule.seed,
        "epochs": schedule.epochs,
        "dev": TaggerTask(tagger, (), dev).evaluate() | task.evaluate(),
        "known words": known / max(n_words, 1),
        "history": history,
    }
    return tagger, network, metadata


@dataclass(frozen=True)
class _Stages:
    """The common settings of the stages of a training. Each stage trains one network.

    Attributes
    ----------
    checkpoint_settings
        All that the result depends on, apart from the schedule.
    """

    features: WordFeatures
    tags: TagSets
    schedule: Schedule
    threads: int
    run: Run
    checkpoint_settings: Mapping[str, Any]

    def train(self, task: TaggerTask | ParserTask, name: str, schedule: Schedule) -> list[dict[str, float]]:
        """Train one network; return its history."""
        return train(
            task, schedule, name=name, threads=self.threads, run=self.run, settings=self.checkpoint_settings
        )

    def train_tagger(
        self, sentences: Sequence[Sentence], dev: Sequence[Sentence], name: str, lemmas: Lemmas
    ) -> Tagger:
        """Return a tagger that was trained on some sentences."""
        tagger = Tagger(self.features, self.tags, lemmas, {}, TaggerShape())
        tagger.initialise(np.random.default_rng([self.schedule.seed, 1]))
        epochs = max(1, round(_TAGGER_EPOCHS_SHARE * self.schedule.epochs))
        self.train(TaggerTask(tagger, sentences, dev), name, replace(self.schedule, epochs=epochs))
        return tagger

    def jackknifed_tags(self, sentences: Sequence[Sentence]) -> list[Ints]:
        """Return for each sentence the tags of a tagger that was trained on the other folds.

        A treebank of fewer sentences than folds keeps its gold tags.
        """
        if len(sentences) < _FOLDS:
            return [self.tags.number([sentence]) for sentence in sentences]
        predicted: list[Ints] = [np.zeros((0, len(ATTRIBUTES)), np.int32)] * len(sentences)
        for fold in range(_FOLDS):
            others = [sentence for k, sentence in enumerate(sentences) if k % _FOLDS != fold]
            held_out = sentences[fold::_FOLDS]
            tagger = self.train_tagger(others, held_out, f"tagger {fold + 1} of {_FOLDS + 1}", Lemmas([]))
            predicted[fold::_FOLDS] = tag_sentences(tagger, held_out)
        return predicted


def _new_network(
    stages: _Stages, shape: ParserShape, sentences: Sequence[Sentence], silver: Sequence[Sentence]
) -> tuple[ParserNetwork, list[Tree]]:
    """Return an untrained network with the actions of the treebank, and the trees of all sentences."""
    swap = SYSTEMS[shape.system].has_swap
    trees = training_trees(sentences, projective=not swap)
    network = ParserNetwork(stages.features, stages.tags, actions_of(trees, swap), shape, {})
    network.initialise(np.random.default_rng([stages.schedule.seed, 2]))
    return network, trees + training_trees(silver, projective=not swap)
