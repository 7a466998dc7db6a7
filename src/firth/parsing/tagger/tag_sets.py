"""The tags of a treebank, numbered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from firth.arrays import Ints
from firth.text.document import Sentence

ATTRIBUTES = ("upos", "xpos", "feats")


class TagSets:
    """The values of each attribute, numbered.

    Parameters
    ----------
    values
        The values of each of `ATTRIBUTES`; the first has number 0.
    """

    def __init__(self, values: Mapping[str, Sequence[str]]) -> None:
        self.values = {attribute: list(values[attribute]) for attribute in ATTRIBUTES}
        self._numbers = [{tag: k for k, tag in enumerate(self.values[a])} for a in ATTRIBUTES]

    @classmethod
    def learn(cls, sentences: Iterable[Sentence]) -> TagSets:
        """Collect the values that occur in sentences, the most frequent first."""
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
        """Return the number of each tag of each word, (words, attributes); -1 for an unknown tag."""
        upos, xpos, feats = self._numbers
        tokens = [token for sentence in sentences for token in sentence.tokens]
        columns = (
            [upos.get(token.upos, -1) for token in tokens],
            [xpos.get(token.xpos, -1) for token in tokens],
            [feats.get(token.feats, -1) for token in tokens],
        )
        return np.ascontiguousarray(np.array(columns, np.int32).T)

    def write(self, tags: Ints, sentences: Iterable[Sentence]) -> None:
        """Give words the tags with these numbers; the reverse of `number`."""
        upos, xpos, feats = (self.values[attribute] for attribute in ATTRIBUTES)
        tokens = (token for sentence in sentences for token in sentence.tokens)
        for token, (u, x, f) in zip(tokens, tags.tolist(), strict=True):
            token.upos, token.xpos, token.feats = upos[u], xpos[x], feats[f]
