"""The tagger learns what a word is from its form and from its neighbours."""

from __future__ import annotations

import numpy as np
import pytest

from firth.network.encoder import Batch
from firth.network.gradients import Gradients
from firth.network.training import Schedule, train
from firth.parsing.tagger.features import WordFeatures
from firth.parsing.tagger.lemmas import Lemmas
from firth.parsing.tagger.tag_sets import ATTRIBUTES, TagSets
from firth.parsing.tagger.tagger import Tagger, TaggerShape
from firth.parsing.tagger.training import TaggerTask
from firth.runs.run import open_run
from firth.text.document import Sentence, Token


def sentence(*words: tuple[str, ...]) -> Sentence:
    """Make a sentence of words, each with its form, UPOS, XPOS and FEATS."""
    tokens = []
    for k, (form, upos, xpos, feats) in enumerate(words, 1):
        tokens.append(Token(k, form, upos=upos, xpos=xpos, feats=feats))
    return Sentence(tokens)


def ambiguous(verb: bool) -> Sentence:
    """A sentence in which only the neighbour says whether "fish" is a verb."""
    before = ("they", "PRON", "PRP", "_") if verb else ("a", "DET", "DT", "_")
    fish = ("fish", "VERB", "VBP", "Tense=Pres") if verb else ("fish", "NOUN", "NN", "Number=Sing")
    return sentence(before, fish, (".", "PUNCT", ".", "_"))


TREEBANK = [ambiguous(bool(k % 2)) for k in range(20)] + [
    sentence(("dogs", "NOUN", "NNS", "Number=Plur")),
    sentence(("cats", "NOUN", "NNS", "Number=Plur")),
]


def make_tagger(treebank: list[Sentence]) -> Tagger:
    features = WordFeatures.learn([token.form for token in s.tokens] for s in treebank)
    tagger = Tagger(features, TagSets.learn(treebank), Lemmas.learn(treebank), {}, TaggerShape())
    tagger.initialise(np.random.default_rng(0))
    return tagger


def trained(treebank: list[Sentence], epochs: int, batch: int = 20) -> tuple[Tagger, list[dict[str, float]]]:
    tagger = make_tagger(treebank)
    task = TaggerTask(tagger, treebank, treebank)
    with open_run("test") as run:
        history = train(task, Schedule(epochs=epochs, batch=batch), name="tagger", threads=1, run=run)
    return tagger, history


def tags_of(tagger: Tagger, *forms: str) -> list[tuple[str, str, str]]:
    bare = Sentence([Token(k, form) for k, form in enumerate(forms, 1)])
    tags = tagger.runner().tag(tagger.features.number(forms), np.array([len(forms)]))
    tagger.tags.write(tags, [bare])
    return [(t.upos, t.xpos, t.feats) for t in bare.tokens]


def test_numbers_of_tags() -> None:
    tags = TagSets.learn(TREEBANK)
    assert tags.values["upos"][0] == "PUNCT" or tags.values["upos"][0] == "NOUN"
    assert tags.sizes == (5, 6, 4)
    numbers = tags.number(TREEBANK)
    copies = [Sentence([Token(t.id, t.form) for t in s.tokens]) for s in TREEBANK]
    tags.write(numbers, copies)
    assert copies == TREEBANK
    unknown = sentence(("a", "X", "DT", "Case=Nom"))
    assert (tags.number([unknown]) >= 0).tolist() == [[False, True, False]]
    assert tags.number([]).shape == (0, 3)


def test_most_frequent_tags_come_first() -> None:
    tags = TagSets.learn([sentence(("a", "X", "b", "_"), ("a", "X", "a", "_"), ("a", "DET", "c", "_"))])
    assert tags.values == {"upos": ["X", "DET"], "xpos": ["a", "b", "c"], "feats": ["_"]}


def test_learns_from_neighbours_and_forms() -> None:
    tagger, history = trained(TREEBANK, 15)
    assert history[-1]["AllTags"] == 100
    assert tags_of(tagger, "they", "fish", ".")[1] == ("VERB", "VBP", "Tense=Pres")
    assert tags_of(tagger, "a", "fish", ".")[1] == ("NOUN", "NN", "Number=Sing")
    assert tags_of(tagger, "rats") == [("NOUN", "NNS", "Number=Plur")]  # unseen, but for its suffix
    assert tags_of(tagger) == []


def test_a_treebank_without_some_tags() -> None:
    """An attribute without values is always right; the best epoch is told by the others."""
    bare = [Sentence([Token(t.id, t.form, xpos=t.xpos) for t in sentence.tokens]) for sentence in TREEBANK]
    tagger, history = trained(bare, 25, batch=80)
    assert history[0]["UPOS"] == history[0]["FEATS"] == 100 > history[0]["XPOS"]
    assert tags_of(tagger, "they", "fish", ".") == [("_", "PRP", "_"), ("_", "VBP", "_"), ("_", ".", "_")]


def test_the_tagger_at_work_is_the_one_that_was_trained() -> None:
    tagger = make_tagger(TREEBANK)
    lengths = np.array([len(s) for s in TREEBANK])
    ids = tagger.features.number(t.form for s in TREEBANK for t in s.tokens)
    batch = Batch(ids[:, :-1], tagger.features.vectors[ids[:, -1]], lengths)
    scores, _ = tagger.forward(batch, Gradients(), 0.0, np.random.default_rng(0))
    expected = np.stack([of_attribute.argmax(axis=1) for of_attribute in scores], axis=1)
    np.testing.assert_array_equal(tagger.runner().tag(ids, lengths), expected)
    assert expected.shape[1] == len(ATTRIBUTES)


def test_figures() -> None:
    tagger = make_tagger(TREEBANK)
    dev = [sentence(("a", "DET", "DT", "_")), sentence(("a", "unheard-of", "DT", "_"))]
    figures = TaggerTask(tagger, (), dev).evaluate()
    assert list(figures) == ["AllTags", "UPOS", "XPOS", "FEATS"]
    assert figures["UPOS"] in (0, 50)  # a tag that it cannot give is always wrong
    assert figures["AllTags"] == pytest.approx(min(figures.values()))
