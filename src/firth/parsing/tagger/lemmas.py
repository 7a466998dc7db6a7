"""Lemmas: rules that make a lemma of a form. A tagger chooses a rule as it chooses a tag."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from difflib import SequenceMatcher
from functools import lru_cache

import numpy as np

from firth.arrays import Ints
from firth.text.document import Sentence

# Between the parts of a rule. No form contains it.
_SEPARATOR = "\t"
# The lemma of a word whose lemma is not known, in CoNLL-U.
_UNKNOWN = "_"
_MOST_CACHED_LEMMAS = 200_000

_CASES: dict[str, Callable[[str], str]] = {
    "lower": str.lower,
    "same": str,
    "capital": lambda form: form[:1].upper() + form[1:].lower(),
}

RULE = re.compile(rf"=.*|({'|'.join(_CASES)})\t\d{{1,9}}\t[^\t]*\t\d{{1,9}}\t[^\t]*", re.DOTALL | re.ASCII)
"""The rules that `rule` returns, and that `lemma_of` can read."""


def rule(form: str, lemma: str) -> str:
    """Return the rule that makes a lemma of a form. It may make the right lemmas of other forms too.

    A rule changes the case of the form, drops some characters from its beginning and its end, and puts others
    there. If form and lemma have no character in common, the rule is the lemma itself. Of all rules that keep
    the longest part of the form, this one changes the fewest characters.
    """
    best, least = f"={lemma}", len(form) + len(lemma)
    for case, change in _CASES.items():
        source = change(form)
        same = SequenceMatcher(None, source, lemma, autojunk=False).find_longest_match()
        last = len(source) - same.a - same.size
        prefix, suffix = lemma[: same.b], lemma[same.b + same.size :]
        changed = same.a + last + len(prefix) + len(suffix)
        if same.size and changed < least:
            best, least = _SEPARATOR.join([case, str(same.a), prefix, str(last), suffix]), changed
    return best


@lru_cache(_MOST_CACHED_LEMMAS)
def lemma_of(form: str, rule: str) -> str:
    """Return the lemma that a rule makes of a form; if nothing of it is left, the form in lower case."""
    if rule.startswith("="):
        return rule[1:]
    case, first, prefix, last, suffix = rule.split(_SEPARATOR)
    source = _CASES[case](form)
    kept = source[int(first) : len(source) - int(last)]
    return prefix + kept + suffix if kept else form.lower()


class Lemmas:
    """The rules that a tagger chooses from, numbered.

    Parameters
    ----------
    rules
        The first has number 0. There are none if the treebank has no lemmas.
    """

    def __init__(self, rules: Sequence[str]) -> None:
        self.rules = list(rules)
        self._numbers = {rule: k for k, rule in enumerate(self.rules)}

    @classmethod
    def learn(cls, sentences: Iterable[Sentence], min_count: int = 2) -> Lemmas:
        """Collect the rules of at least `min_count` words, the most frequent first."""
        pairs = Counter((t.form, t.lemma) for s in sentences for t in s.tokens if t.lemma != _UNKNOWN)
        counts: Counter[str] = Counter()
        for (form, lemma), count in pairs.items():
            counts[rule(form, lemma)] += count
        frequent = [(-count, name) for name, count in counts.items() if count >= min_count]
        return cls([name for _, name in sorted(frequent)])

    def number(self, sentences: Iterable[Sentence]) -> Ints:
        """Return the number of the rule of each word, (words,); -1 where the rule or the lemma is unknown."""
        seen: dict[tuple[str, str], int] = {}
        numbers = []
        for sentence in sentences:
            for token in sentence.tokens:
                pair = token.form, token.lemma
                if pair not in seen:
                    seen[pair] = -1 if token.lemma == _UNKNOWN else self._numbers.get(rule(*pair), -1)
                numbers.append(seen[pair])
        return np.array(numbers, np.int32)

    def write(self, numbers: Ints, sentences: Iterable[Sentence]) -> None:
        """Give words the lemmas that the rules with these numbers make of their forms."""
        tokens = (token for sentence in sentences for token in sentence.tokens)
        for token, number in zip(tokens, numbers.tolist(), strict=True):
            token.lemma = lemma_of(token.form, self.rules[number])
