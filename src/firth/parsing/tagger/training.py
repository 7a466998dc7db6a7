"""What a tagger learns from sentences, and how it is scored; see `firth.network.training.Task`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from firth.arrays import Int64s, Ints
from firth.network import layers
from firth.network.encoder import Batch
from firth.network.gradients import Gradients
from firth.parsing.batches import batches_of_words
from firth.parsing.tagger.features import WordFeatures
from firth.parsing.tagger.lemmas import lemma_of
from firth.parsing.tagger.tag_sets import ATTRIBUTES
from firth.parsing.tagger.tagger import Tagger
from firth.text.document import Sentence

# The share of the entries that dropout sets to 0.
_DROPOUT_SHARE = 0.2


class TaggerTask:
    """Training a tagger; see `firth.network.training.Task`.

    Parameters
    ----------
    tagger
        What to train.
    sentences, dev
        Sentences to train on, and sentences to score on.
    """

    def __init__(self, tagger: Tagger, sentences: Sequence[Sentence], dev: Sequence[Sentence]) -> None:
        self.parameters = tagger.parameters
        self._tagger, self._dev = tagger, dev
        self._lengths = np.array([len(sentence) for sentence in sentences])
        self._ids = [number_words(tagger.features, [sentence]) for sentence in sentences]
        self._gold = [tagger.number([sentence]) for sentence in sentences]
        self._dev_gold = tagger.tags.number(dev)

    def lengths(self) -> Int64s:
        """Return the number of words of each sentence."""
        return self._lengths

    def gradient(
        self, sentences: Sequence[int], gradients: Gradients, random: np.random.Generator, epoch: int
    ) -> tuple[float, int]:
        """Add the gradient of the cross-entropy of all tags of some sentences."""
        ids = np.concatenate([self._ids[i] for i in sentences])
        gold = np.concatenate([self._gold[i] for i in sentences])
        vectors = self._tagger.features.vectors[ids[:, -1]]
        batch = Batch(ids[:, :-1], vectors, self._lengths[list(sentences)])
        scores, backward = self._tagger.forward(batch, gradients, _DROPOUT_SHARE, random)
        total, dscores = 0.0, []
        for k, of_attribute in enumerate(scores):
            optimal = gold[:, k, None] == np.arange(of_attribute.shape[1])
            optimal[gold[:, k] < 0] = True  # an unknown gold tag adds no loss
            losses, loss_backward = layers.optimal_softmax(of_attribute, np.ones_like(optimal), optimal)
            dscores += loss_backward(np.ones_like(losses))
            total += float(losses.sum(dtype=np.float64))
        backward(dscores)
        return total, len(gold)

    def evaluate(self) -> dict[str, float]:
        """Return the shares of words with all tags right, and with each attribute right, in percent."""
        found = np.concatenate(tag_sentences(self._tagger, self._dev))
        right = found[:, : len(ATTRIBUTES)] == self._dev_gold
        shares = {"AllTags": right.all(axis=1).mean()}
        shares |= {
            a.upper(): of_attribute.mean() for a, of_attribute in zip(ATTRIBUTES, right.T, strict=True)
        }
        rules = self._tagger.lemmas.rules
        if rules:
            tokens = [token for sentence in self._dev for token in sentence.tokens]
            lemmas = [lemma_of(t.form, rules[k]) for t, k in zip(tokens, found[:, -1].tolist(), strict=True)]
            shares["LEMMAS"] = np.mean(
                [t.lemma in ("_", lemma) for t, lemma in zip(tokens, lemmas, strict=True)]
            )
        return {name: 100 * float(share) for name, share in shares.items()}


def number_words(features: WordFeatures, sentences: Sequence[Sentence]) -> Ints:
    """Return the numbers of all words of some sentences."""
    return features.number(token.form for sentence in sentences for token in sentence.tokens)


def tag_sentences(tagger: Tagger, sentences: Sequence[Sentence]) -> list[Ints]:
    """Return the tags of each sentence."""
    runner = tagger.runner()
    tags: list[Ints] = []
    for where in batches_of_words(map(len, sentences)):
        batch = sentences[where]
        lengths = np.array([len(sentence) for sentence in batch])
        tags += np.split(runner.tag(number_words(tagger.features, batch), lengths), np.cumsum(lengths)[:-1])
    return tags
