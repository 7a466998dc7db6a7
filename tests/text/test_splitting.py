"""The rule in plain Python, and the compiled splitter against it."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firth.errors import InputError
from firth.text import splitting
from firth.text.splitting import LOWERCASE_END, lowercase_table, split
from firth.text.word_table import WordTable

EXAMPLES = [
    ("The cat's mat.", ["the", "cat's", "mat"]),
    ("l’homme qu'il ’tis dogs’ o''clock", ["l'homme", "qu'il", "tis", "dogs", "o", "clock"]),
    ("3.14, 1,000; 1.000,50. v2.0 .5 3.x", ["3.14", "1,000", "1.000,50", "v2.0", "5", "3", "x"]),
    ("new_york _private __init__ a__b x_1", ["new_york", "private", "init", "a", "b", "x_1"]),
    ("re-issue and/or e.g. a@b.com", ["re", "issue", "and", "or", "e", "g", "a", "b", "com"]),
    ("Ärger ÉTÉ İstanbul ΟΔΟΣ ΣΑΣ Σ", ["ärger", "été", "i̇stanbul", "οδος", "σας", "σ"]),
    ("e\u0301te\u0301 ca\u0301'va \u0301alone", ["e\u0301te\u0301", "ca\u0301'va", "alone"]),
    ("हिन्दी में", ["हिन्दी", "में"]),
    ("می\u200cخواهم\u200c ک\u200dک", ["می\u200cخواهم", "ک\u200dک"]),
    ("東京タワーへ行く", ["東", "京", "タワー", "へ", "行", "く"]),
    ("か\u3099き 〇々", ["か\u3099", "き", "〇", "々"]),
    ("한국어를 배운다.", ["한국어를", "배운다"]),
    ("ok😀👍🏽👩\u200d👩\u200d👧!❤️", ["ok", "😀", "👍🏽", "👩\u200d👩\u200d👧", "❤️"]),
    ("🇫🇷🇩🇪🇬 🇧x🇺🇸", ["🇫🇷", "🇩🇪", "🇬", "🇧", "x", "🇺🇸"]),
    (
        "🏴\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f!",
        ["🏴\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f"],
    ),
    ("☕️☕ ❤️❤ ✔️ ✔ ©️© Ⓜ️", ["☕️", "☕", "❤️", "✔️", "©️", "ⓜ️"]),
    ("#️⃣ #1 *️⃣ * 1️⃣ ℹ️ ‼️!", ["#️⃣", "1", "*️⃣", "1️⃣", "ℹ️", "‼️"]),
    (
        "👩\u200d❤️\u200d👨 🙋\u200d♀ 🧑\u200d⚕️ 🏳️\u200d🌈 ❤️\u200d🔥 👍\u200d#",
        ["👩\u200d❤️\u200d👨", "🙋\u200d♀", "🧑\u200d⚕️", "🏳️\u200d🌈", "❤️\u200d🔥", "👍"],
    ),
    (
        "co\u00adop\u00ader\u00ada\u00adtion \u200ftea\u200e, \u202bab\u202c \u00ad x",
        ["cooperation", "tea", "ab", "x"],
    ),
    (
        "don\u00ad’\u00adt 3\u200e.14 a\u2060b e\u00ad\u0301 東\u00ad京 🇫\u200e🇷 ❤\u200e️",
        ["don't", "3.14", "ab", "e\u0301", "東", "京", "🇫🇷", "❤️"],
    ),
    ("🏽 👍\u200d a\u200d👍", ["👍", "a", "👍"]),
    ("½ x² Ⅳ ٣٫١٤ ٣.١٤", ["½", "x²", "ⅳ", "٣", "١٤", "٣.١٤"]),
    ("a\u00a0b\u2028c\ufffdd\u200be", ["a", "b", "c", "d", "e"]),
    ("", []),
    (" -- … ", []),
]


def compiled(data: bytes, cuts: list[int] | None = None, **options: bool) -> list[list[str]]:
    """Split UTF-8 with the compiled splitter, fed in blocks that are cut at the given places."""
    table = WordTable(**options)
    places = [0, *sorted(min(cut, len(data)) for cut in cuts or []), len(data)]
    ids: list[int] = []
    for start, end in itertools.pairwise(places):
        ids += table.feed(data[start:end], final=False).tolist()
    ids += table.feed(b"", final=True).tolist()
    assert table.n_words == table.counts.sum() == sum(i >= 0 for i in ids)
    assert table.counts.tolist() == np.bincount([i for i in ids if i >= 0], minlength=len(table)).tolist()
    words = table.words(range(len(table)))
    sentences: list[list[str]] = [[]]
    for i in ids:
        if i >= 0:
            sentences[-1].append(words[i])
        else:
            sentences.append([])
    assert sentences.pop() == [] and all(sentences)
    return sentences


def plain(text: str, lowercase: bool = True, pretokenized: bool = False) -> list[list[str]]:
    lines = (split(line, lowercase=lowercase, pretokenized=pretokenized) for line in text.split("\n"))
    return [words for words in lines if words]


@pytest.mark.parametrize(("line", "words"), EXAMPLES)
def test_rule(line: str, words: list[str]) -> None:
    assert split(line) == words
    assert compiled(line.encode()) == ([words] if words else [])


def test_pretokenized_changes_nothing_but_white_space() -> None:
    line = "Don’t  stop\tU.S.-based\u00a0x\r\n\v„Grüß“\f(\u3000)"
    words = ["Don’t", "stop", "U.S.-based\u00a0x", "„Grüß“", "(\u3000)"]
    assert split(line, lowercase=False, pretokenized=True) == words
    assert compiled(line.encode(), lowercase=False, pretokenized=True) == [words[:3], words[3:]]
    assert split("Ab CD", pretokenized=True) == ["ab", "cd"]


ONE_OF_EACH_CLASS = "a1\u0301中😀🏽\u200d'._ 🇫❤#\ufe0f\u00ad"


def test_compiled_splitter_on_all_short_lines() -> None:
    lines = ["".join(characters) for characters in itertools.product(ONE_OF_EACH_CLASS, repeat=4)]
    text = "\n".join(lines)
    assert compiled(text.encode()) == plain(text)


def test_compiled_splitter_byte_by_byte() -> None:
    lines = ["".join(characters) for characters in itertools.product(ONE_OF_EACH_CLASS, repeat=3)]
    text = "\n".join(lines)
    assert compiled(text.encode(), list(range(len(text.encode())))) == plain(text)


# Any characters, the odd ones more often than others.
TEXT = st.text(
    st.one_of(
        st.sampled_from(
            "🇫☕#Ⓜ\u00ad\u200f\U000e0067"
            "aZ é1٣½.,'’_-\u200d\u200c\u0301\u093eΣΑσİıẞǅȺ中々ひ゛ーカ한😀🏽\ufe0f❤\u00a0\u0085\u2028\ufeff"
        ),
        st.sampled_from(" \n\n\r\t\v\f"),
        st.characters(exclude_characters="\0", exclude_categories=["Cs"]),
    ),
    max_size=60,
)
CUTS = st.lists(st.integers(0, 150), max_size=8)


@settings(max_examples=400, deadline=None)
@given(text=TEXT, cuts=CUTS, lowercase=st.booleans(), pretokenized=st.booleans())
def test_compiled_splitter_follows_the_rule(
    text: str, cuts: list[int], lowercase: bool, pretokenized: bool
) -> None:
    found = compiled(text.encode(), cuts, lowercase=lowercase, pretokenized=pretokenized)
    assert found == plain(text, lowercase, pretokenized)


def _split_before_emoji(line: str) -> list[str]:
    """Split by the rule without flags, variation selectors and invisible characters."""
    letters = splitting._class_letters()
    before = line.translate(letters).translate(str.maketrans("VRWK", "ME  "))  # type: ignore[arg-type]
    rule = re.compile(
        """(?: L (?: M | Z(?=[LNM]) )* (?: '(?=L) | _(?=[LN]) )?
             | N (?: M | Z(?=[LNM]) )* (?: ,(?=N) | _(?=[LN]) )? )+
           | H M* | E [MS]* (?: Z E [MS]* )*""",
        re.VERBOSE,
    )
    spans = (match.span() for match in rule.finditer(before))
    return [line[start:end].replace("’", "'").lower() for start, end in spans]


@settings(max_examples=400, deadline=None)
@given(text=TEXT)
def test_text_without_flags_selectors_and_invisible_characters_is_split_as_ever(text: str) -> None:
    new = "".join(f"{chr(start)}-{chr(end)}" for start, end in splitting._EMOJI_BY_DEFAULT)
    new += f"🇦-🇿\ufe0f{chr(0xE0020)}-{chr(0xE007F)}"
    ordinary = splitting._INVISIBLE_CHARACTERS.sub("", re.sub(f"[{new}]", "", text))
    ordinary = re.sub("\u200d(?=[^\\w\\s])", "", ordinary)  # ties symbols to emoji
    assert split(ordinary) == _split_before_emoji(ordinary)


# Bytes that begin, continue, overstep or break UTF-8: nearly every string of them is invalid somewhere.
BYTES = st.lists(
    st.one_of(
        st.sampled_from(
            [b"a", b" ", b"\n", b"\xc3\xa9", b"\xe4\xb8\xad", b"\xf0\x9f\x98\x80", b"\xef\xbf\xbd"]
        ),
        st.sampled_from(
            [b"\xc0", b"\xc2", b"\xe0\x80", b"\xe0\xa0", b"\xed\xa0\x80", b"\xed\x9f", b"\xf0\x8f"]
        ),
        st.sampled_from([b"\xf0\x90\x80", b"\xf4\x90", b"\xf4\x8f\xbf", b"\xf5", b"\xff", b"\x80", b"\xbf"]),
        st.binary(max_size=3).map(lambda data: data.replace(b"\0", b"")),
    ),
    max_size=25,
).map(b"".join)


@settings(max_examples=400, deadline=None)
@given(data=BYTES, cuts=CUTS, pretokenized=st.booleans())
def test_invalid_bytes_are_replaced_as_python_replaces_them(
    data: bytes, cuts: list[int], pretokenized: bool
) -> None:
    text = data.decode(errors="replace")
    assert compiled(data, cuts, strict=False, pretokenized=pretokenized) == plain(text, True, pretokenized)
    table = WordTable(strict=False, pretokenized=pretokenized)
    table.feed(data, final=True)
    assert table.n_replaced == text.count("\ufffd") - data.count("\ufffd".encode())


@settings(max_examples=400, deadline=None)
@given(data=BYTES, cuts=CUTS, pretokenized=st.booleans())
def test_invalid_bytes_are_found_where_python_finds_them(
    data: bytes, cuts: list[int], pretokenized: bool
) -> None:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = 1 + data[: error.start].count(b"\n")
        with pytest.raises(
            InputError, match=rf"^text:{line}: not valid UTF-8 \(byte 0x{data[error.start]:02x}\)"
        ):
            compiled(data, cuts, pretokenized=pretokenized)
    else:
        assert compiled(data, cuts, pretokenized=pretokenized) == plain(text, True, pretokenized)


@pytest.mark.parametrize("pretokenized", [False, True])
@pytest.mark.parametrize("strict", [False, True])
def test_nul_is_never_text(pretokenized: bool, strict: bool) -> None:
    table = WordTable(pretokenized=pretokenized, strict=strict)
    with pytest.raises(InputError, match=r"^x:3: holds a NUL byte: this looks like a binary"):
        table.feed(b"a\n\nb\0c\n", final=True, name="x")


def test_lines_are_counted_in_each_text_and_across_blocks() -> None:
    table = WordTable()
    table.feed(b"one\ntwo\n", final=False)
    with pytest.raises(InputError, match=r"^text:3:"):
        table.feed(b"\xff", final=False)
    table = WordTable()
    table.feed(b"one\ntwo\n", final=True)
    with pytest.raises(InputError, match=r"^text:1:"):
        table.feed(b"\xff", final=False)


def test_text_ends_a_sentence_and_a_word() -> None:
    table = WordTable()
    first = table.feed(b"one two", final=True).tolist()
    second = table.feed(b"three", final=True).tolist()
    assert first + second == [0, 1, -1, 2, -1]


def test_words_longer_than_blocks() -> None:
    word = b"ab" * 5000
    data = b"x " + word + "\u3000中".encode() * 3 + word
    table = WordTable()
    ids = [i for k in range(0, len(data), 7) for i in table.feed(data[k : k + 7], final=False).tolist()]
    ids += table.feed(b"", final=True).tolist()
    assert ids == [0, 1, 2, 2, 2, 1, -1]
    assert table.words(range(3)) == ["x", word.decode(), "中"]


def test_many_words_make_the_table_grow() -> None:
    # So many that about 20 pairs have the same hash of 31 bits.
    words = [format(i * 0x9E3779B1 & 0xFFFFFFFF, "08x") for i in range(300_000)]
    text = "\n".join([" ".join(words), " ".join(reversed(words))])
    assert compiled(text.encode(), list(range(0, len(text), 100_000))) == [words, words[::-1]]


def test_spellings_are_merged_when_lowercase_needs_the_whole_word() -> None:
    table = WordTable()
    ids = table.feed("οδος ΟΔΟΣ ΟΔΟΣ İ i̇ ΣΑΣ x".encode(), final=True)
    merged = table.merge_spellings()[ids[ids >= 0]]
    assert table.words(merged) == ["οδος", "οδος", "οδος", "i̇", "i̇", "σας", "x"]
    assert len(set(merged.tolist())) == 4
    assert table.counts[merged].tolist() == [3, 3, 3, 2, 2, 1, 1]
    assert table.counts.sum() == 7


def test_lowercase_table_holds_every_lowercase() -> None:
    table = lowercase_table(True)
    later = []
    for code in range(sys.maxunicode + 1):
        lowered = chr(code).lower()
        in_table = chr(table[code]) if code < LOWERCASE_END else chr(code)
        if in_table != lowered:
            later.append(chr(code))
    assert later == ["İ", "Σ"]
    assert (lowercase_table(False) == np.arange(LOWERCASE_END)).all()


def test_kernels_as_plain_python() -> None:
    code = (
        "from firth.text.splitting import split\n"
        "from firth.text.word_table import WordTable\n"
        "from firth.text.kernels import renumber\n"
        "import numpy as np\n"
        'text = "Don’t ΟΔΟΣ 3.14 中ひ 👩\\u200d👧🏽 e\\u0301 x_y 한국 don\'t οδος " * 3\n'
        "table = WordTable(strict=False)\n"
        "ids = table.feed(text.encode() + b'\\xe4\\xb8 z', final=True)\n"
        "ids = table.merge_spellings()[ids[:-1]]\n"
        "assert table.words(ids) == split(text) + ['z'], table.words(ids)\n"
        "assert table.n_replaced == 1 and table.counts.max() == 6\n"
        "ids = np.array([0, 1, -1, 1, -1, 0, -1], dtype=np.int32)\n"
        "assert renumber(ids, np.array([5, -1], dtype=np.int32), False) == (4, False)\n"
        "assert ids[:4].tolist() == [5, -1, 5, -1]\n"
    )
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONWARNINGS": "error::RuntimeWarning"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
