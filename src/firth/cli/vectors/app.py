"""The commands of ``firth vectors``."""

from __future__ import annotations

import typer

from firth.cli.vectors.convert import convert
from firth.cli.vectors.evaluate import evaluate
from firth.cli.vectors.plot import plot
from firth.cli.vectors.query import analogy, similar
from firth.cli.vectors.train import train

app = typer.Typer(
    no_args_is_help=True, help="Train word vectors, ask them questions, judge, draw and convert them."
)
for command in (train, similar, analogy, evaluate, plot, convert):
    app.command()(command)
