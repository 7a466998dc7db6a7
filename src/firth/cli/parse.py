"""``firth parse``: from text to dependency trees."""
# ruff: noqa: D301 (the character \b in a docstring tells typer to keep the lines below as they are)

from __future__ import annotations

import codecs
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firth.cli.options import Quiet
from firth.cli.output import check_folder, note, warnings_as_notes
from firth.errors import InputError

if TYPE_CHECKING:
    from firth.parsing.parser.parser import Parser
    from firth.text.document import Sentence
    from firth.text.stream import Source

STANDARD_INPUT = "-"

# The table of a trace has about as many cells as the square of the words of its sentence.
_LONGEST_TRACE = 1000


class Format(Enum):
    """Output formats."""

    conllu = "conllu"
    tree = "tree"
    json = "json"
    svg = "svg"
    trace = "trace"


class Input(Enum):
    """Kinds of input."""

    text = "text"
    lines = "lines"
    words = "words"
    conllu = "conllu"


class System(Enum):
    """Transition systems; the same names as in `firth.parsing.transitions.systems.SYSTEMS`."""

    arc_standard = "arc-standard"
    arc_hybrid = "arc-hybrid"
    arc_standard_swap = "arc-standard-swap"


_FORMAT_OF = {".json": Format.json, ".jsonl": Format.json, ".svg": Format.svg, ".md": Format.trace}


def parse(
    file: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE|-",
            help="A text in UTF-8, or a .conllu file; may be packed. - is standard input.",
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
            help="Output format; see below.",
            show_default="by the suffix of OUT; else tree on a terminal, conllu elsewhere",
        ),
    ] = None,
    system: Annotated[
        System | None,
        typer.Option(
            help="For --format trace: derive the tree in this transition system.",
            show_default="the steps of the parser itself",
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
        typer.Option(
            help="Kind of input; see below.", show_default="conllu if FILE ends in .conllu, else text"
        ),
    ] = None,
    gold_tags: Annotated[
        bool, typer.Option("--gold-tags", help="CoNLL-U: read the tags that are there, and keep them.")
    ] = False,
    keep_deps: Annotated[
        bool, typer.Option("--keep-deps", help="CoNLL-U: keep enhanced dependencies, though trees change.")
    ] = False,
    ranges: Annotated[
        bool,
        typer.Option(
            "--ranges",
            help="Raw text: keep paragraphs, white space and places of tokens in CoNLL-U.",
        ),
    ] = False,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads.", show_default="all cores")] = None,
    quiet: Quiet = False,
) -> None:
    """Find the words and sentences of a text, tag them and draw their dependency trees.

    A text may be as long as you like: trees come out while it is read.

    \b
    Input:
      text    raw text; a blank line ends a sentence
      lines   raw text; each line is a sentence
      words   one word a line, and a blank line after each sentence
      conllu  CoNLL-U; tags, heads and relations are replaced, DEPS taken out, all else is kept

    \b
    Formats:
      conllu  CoNLL-U
      tree    a tree drawn with lines, a word a line
      json    JSON Lines: an object a sentence; start and end in characters
      svg     a picture, all trees below each other
      trace   the steps of the parser, or those of another --system; in Markdown if OUT ends in .md

    \b
    Examples:
      firth parse --text "I parsed this sentence correctly."
      firth parse novel.txt -o novel.conllu
      firth parse --text "Time flies like an arrow." -o arrow.svg
      firth parse titles.txt --input lines
      firth parse test.conllu --gold-tags --model my.firth --format tree
      zcat news.gz | firth parse --format json | jq -r .text
    """
    from firth.parsing.parser.parser import Parser
    from firth.parsing.pipeline import load, model_file
    from firth.parsing.streaming import parse_words
    from firth.progress import Progress, default_progress, is_terminal
    from firth.show.trees import trees_svg
    from firth.text import conllu
    from firth.text.ranges import with_ranges
    from firth.text.stream import text_blocks
    from firth.text.words import read_words

    input = _kind_of_input(file, text, input, gold_tags, keep_deps)
    if ranges and input not in (Input.text, Input.lines):
        raise InputError("--ranges is for raw text; CoNLL-U and words have no white space to keep")
    _check_files(file, output)
    on_screen = output is None and sys.stdout.isatty()
    if format is None:
        suffix = "" if output is None else output.suffix.lower()
        format = _FORMAT_OF.get(suffix, Format.tree if on_screen else Format.conllu)
    if system is not None and format is not Format.trace:
        raise InputError("--system is for --format trace; leave one of them out, or give both")
    # A progress bar and trees would be in each other's way.
    progress = Progress() if on_screen else default_progress(quiet)
    source = STANDARD_INPUT if file is None else file
    if text is None and source == STANDARD_INPUT and is_terminal(sys.stdin):
        key = "Ctrl-Z" if sys.platform == "win32" else "Ctrl-D"
        note(f"reading from the terminal; end with {key}", quiet)

    if input in (Input.words, Input.conllu):
        parser = Parser.load(model_file(model))
        words = conllu.read(source, trees=False) if input is Input.conllu else read_words(source)
        sentences = parse_words(
            parser, words, given_tags=gold_tags, keep_deps=keep_deps, threads=threads, progress=progress
        )
    else:
        pipeline = load(model)
        parser = pipeline.parser
        analyse = pipeline.lines if input is Input.lines else pipeline.stream
        read: Source = source if text is None else [_checked(text)]
        if ranges:
            whole = "".join(text_blocks(read))
            sentences = with_ranges(analyse([whole], threads=threads, progress=progress), whole)
        else:
            sentences = analyse(read, threads=threads, progress=progress)

    n_sentences = 0
    with warnings_as_notes(quiet), closing(sentences), _opened(output) as write:
        if format is Format.svg:
            n_sentences = trees_svg(sentences, write)
        else:
            show = _shower(format, parser, gold_tags, output, on_screen, system)
            between = "\n" if format in (Format.tree, Format.trace) else ""
            for n_sentences, sentence in enumerate(sentences, 1):
                write((between if n_sentences > 1 else "") + show(sentence))
    if not n_sentences:
        note(
            "there are no words in it" if text is not None else f"{file or 'standard input'}: has no words",
            quiet,
        )


def _kind_of_input(
    file: str | None, text: str | None, input: Input | None, gold_tags: bool, keep_deps: bool
) -> Input:
    """Return what is read. Options that contradict one another are an error."""
    if file is not None and text is not None:
        raise InputError(f"both {file} and --text were given: which one is to be parsed?")
    if input is None:
        from firth.files.packed import name_unpacked

        is_conllu = file is not None and name_unpacked(file).endswith(".conllu")
        input = Input.conllu if is_conllu else Input.text
    if input in (Input.words, Input.conllu) and text is not None:
        raise InputError(f"--input {input.value} is for files; --text is raw text")
    if gold_tags and input is not Input.conllu:
        raise InputError("--gold-tags needs words with tags: a .conllu file, or --input conllu")
    if keep_deps and input is not Input.conllu:
        raise InputError("--keep-deps is for CoNLL-U: a .conllu file, or --input conllu")
    return input


def _check_files(file: str | None, output: Path | None) -> None:
    """Check that there is something to read, and that the result would not be written over it."""
    if output is not None:
        check_folder(output)
        if file is not None and output.exists() and Path(file).exists() and output.samefile(file):
            raise InputError(f"{output}: is the input, and would be written over; write to another file")
    if file is not None and file != STANDARD_INPUT and not Path(file).exists():
        raise InputError(f"{file}: no such file")


def _checked(text: str) -> str:
    """Return a text of the command line, unless its bytes were no text."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError("--text: not UTF-8; set the language of the terminal to UTF-8") from None
    return text


@contextmanager
def _opened(output: Path | None) -> Iterator[Callable[[str], object]]:
    """Open a file, or standard output, and give the function that writes to it."""
    from firth.files.atomic import open_output

    if output is None:
        yield sys.stdout.write
    else:
        with open_output(output) as binary:
            yield codecs.getwriter("utf-8")(binary).write


def _shower(
    format: Format,
    parser: Parser,
    gold_tags: bool,
    output: Path | None,
    on_screen: bool,
    system: System | None,
) -> Callable[[Sentence], str]:
    """Return the function that makes text of a sentence."""
    from firth.show.trees import tree_text
    from firth.text import conllu, json_lines

    if format is Format.trace:
        in_markdown = output is not None and output.suffix.lower() == ".md"
        width = _screen_width() if on_screen else None
        return lambda sentence: _trace(parser, sentence, gold_tags, in_markdown, width, system)
    return {
        Format.conllu: conllu.format_sentence,
        Format.tree: tree_text,
        Format.json: json_lines.format_sentence,
    }[format]


def _screen_width() -> int:
    from rich.console import Console

    return Console().width


def _trace(
    parser: Parser,
    sentence: Sentence,
    gold_tags: bool,
    in_markdown: bool,
    width: int | None,
    system: System | None,
) -> str:
    from firth.show.traces import derivation, trace, trace_markdown, trace_text

    if len(sentence) > _LONGEST_TRACE:
        raise InputError(
            f"sentence {sentence.sent_id}: has {len(sentence):,} words, too many for a trace; "
            f"up to {_LONGEST_TRACE:,} can be shown"
        )
    if system is None:
        used, transitions = parser.system, parser.transitions(sentence, given_tags=gold_tags)
    else:
        used, transitions = derivation(sentence, system.value)
        if used.name != system.value:
            warnings.warn(
                f"sentence {sentence.sent_id}: has crossing arcs, which {system.value} cannot build; "
                f"shown in {used.name}",
                UserWarning,
                stacklevel=2,
            )
    steps = trace(used, transitions, [token.form for token in sentence])
    return trace_markdown(steps) if in_markdown else trace_text(steps, width)
