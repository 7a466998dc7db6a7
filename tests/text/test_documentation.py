"""The corpus of ``firth demo``: prose, and the same each time."""

from __future__ import annotations

from pathlib import Path

import pytest

from firth.text import documentation


def test_documentation_is_written_once_and_always_the_same(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        n_words = documentation.write_documentation(tmp_path / name, most_words=20_000)
    text = (tmp_path / "a.txt").read_text(encoding="utf-8")
    assert text == (tmp_path / "b.txt").read_text(encoding="utf-8")
    assert n_words == len(text.split()) >= 20_000
    assert len(set(text.splitlines())) == len(text.splitlines())


def test_paragraphs_are_prose() -> None:
    source = '''
# A comment of two lines that says something
# about the program, with a full stop at its end.
x = 1  # not this one, which stands behind the code of a line.
def f(the_argument):
    """Do something with the_argument that takes a sentence to say.

    A second paragraph, which is long enough to be one.

    >>> f(1) + f(2) * f(3) == [1, 2, 3] or {"a": 1, "b": 2, "c": 3}

    short.
    """
'''
    assert [
        line
        for text in documentation.docstrings_and_comments(source)
        for line in documentation.paragraphs(text)
    ] == [
        "A comment of two lines that says something about the program, with a full stop at its end.",
        "Do something with that takes a sentence to say.",
        "A second paragraph, which is long enough to be one.",
    ]


def test_the_language_reference_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In every version of Python, however it writes the long strings in that file."""
    reference = Path(pytest.importorskip("pydoc_data.topics").__file__)
    assert reference in documentation.source_files()
    monkeypatch.setattr(documentation, "source_files", lambda: [reference])
    assert documentation.write_documentation(tmp_path / "a.txt") > 20_000
    lines = (tmp_path / "a.txt").read_text(encoding="utf-8").splitlines()
    assert "Assert statements are a convenient way to insert debugging assertions into a program:" in lines


@pytest.mark.parametrize(
    "literal", ["'The first line\\n'\n  'and the second.\\n'", "'''The first line\nand the second.\n'''"]
)
def test_strings_of_a_dictionary(literal: str) -> None:
    assert list(documentation.strings(f"topics = {{'key': {literal}}}")) == [
        "key",
        "The first line\nand the second.\n",
    ]
