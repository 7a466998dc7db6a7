"""Compiled functions are kept, but never used when they are stale, and work where nothing can be kept."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import firth
from firth.compute.compiled import kernel

KERNELS = """
from house.learning.parts import FACTOR
from house.learning import more
from firth.compute.compiled import kernel

@kernel()
def scaled(x):
    return FACTOR * x + more.TERM

print(scaled(1), sum(scaled.stats.cache_hits.values()))
"""


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """Return a package with a kernel that is made of constants from two other modules."""
    room = tmp_path / "house" / "learning"
    room.mkdir(parents=True)
    for folder in (room, room.parent):
        (folder / "__init__.py").touch()
    (room / "kernels.py").write_text(KERNELS)
    (room / "parts.py").write_text("from house.learning.factors import FACTOR\n")
    (room / "factors.py").write_text("FACTOR = 2\n")
    (room / "more.py").write_text("TERM = 0\n")
    return room


def paths(house: Path) -> list[str]:
    return [str(house.parents[1]), str(Path(firth.__file__).parents[1])]


def run(house: Path, warning: str = "", **environment: str) -> list[int]:
    """Call the kernel with 1 in a new process; return the result, and how often machine code was found.

    The process must warn as expected, once.
    """
    done = subprocess.run(
        [sys.executable, "-c", "import house.learning.kernels"],
        env={
            **os.environ,
            "NUMBA_DISABLE_JIT": "0",
            "PYTHONPATH": os.pathsep.join(paths(house)),
            **environment,
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("UserWarning") == (1 if warning else 0), done.stderr
    assert warning in done.stderr
    return [int(figure) for figure in done.stdout.split()]


def test_machine_code_is_kept_until_a_module_that_it_was_made_of_changes(house: Path) -> None:
    assert run(house) == [2, 0]
    assert run(house) == [2, 1]
    (house / "factors.py").write_text("FACTOR = 3\n")  # two imports away
    assert run(house) == [3, 0]
    assert run(house) == [3, 1]
    (house / "more.py").write_text("TERM = 4\n")
    assert run(house) == [7, 0]
    (house / "unrelated.py").write_text("")
    assert run(house) == [7, 1]


@pytest.mark.skipif(sys.platform == "win32", reason="a home that is no folder is of POSIX")
def test_without_a_folder_to_write_to_it_is_compiled_each_time(house: Path) -> None:
    (house / "__pycache__").write_text("a file where a folder should be: not even root can write")
    nowhere = {"HOME": os.devnull, "XDG_CACHE_HOME": f"{os.devnull}/cache", "NUMBA_CACHE_DIR": ""}
    assert run(house, **nowhere) == [2, 0]
    assert run(house, **nowhere) == [2, 0]


def _flip_a_bit(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "cut": lambda content: content[:-100],
    "nothing but zeros": lambda content: bytes(len(content)),
    "a flipped bit": _flip_a_bit,
    "longer": lambda content: content + b"x",
}


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_machine_code_is_compiled_anew_and_replaced(house: Path, suffix: str, damage: str) -> None:
    assert run(house) == [2, 0]
    (file,) = (house / "__pycache__").glob(f"*{suffix}")
    file.write_bytes(DAMAGES[damage](file.read_bytes()))
    assert run(house, f"{house / '__pycache__'}: kept machine code is damaged") == [2, 0]
    assert run(house) == [2, 1]


def test_a_missing_file_of_machine_code_is_no_damage(house: Path) -> None:
    assert run(house) == [2, 0]
    (file,) = (house / "__pycache__").glob("*.nbc")
    file.unlink()
    assert run(house) == [2, 0]
    assert run(house) == [2, 1]


def test_machine_code_that_cannot_be_read_stops_nothing(house: Path) -> None:
    assert run(house) == [2, 0]
    (file,) = (house / "__pycache__").glob("*.nbc")
    file.unlink()
    file.mkdir()
    assert run(house, "cannot be read") == [2, 0]


def test_the_index_of_another_numba_is_not_read(house: Path) -> None:
    assert run(house) == [2, 0]
    (house / "sitecustomize.py").write_text("import numba\nnumba.__version__ = '999'\n")
    assert run(house, PYTHONPATH=os.pathsep.join([*paths(house), str(house)])) == [2, 0]


def test_a_disk_that_gets_full_stops_nothing(house: Path) -> None:
    (house / "kernels.py").write_text(
        "import errno, tempfile\n"
        "from firth.compute.compiled import kernel\n"
        "@kernel()\n"
        "def double(x):\n    return 2 * x\n"
        "def full(*arguments, **options):\n    raise OSError(errno.ENOSPC, 'No space left on device')\n"
        "tempfile.TemporaryFile = full\n"
        "print(double(1), sum(double.stats.cache_hits.values()))\n"
    )
    assert run(house) == [2, 0]


def test_options_are_those_of_numba() -> None:
    @kernel(error_model="numpy")
    def inverse(x: float) -> float:
        return 1 / x

    assert inverse(0.0) == float("inf")


def test_all_kernels_of_firth_are_kept_like_this() -> None:
    package = Path(firth.__file__).parent
    sources = {
        path.relative_to(package).as_posix(): path.read_text("utf-8") for path in package.rglob("*.py")
    }
    assert [name for name, source in sources.items() if "njit" in source] == ["compute/compiled.py"]
