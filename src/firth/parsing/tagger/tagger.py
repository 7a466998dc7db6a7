"""The tagger: universal and language-specific parts of speech, features and lemmas of words in a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from firth.arrays import Floats, Ints
from firth.compute.lanes import LANES, padded
from firth.compute.quantized import quantize
from firth.errors import InputError
from firth.network.decider import Decider, DeciderShape
from firth.network.encoder import Batch, Encoder, EncoderShape, unit_rows
from firth.network.gradients import Gradients
from firth.network.kernels import best_outputs
from firth.network.parameters import Parameters, ParameterSpec, initialise
from firth.network.runner import SPARE_ROWS, EncoderRunner
from firth.parsing.tagger.features import WordFeatures
from firth.parsing.tagger.lemmas import Lemmas
from firth.parsing.tagger.tag_sets import ATTRIBUTES, TagSets
from firth.text.document import Sentence


@dataclass(frozen=True)
class TaggerShape:
    """The sizes of the network of a tagger.

    Attributes
    ----------
    width, depth
        See `firth.network.encoder.EncoderShape`.
    hidden
        Width of the hidden layer of each attribute.

    Raises
    ------
    InputError
        A width is not a multiple of 16, or the depth is negative.
    """

    width: int = 192
    depth: int = 3
    hidden: int = 128

    def __post_init__(self) -> None:
        for name, width in (("width", self.width), ("hidden", self.hidden)):
            if width < LANES or width % LANES:
                raise InputError(f"{name} is {width}: make it a multiple of {LANES}")
        if self.depth < 0:
            raise InputError(f"depth is {self.depth}: make it 0 or more")


class Tagger:
    """Tags words: an encoder, and a decider for each attribute and for the lemma.

    Parameters
    ----------
    features
        Numbers the words.
    tags, lemmas
        The tags and the rules for lemmas to choose from. Without rules, words get no lemmas.
    parameters
        The parameters of the network by name; an empty dictionary for a new tagger.
    shape
        The sizes of the network.
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

    def specs(self) -> Iterator[ParameterSpec]:
        """Yield the specs of all parameters, in the order in which their first values are drawn."""
        yield from self._encoder.specs()
        for decider in self._deciders:
            yield from decider.specs()

    def initialise(self, random: np.random.Generator) -> None:
        """Set all parameters to their random first values."""
        initialise(self.parameters, self.specs(), random)

    def number(self, sentences: Sequence[Sentence]) -> Ints:
        """Return the gold decisions for some words, as `TaggerRunner.tag` does; -1 for unknown values."""
        columns = [*self.tags.number(sentences).T]
        if self.lemmas.rules:
            columns.append(self.lemmas.number(sentences))
        return np.stack(columns, axis=1)

    def write(self, decisions: Ints, sentences: Sequence[Sentence]) -> None:
        """Write tags, and lemmas if there are rules for them, into the words; the reverse of `number`."""
        self.tags.write(decisions[:, : len(ATTRIBUTES)], sentences)
        if self.lemmas.rules:
            self.lemmas.write(decisions[:, len(ATTRIBUTES)], sentences)

    def forward(
        self, batch: Batch, gradients: Gradients, p_drop: float, random: np.random.Generator
    ) -> tuple[list[Floats], Any]:
        """Return the scores of each attribute, and the backward pass, which adds to `gradients`."""
        rows, encoder_backward = self._encoder.forward(batch, gradients, p_drop, random)
        words = batch.unit_rows[:, None]
        no_labels = np.zeros((len(words), 0), np.int64)
        passes = [d.forward(rows, words, no_labels, gradients, p_drop, random) for d in self._deciders]

        def backward(dscores: Sequence[Floats]) -> None:
            drows = [back(d) for (_, back), d in zip(passes, dscores, strict=True)]
            encoder_backward(np.sum(drows, axis=0))

        return [scores for scores, _ in passes], backward

    def runner(self) -> TaggerRunner:
        """Return a runner with the parameters as they are now."""
        return TaggerRunner(EncoderRunner(self._encoder, self.features.vectors), self._deciders)


class TaggerRunner:
    """Runs a trained tagger: compiled, without backward passes; made by `Tagger.runner`."""

    def __init__(self, encoder: EncoderRunner, deciders: Sequence[Decider]) -> None:
        self._encoder = encoder
        self._deciders = []
        for decider in deciders:
            hidden, bias, output, biases = decider.arrays("slots", "bias", "output", "output.bias")
            n_padding = padded(len(biases)) - len(biases)  # the kernel computes whole vector registers
            output = np.pad(output, ((0, 0), (0, n_padding)))
            biases = np.pad(biases, (0, n_padding), constant_values=-np.inf)
            self._deciders.append((quantize(hidden), bias, quantize(output), biases))

    def tag(self, ids: Ints, lengths: Ints) -> Ints:
        """Return the numbers of the tags of each word, and last of the rule for its lemma: (n, decisions).

        Parameters
        ----------
        ids
            (n, channels + 1), from `WordFeatures.number`.
        lengths
            Number of words of each sentence.
        """
        rows = self._encoder.run(ids, lengths)
        choices = np.empty((len(self._deciders), len(rows) - SPARE_ROWS), np.int32)
        for k, arrays in enumerate(self._deciders):
            best_outputs(choices[k], rows, *arrays)
        return np.ascontiguousarray(choices[:, unit_rows(lengths)].T)
