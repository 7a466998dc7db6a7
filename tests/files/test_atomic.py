"""Files are written whole or not at all, and packed or unpacked on the way."""

from __future__ import annotations

import errno
import os
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest

from firth.errors import InputError
from firth.files.arrays_file import load_arrays, save_arrays
from firth.files.atomic import atomic_path, open_input, open_output

posix = pytest.mark.skipif(os.name != "posix", reason="permissions and devices are POSIX")


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def one_line(error: pytest.ExceptionInfo[InputError], *parts: str) -> None:
    message = str(error.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


# --- whole or not at all


def test_the_file_appears_only_when_the_block_succeeds(tmp_path: Path) -> None:
    target = tmp_path / "out.svg"
    target.write_text("old")
    with atomic_path(target) as temporary:
        temporary.write_text("new")
        assert temporary.parent == tmp_path and temporary.suffix == ".svg"
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert names(tmp_path) == ["out.svg"]


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, failure: type[BaseException]) -> None:
    target = tmp_path / "out"
    target.write_text("old")
    with pytest.raises(failure), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise failure
    assert names(tmp_path) == ["out"] and target.read_text() == "old"


def test_a_full_disk_is_an_input_error_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error, atomic_path(tmp_path / "out") as temporary:
        temporary.write_text("half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    one_line(error, "out: cannot be written", "No space left")
    assert names(tmp_path) == []


def test_errors_about_other_files_are_left_alone(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "out"):
        (tmp_path / "other").read_text()
    assert names(tmp_path) == []


@posix
def test_permissions_are_those_of_the_umask_or_of_the_file_replaced(tmp_path: Path) -> None:
    old_umask = os.umask(0o027)
    try:
        with open_output(tmp_path / "new"):
            pass
    finally:
        os.umask(old_umask)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640
    (tmp_path / "new").chmod(0o604)
    with open_output(tmp_path / "new"):
        pass
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o604


@posix
def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    with atomic_path(tmp_path / "link") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").read_text() == "new"


@posix
def test_devices_are_written_to_and_not_replaced(tmp_path: Path) -> None:
    save_arrays("/dev/null", {"a": np.zeros(3)}, {})
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    if Path("/dev/full").exists():
        with pytest.raises(InputError) as error:
            save_arrays("/dev/full", {"a": np.zeros(3)}, {})
        one_line(error, "/dev/full: cannot be written: No space left")


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error, atomic_path(tmp_path / "missing" / "out"):
        pass
    one_line(error, "there is no folder", "missing")
    with pytest.raises(InputError) as error, atomic_path(tmp_path):
        pass
    one_line(error, "is a folder")


# --- packed files


@pytest.mark.parametrize("suffix", ["", ".gz", ".bz2", ".xz", ".zst", ".GZ"])
def test_packed_files_come_back_and_are_the_same_every_time(tmp_path: Path, suffix: str) -> None:
    for name in ("a", "b"):
        with open_output(tmp_path / (name + suffix)) as file:
            file.write(b"word " * 1000)
    with open_input(tmp_path / ("a" + suffix)) as file:
        assert file.read() == b"word " * 1000
    first, second = ((tmp_path / (name + suffix)).read_bytes() for name in ("a", "b"))
    assert first == second and (len(first) < 500) == bool(suffix)


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst"])
def test_broken_packed_files_are_input_errors(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / ("a" + suffix)
    with open_output(path) as file:
        file.write(os.urandom(5000))
    whole = path.read_bytes()
    for broken in (
        b"not packed",
        whole[: len(whole) // 2],
        whole[:2000] + b"\xff" * 100 + whole[2100:],
        whole + b"more",
    ):
        path.write_bytes(broken)
        with pytest.raises(InputError) as error, open_input(path) as file:
            file.read()
        one_line(error, path.name, "truncated or broken")


def archive(path: Path, members: dict[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> None:
    with zipfile.ZipFile(path, "w", packing) as written:
        for name, content in members.items():
            written.writestr(name, content)


@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_an_archive_of_one_file_is_read(tmp_path: Path, packing: int) -> None:
    archive(tmp_path / "a.zip", {"x/": b"", "x/a.txt": b"one\ntwo\n" * 9999, "__MACOSX/._a": b"?"}, packing)
    with open_input(tmp_path / "a.zip") as file:
        assert file.readline() == b"one\n"
        assert b"one\n" + file.read() == b"one\ntwo\n" * 9999
    save_arrays(tmp_path / "a.safetensors", {"a": np.arange(3)}, {})
    archive(tmp_path / "b.zip", {"a": (tmp_path / "a.safetensors").read_bytes()}, packing)
    assert load_arrays(tmp_path / "b.zip", mmap=True)[0]["a"].tolist() == [0, 1, 2]


def test_archives_that_are_not_read(tmp_path: Path) -> None:
    archive(tmp_path / "two.zip", {"a.txt": b"a", "b.txt": b"b"})
    with pytest.raises(InputError) as error, open_input(tmp_path / "two.zip"):
        pass
    one_line(error, "two.zip: holds 2 files (a.txt, b.txt), not one: unpack it")
    archive(tmp_path / "none.zip", {})
    with pytest.raises(InputError, match="holds 0 files, not one"), open_input(tmp_path / "none.zip"):
        pass
    archive(tmp_path / "a.zip", {"a.txt": os.urandom(5000)})
    whole = (tmp_path / "a.zip").read_bytes()
    for broken in (b"", b"not packed", whole[: len(whole) // 2], whole[:2000] + b"\xff" * 9 + whole[2009:]):
        (tmp_path / "a.zip").write_bytes(broken)
        with pytest.raises(InputError) as error, open_input(tmp_path / "a.zip") as file:
            file.read()
        one_line(error, "a.zip: truncated or broken .zip data")


def test_archives_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error, open_output(tmp_path / "a.zip"):
        pass
    one_line(error, "a.zip: .zip files are read, not written: name it .gz")
    assert names(tmp_path) == []


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst"])
def test_arrays_in_packed_files_are_read_where_mapping_is_asked_for(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.safetensors{suffix}"
    save_arrays(path, {"a": np.arange(3)}, {})
    assert load_arrays(path, mmap=True)[0]["a"].tolist() == [0, 1, 2]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error, open_input(tmp_path / "missing"):
        pass
    one_line(error, "missing: no such file")
    with pytest.raises(InputError) as error, open_input(tmp_path):
        pass
    one_line(error, "cannot be read")
