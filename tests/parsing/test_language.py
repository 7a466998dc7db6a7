"""A text in another language than that of the model is told, once."""

from __future__ import annotations

import warnings

import pytest

from firth.parsing.pipeline import Pipeline, load
from firth.parsing.streaming import parse_words

GERMAN = (
    "Die Bundesregierung hat am Mittwoch beschlossen, dass die Steuern im nächsten Jahr nicht erhöht werden "
    "sollen. Der Hund und die Katze sitzen im Garten, weil niemand arbeiten will.\n\n"
)
RUSSIAN = "Вчера я поехал в Москву, чтобы встретиться с друзьями, и мы долго гуляли по улицам.\n\n"
ENGLISH = (
    "lol gonna b there l8r u guys r soooo funny haha omg cant wait 4 tmrw. Prices rose to 17.352 and 81,225 "
    "or 1,2,3,4,5,6 and 99-88-77-66.\n\n"
)
TOLD = "does not look like the language of the model"


@pytest.fixture(scope="module")
def nlp() -> Pipeline:
    return load("en")


@pytest.mark.parametrize("text", [GERMAN, RUSSIAN, GERMAN * 50])
def test_another_language_is_told_once(nlp: Pipeline, text: str) -> None:
    with pytest.warns(UserWarning, match=TOLD) as warned:
        nlp(text)
    assert len(warned) == 1
    for stream in (nlp.stream, nlp.lines):
        with pytest.warns(UserWarning, match=TOLD) as warned:
            list(stream([text]))
        assert len(warned) == 1
    with pytest.warns(UserWarning, match=TOLD) as warned:
        list(nlp.pipe([ENGLISH, text, text]))
    assert len(warned) == 1
    with pytest.warns(UserWarning, match=TOLD) as warned:
        list(parse_words(nlp.parser, nlp.segmenter.segment(text)))
    assert len(warned) == 1


@pytest.mark.parametrize("text", ["", "Ein Hund.", ENGLISH, "1, 2, 3 ... 77 + 88 = 165!? " * 20])
def test_english_and_little_text_is_not_told(nlp: Pipeline, text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nlp(text)
        list(nlp.stream([text]))
        list(nlp.pipe([text]))


def test_models_without_the_usual_share_do_not_judge(nlp: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(nlp.parser.metadata, "known words", 0.3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nlp(GERMAN)
    assert nlp.parser.known_share == 0.3
