"""The ``firth`` command. Commands import heavy modules only when they run, so that ``--help`` is fast."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from firth.cli.classify.app import app as classify_app
from firth.cli.demo import demo
from firth.cli.gradcheck import gradcheck
from firth.cli.output import RootGroup, report_failure, report_output_failure
from firth.cli.parse import parse
from firth.cli.parser.app import app as parser_app
from firth.cli.streams import prepare_streams, restart_in_utf8, settle_errors
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


def start() -> None:
    """Run the command line as a process of its own, in UTF-8 whatever the locale."""
    restart_in_utf8()
    main()


def main() -> None:
    """Run the command line and exit."""
    prepare_streams()
    code: Any = 0
    try:
        app(prog_name="firth")
    except SystemExit as end:
        code = end.code
    except OSError as error:
        # `RootGroup` reports the errors of commands. What is left comes from help texts and usage errors.
        code = report_failure(error)
    code = report_output_failure() or code
    settle_errors()
    sys.exit(code)
