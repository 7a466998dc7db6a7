"""``firth classify``: its commands."""

from __future__ import annotations

import typer

from firth.cli.classify.evaluate import evaluate
from firth.cli.classify.predict import predict
from firth.cli.classify.train import train

app = typer.Typer(no_args_is_help=True, help="Train a classifier of short texts, evaluate it, and use it.")
app.command()(train)
app.command()(evaluate)
app.command()(predict)
