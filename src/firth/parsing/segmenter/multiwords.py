"""The words of multiword tokens: ``don't`` is ``do`` and ``n't``."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from firth.text.document import MultiwordToken, Sentence

Words: TypeAlias = tuple[str, ...]
"""The words of a multiword token; none of a token that is a word itself."""

_LONGEST_ENDING = 6
_MIN_FORMS = 5  # for a rule, that it must have been seen in
_MIN_MISSPELT = 3  # times: one "plumbers" for "plumber's" must not cut all plumbers
_REMEMBERED = 500_000  # forms whose words are kept at hand


class MultiwordRules:
    """Tells the words of tokens: rules for how they end, and the forms that keep to no rule.

    Parameters
    ----------
    rules
        What an ending of a form becomes: ``n't`` becomes nothing more of the first word, and ``n't``.
    exceptions
        The words of forms.
    """

    def __init__(self, rules: Mapping[str, Words], exceptions: Mapping[str, Words]) -> None:
        self.rules = {ending: tuple(words) for ending, words in rules.items()}
        self.exceptions = {form: tuple(words) for form, words in exceptions.items()}
        self._longest = max(map(len, self.rules), default=0)
        self._found: dict[str, Words] = {}

    @classmethod
    def learn(cls, sentences: Iterable[Sentence]) -> MultiwordRules:
        """Learn from a treebank. A form that is now one word, now several, is what it mostly is."""
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
        if len(found) > _REMEMBERED:  # a stream of text has no end of forms
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
    """Return what each form mostly is. What is misspelt (``Typo=Yes``) must be so in whatever case."""
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
    """Find what endings become in most forms that have them; the shortest ending that says it."""
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
    """Return all endings of a form that rules may be about, but for the whole form."""
    return [form[k:] for k in range(max(1, len(form) - _LONGEST_ENDING), len(form))]


def _change(form: str, ending: str, words: Words) -> Words:
    """Return what an ending became: the rest of the first word, and the others; none if no rule says it."""
    beginning = form[: -len(ending)]
    if not words or not words[0].startswith(beginning):
        return ()
    return (words[0][len(beginning) :], *words[1:])


def _in_case_of(form: str, words: Words) -> Words:
    """Return the words of a form in lower case as they are written in the form itself."""
    if "".join(words) == form.lower() and len(form) == len(form.lower()):
        ends = [sum(map(len, words[: k + 1])) for k in range(len(words))]
        return tuple(form[end - len(word) : end] for word, end in zip(words, ends, strict=True))
    if form.isupper() and len(form) > 1:
        return tuple(word.upper() for word in words)
    if form[:1].isupper():
        return tuple(word[:1].upper() + word[1:] for word in words[:1]) + words[1:]
    return words
