"""``firth demo``: from nothing to a map of words in seconds, on text that every installation carries."""
# ruff: noqa: D301 (the character \b in a docstring tells typer to keep the lines below as they are)

from __future__ import annotations

import ast
import importlib.util
import re
import shlex
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firth.cli.options import AsJson, Quiet
from firth.cli.output import check_folder, print_json, warnings_as_notes
from firth.errors import InputError

if TYPE_CHECKING:
    from firth.vectors.word_vectors import WordVectors

PACKAGES = ("numpy", "scipy", "sklearn", "matplotlib", "pandas", "sympy", "numba", "rich", "typer", "pip")
MOST_WORDS = 2_000_000
SENTENCE = "I parsed this sentence correctly."

# Words and analogies that documentation has something to say about. Those shown are chosen at run time.
WORDS = ("error", "true", "thread", "directory", "server", "integer", "dictionary", "read", "larger", "left")
ANALOGIES = (
    ("large", "larger", "small", "smaller"),
    ("is", "are", "was", "were"),
    ("top", "bottom", "left", "right"),
    ("raise", "raises", "return", "returns"),
    ("reading", "writing", "read", "write"),
    ("row", "rows", "column", "columns"),
    ("lowercase", "uppercase", "lower", "upper"),
    ("minimum", "maximum", "min", "max"),
    ("directory", "directories", "file", "files"),
    ("real", "imaginary", "numerator", "denominator"),
    ("call", "called", "use", "used"),
    ("next", "previous", "after", "before"),
)

_DOCUMENTATION = re.compile(r'(?ms)"""(.*?)"""|\'\'\'(.*?)\'\'\'|((?:^[ \t]*#[^\n]*\n)+)')
_COMMENT_SIGN = re.compile(r"^[ \t]*#+[ \t]?", re.MULTILINE)
_EMPTY_LINE = re.compile(r"\n[ \t]*\n")
_SKIPPED = {"site-packages", "dist-packages", "test", "tests", "idlelib", "lib2to3", "_vendor"}


def demo(
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="DIR", help="Write to this folder.", show_default="this one"),
    ] = Path(),
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Learn word vectors from the documentation of your Python, in a few seconds, and parse a sentence.

    Nothing is downloaded. Writes firth-demo.safetensors and, with the plot extra, the maps firth-demo.html
    and firth-demo.png.

    \b
    Examples:
      firth demo
      firth demo --output /tmp
    """
    from firth.progress import default_progress
    from firth.vectors.trainers.skipgram import SkipGram

    saved = output / "firth-demo.safetensors"
    check_folder(saved)
    show = _Show(silent=quiet or as_json)
    show.introduction()
    with tempfile.TemporaryDirectory(prefix="firth-demo-") as folder:
        corpus = Path(folder) / "documentation.txt"
        n_words = write_documentation(corpus)
        # As many passes as make a few seconds of work of whatever text there is.
        epochs = max(5, min(15, 12_000_000 // max(n_words, 1)))
        vectors = SkipGram(epochs=epochs, min_count=15).fit(str(corpus), progress=default_progress(quiet))
    vectors.save(saved)

    neighbours = {word: vectors.most_similar(word, topn=5) for word in WORDS if word in vectors}
    known = [question for question in ANALOGIES if all(word in vectors for word in question)]
    right = [question for question in known if vectors.analogy(*question[:3], topn=1)[0][0] == question[3]]
    show.answers(neighbours, right, len(known))
    maps = _draw(vectors, output, quiet)
    show.what_next(saved, maps, right)
    heads = _parse(show)
    if as_json:
        print_json(
            {
                "vectors": str(saved),
                "maps": [str(path) for path in maps],
                "words": len(vectors),
                "corpus_words": n_words,
                "neighbours": {
                    word: [{"word": near, "similarity": cosine} for near, cosine in found]
                    for word, found in neighbours.items()
                },
                "analogies": {"asked": len(known), "right": len(right)},
                "heads": heads,
            }
        )


def _draw(vectors: WordVectors, folder: Path, quiet: bool) -> list[Path]:
    """Draw the maps for which the libraries are there."""
    from firth.show import maps

    drawn = []
    for path in (folder / "firth-demo.html", folder / "firth-demo.png"):
        try:
            maps.check_suffix(path, maps.MAP_SUFFIXES)
        except InputError:
            continue
        with warnings_as_notes(quiet):
            maps.plot_map(vectors, path, title="What firth learned from Python's documentation")
        drawn.append(path)
    return drawn


def _parse(show: _Show) -> list[int | None]:
    """Show how the bundled model parses a sentence; return the heads."""
    from firth.parsing.pipeline import load
    from firth.show.traces import trace, trace_text
    from firth.show.trees import tree_text

    model = load("en")
    (sentence,) = model(SENTENCE)
    steps = trace(model.parser.system, model.parser.transitions(sentence), [t.form for t in sentence.tokens])
    show.sentence(trace_text(steps, width=100), tree_text(sentence))
    return [token.head for token in sentence.tokens]


class _Show:
    """What the demo tells on standard output."""

    def __init__(self, silent: bool) -> None:
        from rich.console import Console

        width = None if sys.stdout.isatty() else 100  # a pipe has no width of its own
        self._console = Console(quiet=silent, highlight=False, width=width)

    def introduction(self) -> None:
        self._console.print(
            "[bold]You shall know a word by the company it keeps.[/] (J. R. Firth, 1957)\n\n"
            "firth reads the documentation that came with your Python, and learns which words keep company.\n"
        )

    def answers(
        self,
        neighbours: dict[str, list[tuple[str, float]]],
        right: list[tuple[str, str, str, str]],
        asked: int,
    ) -> None:
        from rich.table import Table

        self._console.print("\n[bold]Words that mean alike[/] are near each other. The nearest of …\n")
        table = Table.grid(padding=(0, 2))
        for word, found in neighbours.items():
            table.add_row("", f"[cyan]{word}[/]", ", ".join(near for near, _ in found))
        self._console.print(table)
        self._console.print(
            "\n[bold]Analogies[/] are steps in the same direction. "
            f"Of {asked} that were asked, firth got {len(right)} right:\n"
        )
        table = Table.grid(padding=(0, 2))
        for a, b, c, d in right[:4]:
            table.add_row("", f"{a} is to {b}", f"as {c} is to", f"[cyan]{d}[/]")
        self._console.print(table)

    def what_next(self, saved: Path, maps: list[Path], right: list[tuple[str, str, str, str]]) -> None:
        if maps:
            self._console.print(
                "\n[bold]A map of the words[/] (open the .html in a browser: point, zoom, search)\n"
            )
            self._commands(*map(str, maps))
        else:
            self._console.print("\n[bold]A map of the words[/] needs the plot extra\n")
            self._commands(
                "pip install matplotlib plotly scikit-learn",
                f"firth vectors plot {_quoted(saved)} -o map.html",
            )
        self._console.print("\n[bold]Try next[/]\n")
        analogy = right[0] if right else ANALOGIES[0]
        self._commands(
            f"firth vectors similar {_quoted(saved)} {WORDS[0]}",
            f"firth vectors analogy {_quoted(saved)} {' '.join(analogy[:3])}",
            "firth vectors train YOUR-TEXT.txt -o your.safetensors",
            "firth vectors --help",
        )

    def sentence(self, trace: str, tree: str) -> None:
        self._console.print(
            "\n[bold]Trees[/] are built step by step, with a stack and a buffer. "
            "A model that came with firth does it so:\n"
        )
        self._console.print(trace, markup=False, soft_wrap=True)
        self._console.print(f"\n{tree}", markup=False, soft_wrap=True)
        self._console.print("\n[bold]Try your own sentence[/]\n")
        self._commands('firth parse --text "…"', "firth parse --help")

    def _commands(self, *commands: str) -> None:
        """Print lines to copy: never broken in two."""
        for command in commands:
            self._console.print(f"  {command}", markup=False, soft_wrap=True)


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))


def write_documentation(path: Path, most_words: int = MOST_WORDS) -> int:
    """Write the prose of the documentation at hand to a file, one paragraph a line, each once.

    Parameters
    ----------
    path
        The file.
    most_words
        Stop after so many words.

    Returns
    -------
    int
        The number of words written, as far as spaces separate them.
    """
    seen: set[str] = set()
    n_words = 0
    with path.open("w", encoding="utf-8") as file:
        for source in _sources():
            text = source.read_text(encoding="utf-8", errors="replace")
            # The language reference is a dictionary, whose strings may be many short literals each.
            is_reference = source.parts[-2:] == ("pydoc_data", "topics.py")
            for passage in strings(text) if is_reference else documentation(text):
                for paragraph in paragraphs(passage):
                    if paragraph not in seen:
                        seen.add(paragraph)
                        n_words += paragraph.count(" ") + 1
                        file.write(paragraph + "\n")
            if n_words >= most_words:
                break
    return n_words


def _sources() -> Iterator[Path]:
    """List Python files with documentation worth reading, in an order that is always the same.

    They are read as text: importing them could run anything.
    """
    folders = [Path(sysconfig.get_paths()["stdlib"])]
    for package in PACKAGES:
        found = importlib.util.find_spec(package)
        if found and found.submodule_search_locations:
            folders.append(Path(found.submodule_search_locations[0]))
    for folder in folders:
        for source in sorted(folder.rglob("*.py")):
            if _SKIPPED.isdisjoint(source.relative_to(folder).parts):
                yield source


def documentation(source: str) -> Iterator[str]:
    """Find the docstrings and comments of Python source, of any version of Python."""
    for docstring, other_docstring, comment in _DOCUMENTATION.findall(source):
        yield docstring or other_docstring or _COMMENT_SIGN.sub("", comment)


def strings(source: str) -> Iterator[str]:
    """Find all strings in Python source."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def paragraphs(text: str) -> Iterator[str]:
    """Find paragraphs of prose.

    Words with an underscore are left out: they are names of things, which every program has others of.
    """
    for paragraph in _EMPTY_LINE.split(text):
        line = " ".join(word for word in paragraph.split() if "_" not in word)
        if len(line) >= 40 and line[-1] in ".:;!?)":
            letters = sum(map(str.isalpha, line)) + line.count(" ")
            if letters > 0.85 * len(line):
                yield line
