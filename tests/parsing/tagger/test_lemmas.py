"""Rules that make lemmas of forms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth.parsing.tagger.lemmas import Lemmas, lemma_of, rule
from firth.text.document import Sentence, Token

WORDS = st.text(st.characters(exclude_characters="\t\n", exclude_categories=["Cs"]), min_size=1, max_size=12)


@given(WORDS, WORDS)
def test_a_rule_makes_the_lemma_it_was_made_for(form: str, lemma: str) -> None:
    assert lemma_of(form, rule(form, lemma)) == lemma


@given(WORDS, WORDS, WORDS)
def test_a_rule_makes_some_lemma_of_any_form(form: str, lemma: str, other: str) -> None:
    assert lemma_of(other, rule(form, lemma)) != ""


@pytest.mark.parametrize(
    ("form", "lemma", "other", "its_lemma"),
    [
        ("dogs", "dog", "Cats", "cat"),
        ("The", "the", "dog", "dog"),
        ("studies", "study", "Parties", "party"),
        ("Paris", "Paris", "NASA", "NASA"),
        ("MICROSOFT", "Microsoft", "GOOGLE", "Google"),
        ("gesagt", "sagen", "gemacht", "machen"),
        ("is", "be", "anything", "be"),
        ("walking", "walk", "ing", "ing"),  # too short
    ],
)
def test_a_rule_is_good_for_other_forms(form: str, lemma: str, other: str, its_lemma: str) -> None:
    assert lemma_of(other, rule(form, lemma)) == its_lemma


def _sentence(*pairs: tuple[str, str]) -> Sentence:
    return Sentence([Token(k, form, lemma) for k, (form, lemma) in enumerate(pairs, 1)])


def test_rules_are_learned_and_written() -> None:
    sentences = [
        _sentence(("dogs", "dog"), ("went", "go"), ("cats", "cat"), ("ran", "_"), ("a", "a"), ("b", "b"))
    ]
    lemmas = Lemmas.learn(sentences)
    assert len(lemmas.rules) == 2  # one for each s, one for a and b; went is the only one of its kind
    numbers = lemmas.number(sentences)
    assert (numbers < 0).tolist() == [False, True, False, True, False, False]
    new = [_sentence(("Birds", "_"), ("C", "_"))]
    lemmas.write(numbers[[0, 4]], new)
    assert [token.lemma for token in new[0].tokens] == ["bird", "c"]


def test_a_treebank_without_lemmas_has_no_rules() -> None:
    assert Lemmas.learn([_sentence(("dogs", "_"), ("cats", "_"))]).rules == []
