"""The words of multiword tokens: ``don't`` is ``do`` and ``n't``."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from firth.text.document import MultiwordToken, Sentence

Words: TypeAlias = tuple[str, ...]
"""The words of a multiword token; none of a token that is a word itself."""

# Rules are about endings of at most 6 characters.
_LONGEST_ENDING = 6

# A rule must hold for 5 forms of the treebank at least.
_MIN_FORMS = 5

# A misspelling must be seen 3 times to count: one "plumbers" for "plumber's" must not cut all plumbers.
_MIN_MISSPELT = 3

# The words of so many forms are remembered; then remembering begins anew.
_REMEMBERED_FORMS = 500_000


class MultiwordRules:
    """Finds the words of tokens by rules for their endings, and by a list of exceptions.

    Threads may share one object. The words that it has found are remembered in a dictionary without a lock:
    the words of a form follow from the form alone, so threads that look it up at the same time store equal
    values, and nothing is ever removed from a dictionary. When it is full, another one takes its place, and a
    thread that still uses the old one finds the same words there.

    Parameters
    ----------
    rules
        For an ending, the rest of the first word and the other words: ``n't`` becomes ``""`` and ``n't``.
    exceptions
        For a form that no rule fits, its words.
    """

    def __init__(self, rules: Mapping[str, Words], exceptions: Mapping[str, Words]) -> None:
        self.rules = {ending: tuple(words) for ending, words in rules.items()}
        self.exceptions = {form: tuple(words) for form, words in exceptions.items()}
        self._longest = max(map(len, self.rules), default=0)
        self._found: dict[str, Words] = {}

    @classmethod
    def learn(cls, sentences: Iterable[Sentence]) -> MultiwordRules:
        """Learn from a treebank; where the words of a form vary, the most frequent ones count."""
        usual = _usual_words(sentences)
        rules = _learn_rules(usual)
        by_rules = cls(rules, {}).words(usual)
        exceptions = {
            form: words for (form, words), said in zip(usual.items(), by_rules, strict=True) if words != said
        }
        return cls(rules, exceptions)

    def words(self, forms: Iterable[str]) -> list[Words]:
        """Return the words of each multiword token; none for a token that is a word itself."""
        found = self._found
        if len(found) > _REMEMBERED_FORMS:  # a stream of text has ever new forms
            found = self._found = {}
        return [
            found[form] if form in found else found.setdefault(form, self._look_up(form)) for form in forms
        ]

    def _look_up(self, form: str) -> Words:
        if form in self.exceptions:
            return self.exceptions[form]
        for length in range(min(self._longest, len(form) - 1), 0, -1):
            if form[-length:] in self.rules:
                rest, *words = self.rules[form[-length:]]
                return (form[:-length] + rest, *words)
        return _in_case_of(form, self.exceptions.get(form.lower(), ()))


def _usual_words(sentences: Iterable[Sentence]) -> dict[str, Words]:
    """Return the words that each form mostly has; none for a form that mostly is one word.

    A misspelt multiword token (``Typo=Yes``) counts only if the form is frequent, in upper or lower case, and
    mostly misspelt.
    """
    seen: defaultdict[str, Counter[Words]] = defaultdict(Counter)
    misspelt: Counter[tuple[str, Words]] = Counter()
    in_any_case: Counter[str] = Counter()
    misspelt_in_any_case: Counter[str] = Counter()
    for sentence in sentences:
        for surface, tokens in sentence.surface_tokens():
            form, folded = surface.form, surface.form.lower()
            is_multiword = isinstance(surface, MultiwordToken)
            words = tuple(token.form for token in tokens) if is_multiword else ()
            seen[form][words] += 1
            in_any_case[folded] += 1
            if words and any("Typo=Yes" in token.feats.split("|") for token in tokens):
                misspelt[form, words] += 1
                misspelt_in_any_case[folded] += 1
    usual = {}
    for form, counts in seen.items():
        words, count = counts.most_common(1)[0]
        n_misspelt = misspelt_in_any_case[form.lower()]
        if 2 * misspelt[form, words] > count and (
            n_misspelt < _MIN_MISSPELT or 2 * n_misspelt <= in_any_case[form.lower()]
        ):
            words = ()
        usual[form] = words
    return usual


def _learn_rules(usual: Mapping[str, Words]) -> dict[str, Words]:
    """Return the rules: for an ending, the words that most forms with it have.

    Where a shorter ending gives the same words, only that is a rule.
    """
    votes: defaultdict[str, Counter[Words]] = defaultdict(Counter)
    endings = {ending for form, words in usual.items() if words for ending in _endings(form)}
    for form, words in usual.items():
        for ending in _endings(form):
            if ending in endings:
                votes[ending][_change(form, ending, words)] += 1
    rules: dict[str, Words] = {}
    for ending in sorted(votes, key=lambda ending: (len(ending), ending)):
        change, count = votes[ending].most_common(1)[0]
        if change and count >= _MIN_FORMS and 2 * count > votes[ending].total():
            shorter = next((ending[k:] for k in range(1, len(ending)) if ending[k:] in rules), "")
            said = shorter and (ending[: -len(shorter)] + rules[shorter][0], *rules[shorter][1:])
            if said != change:
                rules[ending] = change
    return rules


def _endings(form: str) -> list[str]:
    """Return the endings of a form that may have a rule; never the whole form."""
    return [form[k:] for k in range(max(1, len(form) - _LONGEST_ENDING), len(form))]


def _change(form: str, ending: str, words: Words) -> Words:
    """Return the rest of the first word and the other words; none if no rule can give these words."""
    beginning = form[: -len(ending)]
    if not words or not words[0].startswith(beginning):
        return ()
    return (words[0][len(beginning) :], *words[1:])


def _in_case_of(form: str, words: Words) -> Words:
    """Return words in lower case with the upper-case letters of the form."""
    if "".join(words) == form.lower() and len(form) == len(form.lower()):
        ends = [sum(map(len, words[: k + 1])) for k in range(len(words))]
        return tuple(form[end - len(word) : end] for word, end in zip(words, ends, strict=True))
    if form.isupper() and len(form) > 1:
        return tuple(word.upper() for word in words)
    if form[:1].isupper():
        return tuple(word[:1].upper() + word[1:] for word in words[:1]) + words[1:]
    return words
