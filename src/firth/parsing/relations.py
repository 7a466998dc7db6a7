"""Universal dependency relations: their subtypes, and the relations of content words."""

from __future__ import annotations

# The universal relations of content words, over which CLAS is computed. All others are relations of function
# words and punctuation.
# fmt: off
CONTENT_RELATIONS = frozenset({
    "nsubj", "obj", "iobj", "csubj", "ccomp", "xcomp", "obl", "vocative", "expl", "dislocated", "advcl",
    "advmod", "discourse", "nmod", "appos", "nummod", "acl", "amod", "conj", "fixed", "flat", "compound",
    "list", "parataxis", "orphan", "goeswith", "reparandum", "root", "dep",
})
# fmt: on


def universal(relation: str) -> str:
    """Return a relation without its subtype: ``nsubj`` for ``nsubj:pass``."""
    return relation.partition(":")[0]


def is_content(relation: str) -> bool:
    """Return whether a relation marks a content word. Subtypes are ignored."""
    return universal(relation) in CONTENT_RELATIONS
