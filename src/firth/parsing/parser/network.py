"""The network of the parser: an encoder of words with their tags, and decisions between actions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from firth.arrays import Ints
from firth.compute.lanes import LANES
from firth.errors import InputError
from firth.network.decider import Decider, DeciderShape
from firth.network.encoder import Encoder, EncoderShape
from firth.network.layers import ACTIVATIONS
from firth.network.parameters import Parameters, ParameterSpec
from firth.network.runner import EncoderRunner
from firth.parsing.tagger.features import WordFeatures
from firth.parsing.tagger.tag_sets import TagSets
from firth.parsing.transitions.actions import Actions
from firth.parsing.transitions.decoding import Decoder
from firth.parsing.transitions.projectivity import LIFTED, deprojectivize
from firth.parsing.transitions.slots import check_slots
from firth.parsing.transitions.systems import system_named

Tree: TypeAlias = tuple[list[int], list[str]]
"""The head and the relation of each word of a sentence."""

_TAG_WIDTH = 32

UNIT_SLOTS = ("s0", "s1", "s2", "b0", "s0.l1", "s0.r1", "s1.r1", "b0.l1")
LABEL_SLOTS = ("s0.l1", "s0.r1", "s1.l1", "s1.r1", "b0.l1")


@dataclass(frozen=True)
class ParserShape:
    """The sizes of a parser's network, and its transition system."""

    width: int = 192
    depth: int = 3
    hidden: int = 256
    activation: str = "relu"
    system: str = "arc-hybrid"
    unit_slots: tuple[str, ...] = UNIT_SLOTS
    label_slots: tuple[str, ...] = LABEL_SLOTS

    def __post_init__(self) -> None:
        for name, width in (("width", self.width), ("hidden", self.hidden)):
            if width < LANES or width % LANES:
                raise InputError(f"{name} is {width}: make it a multiple of {LANES}")
        if self.depth < 0:
            raise InputError(f"depth is {self.depth}: make it 0 or more")
        if self.activation not in ACTIVATIONS:
            raise InputError(
                f"there is no activation {self.activation!r}: choose one of {', '.join(ACTIVATIONS)}"
            )
        system_named(self.system)
        check_slots((*self.unit_slots, *self.label_slots))


class ParserNetwork:
    """The network of a parser: an encoder of words with their tags, and decisions between actions."""

    def __init__(
        self,
        features: WordFeatures,
        tags: TagSets,
        actions: Actions,
        shape: ParserShape,
        parameters: Parameters,
    ) -> None:
        self.features, self.tags, self.actions, self.shape = features, tags, actions, shape
        self.parameters = parameters
        # A tag that is given can be trusted more than one that was guessed, so each has two numbers.
        tag_tables = tuple((2 * size + 1, _TAG_WIDTH) for size in tags.sizes)
        self.encoder = Encoder(
            EncoderShape(features.tables + tag_tables, features.vectors.shape[1], shape.width, shape.depth),
            parameters,
            "parser.encoder.",
        )
        self.decider = Decider(
            DeciderShape(
                units=shape.width,
                extras=2,
                slots=len(shape.unit_slots),
                label_slots=len(shape.label_slots),
                labels=actions.none_label + 1,
                hidden=shape.hidden,
                outputs=len(actions.kinds),
                activation=shape.activation,
            ),
            parameters,
            "parser.decider.",
        )

    def specs(self) -> Iterator[ParameterSpec]:
        """Yield the specs of all parameters."""
        yield from self.encoder.specs()
        yield from self.decider.specs()

    def initialise(self, random: np.random.Generator) -> None:
        """Set all parameters to their random first values."""
        self.encoder.initialise(random)
        self.decider.initialise(random)

    def ids(self, words: Ints, tags: Ints, given: Ints | None = None) -> Ints:
        """Return a row for each word: its numbers in the tables of the encoder, and last of its vector.

        Parameters
        ----------
        words
            (n, channels + 1), from `WordFeatures.number`.
        tags
            (n, attributes), or with more columns: the tags that the tagger predicts.
        given
            (n, attributes), from `TagSets.number`: tags that come with the words and replace the predicted
            ones; -1 where one is not known.
        """
        sizes = np.array(self.tags.sizes, tags.dtype)
        numbers = tags[:, : len(sizes)] + 1 + sizes
        if given is not None:
            numbers = np.where(given >= 0, given + 1, numbers)
        return np.concatenate([words[:, :-1], numbers, words[:, -1:]], axis=1)

    def decoder(self) -> Decoder:
        """Return the decoder of the parameters as they are now."""
        shape = self.shape
        return Decoder(self.decider, self.actions, shape.system, shape.unit_slots, shape.label_slots)


class ParserRunner:
    """A parser network at work: compiled, without backward passes, with the parameters as they are now."""

    def __init__(self, network: ParserNetwork) -> None:
        self._encoder = EncoderRunner(network.encoder, network.features.vectors)
        self._decoder = network.decoder()
        self._labels = network.actions.labels
        self._is_lifted = np.array([LIFTED in label for label in self._labels])

    def parse(self, ids: Ints, lengths: Ints) -> Iterator[Tree]:
        """Yield the heads and the relations of the words of each sentence.

        Parameters
        ----------
        ids, lengths
            See `ParserNetwork.ids`; words of each sentence.
        """
        heads, labels = self._decoder.decode(self._encoder.run(ids, lengths), lengths)
        lifted = self._is_lifted[labels]
        names, first = self._labels, 1
        for length in lengths.tolist():
            here = slice(first, first + length)
            of_words, relations = heads[here].tolist(), [names[k] for k in labels[here].tolist()]
            first += length + 1
            yield deprojectivize(of_words, relations) if lifted[here].any() else (of_words, relations)

    def actions(self, ids: Ints, lengths: Ints) -> list[Ints]:
        """Return for each sentence the actions that lead to its tree; see `parse`."""
        return self._decoder.actions(self._encoder.run(ids, lengths), lengths)
