"""``firth demo``: word vectors, a map and a parse in seconds, from text that comes with Python."""
# ruff: noqa: D301 (the character \b in a docstring tells typer to keep the lines below as they are)

from __future__ import annotations

import shlex
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from firth.cli.options import AsJson, Quiet
from firth.cli.output import check_folder, print_json, warnings_as_notes
from firth.errors import InputError
from firth.progress import is_terminal
from firth.text.documentation import write_documentation

if TYPE_CHECKING:
    from firth.vectors.word_vectors import WordVectors

Analogy: TypeAlias = tuple[str, str, str, str]
"""a is to b as c is to d."""

SENTENCE = "I parsed this sentence correctly."

# The width of lines where standard output is no terminal.
_PIPE_WIDTH_CHARACTERS = 100
# The demo trains on about this many words, over all epochs. That takes a few seconds.
_TRAINING_WORDS = 12_000_000
_FEWEST_EPOCHS, _MOST_EPOCHS = 5, 15

# These words and analogies occur in documentation. The demo shows those that were learned.
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
    saved = output / "firth-demo.safetensors"
    check_folder(saved)
    show = _Show(silent=quiet or as_json)
    show.introduction()
    vectors, n_words = _learn(quiet)
    vectors.save(saved)
    neighbours = {word: vectors.most_similar(word, topn=5) for word in WORDS if word in vectors}
    asked, right = _analogies(vectors)
    show.answers(neighbours, right, len(asked))
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
                "analogies": {"asked": len(asked), "right": len(right)},
                "heads": heads,
            }
        )


def _learn(quiet: bool) -> tuple[WordVectors, int]:
    """Return word vectors of the documentation at hand, and its number of words."""
    from firth.progress import default_progress
    from firth.vectors.trainers.skipgram import SkipGram

    with tempfile.TemporaryDirectory(prefix="firth-demo-") as folder:
        corpus = Path(folder) / "documentation.txt"
        n_words = write_documentation(corpus)
        epochs = max(_FEWEST_EPOCHS, min(_MOST_EPOCHS, _TRAINING_WORDS // max(n_words, 1)))
        trainer = SkipGram(epochs=epochs, min_count=15)
        return trainer.fit(str(corpus), progress=default_progress(quiet)), n_words


def _analogies(vectors: WordVectors) -> tuple[list[Analogy], list[Analogy]]:
    """Return the analogies whose words all have vectors, and those of them that the vectors solve."""
    asked = [analogy for analogy in ANALOGIES if all(word in vectors for word in analogy)]
    return asked, [(a, b, c, d) for a, b, c, d in asked if vectors.analogy(a, b, c, topn=1)[0][0] == d]


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
    """Prints the story of the demo on standard output."""

    def __init__(self, silent: bool) -> None:
        from rich.console import Console

        width = None if is_terminal(sys.stdout) else _PIPE_WIDTH_CHARACTERS
        self._console = Console(quiet=silent, highlight=False, width=width)

    def introduction(self) -> None:
        self._console.print(
            "[bold]You shall know a word by the company it keeps.[/] (J. R. Firth, 1957)\n\n"
            "firth reads the documentation that came with your Python, and learns which words keep company.\n"
        )

    def answers(
        self,
        neighbours: dict[str, list[tuple[str, float]]],
        right: list[Analogy],
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

    def what_next(self, saved: Path, maps: list[Path], right: list[Analogy]) -> None:
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
