"""Options that several commands share, each with one help text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print results and errors only.")]


def panel(name: str) -> Callable[..., Any]:
    """Return a function that makes options under one heading of ``--help``."""

    def option(help: str, *names: str, **settings: Any) -> Any:
        return typer.Option(*names, help=help, rich_help_panel=name, **settings)

    return option


run_option = panel("Run")
"""Makes options of how a command runs. Only the seed changes its result."""

Seed = Annotated[int, run_option("Start of the random numbers.")]
Threads = Annotated[int | None, run_option("Threads to train with.", show_default="all cores")]
CheckpointDir = Annotated[
    Path | None,
    run_option(
        "Keep checkpoints in this folder, to resume from.",
        metavar="DIR",
        show_default="OUT.training, removed at the end",
    ),
]
Resume = Annotated[bool, run_option("Go on with a training that was interrupted.", "--resume")]
