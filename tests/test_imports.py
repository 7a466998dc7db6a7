"""The house stands only if imports run downward: see the floors below."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src" / "firth"

# From the ground up. A module may import from its own room and from rooms on lower floors; rooms on the same
# floor do not know each other, except those at the ground.
FLOORS = (
    ("errors", "progress", "storage", "text", "learning"),
    ("vectors", "parsing"),
    ("phrases", "show"),
    ("explorer",),
    ("cli",),
)
# `import firth` and every `--help` must be immediate: none of these may be loaded by them.
HEAVY = ("numba", "llvmlite", "matplotlib", "plotly", "sklearn", "scipy", "pandas")


def room_of(module: str) -> str:
    """Return the part of a dotted name after ``firth``."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def floor_of(room: str) -> int:
    for floor, rooms in enumerate(FLOORS):
        if room in rooms:
            return floor
    raise AssertionError(f"firth.{room} is on no floor: put it on one in FLOORS")


def imports(path: Path) -> set[str]:
    """Return the modules of firth that a file imports, wherever in the file, type checking aside."""
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for child in node.orelse:
                visit(child)
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            module = node.module or ""
            # `from firth import vectors` imports a room, `from firth import __version__` a name.
            is_room = {alias.name for alias in node.names if (SOURCE / alias.name).exists()}
            found.update({f"firth.{name}" for name in is_room} if module == "firth" else {module})
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text(encoding="utf-8")))
    return {name for name in found if name.startswith("firth.")}


MODULES = sorted(path for path in SOURCE.rglob("*.py") if path.parent != SOURCE) + sorted(
    path for path in SOURCE.glob("*.py") if not path.name.startswith("__")
)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_run_downward(path: Path) -> None:
    room = path.relative_to(SOURCE).with_suffix("").parts[0]
    for module in imports(path):
        other = room_of(module)
        if other == room:
            continue
        allowed = floor_of(other) < floor_of(room) or floor_of(other) == floor_of(room) == 0
        assert allowed, f"{room} must not import {module}"


def test_the_rule_can_be_broken(tmp_path: Path) -> None:
    """What the test above looks for is found: in functions too, but not under TYPE_CHECKING."""
    (tmp_path / "module.py").write_text(
        "from typing import TYPE_CHECKING\n"
        "import firth.text.corpus\n"
        "if TYPE_CHECKING:\n    from firth.cli import main\n"
        "def f():\n    from firth.vectors.formats import load_vectors\n"
        "    from firth import show, __version__\n"
    )
    assert imports(tmp_path / "module.py") == {"firth.text.corpus", "firth.vectors.formats", "firth.show"}
    with pytest.raises(AssertionError, match="on no floor"):
        floor_of("attic")


@pytest.mark.parametrize(
    "arguments",
    [["-c", "import firth"], ["-m", "firth", "--help"], ["-m", "firth", "vectors", "train", "--help"]],
    ids=["import firth", "firth --help", "firth vectors train --help"],
)
def test_nothing_heavy_is_loaded(arguments: list[str]) -> None:
    result = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments], capture_output=True, encoding="utf-8", check=True
    )
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in result.stderr.splitlines()}
    assert "firth" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_import_firth_loads_hardly_anything() -> None:
    code = "import sys, firth; print('numpy' in sys.modules, 'typer' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["False", "False"]
