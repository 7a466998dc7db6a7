"""Text that is divided into words already: one word a line, and a blank line after each sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from firth.arrays import PathLike
from firth.errors import InputError
from firth.text.document import Sentence, Token
from firth.text.stream import lines_as_they_come, source_name


def sentence_of_words(words: Sequence[str]) -> Sentence:
    """Return a sentence of words, with the comment ``# text``.

    Raises
    ------
    InputError
        There are no words, or one is blank or holds a tab or a line end.
    """
    if not words:
        raise InputError("it has no words; leave it out")
    for number, word in enumerate(words, 1):
        if not word.strip():
            raise InputError(f"word {number} is blank; leave it out")
        if any(character in word for character in "\t\n\r"):
            raise InputError(f"word {number}, {word[:40]!r}, holds a tab or a line end; take it out")
    tokens = [Token(number, word) for number, word in enumerate(words, 1)]
    return Sentence(tokens, [f"# text = {' '.join(words)}"])


def read_words(source: PathLike) -> Iterator[Sentence]:
    """Read sentences from a file with one word a line and a blank line after each sentence.

    Parameters
    ----------
    source
        A file (it may end in .gz or .xz), or ``"-"`` for standard input.

    Yields
    ------
    Sentence
        The sentences are numbered (``# sent_id``). White space around a word is left out.

    Raises
    ------
    InputError
        The file cannot be read, is not UTF-8, or a line has several columns.
    """
    name = source_name(source)
    n_lines = n_sentences = 0
    words: list[str] = []
    for lines in lines_as_they_come(source):
        for line in lines:
            n_lines += 1
            word = line.strip()
            if "\t" in word or "\r" in word:
                raise InputError(f"{name}:{n_lines}: {_not_a_word(word)}")
            if word:
                words.append(word)
            elif words:
                n_sentences += 1
                yield _numbered(words, n_sentences)
                words = []
    if words:
        yield _numbered(words, n_sentences + 1)


def _not_a_word(line: str) -> str:
    if "\t" in line:
        return "a tab, where each line is one word; keep the column of words only, or use --input conllu"
    return "line ends of old Macintosh files (\\r); convert them, for example with tr '\\r' '\\n'"


def _numbered(words: Sequence[str], number: int) -> Sentence:
    sentence = sentence_of_words(words)
    sentence.comments.insert(0, f"# sent_id = {number}")
    return sentence
