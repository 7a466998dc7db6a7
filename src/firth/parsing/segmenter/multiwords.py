"""The words of multiword tokens: ``don't`` is ``do`` and ``n't``."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import TypeAlias

from firth.text.document import MultiwordToken, Sentence, Token

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

# A form must be seen 3 times to be an exception to a rule: one "Monday's" that is a word must not outvote
# all other forms.
_MIN_AGAINST_RULE = 3

# The characters that are written for an apostrophe.
_APOSTROPHES = str.maketrans(dict.fromkeys("’ʼ‘`＇", "'"))
_DIGITS = str.maketrans(dict.fromkeys("123456789", "0"))


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
        self.rules = {ending.translate(_APOSTROPHES): _folded(words) for ending, words in rules.items()}
        self.exceptions = {form.translate(_APOSTROPHES): _folded(words) for form, words in exceptions.items()}
        self._longest = max(map(len, self.rules), default=0)
        self._found: dict[str, Words] = {}

    @classmethod
    def learn(cls, sentences: Iterable[Sentence]) -> MultiwordRules:
        """Learn from a treebank; where the words of a form vary, the most frequent ones count."""
        forms = _Forms(sentences)
        usual = forms.usual()
        rules = _learn_rules(usual)
        by_rules = dict(zip(usual, cls(rules, {}).words(usual), strict=True))
        exceptions: dict[str, Words] = {}
        for form, words in usual.items():
            if words == by_rules[form] or (by_rules[form] and not forms.is_frequent(form)):
                continue
            if by_rules[form] and not words:
                form = form.translate(_DIGITS)
            exceptions[form] = words
            if words and form in forms.misspelt_forms and "'" not in form and form.upper() not in usual:
                exceptions[form.upper()] = ()
        # An exception in lower case holds for capitals. Where these have other words, that is another one.
        found = cls(rules, exceptions).words(usual)
        for (form, words), said in zip(usual.items(), found, strict=True):
            if words != said and not by_rules[form]:
                exceptions.setdefault(form, words)
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
        """Return the words of a form, cut from it where they are parts of it."""
        folded = form.translate(_APOSTROPHES)
        if folded in self.exceptions:
            return _as_written(form, folded, self.exceptions[folded])
        if self.exceptions.get(folded.translate(_DIGITS)) == ():
            return ()
        lower = folded.lower() if len(folded.lower()) == len(form) else folded
        for length in range(min(self._longest, len(form) - 1), 0, -1):
            ending = lower[-length:]
            if ending in self.rules and any(character.isalnum() for character in form[:-length]):
                rest, *words = self.rules[ending]
                if rest + "".join(words) == ending:
                    first = form[: len(form) - length + len(rest)]
                    words = list(_cut(form[len(first) :], words))
                else:
                    first = form[:-length] + rest
                    words = [word.upper() for word in words] if form.isupper() else words
                # A contraction may have another one before it: I'd've.
                inner = self._look_up(first) if len(first) < len(form) else ()
                return (*(inner or (first,)), *words)
        return _in_case_of(form, self.exceptions.get(lower, ()))


class _Forms:
    """The forms of a treebank, with straight apostrophes, and the words that they have."""

    def __init__(self, sentences: Iterable[Sentence]) -> None:
        self._seen: defaultdict[str, Counter[Words]] = defaultdict(Counter)
        self._misspelt: Counter[tuple[str, Words]] = Counter()
        self._misspelt_in_any_case: Counter[str] = Counter()
        self._misspelt_places: defaultdict[str, set[int]] = defaultdict(set)
        self._in_any_case: Counter[str] = Counter()
        self._with_digits: Counter[str] = Counter()
        self.misspelt_forms: set[str] = set()
        place, has_documents = 0, False
        for sentence in sentences:
            is_new = any(comment.startswith("# newdoc") for comment in sentence.comments)
            has_documents = has_documents or is_new
            place += is_new or not has_documents
            for surface, tokens in sentence.surface_tokens():
                self._see(surface, tokens, place)

    def _see(self, surface: Token | MultiwordToken, tokens: Sequence[Token], place: int) -> None:
        """Count a token; `place` is its document, or its sentence if the treebank has no documents."""
        form = surface.form.translate(_APOSTROPHES)
        lower = form.lower()
        is_multiword = isinstance(surface, MultiwordToken)
        words = _folded(token.form for token in tokens) if is_multiword else ()
        self._seen[form][words] += 1
        self._in_any_case[lower] += 1
        self._with_digits[form.translate(_DIGITS)] += 1
        if words and any("Typo=Yes" in token.feats.split("|") for token in tokens):
            self._with_digits[form.translate(_DIGITS)] -= 1
            self._misspelt[form, words] += 1
            self._misspelt_in_any_case[lower] += 1
            self._misspelt_places[lower].add(place)

    def usual(self) -> dict[str, Words]:
        """Return the words that each form mostly has; none for a form that mostly is one word.

        A misspelt multiword token (``Typo=Yes``) counts only if the form is frequent, in upper or lower case,
        in several documents, and mostly misspelt.
        """
        usual = {}
        for form, counts in self._seen.items():
            words, count = counts.most_common(1)[0]
            if 2 * self._misspelt[form, words] > count:
                lower = form.lower()
                is_usual = 2 * self._misspelt_in_any_case[lower] > self._in_any_case[lower]
                if is_usual and len(self._misspelt_places[lower]) >= _MIN_MISSPELT:
                    self.misspelt_forms.add(form)
                else:
                    words = ()
            usual[form] = words
        return usual

    def is_frequent(self, form: str) -> bool:
        """Return whether a form, with any digits, was seen so often that it may be an exception to a rule.

        Misspelt ones do not count.
        """
        return self._with_digits[form.translate(_DIGITS)] >= _MIN_AGAINST_RULE


def _folded(words: Iterable[str]) -> Words:
    """Return words with straight apostrophes."""
    return tuple(word.translate(_APOSTROPHES) for word in words)


def _learn_rules(usual: Mapping[str, Words]) -> dict[str, Words]:
    """Return the rules: for an ending in lower case, the words that most forms with it have.

    Where a shorter ending gives the same words, only that is a rule.
    """
    votes: defaultdict[str, Counter[Words]] = defaultdict(Counter)
    lower = [(form.lower(), tuple(word.lower() for word in words)) for form, words in usual.items()]
    endings = {ending for form, words in lower if words for ending in _endings(form)}
    for form, words in lower:
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


def _cut(form: str, words: Sequence[str]) -> Words:
    """Cut a form into parts as long as words."""
    ends = list(accumulate(map(len, words)))
    return tuple(form[end - len(word) : end] for word, end in zip(words, ends, strict=True))


def _as_written(form: str, folded: str, words: Words) -> Words:
    """Return the words of a form, cut from it if they are its parts."""
    return _cut(form, words) if "".join(words) == folded else words


def _in_case_of(form: str, words: Words) -> Words:
    """Return words in lower case with the upper-case letters of the form."""
    if "".join(words) == form.translate(_APOSTROPHES).lower() and len(form) == len(form.lower()):
        return _cut(form, words)
    if form.isupper() and len(form) > 1:
        return tuple(word.upper() for word in words)
    if form[:1].isupper():
        return tuple(word[:1].upper() + word[1:] for word in words[:1]) + words[1:]
    return words
