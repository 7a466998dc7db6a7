"""``firth parse``: from text to dependency trees."""
# ruff: noqa: D301 (the character \b in a docstring tells typer to keep the lines below as they are)

from __future__ import annotations

import codecs
import json
import re
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from enum import Enum
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, TypeAlias

import typer

from firth.cli.options import Quiet
from firth.cli.output import check_folder, note
from firth.errors import InputError

if TYPE_CHECKING:
    from firth.parsing.parser.parser import Parser
    from firth.parsing.pipeline import Pipeline
    from firth.parsing.segmenter.segmenter import Segmenter
    from firth.progress import Progress
    from firth.text.document import MultiwordToken, Sentence, Token

STANDARD_INPUT = "-"

_BLOCK = 1 << 20  # bytes of text that are read at a time
_PIECE = 1 << 15  # characters that are analysed at a time
_TAIL = 1 << 12  # characters at the end of a piece in which a sentence should end
_BATCH = 1000  # sentences of CoNLL-U that are parsed at a time
_LONGEST_TRACE = 1000  # words: the table of a trace has about as many cells as their square

_SVG_SIZE = re.compile(r'width="(\d+)" height="(\d+)"')
_COLUMNS = ("form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")

Write: TypeAlias = Callable[[str], object]


class Format(Enum):
    """What to make of trees."""

    conllu = "conllu"
    tree = "tree"
    json = "json"
    svg = "svg"
    trace = "trace"


class Input(Enum):
    """What is read."""

    text = "text"
    conllu = "conllu"


_FORMAT_OF = {".json": Format.json, ".jsonl": Format.json, ".svg": Format.svg, ".md": Format.trace}


def parse(
    file: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE|-",
            help="A text in UTF-8, or a .conllu file; also .gz or .xz. - is standard input.",
            show_default="standard input",
        ),
    ] = None,
    text: Annotated[str | None, typer.Option(help="The text itself.", show_default=False)] = None,
    model: Annotated[
        str, typer.Option(metavar="MODEL", help="A model file, or en: the one that comes with firth.")
    ] = "en",
    format: Annotated[
        Format | None,
        typer.Option(
            help="What to write; see below.",
            show_default="what the suffix of OUT says; tree on a terminal, else conllu",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="OUT", help="Write to this file.", show_default="standard output"
        ),
    ] = None,
    input: Annotated[
        Input | None,
        typer.Option(help="What is read.", show_default="conllu if FILE ends in .conllu, else text"),
    ] = None,
    gold_tags: Annotated[
        bool, typer.Option("--gold-tags", help="CoNLL-U: read the tags that are there, and keep them.")
    ] = False,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads.", show_default="all cores")] = None,
    quiet: Quiet = False,
) -> None:
    """Find the words and sentences of a text, tag them and draw their dependency trees.

    A text may be as long as you like: trees come out while it is read. A blank line ends a sentence. In
    CoNLL-U, tags, heads and relations are replaced, and all else is kept.

    \b
    Formats:
      conllu  CoNLL-U
      tree    a tree drawn with lines, a word a line
      json    JSON Lines: an object a sentence; start and end in characters
      svg     a picture, all trees below each other
      trace   the steps of the parser; in Markdown if OUT ends in .md

    \b
    Examples:
      firth parse --text "I parsed this sentence correctly."
      firth parse novel.txt -o novel.conllu
      firth parse --text "Time flies like an arrow." -o arrow.svg
      firth parse test.conllu --gold-tags --model my.firth --format tree
      zcat news.gz | firth parse --format json | jq -r .text
    """
    from firth.parsing.parser.parser import Parser
    from firth.parsing.pipeline import load, model_file
    from firth.progress import Progress, default_progress
    from firth.text import conllu

    if file is not None and text is not None:
        raise InputError(f"both {file} and --text were given: which one is to be parsed?")
    is_conllu = text is None and _is_conllu(file) if input is None else input is Input.conllu
    if is_conllu and text is not None:
        raise InputError("--input conllu is for files; --text is raw text")
    if gold_tags and not is_conllu:
        raise InputError("--gold-tags needs words with tags: a .conllu file, or --input conllu")
    if output is not None:
        check_folder(output)
        if file is not None and output.exists() and Path(file).exists() and output.samefile(file):
            raise InputError(f"{output}: is what is parsed, and would be written over; write elsewhere")
    if file is not None and file != STANDARD_INPUT and not Path(file).exists():
        raise InputError(f"{file}: no such file")
    on_screen = output is None and sys.stdout.isatty()
    if format is None:
        suffix = "" if output is None else output.suffix.lower()
        format = _FORMAT_OF.get(suffix, Format.tree if on_screen else Format.conllu)
    # A progress bar and trees would be in each other's way.
    progress = Progress() if on_screen else default_progress(quiet)
    if text is None and file in (None, STANDARD_INPUT) and sys.stdin.isatty():
        note(
            f"reading from the terminal; end with {'Ctrl-Z' if sys.platform == 'win32' else 'Ctrl-D'}", quiet
        )

    if is_conllu:
        parser = Parser.load(model_file(model))
        source = STANDARD_INPUT if file is None else file
        sentences = _parsed_words(parser, conllu.read(source, trees=False), gold_tags, threads, progress)
    else:
        pipeline = load(model)
        parser = pipeline.parser
        blocks, size = _read(file) if text is None else (iter([_checked(text)]), None)
        sentences = _parsed_text(pipeline, blocks, size, threads, progress)

    with closing(sentences), _opened(output) as write:
        if format is Format.svg:
            n_sentences = _write_pictures(sentences, write)
        else:
            show = _shower(format, parser, gold_tags, output, on_screen)
            between = "\n" if format in (Format.tree, Format.trace) else ""
            n_sentences = 0
            for n_sentences, sentence in enumerate(sentences, 1):
                write((between if n_sentences > 1 else "") + show(sentence))
    if not n_sentences:
        note(
            "there are no words in it" if text is not None else f"{file or 'standard input'}: has no words",
            quiet,
        )


def _is_conllu(file: str | None) -> bool:
    return file is not None and re.search(r"\.conllu(\.gz|\.xz)?$", file, re.IGNORECASE) is not None


# ---------------------------------------------------------------------------------------------- reading


def _checked(text: str) -> str:
    """Return a text of the command line, unless its bytes were no text."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError("--text: not UTF-8; set the language of the terminal to UTF-8") from None
    return text


def _read(file: str | None) -> tuple[Iterator[str], int | None]:
    """Return the text of a file in blocks, and how many bytes it has, if that is known."""
    from firth.files.atomic import open_input

    if file is None or file == STANDARD_INPUT:
        return _decoded(sys.stdin.buffer, "standard input"), None
    path = Path(file)
    size = path.stat().st_size if path.is_file() and path.suffix.lower() not in (".gz", ".xz") else None

    def blocks() -> Iterator[str]:
        with open_input(path) as binary:
            yield from _decoded(binary, file)

    return blocks(), size


def _decoded(binary: BinaryIO, name: str) -> Iterator[str]:
    """Yield text in blocks; none is empty.

    Raises
    ------
    InputError
        It is not UTF-8, or no text.
    """
    from firth.text.stream import decoded

    n_lines = 0
    for text in decoded(binary.read, name, "utf-8-sig"):
        if "\0" in text:
            line = n_lines + text[: text.index("\0")].count("\n") + 1
            raise InputError(
                f"{name}:{line}: holds a NUL byte: this looks like a binary or UTF-16 file, not UTF-8 text"
            )
        n_lines += text.count("\n")
        if text:
            yield text


def _pieces(blocks: Iterable[str], segmenter: Segmenter) -> Iterator[str]:
    """Cut a text where sentences end. Together, the pieces are the text."""
    text, end = "", _PIECE
    for block in blocks:
        text += block
        start = 0
        while end <= len(text):
            cut = _sentence_end(text, start, end, segmenter)
            if cut is not None:
                yield text[start:cut]
                start = end = cut
            end += _PIECE
        text, end = text[start:], end - start
    yield text


def _sentence_end(text: str, start: int, end: int, segmenter: Segmenter) -> int | None:
    """Find where a sentence ends shortly before `end`, or else a token; None if nothing does."""
    here = max(start, end - _PIECE)
    blank_line = max(text.rfind("\n\n", here, end), text.rfind("\n\r\n", here, end))
    if blank_line >= 0:
        return blank_line + 1
    tail = end - _TAIL
    sentences = segmenter.segment(text[tail:end])
    # The text goes on: the last sentence, or the last token, may not be complete.
    ends = [sentence[-1].end or 0 for sentence in sentences[:-1]]
    ends = ends or [token.end or 0 for sentence in sentences for token in sentence[:-1]]
    return tail + ends[-1] if ends and ends[-1] else None


# ---------------------------------------------------------------------------------------------- parsing


def _parsed_text(
    pipeline: Pipeline, blocks: Iterator[str], size: int | None, threads: int | None, progress: Progress
) -> Generator[Sentence, None, None]:
    """Yield the sentences of a text, with their places in all of it."""
    begin = list(islice(blocks, 2))
    progress = _if_long(progress, len(begin) == 2)
    n_characters = n_bytes = 0
    with progress.stage("parsing", size, "bytes"):
        for document in pipeline.pipe(_pieces(chain(begin, blocks), pipeline.segmenter), threads=threads):
            for sentence in document:
                _move(sentence, n_characters)
                yield sentence
            piece = document.text or ""
            n_characters += len(piece)
            n_bytes += len(piece.encode())
            progress.advance(n_bytes)


def _move(sentence: Sentence, by: int) -> None:
    """Count the places of a sentence from further left."""
    surface: list[Token | MultiwordToken] = [*sentence.tokens, *sentence.multiword_tokens]
    for token in surface:
        if token.start is not None and token.end is not None:
            token.start, token.end = token.start + by, token.end + by


def _parsed_words(
    parser: Parser,
    sentences: Iterator[Sentence],
    gold_tags: bool,
    threads: int | None,
    progress: Progress,
) -> Generator[Sentence, None, None]:
    """Yield sentences of words with their trees."""
    batch = list(islice(sentences, _BATCH))
    progress = _if_long(progress, len(batch) == _BATCH)
    n_words = 0
    with progress.stage("parsing"):
        while batch:
            yield from parser.parse(batch, given_tags=gold_tags, threads=threads)
            n_words += sum(map(len, batch))
            progress.advance(n_words)
            batch = list(islice(sentences, _BATCH))


def _if_long(progress: Progress, is_long: bool) -> Progress:
    """Return the progress display, or a silent one for work that is done at once."""
    from firth.progress import Progress

    return progress if is_long else Progress()


# ---------------------------------------------------------------------------------------------- writing


@contextmanager
def _opened(output: Path | None) -> Iterator[Write]:
    """Give what writes to a file, or to standard output."""
    from firth.files.atomic import open_output

    if output is None:
        yield sys.stdout.write
    else:
        with open_output(output) as binary:
            yield codecs.getwriter("utf-8")(binary).write


def _shower(
    format: Format, parser: Parser, gold_tags: bool, output: Path | None, on_screen: bool
) -> Callable[[Sentence], str]:
    """Return what makes text of a sentence."""
    from firth.show.trees import tree_text
    from firth.text import conllu

    if format is Format.trace:
        in_markdown = output is not None and output.suffix.lower() == ".md"
        width = _screen_width() if on_screen else None
        return lambda sentence: _trace(parser, sentence, gold_tags, in_markdown, width)
    return {Format.conllu: conllu.format_sentence, Format.tree: tree_text, Format.json: _json}[format]


def _screen_width() -> int:
    from rich.console import Console

    return Console().width


def _trace(parser: Parser, sentence: Sentence, gold_tags: bool, in_markdown: bool, width: int | None) -> str:
    from firth.show.traces import trace, trace_markdown, trace_text

    if len(sentence) > _LONGEST_TRACE:
        raise InputError(
            f"sentence {sentence.sent_id}: has {len(sentence):,} words, too many for a trace; "
            f"up to {_LONGEST_TRACE:,} can be shown"
        )
    transitions = parser.transitions(sentence, given_tags=gold_tags)
    steps = trace(parser.system, transitions, [token.form for token in sentence])
    return trace_markdown(steps) if in_markdown else trace_text(steps, width)


def _json(sentence: Sentence) -> str:
    value = {
        "sent_id": sentence.sent_id,
        "text": sentence.text,
        "tokens": [{"id": token.id, **_columns(token)} for token in sentence],
        "multiword_tokens": [
            {"first": range_.first, "last": range_.last, **_columns(range_)}
            for range_ in sentence.multiword_tokens
        ],
    }
    return json.dumps(value, ensure_ascii=False) + "\n"


def _columns(token: Token | MultiwordToken) -> dict[str, Any]:
    """Return what is known of a token: what is not known is None."""
    columns = {name: getattr(token, name) for name in _COLUMNS}
    known = {name: None if value == "_" else value for name, value in columns.items()}
    return {**known, "form": token.form, "start": token.start, "end": token.end}


def _write_pictures(sentences: Iterable[Sentence], write: Write) -> int:
    """Write one picture with all trees below each other; return how many there are."""
    from tempfile import SpooledTemporaryFile

    from firth.show.trees import tree_svg

    width = height = n_sentences = 0
    # The size of the picture stands before the trees, and is known after them.
    with SpooledTemporaryFile(1 << 24, "w+", encoding="utf-8", newline="\n") as trees:
        for sentence in sentences:
            tree = tree_svg(sentence)
            size = _SVG_SIZE.search(tree)
            assert size, "tree_svg says how large its picture is"
            trees.write(f'<g transform="translate(0 {height})">\n{tree}</g>\n')
            width, height = max(width, int(size[1])), height + int(size[2])
            n_sentences += 1
        if n_sentences == 1:
            write(tree)
            return 1
        write(
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}">\n'
        )
        trees.seek(0)
        while some := trees.read(_BLOCK):
            write(some)
        write("</svg>\n")
    return n_sentences
