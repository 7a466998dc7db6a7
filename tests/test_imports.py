"""The house stands only if imports run downward and in no circle: see the floors below."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import firth

SOURCE = Path(firth.__file__).resolve().parent

# From the ground up. A module may import from its own room and from rooms on lower floors. Rooms on one floor
# do not know each other.
FLOORS = (
    ("version", "errors", "arrays"),
    ("progress", "checks", "files", "compute"),
    ("learning", "text", "runs"),
    ("network",),
    ("vectors", "parsing"),
    ("classification", "show", "cluster"),
    ("explorer",),
    ("cli",),
)
# Rooms that may use even less: the formulas need neither files nor compiled code.
NARROWER = {"learning": FLOORS[0], "compute": ()}
# `import firth` and every `--help` must be immediate: none of these may be loaded by them.
HEAVY = ("numba", "llvmlite", "matplotlib", "plotly", "sklearn", "scipy", "pandas")


def floor_of(room: str) -> int:
    for floor, rooms in enumerate(FLOORS):
        if room in rooms:
            return floor
    raise AssertionError(f"firth.{room} is on no floor: put it on one in FLOORS")


def room_of(module: str) -> str:
    return module.split(".")[1]


def is_allowed(module: str, imported: str) -> bool:
    """Say whether a module may import another one, by their dotted names."""
    room, other = room_of(module), room_of(imported)
    if room == other:
        return True
    return floor_of(other) < floor_of(room) and other in NARROWER.get(room, (other,))


def module_name(path: Path, source: Path = SOURCE) -> str:
    parts = path.relative_to(source).with_suffix("").parts
    return ".".join(("firth", *(part for part in parts if part != "__init__")))


def imports(path: Path, source: Path = SOURCE) -> Iterator[str]:
    """Yield the modules of firth that a file imports: in functions and for type checking too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.partition(".")[0] == "firth")
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            if node.module is None or node.module.partition(".")[0] != "firth":
                continue
            folder = source.joinpath(*node.module.split(".")[1:])
            for alias in node.names:
                is_module = (folder / alias.name).is_dir() or (folder / f"{alias.name}.py").exists()
                yield f"{node.module}.{alias.name}" if is_module else node.module


def house(source: Path = SOURCE) -> dict[str, set[str]]:
    """Return what each module imports. The doors, firth/__init__ and firth/__main__, are outside."""
    files = [path for path in source.rglob("*.py") if path.parent != source or path.stem[:2] != "__"]
    return {module_name(path, source): set(imports(path, source)) for path in files}


HOUSE = house()


def circle(graph: Mapping[str, set[str]]) -> list[str]:
    """Return modules that import each other in a circle; none if there is no circle."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


@pytest.mark.parametrize("module", sorted(HOUSE))
def test_imports_run_downward(module: str) -> None:
    assert "firth" not in HOUSE[module], "nothing imports firth/__init__: the version is in firth.version"
    wrong = [imported for imported in HOUSE[module] if not is_allowed(module, imported)]
    assert not wrong, f"{module} must not import {', '.join(wrong)}"


def test_there_is_no_circle() -> None:
    assert not circle(HOUSE)


def test_rooms_have_empty_inits() -> None:
    """Whoever imports a module loads its packages too: these must load nothing."""
    for init in SOURCE.rglob("*/__init__.py"):
        tree = ast.parse(init.read_text(encoding="utf-8"))
        assert all(isinstance(node, ast.Expr) for node in tree.body), f"{init} has code in it"


def write_house(folder: Path, files: Mapping[str, str]) -> dict[str, set[str]]:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return house(folder)


def test_what_is_against_the_rules_is_found(tmp_path: Path) -> None:
    found = write_house(
        tmp_path,
        {
            "text/corpus.py": "def f():\n    from firth.vectors.formats import load_vectors\n",
            "vectors/formats.py": "from firth import __version__\nfrom firth.text import corpus\n",
            "learning/objectives.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n"
            "    import firth.compute.tiles\n",
            "compute/tiles.py": "",
        },
    )
    assert found["firth.text.corpus"] == {"firth.vectors.formats"}
    assert found["firth.vectors.formats"] == {"firth", "firth.text.corpus"}
    assert not is_allowed("firth.text.corpus", "firth.vectors.formats")
    assert is_allowed("firth.vectors.formats", "firth.text.corpus")
    assert not is_allowed("firth.learning.objectives", "firth.compute.tiles")
    assert not is_allowed("firth.vectors.formats", "firth.parsing.pipeline")
    assert set(circle(found)) == {"firth.text.corpus", "firth.vectors.formats"}
    with pytest.raises(AssertionError, match="on no floor"):
        floor_of("attic")


def test_public_names_stand_in_three_places_alike() -> None:
    """For `firth.X`, for ``from firth import *`` and for type checkers."""
    tree = ast.parse((SOURCE / "__init__.py").read_text(encoding="utf-8"))
    checked = next(node for node in tree.body if isinstance(node, ast.If))
    for_checkers = {
        alias.name: node.module
        for node in checked.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert for_checkers == firth._HOMES
    assert set(firth._HOMES) <= set(firth.__all__)
    for name in firth.__all__:
        assert getattr(firth, name) is not None


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


def test_the_floors_are_those_that_contributing_shows() -> None:
    text = (Path(__file__).resolve().parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    shown: dict[str, int] = {}
    floor = -1
    for line in text.partition("src/firth/\n")[2].partition("```")[0].splitlines():
        if found := re.match(r"(?:F(\d)|  ) (\w+)(?:/|\.py)", line):
            floor = int(found[1] or floor)
            shown[found[2]] = floor
    assert shown == {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


# What a kernel's module imports is part of the key of its machine code: an edit there compiles it again.
CONSTANTS = {"firth.arrays", "firth.parsing.transitions.codes", "firth.text.splitting"}
KERNELS = [name for name in HOUSE if "kernels" in name.split(".")]


@pytest.mark.parametrize("module", KERNELS)
def test_kernels_import_little(module: str) -> None:
    others = {
        name for name in HOUSE[module] if room_of(name) != "compute" and "kernels" not in name.split(".")
    }
    assert others <= CONSTANTS
