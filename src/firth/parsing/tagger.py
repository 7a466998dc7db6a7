"""The tagger: universal and language-specific parts of speech, and features, of words in a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from firth.learning.activations import FloatArray
from firth.learning.layers import Ints
from firth.learning.network import (
    Batch,
    Decider,
    DeciderShape,
    Encoder,
    EncoderRunner,
    EncoderShape,
    Gradients,
    Parameters,
    places,
)
from firth.parsing.features import WordFeatures
from firth.text.document import Sentence

ATTRIBUTES = ("upos", "xpos", "feats")

_WIDTH, _DEPTH, _HIDDEN = 128, 2, 64


class TagSets:
    """The values of each attribute, numbered.

    Parameters
    ----------
    values
        For each of `ATTRIBUTES` its values; number 0 is the first.
    """

    def __init__(self, values: Mapping[str, Sequence[str]]) -> None:
        self.values = {attribute: list(values[attribute]) for attribute in ATTRIBUTES}
        self._numbers = [{tag: k for k, tag in enumerate(self.values[a])} for a in ATTRIBUTES]

    @classmethod
    def learn(cls, sentences: Iterable[Sentence]) -> TagSets:
        """Collect what occurs, most frequent first."""
        counts: dict[str, dict[str, int]] = {attribute: {} for attribute in ATTRIBUTES}
        for sentence in sentences:
            for token in sentence.tokens:
                for attribute, tag in zip(ATTRIBUTES, (token.upos, token.xpos, token.feats), strict=True):
                    of_attribute = counts[attribute]
                    of_attribute[tag] = of_attribute.get(tag, 0) + 1
        return cls({a: sorted(count, key=lambda tag: (-count[tag], tag)) for a, count in counts.items()})

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of values of each attribute."""
        return tuple(len(values) for values in self.values.values())

    def number(self, sentences: Iterable[Sentence]) -> Ints:
        """Return the number of each tag of each word, (words, attributes); -1 for a tag that is not known."""
        upos, xpos, feats = self._numbers
        rows = [
            (upos.get(token.upos, -1), xpos.get(token.xpos, -1), feats.get(token.feats, -1))
            for sentence in sentences
            for token in sentence.tokens
        ]
        return np.array(rows, np.int32).reshape(len(rows), len(ATTRIBUTES))

    def write(self, tags: Ints, sentences: Iterable[Sentence]) -> None:
        """Give words the tags with these numbers; the reverse of `number`."""
        upos, xpos, feats = (self.values[attribute] for attribute in ATTRIBUTES)
        tokens = (token for sentence in sentences for token in sentence.tokens)
        for token, (u, x, f) in zip(tokens, tags.tolist(), strict=True):
            token.upos, token.xpos, token.feats = upos[u], xpos[x], feats[f]


class Tagger:
    """Tags words: an encoder, and for each attribute a decision about each word.

    Parameters
    ----------
    features
        Numbers the words.
    tags
        What there is to choose from.
    parameters
        The arrays of the network; an empty dictionary to begin with.
    """

    def __init__(self, features: WordFeatures, tags: TagSets, parameters: Parameters) -> None:
        self.features, self.tags, self.parameters = features, tags, parameters
        shape = EncoderShape(features.tables, features.vectors.shape[1], _WIDTH, _DEPTH)
        self._encoder = Encoder(shape, parameters, "tagger.encoder.")
        self._deciders = [
            Decider(DeciderShape(_WIDTH, 0, 1, 0, 0, _HIDDEN, size), parameters, f"tagger.{attribute}.")
            for attribute, size in zip(ATTRIBUTES, tags.sizes, strict=True)
        ]

    def initialise(self, random: np.random.Generator) -> None:
        """Set all parameters to their random beginnings."""
        self._encoder.initialise(random)
        for decider in self._deciders:
            decider.initialise(random)

    def forward(
        self, batch: Batch, gradients: Gradients, p_drop: float, random: np.random.Generator
    ) -> tuple[list[FloatArray], Any]:
        """Return the scores of each attribute, and the backward pass, which adds to `gradients`."""
        rows, encoder_backward = self._encoder.forward(batch, gradients, p_drop, random)
        words = batch.places[:, None]
        none = np.zeros((len(words), 0), np.int64)
        passes = [d.forward(rows, words, none, gradients, p_drop, random) for d in self._deciders]

        def backward(dscores: Sequence[FloatArray]) -> None:
            of_attributes = [back(d) for (_, back), d in zip(passes, dscores, strict=True)]
            encoder_backward(np.sum(of_attributes, axis=0))

        return [scores for scores, _ in passes], backward

    def runner(self) -> TaggerRunner:
        """Return the tagger at work, with the parameters as they are now."""
        return TaggerRunner(EncoderRunner(self._encoder, self.features.vectors), self._deciders)


class TaggerRunner:
    """A tagger at work: without a backward pass; see `Tagger.runner`."""

    def __init__(self, encoder: EncoderRunner, deciders: Sequence[Decider]) -> None:
        self._encoder = encoder
        arrays = [decider.arrays("slots", "bias", "output", "output.bias") for decider in deciders]
        self._hidden = np.concatenate([weight for weight, *_ in arrays], axis=1)
        self._bias = np.concatenate([bias for _, bias, *_ in arrays])
        self._outputs = [(weight, bias) for *_, weight, bias in arrays]

    def tag(self, ids: Ints, lengths: Ints) -> Ints:
        """Return the number of each tag of each word, (n, attributes).

        Parameters
        ----------
        ids
            (n, channels + 1), from `WordFeatures.number`.
        lengths
            Words of each sentence.
        """
        rows = self._encoder.run(ids, lengths)[places(lengths)]
        hidden = np.maximum(rows @ self._hidden + self._bias, 0)
        tags = np.empty((len(ids), len(self._outputs)), np.int32)
        for k, (weight, bias) in enumerate(self._outputs):
            scores = hidden[:, k * _HIDDEN : (k + 1) * _HIDDEN] @ weight + bias
            tags[:, k] = scores.argmax(axis=1)
        return tags
