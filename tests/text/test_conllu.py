from __future__ import annotations

import gc
import gzip
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from firth.errors import InputError
from firth.text import conllu
from firth.text.document import EmptyNode, MultiwordToken, Sentence, Token

EXAMPLE = """\
# sent_id = 1
# text = Today's tea, and coffee
#no space, no = sign
1-2\tToday's\t_\t_\t_\t_\t_\t_\t_\tAlign=1-7
1\tToday\ttoday\tNOUN\tNN\tNumber=Sing\t3\tnmod:poss\t3:nmod:poss\t_
2\t's\t's\tPART\tPOS\t_\t1\tcase\t1:case\t_
3\ttea\ttea\tNOUN\tNN\tNumber=Sing\t0\troot\t0:root\tSpaceAfter=No
4\t,\t,\tPUNCT\t,\t_\t3\tpunct\t_\t_
4.1\twas\tbe\tAUX\t_\t_\t_\t_\t3:cop\tCopyOf=-1
4.2\t_\t_\t_\t_\t_\t_\t_\t_\t_
5-6\tand coffee\t_\t_\t_\t_\t_\t_\t_\t_
5\tand\tand\tCCONJ\tCC\t_\t6\tcc\t_\t_
6\tcof\u0085 \u2028fee\tcoffee\tNOUN\tNN\t_\t3\tconj\t_\tA=b|C

# newpar
0.1\tEs\t_\t_\t_\t_\t_\t_\t_\t_
1\tregnet\t_\t_\t_\t_\t0\troot\t_\t_

"""


def row(id_: object, head: object = 0, form: str = "x", deprel: str = "dep") -> str:
    return f"{id_}\t{form}\t_\t_\t_\t_\t{head}\t{deprel}\t_\t_\n"


def parse(text: str, *, trees: bool = True) -> list[Sentence]:
    return conllu.load(io.StringIO(text), trees=trees)


def formatted(sentences: list[Sentence]) -> str:
    return "".join(map(conllu.format_sentence, sentences))


# ---------------------------------------------------------------------------------------------- reading


def test_everything_is_read() -> None:
    first, second = parse(EXAMPLE)
    assert first.comments == ["# sent_id = 1", "# text = Today's tea, and coffee", "#no space, no = sign"]
    assert first.sent_id == "1"
    assert first[0] == Token(
        1, "Today", "today", "NOUN", "NN", "Number=Sing", 3, "nmod:poss", "3:nmod:poss", "_"
    )
    assert [token.id for token in first] == [1, 2, 3, 4, 5, 6]
    assert [token.head for token in first] == [3, 1, 0, 3, 6, 3]
    assert first[5].form == "cof\u0085 \u2028fee"  # not a line end for CoNLL-U
    assert first[5].misc == "A=b|C"
    assert first.multiword_tokens == [
        MultiwordToken(1, 2, "Today's", misc="Align=1-7"),
        MultiwordToken(5, 6, "and coffee"),
    ]
    assert first.empty_nodes == [
        EmptyNode(4, 1, "was", "be", "AUX", deps="3:cop", misc="CopyOf=-1"),
        EmptyNode(4, 2, "_"),
    ]
    assert second.empty_nodes == [EmptyNode(0, 1, "Es")]
    assert second.multiword_tokens == []
    assert [token.form for token in second] == ["regnet"]


@pytest.mark.parametrize("corpus", ["en_ewt", "ko_gsd", "hu_szeged"])
def test_treebanks_come_back_byte_by_byte(shared_data: Path, tmp_path: Path, corpus: str) -> None:
    files = sorted((shared_data / "ud" / corpus).glob("*.conllu"))
    assert len(files) == 3
    for file in files:
        conllu.write(conllu.read(file), tmp_path / "copy.conllu")
        assert (tmp_path / "copy.conllu").read_bytes() == file.read_bytes()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(EXAMPLE.replace("\n", "\r\n"), id="line ends of Windows"),
        pytest.param("\ufeff" + EXAMPLE, id="byte order mark"),
        pytest.param(EXAMPLE[:-1], id="no empty line at the end"),
        pytest.param(EXAMPLE[:-2], id="no line end at the end"),
        pytest.param("\n\n" + EXAMPLE.replace("\n\n", "\n\n\n\n\n"), id="more empty lines than needed"),
    ],
)
def test_what_makes_no_difference(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.conllu"
    path.write_bytes(text.encode())
    assert formatted(conllu.load(path)) == EXAMPLE
    assert formatted(parse(text)) == EXAMPLE


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_blocks_are_cut_anywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, size: int) -> None:
    monkeypatch.setattr("firth.text.stream._BLOCK", size)
    path = tmp_path / "a.conllu"
    for text in (EXAMPLE, EXAMPLE.replace("\n", "\r\n"), "\ufeff" + EXAMPLE):
        path.write_bytes(text.encode())
        assert formatted(conllu.load(path)) == EXAMPLE
    path.write_text(2 * EXAMPLE + "\n\n" + row(1) + row(1), encoding="utf-8")
    line = 2 * EXAMPLE.count("\n") + 4
    with pytest.raises(InputError, match=f"a.conllu:{line}: ID is 1 where 2 should be"):
        conllu.load(path)


def test_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = tmp_path / "a.conllu.gz"
    packed.write_bytes(gzip.compress(EXAMPLE.encode()))
    expected = parse(EXAMPLE)
    assert conllu.load(packed) == expected
    assert conllu.load(str(packed)) == expected
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(EXAMPLE.encode()), encoding="latin-1"))
    assert conllu.load("-") == expected
    assert parse("") == parse("\n\n") == []


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_sentences_come_before_the_end_is_read(monkeypatch: pytest.MonkeyPatch, line_end: str) -> None:
    """A program that writes a sentence and waits for its tree gets it."""

    class Endless:
        def read1(self, size: int) -> bytes:
            return (row(1) + "\n").replace("\n", line_end).encode()

    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=Endless()))
    sentences = conllu.read("-")
    assert [next(sentences)[0].form for _ in range(3)] == ["x", "x", "x"]


def test_the_garbage_collector_is_as_it_was() -> None:
    assert gc.isenabled()
    for _ in conllu.read(io.StringIO(EXAMPLE)):
        assert gc.isenabled()
    with pytest.raises(InputError):
        parse(row("x"))
    assert gc.isenabled()
    gc.disable()
    try:
        parse(EXAMPLE)
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_very_long_sentence() -> None:
    n = 30_000
    chain = "".join(row(i, i - 1) for i in range(1, n + 1)) + "\n"
    (sentence,) = parse(chain)
    assert [token.head for token in sentence] == list(range(n))
    with pytest.raises(InputError, match=r"text:\d+: a cycle of heads, 2 → 30000 → 29999 → .* → …; correct"):
        parse(chain.replace(row(2, 1), row(2, n)))


def test_heads_need_not_make_trees() -> None:
    text = row(1, "_") + row(2, 2) + row(3, 0) + row(4, 0) + "\n"
    (sentence,) = parse(text, trees=False)
    assert [token.head for token in sentence] == [None, 2, 0, 0]
    assert conllu.format_sentence(sentence) == text
    for head in ("5", "-1", "x"):
        with pytest.raises(InputError, match=f"text:2: HEAD is '{head}', not an integer from 0 to 2"):
            parse(row(1, "_") + row(2, head), trees=False)


# ---------------------------------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # columns
        ("1\tx\n", "2: 2 columns instead of 10; write '_' for what is not known"),
        (row(1)[:-1] + "\t_\n", "2: 11 columns instead of 10"),
        ("1 x _ _ _ _ 0 root _ _\n", "2: no tabs; CoNLL-U has 10 columns between tabs"),
        (row(1, 2)[:-1] + "\t_\n2\tx\t_\t_\t_\t_\t0\t_\t_\n", "2: 11 columns"),  # 20 in all
        (row(1) + " \t\n" + row(1), "3: white space, where a sentence ends with an empty line"),
        (row(1) + "\t\n" + row(1), "3: white space, where a sentence ends with an empty line"),
        (row(1).replace("\n", "\r") + row(2, 1), r"2: lines end with \r, as on old Macintosh"),
        (row(1) + "  \n" + row(1), "3: white space, where a sentence ends with an empty line"),
        (row(1, form=""), "2: FORM is empty; write '_'"),
        (row(1)[:-2] + "\n", "2: MISC is empty; write '_'"),
        # comments
        (row(1) + "# late\n" + row(2, 1), "3: a comment inside a sentence; put an empty line before it"),
        # identifiers
        (row("x"), "2: ID is 'x', not an integer, a range"),
        (row("", 0), "2: ID is empty"),
        (row("01"), "2: ID is '01', not an integer"),
        (row("١"), "2: ID is '١', not an integer"),
        (row(2), "2: ID is 2 where 1 should be; number the words"),
        (row(1) + row(3, 1), "3: ID is 3 where 2 should be"),
        (row(1) + row(1), "3: ID is 1 where 2 should be; separate sentences with an empty line"),
        (row("9" * 5000), "2: ID is '9"),
        # multiword tokens
        (row(1) + row("1-2", "_") + row(2, 1), "3: 1-2 before word 2; it belongs before its first, 1"),
        (row("2-3", "_") + row(1) + row(2, 1) + row(3, 1), "2: 2-3 before word 1; it belongs"),
        (row("1-2", "_") + row(1) + row("2-3", "_") + row(2, 1) + row(3, 1), "4: 2-3 overlaps 1-2"),
        (row("1-1", "_") + row(1), "2: 1-1 is not a range of two or more words"),
        (row("1-0", "_") + row(1), "2: ID is '1-0', not an integer"),
        (row("1-3", "_") + row(1) + row(2, 1), "2: 1-3 ends after the last word, 2"),
        # empty nodes
        (row("1.1", "_") + row(1), "2: empty node 1.1 where 0.1 should be"),
        (row(1) + row("1.2", "_"), "3: empty node 1.2 where 1.1 should be"),
        (row(1) + row("1.1", "_") + row("1.1", "_"), "4: empty node 1.1 where 1.2 should be"),
        (
            row("1-2", "_") + row("0.1", "_") + row(1) + row(2, 1),
            "3: empty node 0.1 after 1-2; put it before",
        ),
        (row("0.1", "_"), "2: a sentence without words"),
        # heads
        (row(1, "_"), "2: HEAD is '_', but trees are needed here"),
        (row(1) + row(2, "one"), "3: HEAD is 'one', not an integer from 0 to 2"),
        (row(1) + row(2, 3), "3: HEAD is '3', not an integer from 0 to 2"),
        (row(1) + row(2, -1), "3: HEAD is '-1', not an integer"),
        (row(1) + row(2, "01"), "3: HEAD is '01', not an integer"),
        (row(1) + row(2, "1_0"), "3: HEAD is '1_0', not an integer"),
        (row(1) + row(2, 2), "3: word 2 is its own head"),
        (row(1) + row(2, 1) + row(3, 0), "4: a second root, after word 1"),
        (row(1, 2) + row(2, 1), "2: a sentence without root"),
        (
            row(1) + row(2, 3) + row(3, 4) + row(4, 2),
            "3: a cycle of heads, 2 → 3 → 4 → 2; correct one of them",
        ),
        (row(1, 2) + row(2, 3) + row(3, 2) + row(4), "3: a cycle of heads, 2 → 3 → 2"),  # 1 leads into it
        # the line of a word, where others than words have lines too
        (row("1-2", "_") + row(1) + row(2, 1) + row("2.1", "_") + row(3, 9), "6: HEAD is '9'"),
    ],
)
def test_mistakes(text: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        parse("# a comment\n" + text + "\n")
    # The example as a whole begins in line 1, and what comes before a mistake is no matter.
    assert str(error.value).startswith("text:" + message)
    assert "\n" not in str(error.value)
    with pytest.raises(InputError) as later:
        parse(EXAMPLE + "# a comment\n" + text + "\n")
    line = int(message.partition(":")[0]) + EXAMPLE.count("\n")
    assert str(later.value).startswith(f"text:{line}:")


def test_comments_without_words_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "# newdoc\n\n# id\n\n\n"
        + row(1)
        + "\n# newpar\n\n# sent_id = 2\n"
        + row(1)
        + "\n# the end\n\n# really"
    )
    for size in (1 << 20, 1, 5):
        monkeypatch.setattr("firth.text.stream._BLOCK", size)
        first, second = sentences = parse(text)
        assert first.comments == ["# newdoc", "# id"]
        assert (first.comments_after, second.comments_after) == ([], ["# the end", "# really"])
        assert second.comments == ["# newpar", "# sent_id = 2"]
        assert formatted(sentences).endswith("\n\n# the end\n# really\n\n")
        assert parse(formatted(sentences)) == sentences
    with pytest.raises(InputError, match="text:3: comments, but no words after them"):
        parse("\n\n# a\n\n# b\n")


def test_comments_at_the_end_of_standard_input_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    data = (row(1) + "\n# the end\n").encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    with pytest.warns(UserWarning, match=r"standard input:3: 1 comment\(s\) after"):
        assert len(conllu.load("-")) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# global.columns = ID FORM X:Y\n1\ta\tb\n\n", "text:1: CoNLL-U Plus, .* ID FORM X:Y; .*convert it"),
        (
            "# a\n# global.columns = ID FORM LEMMA UPOS XPOS FEATS HEAD DEPREL DEPS MISC NE\n\n" + row(1),
            "text:2: CoNLL-U Plus.*cut -f 1-10",
        ),
        ("# global.columns = FORM ID LEMMA UPOS XPOS FEATS HEAD DEPREL DEPS MISC\n" + row(1), "convert it"),
        (("# a\n" + row(1) + row(2, 1) + "\n").replace("\n", "\r"), r"text:1: lines end with \\r"),
        ((row(1) + row(2, 1) + "\n").replace("\n", "\r"), r"text:1: lines end with \\r"),
    ],
)
def test_other_formats_are_told_by_name(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse(text)


def test_the_columns_of_conllu_may_be_named() -> None:
    names = "# global.columns = ID FORM LEMMA UPOS XPOS FEATS HEAD DEPREL DEPS MISC\n"
    assert parse(names + row(1))[0].comments == [names.strip()]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "a.conllu"
    with pytest.raises(InputError, match="no such file"):
        conllu.load(path)
    path.write_bytes(EXAMPLE.encode() + b"1\tcaf\xe9\t_\t_\t_\t_\t0\troot\t_\t_\n\n")
    line = EXAMPLE.count("\n") + 1
    with pytest.raises(InputError, match=f"a.conllu:{line}: not UTF-8; convert the file"):
        conllu.load(path)
    with path.open(encoding="utf-8") as file, pytest.raises(InputError, match="not utf-8 text; open it with"):
        conllu.load(file)
    path.write_bytes(EXAMPLE.encode() + b"# ends in the middle of a character \xc3")
    with pytest.raises(InputError, match=f"a.conllu:{line}: not UTF-8"):
        conllu.load(path)
    broken = tmp_path / "a.conllu.gz"
    broken.write_bytes(gzip.compress(EXAMPLE.encode())[:-9])
    with pytest.raises(InputError, match="truncated or broken"):
        conllu.load(broken)


# ---------------------------------------------------------------------------------------------- writing


def test_write_to_a_file_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.conllu"
    conllu.write(parse(EXAMPLE), path)
    assert path.read_bytes() == EXAMPLE.encode()
    conllu.write(parse(EXAMPLE), tmp_path / "a.conllu.xz")
    assert conllu.load(tmp_path / "a.conllu.xz") == parse(EXAMPLE)

    def interrupted() -> Iterator[Sentence]:
        yield parse(EXAMPLE)[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        conllu.write(interrupted(), path)
    assert path.read_bytes() == EXAMPLE.encode()
    assert len(list(tmp_path.iterdir())) == 2


def test_write_to_an_open_file() -> None:
    file = io.StringIO()
    conllu.write(parse(EXAMPLE), file)
    assert file.getvalue() == EXAMPLE


@pytest.mark.parametrize(
    ("sentence", "message"),
    [
        (Sentence([]), "it has no words"),
        (Sentence([Token(2, "a")]), "the numbers of its words are not 1 to 1"),
        (Sentence([Token(1, "a\tb")]), "a column is empty .* or holds a tab or a line end"),
        (Sentence([Token(1, "a\nb")]), "or a line end"),
        (Sentence([Token(1, "")]), "a column is empty"),
        (Sentence([Token(1, "a", misc="")]), "a column is empty"),
        (Sentence([Token(1, "a", misc="b\r")]), "or a line end"),
        (Sentence([Token(1, "a")], ["text = a"]), "'text = a' is not one line that begins with '#'"),
        (Sentence([Token(1, "a")], ["# a\nb"]), "is not one line"),
        (Sentence([Token(1, "a")], ["# a\r"]), "is not one line"),
        (Sentence([Token(1, "a")], [], [MultiwordToken(1, 2, "ab")]), "1-2 ends after the last word, 1"),
        (Sentence([Token(1, "a")], [], [MultiwordToken(3, 4, "ab")]), "3-4 before word 2"),
        (Sentence([Token(1, "a")], [], [], [EmptyNode(2, 1, "b")]), "empty node 2.1 where 1.1 should be"),
        (Sentence([Token(1, "a\ud800")]), "half a surrogate pair"),
    ],
)
def test_what_cannot_be_written(tmp_path: Path, sentence: Sentence, message: str) -> None:
    with pytest.raises(InputError, match=f"cannot be written as CoNLL-U: .*{message}"):
        conllu.write([sentence], tmp_path / "a.conllu")
    assert list(tmp_path.iterdir()) == []


def test_the_order_of_lists_does_not_matter() -> None:
    first, second = parse(EXAMPLE)
    for sentence in (first, second):
        sentence.multiword_tokens.reverse()
        sentence.empty_nodes.reverse()
    assert formatted([first, second]) == EXAMPLE


# ---------------------------------------------------------------------------------------------- properties

# Anything but what ends a column or a line, or cannot be written in UTF-8; \r only where no \n follows it.
columns = st.one_of(
    st.sampled_from(["_", "a", "1", "#", "1-2", "A=b|C=d", "\u00a0", "a b", "\u2028", "\ufeff"]),
    st.text(st.characters(exclude_characters="\t\n\r", exclude_categories=["Cs"]), min_size=1, max_size=4),
)


@st.composite
def sentences(draw: st.DrawFn) -> Sentence:
    n = draw(st.integers(1, 8))
    order = draw(st.permutations(range(1, n + 1)))
    heads = {order[0]: 0, **{word: order[draw(st.integers(0, i))] for i, word in enumerate(order[1:])}}
    tokens = [
        Token(i, *[draw(columns) for _ in range(5)], heads[i], *[draw(columns) for _ in range(3)])
        for i in range(1, n + 1)
    ]
    multiword_tokens = []
    after = 0  # the last word of the range before
    for first in sorted(draw(st.sets(st.integers(1, n), max_size=2))):
        if after < first < n:
            after = draw(st.integers(first + 1, n))
            multiword_tokens.append(MultiwordToken(first, after, *[draw(columns) for _ in range(9)]))
    empty_nodes = [
        EmptyNode(place, index, *[draw(columns) for _ in range(9)])
        for place in sorted(draw(st.sets(st.integers(0, n), max_size=2)))
        for index in range(1, draw(st.integers(2, 3)))
    ]
    comments = ["#" + comment for comment in draw(st.lists(columns, max_size=2))]
    return Sentence(tokens, comments, multiword_tokens, empty_nodes)


@given(st.lists(sentences(), max_size=3))
def test_round_trip(given_sentences: list[Sentence]) -> None:
    text = formatted(given_sentences)
    read = parse(text)
    assert read == given_sentences
    assert formatted(read) == text


PIECES = [
    "",
    "\t",
    "\n",
    "\r",
    "\n\n",
    "#",
    "_",
    "0",
    "1",
    "2",
    "-",
    ".",
    "1-2\t",
    "0.1\t",
    " ",
    "\ufeff",
    "\xe9",
]


@given(
    st.lists(
        st.tuples(st.integers(0, len(EXAMPLE)), st.integers(0, 12), st.sampled_from(PIECES)),
        min_size=1,
        max_size=4,
    ),
    st.booleans(),
)
@example([(0, 10**6, "")], True)
def test_corrupted_text_is_read_or_refused(edits: list[tuple[int, int, str]], trees: bool) -> None:
    text = EXAMPLE
    for place, deleted, inserted in edits:
        text = text[:place] + inserted + text[place + deleted :]
    try:
        read = parse(text, trees=trees)
    except InputError as error:
        assert str(error).startswith("text:")
    else:
        assert parse(formatted(read), trees=trees) == read


@given(st.binary(max_size=60), st.integers(0, len(EXAMPLE.encode())), st.integers(0, 60))
def test_corrupted_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, inserted: bytes, place: int, deleted: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "corrupted.conllu"
    data = EXAMPLE.encode()
    path.write_bytes(data[:place] + inserted + data[place + deleted :])
    try:
        read = conllu.load(path)
    except InputError as error:
        assert str(error).startswith(f"{path}:")
    else:
        assert parse(formatted(read)) == read


@given(st.lists(st.integers(0, 6), min_size=1, max_size=6))
def test_tree_fault(heads: list[int]) -> None:
    heads = [min(head, len(heads)) for head in heads]

    def leads_to_root(word: int) -> bool:
        for _ in heads:
            word = heads[word - 1] if word else 0
        return word == 0

    is_tree = heads.count(0) == 1 and all(map(leads_to_root, range(1, len(heads) + 1)))
    fault = conllu.tree_fault(heads)
    assert (fault is None) == is_tree
    if fault is not None and "cycle" in fault[1]:
        assert not leads_to_root(fault[0])
