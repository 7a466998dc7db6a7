"""Lemmas: rules that make them of forms, which a tagger can choose from as it chooses tags."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from difflib import SequenceMatcher
from functools import lru_cache

import numpy as np

from firth.arrays import Ints
from firth.text.document import Sentence

_SEPARATOR = "\t"  # a form has none
_UNKNOWN = "_"
_REMEMBERED = 200_000

_CASES: dict[str, Callable[[str], str]] = {
    "lower": str.lower,
    "same": str,
    "capital": lambda form: form[:1].upper() + form[1:].lower(),
}

RULE = re.compile(rf"=.*|({'|'.join(_CASES)})\t\d{{1,9}}\t[^\t]*\t\d{{1,9}}\t[^\t]*", re.DOTALL | re.ASCII)
"""The rules that `rule` returns, and that `lemma_of` can read."""


def rule(form: str, lemma: str) -> str:
    """Return a rule that makes a lemma of a form, and perhaps the right ones of other forms.

    It says what case to bring the form to, how many characters to drop from its beginning and its end, and
    what to put there; or, where form and lemma have no character in common, the lemma itself. Of the rules
    that keep the longest part of the form, it is the one with the least to change.
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


@lru_cache(_REMEMBERED)
def lemma_of(form: str, rule: str) -> str:
    """Return the lemma that a rule makes of a form: that in lower case, if it is too short for the rule."""
    if rule.startswith("="):
        return rule[1:]
    case, first, prefix, last, suffix = rule.split(_SEPARATOR)
    source = _CASES[case](form)
    kept = source[int(first) : len(source) - int(last)]
    return prefix + kept + suffix if kept else form.lower()


class Lemmas:
    """The rules that there are to choose from, numbered.

    Parameters
    ----------
    rules
        Number 0 is the first. There are none if the treebank has no lemmas.
    """

    def __init__(self, rules: Sequence[str]) -> None:
        self.rules = list(rules)
        self._numbers = {rule: k for k, rule in enumerate(self.rules)}

    @classmethod
    def learn(cls, sentences: Iterable[Sentence], min_count: int = 2) -> Lemmas:
        """Collect the rules that at least `min_count` words need, most frequent first."""
        pairs = Counter((t.form, t.lemma) for s in sentences for t in s.tokens if t.lemma != _UNKNOWN)
        counts: Counter[str] = Counter()
        for (form, lemma), count in pairs.items():
            counts[rule(form, lemma)] += count
        frequent = [(-count, name) for name, count in counts.items() if count >= min_count]
        return cls([name for _, name in sorted(frequent)])

    def number(self, sentences: Iterable[Sentence]) -> Ints:
        """Return the number of the rule of each word, (words,); -1 where rule or lemma are not known."""
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
