"""The ``firth`` command. Commands import heavy modules only when they run, so that ``--help`` is fast."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from firth.cli.classify.app import app as classify_app
from firth.cli.demo import demo
from firth.cli.gradcheck import gradcheck
from firth.cli.output import RootGroup
from firth.cli.parse import parse
from firth.cli.parser.app import app as parser_app
from firth.cli.vectors.app import app as vectors_app
from firth.version import __version__

app = typer.Typer(
    name="firth",
    cls=RootGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Word vectors from your own text: fast, exact, reproducible.",
    epilog="New here? Start with:  firth demo",
)
app.add_typer(vectors_app, name="vectors")
app.add_typer(parser_app, name="parser")
app.command()(parse)
app.add_typer(classify_app, name="classify")
app.command()(demo)
app.command()(gradcheck)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"firth {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Word vectors from your own text: fast, exact, reproducible."""


def main() -> None:
    """Run the command line and exit."""
    for stream in (sys.stdout, sys.stderr):
        # Words of any script must come through, whatever the locale: files and pipes get UTF-8.
        if not stream.isatty():
            stream.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    try:
        try:
            app(prog_name="firth")
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the output has seen enough (`firth … | head`). Python would complain when it flushes
        # standard output at exit, so it gets somewhere to flush to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
