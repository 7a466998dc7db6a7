"""What a parser network learns from sentences, and how it is scored; see `firth.network.training.Task`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from firth.arrays import Floats, Int64s, Ints
from firth.network import layers
from firth.network.encoder import Batch
from firth.network.gradients import Gradients
from firth.network.runner import SPARE_ROWS
from firth.parsing.batches import batches_of_words
from firth.parsing.parser.network import ParserNetwork, ParserRunner, Tree
from firth.parsing.relations import universal
from firth.parsing.tagger.training import number_words
from firth.parsing.transitions.decoding import Walk
from firth.parsing.transitions.systems import SYSTEMS
from firth.text.document import Sentence

# Shares of the entries that dropout sets to 0, in the vectors of words and in the hidden layer of decisions.
_ENCODER_DROPOUT_SHARE = 0.2
_HIDDEN_DROPOUT_SHARE = 0.2
# The share of sentences that are read with gold tags. The others are read with predicted tags, because the
# parser will be used with both.
_GOLD_TAGS_SHARE = 0.5
# The share of steps at which exploration takes the action with the highest score, right or wrong. In the
# first epoch it never does: the scores of an untrained network are noise.
_EXPLORED_STEPS_SHARE = 0.9


class ParserTask:
    """Training a parser network, with a dynamic oracle if the transition system has one, else a static one.

    See `firth.network.training.Task`.

    Parameters
    ----------
    network
        What to train.
    sentences, trees
        What to train on, and the trees of these sentences, which the transition system can build.
    predicted_tags
        For each of these sentences the tags of a tagger that was not trained on it.
    dev, dev_tags
        What to score on, with the tags of the tagger.
    """

    def __init__(
        self,
        network: ParserNetwork,
        sentences: Sequence[Sentence],
        trees: Sequence[Tree],
        predicted_tags: Sequence[Ints],
        dev: Sequence[Sentence],
        dev_tags: Sequence[Ints],
    ) -> None:
        self.parameters = network.parameters
        self._network = network
        self._lengths = np.array([len(sentence) for sentence in sentences])
        self._ids = [self._both_ids([s], tags) for s, tags in zip(sentences, predicted_tags, strict=True)]
        self._dev = [
            (dev[where], self._both_ids(dev[where], np.concatenate(dev_tags[where])))
            for where in batches_of_words(map(len, dev))
        ]
        actions, system = network.actions, SYSTEMS[network.shape.system]
        self._heads = [np.array(heads) for heads, _ in trees]
        self._labels = [actions.number_labels(heads, deprels) for heads, deprels in trees]
        self._static = not system.has_dynamic_oracle
        self._steps = [actions.number_steps(system.oracle(*tree)) for tree in trees] if self._static else []

    def _both_ids(self, sentences: Sequence[Sentence], predicted: Ints) -> tuple[Ints, Ints]:
        """Return the rows that the encoder reads: with predicted tags, and with gold tags."""
        network = self._network
        words = number_words(network.features, sentences)
        return network.ids(words, predicted), network.ids(words, predicted, network.tags.number(sentences))

    def lengths(self) -> Int64s:
        """Return the number of words of each sentence."""
        return self._lengths

    def gradient(
        self, sentences: Sequence[int], gradients: Gradients, random: np.random.Generator, epoch: int
    ) -> tuple[float, int]:
        """Add the gradient of the loss of all steps on a walk through some sentences."""
        network = self._network
        with_gold_tags = random.random(len(sentences)) < _GOLD_TAGS_SHARE
        ids = np.concatenate([self._ids[i][int(g)] for i, g in zip(sentences, with_gold_tags, strict=True)])
        batch = Batch(ids[:, :-1], network.features.vectors[ids[:, -1]], self._lengths[list(sentences)])
        rows, encoder_backward = network.encoder.forward(batch, gradients, _ENCODER_DROPOUT_SHARE, random)
        walk = self._walk(sentences, rows, random, epoch)
        scores, decider_backward = network.decider.forward(
            rows, walk.unit_slots, walk.label_slots, gradients, _HIDDEN_DROPOUT_SHARE, random
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
            random.random(2 * int(lengths.sum())) < (_EXPLORED_STEPS_SHARE if epoch > 1 else 0),
        )

    def evaluate(self) -> dict[str, float]:
        """Return LAS with the tagger's tags and with gold tags."""
        runner = ParserRunner(self._network)
        return {"LAS": self._las(runner, 0), "LAS with given tags": self._las(runner, 1)}

    def _las(self, runner: ParserRunner, which_ids: int) -> float:
        right = n_words = 0
        for sentences, ids in self._dev:
            lengths = np.array([len(sentence) for sentence in sentences])
            trees = runner.parse(ids[which_ids], lengths)
            for sentence, (heads, deprels) in zip(sentences, trees, strict=True):
                for token, head, deprel in zip(sentence.tokens, heads, deprels, strict=True):
                    right += token.head == head and universal(token.deprel) == universal(deprel)
            n_words += int(lengths.sum())
        return 100 * right / n_words
