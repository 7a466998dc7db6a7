"""Arguments that several commands of ``firth vectors`` have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

VectorsFile = Annotated[
    Path,
    typer.Argument(
        metavar="VECTORS",
        help="Word vectors: .safetensors, .vec, .txt, .glove, .bin, also with .gz or .xz.",
        show_default=False,
    ),
]
