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


def test_any_apostrophe_and_any_case() -> None:
    stems = ("do", "did", "is", "has", "wo", "ca")
    known = MultiwordRules.learn(
        [sentence(f"{stem}|{end}") for stem in stems for end in ("n't", "'ve", "'d")] + [sentence("zu|m")]
    )
    answers = {
        "don’t": ("do", "n’t"),
        "couldnʼt": ("could", "nʼt"),
        "DON'T": ("DO", "N'T"),
        "DON’T": ("DO", "N’T"),
        "we`ve": ("we", "`ve"),
        "I'd've": ("I", "'d", "'ve"),
        "shouldn’t’ve": ("should", "n’t", "’ve"),
        "'d": (),
        "''d": (),
    }
    assert dict(zip(answers, known.words(answers), strict=True)) == answers


def test_one_sighting_is_no_exception_to_a_rule() -> None:
    names = ("Ana", "cat", "dog", "king", "tree", "Sam")
    some = [sentence(f"{name}|'s") for name in names] + [sentence("Monday's")]
    some += [sentence(form) for form in ("1960's", "1970's", "1590's")]
    known = MultiwordRules.learn(some)
    assert known.words(["Monday's", "1980's"]) == [("Monday", "'s"), ()]
    assert MultiwordRules.learn([*some, *[sentence("Monday's")] * 2]).words(["Monday's"]) == [()]


def test_misspellings_do_not_cut_capitals_or_single_documents() -> None:
    def misspelt(surface: str, comment: str = "") -> Sentence:
        made = sentence(surface)
        made.tokens[-1].feats = "Typo=Yes"
        made.comments = [comment] if comment else []
        return made

    some = [misspelt("i|v")] * 3 + [misspelt("i|m")] * 3 + [sentence("IV")]
    assert MultiwordRules.learn(some).words(["im", "Im", "IM", "IV", "iv"]) == [
        ("i", "m"),
        ("I", "m"),
        (),
        (),
        ("i", "v"),
    ]
    one = [misspelt("Traveller|s", "# newdoc id = a"), *[misspelt("Traveller|s")] * 4]
    assert MultiwordRules.learn(one).words(["Travellers", "travellers"]) == [(), ()]
