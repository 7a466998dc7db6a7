"""Which words a token has."""

from __future__ import annotations

from firth.parsing.segmenter.multiwords import MultiwordRules
from firth.text.document import MultiwordToken, Sentence, Token


def sentence(surface: str) -> Sentence:
    """Make a sentence of one token: ``do|n't`` is a multiword token."""
    forms = surface.split("|")
    tokens = [Token(k, form) for k, form in enumerate(forms, 1)]
    if len(forms) == 1:
        return Sentence(tokens)
    return Sentence(tokens, [], [MultiwordToken(1, len(forms), "".join(forms))])


def test_words_of_multiword_tokens() -> None:
    seen = [
        *(sentence(f"{stem}|n't") for stem in ("do", "did", "is", "has", "wo", "ca")),
        *(sentence(form) for form in ("ant", "n't", "cats")),
        sentence("zu|m"),
        sentence("gon|na"),
    ]
    seen[-2].tokens[1].form = "dem"
    known = MultiwordRules.learn(seen)
    answers = {
        "don't": ("do", "n't"),
        "couldn't": ("could", "n't"),  # by the rule
        "n't": (),  # nothing before the ending
        "ant": (),
        "zum": ("zu", "dem"),
        "Zum": ("Zu", "dem"),
        "ZUM": ("ZU", "DEM"),
        "Gonna": ("Gon", "na"),
        "GONNA": ("GON", "NA"),
        "unseen": (),
    }
    assert dict(zip(answers, known.words(answers), strict=True)) == answers
    assert MultiwordRules(known.rules, known.exceptions).words(answers) == list(answers.values())


def test_what_is_both_is_what_it_mostly_is() -> None:
    some = [sentence("its")] * 3 + [sentence("it|s")] * 2 + [sentence("we|re")] * 2 + [sentence("were")]
    assert MultiwordRules.learn(some).words(["its", "were"]) == [(), ("we", "re")]


def test_a_misspelling_must_be_frequent() -> None:
    def misspelt(*surface: str) -> Sentence:
        made = sentence(*surface)
        made.tokens[-1].feats = "Number=Sing|Typo=Yes"
        return made

    some = [misspelt("plumber|s"), *[misspelt("do|nt")] * 2, misspelt("Do|nt"), *[misspelt("It|s")] * 3]
    some += [sentence("its")] * 4
    assert MultiwordRules.learn(some).words(["plumbers", "dont", "Dont", "Its"]) == [
        (),
        ("do", "nt"),
        ("Do", "nt"),
        (),
    ]
