from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterable
from copy import deepcopy
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth.errors import InputError
from firth.parsing.evaluation import RawScores, RelationScore, evaluate, evaluate_raw
from firth.text import conllu
from firth.text.document import MultiwordToken, Sentence, Token

FIGURES = ["UAS", "LAS", "CLAS", "UPOS", "XPOS", "FEATS", "lemmas"]


def tree(words: str) -> Sentence:
    """Make a sentence of ``form/head/relation`` with spaces between."""
    columns = [word.split("/") for word in words.split(" ")]
    return Sentence(
        [
            Token(i, form, head=int(head), deprel=deprel)
            for i, (form, head, deprel) in enumerate(columns, start=1)
        ]
    )


GOLD = tree("The/2/det cat/4/nsubj:pass was/4/aux:pass fed/0/root quickly/4/advmod ./4/punct")
#                  wrong subtype    wrong relation   right       wrong head       wrong head
SYSTEM = tree("The/2/det cat/4/nsubj:outer was/4/cop fed/0/root quickly/3/advmod ./5/punct")


# ---------------------------------------------------------------------------------------------- same words


def test_by_hand() -> None:
    scores = evaluate([GOLD], [SYSTEM])
    assert scores.uas == pytest.approx(100 * 4 / 6)
    assert scores.las == pytest.approx(100 * 3 / 6)  # det nsubj root
    assert scores.clas == pytest.approx(100 * 2 / 3)  # content: nsubj root advmod in both
    assert (scores.n_words, scores.n_sentences) == (6, 1)
    assert scores.to_dict() == dict(
        zip(FIGURES, [scores.uas, scores.las, scores.clas, 100, 100, 100, 100], strict=True)
    )


def test_other_conventions() -> None:
    scores = evaluate([GOLD], [SYSTEM], punctuation=False)
    assert scores.n_words == 5
    assert (scores.uas, scores.las) == pytest.approx((100 * 4 / 5, 100 * 3 / 5))
    assert scores.clas == pytest.approx(100 * 2 / 3)
    scores = evaluate([GOLD], [SYSTEM], subtypes=True)
    assert (scores.uas, scores.las) == pytest.approx((100 * 4 / 6, 100 * 2 / 6))
    assert scores.clas == pytest.approx(100 * 1 / 3)
    assert "nsubj:pass" in scores.relations


def test_punctuation_is_what_is_punctuation_in_the_gold_tree() -> None:
    gold = tree("a/0/root b/1/obj")
    system = tree("a/0/root b/1/punct")
    assert evaluate([gold], [system], punctuation=False).n_words == 2
    assert evaluate([system], [gold], punctuation=False).n_words == 1


def test_content_words_are_counted_on_both_sides() -> None:
    gold = tree("a/0/root b/1/obj c/1/case d/1/obl")
    system = tree("a/0/root b/1/case c/1/case d/1/case")
    # Precision 1/1, recall 1/3: the F1 is not the mean of the two.
    assert evaluate([gold], [system]).clas == pytest.approx(50)
    assert evaluate([system], [gold]).clas == pytest.approx(50)


def test_tags() -> None:
    gold = Sentence(
        [Token(1, "a", "a", "X", "x", "A=1|B=2", 0, "root"), Token(2, "b", "_", "Y", "y", "_", 1)]
    )
    system = Sentence(
        [Token(1, "a", "b", "X", "z", "B=2|A=1", 0, "root"), Token(2, "b", "c", "Z", "y", "C=3")]
    )
    scores = evaluate([gold], [system])
    assert (scores.upos, scores.xpos, scores.feats) == (50, 50, 50)
    assert scores.lemmas == 50  # a lemma that is not known cannot be wrong
    assert scores.uas == 50  # a missing head is


def test_relations() -> None:
    gold = [tree("a/0/root b/1/obj c/1/obj d/1/obj"), tree("a/0/root")]
    system = [tree("a/0/root b/1/obl c/1/obj d/2/obl"), tree("a/0/root")]
    scores = evaluate(gold, system)
    assert scores.relations == {
        "obj": RelationScore(gold=3, system=1, correct=1, attached=2),
        "root": RelationScore(gold=2, system=2, correct=2, attached=2),
        "obl": RelationScore(gold=0, system=2, correct=0, attached=0),
    }
    assert list(scores.relations) == ["obj", "root", "obl"]  # by frequency
    obj = scores.relations["obj"]
    assert (obj.precision, obj.recall, obj.f1, obj.attachment) == pytest.approx((100, 100 / 3, 50, 200 / 3))
    obl = scores.relations["obl"]
    assert (obl.precision, obl.recall, obl.f1, obl.attachment) == (0, 0, 0, 0)
    assert scores.confusions == {("obj", "obl"): 2}


def test_confusions_come_with_the_most_frequent_first() -> None:
    gold = [tree("a/0/root b/1/obj c/1/obl d/1/obl")]
    system = [tree("a/0/root b/1/iobj c/1/obj d/1/obj")]
    assert list(evaluate(gold, system).confusions.items()) == [(("obl", "obj"), 2), (("obj", "iobj"), 1)]


@pytest.mark.parametrize(
    ("gold", "system", "message"),
    [
        ([], [], "there are no gold sentences"),
        ([GOLD], [], "only the gold side has a sentence 1"),
        ([GOLD], [GOLD, GOLD], "only the system side has a sentence 2"),
        ([tree("a/0/root")], [tree("b/0/root")], "sentence 1, word 1: 'b' instead of 'a'"),
        ([tree("a/0/root")], [tree("a/0/root b/1/dep")], "sentence 1, word 2: 'b' instead of nothing"),
        ([tree("a/0/root b/1/dep")], [tree("a/0/root")], "sentence 1, word 2: nothing instead of 'b'"),
        ([Sentence([Token(1, "a")])], [tree("a/0/root")], "sentence 1, word 1: no head in the gold tree"),
    ],
)
def test_what_cannot_be_compared(gold: list[Sentence], system: list[Sentence], message: str) -> None:
    with pytest.raises(InputError, match=message):
        evaluate(gold, system)


def test_a_sentence_is_named_by_its_identifier() -> None:
    gold, system = tree("a/0/root"), tree("b/0/root")
    gold.comments = ["# sent_id = news-7"]
    with pytest.raises(InputError, match=r"sentence 1 \(news-7\), word 1"):
        evaluate([gold], [system])


# ---------------------------------------------------------------------------------------------- raw text


def segmented(words: str) -> Sentence:
    """Make a sentence of forms, ``don't=do+n't`` for a multiword token; the first word is the root."""
    forms: list[str] = []
    multiword_tokens = []
    for word in words.split(" "):
        surface, _, parts = word.partition("=")
        inner = parts.split("+") if parts else [surface]
        if parts:
            multiword_tokens.append(MultiwordToken(len(forms) + 1, len(forms) + len(inner), surface))
        forms += inner
    tokens = [Token(i, form, head=int(i > 1)) for i, form in enumerate(forms, start=1)]
    return Sentence(tokens, [], multiword_tokens)


@pytest.mark.parametrize(
    ("gold", "system", "n_aligned"),
    [
        # by characters
        ("a b", "a b", 2),
        ("ab c", "a b c", 1),
        ("a bc d", "ab c d", 1),
        ("abc", "a b c", 0),
        # by form, where there are multiword tokens
        ("ab=a+b c", "a b c", 3),
        ("a b c", "ab=a+b c", 3),
        ("AB=a+b", "A B", 2),  # in lower case
        ("du=de+le x", "du=de+les x", 2),
        ("du=de+le x", "du x", 1),
        ("du=de+le", "d u", 0),
        ("aabc=a+b+c", "aabc=b+a+b+c", 3),  # the longest common subsequence
        ("xyz=a+b+a", "xyz=b+a+b", 2),
        # a span goes on while a multiword token of either side does
        ("ab=a+b cd=c+d", "a bc=b+c d", 4),
        ("abcd=a+b+c+d e", "ab=a+b cd=c+d e", 5),
        # words that begin before the span, or end after it, are not in it
        ("a bc=b+c", "ab c", 1),
        ("ab=a+b c", "a bc", 1),
        ("a b cd=c+d", "abc d", 1),
        ("a bc=abc+x", "abc", 0),
        ("a bcd", "ab cd=bcd+y", 0),
        # ... but only one such word is left out: the definition has it so
        ("ab c=b+c", "a b c", 2),
        # spans that touch stay apart
        ("ab=x+y cd=z+w", "ab=x+z cd=y+w", 2),
    ],
)
def test_words_are_aligned(gold: str, system: str, n_aligned: int) -> None:
    right, given = segmented(gold), segmented(system)
    expected = 200 * n_aligned / (len(right) + len(given))
    assert evaluate_raw([right], [given]).words_f1 == pytest.approx(expected)
    scores = evaluate_raw(
        [right, segmented("x y")], [given, segmented("x y")]
    )  # what follows is not affected
    assert scores.words_f1 == pytest.approx(200 * (n_aligned + 2) / (len(right) + len(given) + 4))


def test_segmentation() -> None:
    gold = [segmented("a b."), segmented("don't=do+n't e")]
    system = [segmented("a b . don't"), segmented("e")]
    scores = evaluate_raw(gold, system)
    assert isinstance(scores, RawScores)
    assert scores.sentences_f1 == 0
    assert scores.tokens_f1 == pytest.approx(200 * 3 / 9)  # a, don't, e of 4 and 5
    assert scores.words_f1 == pytest.approx(200 * 2 / 10)  # a, e of 5 and 5
    assert list(scores.to_dict()) == [*FIGURES, "words_f1", "tokens_f1", "sentences_f1"]
    assert (scores.n_words, scores.n_sentences) == (5, 2)
    assert evaluate_raw(gold, [gold[0], segmented("don't e")]).sentences_f1 == 100
    assert evaluate_raw(gold, [gold[0], segmented("don't"), segmented("e")]).sentences_f1 == pytest.approx(40)


def test_trees_over_different_words() -> None:
    gold = tree("a/0/root b/1/obj cd/2/nmod e/3/case f/4/punct")
    system = tree("a/0/root b/1/obj c/2/nmod d/3/flat e/4/case f/1/punct")
    scores = evaluate_raw([gold], [system])
    # a, b, e, f are aligned. e is right in neither: its gold head is aligned with nothing.
    assert scores.words_f1 == pytest.approx(200 * 4 / 11)
    assert scores.uas == scores.las == pytest.approx(200 * 2 / 11)
    assert scores.clas == pytest.approx(200 * 2 / (3 + 4))  # root obj nmod; root obj nmod flat
    assert scores.upos == pytest.approx(scores.words_f1)


def test_heads_across_different_sentences() -> None:
    """A head is right if it is the same word, wherever it is in its sentence."""
    gold = [tree("a/0/root"), tree("b/2/obj c/0/root d/2/obj")]
    system = [tree("a/2/obj b/3/obj c/0/root"), tree("d/0/root")]
    scores = evaluate_raw(gold, system)
    assert (scores.words_f1, scores.sentences_f1) == (100, 0)
    assert scores.uas == scores.las == 50  # b, c


def test_white_space_does_not_matter() -> None:
    gold, system = tree("1\u00a0000/0/root x/1/dep"), tree("1000/0/root x/1/dep")
    assert evaluate_raw([gold], [system]).las == 100


@pytest.mark.parametrize(
    ("system", "message"),
    [
        (
            ["a b c", "d X f"],
            r"'ef' in the gold text \(sentence 2\) is 'Xf' in the system text \(sentence 2\)",
        ),
        (["a b", "c d e f g"], r"nothing in the gold text \(sentence 2\) is 'g' in the system text"),
        (
            ["a", "b", "c d e"],
            r"'f' in the gold text \(sentence 2\) is nothing in the system text \(sentence 3",
        ),
        ([], r"'abcdef' in the gold text \(sentence 1\) is nothing in the system text"),
    ],
)
def test_the_text_must_be_the_same(system: list[str], message: str) -> None:
    gold = [segmented("a b c"), segmented("d e f")]
    with pytest.raises(InputError, match=message):
        evaluate_raw(gold, map(segmented, system))


def test_raw_evaluation_needs_gold_trees() -> None:
    with pytest.raises(InputError, match="no gold sentences"):
        evaluate_raw([], [])
    with pytest.raises(InputError, match="word 1: no head in the gold tree"):
        evaluate_raw([Sentence([Token(1, "a")])], [tree("a/0/root")])


# ---------------------------------------------------------------------------------------------- properties


@st.composite
def treebanks(draw: st.DrawFn) -> list[Sentence]:
    """Return sentences with a root of relation root each, and some multiword tokens."""
    sentences = []
    for _ in range(draw(st.integers(1, 3))):
        n = draw(st.integers(1, 6))
        tokens = [
            Token(
                i,
                draw(st.text("abAB", min_size=1, max_size=3)),
                head=draw(st.integers(1, i - 1)) if i > 1 else 0,
                deprel=draw(st.sampled_from(["nsubj:pass", "case", "punct", "obj"])) if i > 1 else "root",
            )
            for i in range(1, n + 1)
        ]
        sentence = Sentence(tokens)
        if n > 1 and draw(st.booleans()):
            first = draw(st.integers(1, n - 1))
            form = draw(st.text("ab", min_size=1, max_size=4))
            sentence.multiword_tokens = [MultiwordToken(first, draw(st.integers(first + 1, n)), form)]
        sentences.append(sentence)
    return sentences


@given(treebanks(), st.booleans(), st.booleans())
def test_the_gold_trees_are_right(gold: list[Sentence], punctuation: bool, subtypes: bool) -> None:
    scores = evaluate(gold, gold, punctuation=punctuation, subtypes=subtypes)
    assert set(scores.to_dict().values()) == {100.0}
    assert set(evaluate_raw(gold, gold).to_dict().values()) == {100.0}


@given(treebanks(), st.randoms(use_true_random=False))
def test_over_the_same_words_both_evaluations_agree(gold: list[Sentence], random_: random.Random) -> None:
    system = perturbed(gold, random_, 0.5)
    scores = evaluate_raw(gold, system)
    assert evaluate(gold, system).to_dict().items() <= scores.to_dict().items()
    assert scores.words_f1 == scores.tokens_f1 == scores.sentences_f1 == 100


def perturbed(sentences: Iterable[Sentence], random_: random.Random, share: float) -> list[Sentence]:
    """Return sentences with some other tags, heads and relations, which need not make trees."""
    changed = deepcopy(list(sentences))
    for sentence in changed:
        for token in sentence:
            if random_.random() < share:
                token.head = random_.randrange(len(sentence) + 1)
            for column, values in (
                ("deprel", ["nsubj", "nsubj:pass", "case", "punct", "obl:tmod", "nonsense"]),
                ("upos", ["NOUN", "VERB"]),
                ("xpos", ["NN", "VB"]),
                ("feats", ["_", "|".join(reversed(token.feats.split("|")))]),
            ):
                if random_.random() < share:
                    setattr(token, column, random_.choice(values))
    return changed


@pytest.mark.parametrize("corpus", ["en_ewt", "ko_gsd", "hu_szeged"])
def test_agreement_with_an_independent_scorer(shared_data: Path, tmp_path: Path, corpus: str) -> None:
    scorer = shared_data.parent / "tools" / "ud_eval.py"
    gold = list(islice(conllu.read(shared_data / "ud" / corpus / "dev.conllu"), 400))
    system = perturbed(gold, random.Random(1), 0.2)
    gold_file, system_file = tmp_path / "gold.conllu", tmp_path / "system.conllu"
    conllu.write(gold, gold_file)
    conllu.write(system, system_file)
    for punctuation in (True, False):
        for subtypes in (True, False):
            options = ["--subtypes"] * subtypes + ["--no-punct"] * (not punctuation)
            command = [sys.executable, scorer, gold_file, system_file, "--json", *options]
            expected = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
            scores = evaluate(gold, system, punctuation=punctuation, subtypes=subtypes)
            assert scores.n_words == expected["words"]
            found = [scores.uas, scores.las, scores.clas, scores.upos, scores.xpos, scores.feats]
            names = ["UAS", "LAS", "CLAS", "UPOS", "XPOS", "UFeats"]
            assert found == pytest.approx([expected[name] for name in names], abs=1e-9)
