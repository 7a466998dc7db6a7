"""``firth parser`` and its commands."""

from __future__ import annotations

import typer

from firth.cli.parser.evaluate import evaluate
from firth.cli.parser.train import train

app = typer.Typer(no_args_is_help=True, help="Train a parser on a treebank, and score it.")
app.command()(train)
app.command()(evaluate)
