"""The trees that a parser learns to build, and the actions that build them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from firth.parsing.parser.network import Tree
from firth.parsing.transitions.actions import Actions
from firth.parsing.transitions.projectivity import LIFTED, projectivize
from firth.text.document import Sentence

# A lifted relation that occurs less often loses its mark: so few examples do not teach it.
_LIFTED_MIN_COUNT = 5


def training_trees(sentences: Sequence[Sentence], *, projective: bool) -> list[Tree]:
    """Return the trees of sentences, made projective if the transition system builds no others.

    Relations of lifted arcs are marked (`firth.parsing.transitions.projectivity`), unless they are rare.
    """
    trees = [([t.head or 0 for t in s.tokens], [t.deprel for t in s.tokens]) for s in sentences]
    if not projective:
        return trees
    trees = [projectivize(heads, deprels) for heads, deprels in trees]
    counts = Counter(deprel for _, deprels in trees for deprel in deprels)
    return [
        (heads, [d if counts[d] >= _LIFTED_MIN_COUNT else d.partition(LIFTED)[0] for d in deprels])
        for heads, deprels in trees
    ]


def actions_of(trees: Sequence[Tree], swap: bool) -> Actions:
    """Return the actions that build some trees; see `firth.parsing.transitions.actions.Actions`."""
    relations: set[str] = set()
    roots: set[str] = set()
    for heads, deprels in trees:
        for head, deprel in zip(heads, deprels, strict=True):
            (relations if head else roots).add(deprel)
    # A treebank of one-word sentences has no relations, but the parser will meet longer ones. They get the
    # unspecified relation of Universal Dependencies.
    return Actions(sorted(relations) or ["dep"], sorted(roots), swap)
