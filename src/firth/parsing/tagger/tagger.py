"""The tagger: universal and language-specific parts of speech, features and lemmas of words in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from firth.arrays import Floats, Ints
from firth.compute.lanes import padded
from firth.compute.quantized import quantize
from firth.network.decider import Decider, DeciderShape
from firth.network.encoder import Batch, Encoder, EncoderShape, places
from firth.network.gradients import Gradients
from firth.network.kernels import best_outputs
from firth.network.parameters import Parameters, Shapes
from firth.network.runner import SPARE_ROWS, EncoderRunner
from firth.parsing.tagger.features import WordFeatures
from firth.parsing.tagger.lemmas import Lemmas
from firth.parsing.tagger.tag_sets import ATTRIBUTES, TagSets
from firth.text.document import Sentence


@dataclass(frozen=True)
class TaggerShape:
    """The sizes of a tagger's network; see `firth.network.encoder`. `hidden` is of each attribute."""

    width: int = 192
    depth: int = 3
    hidden: int = 128


class Tagger:
    """Tags words: an encoder, and for each attribute and the lemma a decision about each word.

    Parameters
    ----------
    features
        Numbers the words.
    tags, lemmas
        What there is to choose from. Without rules for lemmas, it gives none.
    parameters
        The arrays of the network; an empty dictionary to begin with.
    shape
        Its sizes.
    """

    def __init__(
        self,
        features: WordFeatures,
        tags: TagSets,
        lemmas: Lemmas,
        parameters: Parameters,
        shape: TaggerShape,
    ) -> None:
        self.features, self.tags, self.lemmas = features, tags, lemmas
        self.parameters, self.shape = parameters, shape
        width, hidden = shape.width, shape.hidden
        encoder_shape = EncoderShape(features.tables, features.vectors.shape[1], width, shape.depth)
        self._encoder = Encoder(encoder_shape, parameters, "tagger.encoder.")
        sizes = dict(zip(ATTRIBUTES, tags.sizes, strict=True))
        if lemmas.rules:
            sizes["lemma"] = len(lemmas.rules)
        self._deciders = [
            Decider(DeciderShape(width, 0, 1, 0, 0, hidden, size), parameters, f"tagger.{attribute}.")
            for attribute, size in sizes.items()
        ]

    @property
    def shapes(self) -> Shapes:
        """The shape of each parameter."""
        shapes = self._encoder.shapes
        for decider in self._deciders:
            shapes |= decider.shapes
        return shapes

    def initialise(self, random: np.random.Generator) -> None:
        """Set all parameters to their random beginnings."""
        self._encoder.initialise(random)
        for decider in self._deciders:
            decider.initialise(random)

    def number(self, sentences: Sequence[Sentence]) -> Ints:
        """Return what `TaggerRunner.tag` should return for some words; -1 for what is not known."""
        columns = [*self.tags.number(sentences).T]
        if self.lemmas.rules:
            columns.append(self.lemmas.number(sentences))
        return np.stack(columns, axis=1)

    def write(self, decisions: Ints, sentences: Sequence[Sentence]) -> None:
        """Give words their tags, and their lemmas if there are rules for them; the reverse of `number`."""
        self.tags.write(decisions[:, : len(ATTRIBUTES)], sentences)
        if self.lemmas.rules:
            self.lemmas.write(decisions[:, len(ATTRIBUTES)], sentences)

    def forward(
        self, batch: Batch, gradients: Gradients, p_drop: float, random: np.random.Generator
    ) -> tuple[list[Floats], Any]:
        """Return the scores of each attribute, and the backward pass, which adds to `gradients`."""
        rows, encoder_backward = self._encoder.forward(batch, gradients, p_drop, random)
        words = batch.places[:, None]
        none = np.zeros((len(words), 0), np.int64)
        passes = [d.forward(rows, words, none, gradients, p_drop, random) for d in self._deciders]

        def backward(dscores: Sequence[Floats]) -> None:
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
        self._deciders = []
        for decider in deciders:
            hidden, bias, output, biases = decider.arrays("slots", "bias", "output", "output.bias")
            more = padded(len(biases)) - len(biases)  # the kernel multiplies whole vectors
            output = np.pad(output, ((0, 0), (0, more)))
            biases = np.pad(biases, (0, more), constant_values=-np.inf)
            self._deciders.append((quantize(hidden), bias, quantize(output), biases))

    def tag(self, ids: Ints, lengths: Ints) -> Ints:
        """Return the number of each tag of each word, and last, of the rule for its lemma: (n, decisions).

        Parameters
        ----------
        ids
            (n, channels + 1), from `WordFeatures.number`.
        lengths
            Words of each sentence.
        """
        rows = self._encoder.run(ids, lengths)
        choices = np.empty((len(self._deciders), len(rows) - SPARE_ROWS), np.int32)
        for k, arrays in enumerate(self._deciders):
            best_outputs(choices[k], rows, *arrays)
        return np.ascontiguousarray(choices[:, places(lengths)].T)
