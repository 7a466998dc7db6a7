"""Model files: arrays and metadata come back as they were, or an error says what is wrong."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from firth.errors import InputError
from firth.files.arrays_file import load_arrays, pack_strings, save_arrays, unpack_strings

steady = settings(derandomize=True, deadline=None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("arrays")


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def one_line(error: pytest.ExceptionInfo[InputError], *parts: str) -> None:
    message = str(error.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


# --- model files

some_arrays = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=5).filter(lambda name: name != "__metadata__"),
    st.sampled_from(
        ["f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "?", ">f4", ">i8"]
    ).flatmap(
        lambda code: hnp.arrays(code, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    ),
    max_size=4,
)


@steady
@given(arrays=some_arrays, text=st.text(), mmap=st.booleans(), suffix=st.sampled_from(["", ".gz"]))
def test_what_is_saved_comes_back(
    folder: Path, arrays: dict[str, np.ndarray], text: str, mmap: bool, suffix: str
) -> None:
    path = folder / ("round.safetensors" + suffix)
    save_arrays(path, arrays, {"text": text, "figure": np.float32(0.5), "count": np.int64(3)})
    loaded, metadata = load_arrays(path, mmap)
    assert metadata == {"text": text, "figure": 0.5, "count": 3}
    assert loaded.keys() == arrays.keys()
    for name, array in arrays.items():
        little_endian = array.astype(array.dtype.newbyteorder("<"))
        assert loaded[name].dtype == little_endian.dtype and loaded[name].shape == array.shape
        assert loaded[name].tobytes() == little_endian.tobytes()
        assert loaded[name].flags.aligned and loaded[name].flags.c_contiguous


def test_mapped_arrays_are_read_only_views_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_arrays(path, {"a": np.arange(6.0), "f": np.asfortranarray(np.arange(6.0).reshape(2, 3))}, {})
    mapped, _ = load_arrays(path)
    assert not mapped["a"].flags.writeable
    assert np.array_equal(mapped["f"], [[0, 1, 2], [3, 4, 5]])
    with path.open("rb+") as file:  # a view sees what is written to the file, a copy does not
        file.seek(-96, os.SEEK_END)
        file.write(np.float64(7).tobytes())
    assert mapped["a"][0] == 7
    copied, _ = load_arrays(path, mmap=False)
    copied["a"][0] = 8
    assert mapped["a"][0] == 7


def test_a_mapped_file_can_be_overwritten_by_its_own_arrays(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_arrays(path, {"a": np.arange(6.0)}, {})
    mapped, _ = load_arrays(path)
    save_arrays(path, mapped, {})
    assert np.array_equal(load_arrays(path)[0]["a"], np.arange(6.0))


def test_the_safetensors_library_reads_and_writes_the_same(tmp_path: Path) -> None:
    library = pytest.importorskip("safetensors.numpy")
    arrays = {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3),
        "b": np.array([1], np.uint8),
        "c": np.arange(2),
    }
    save_arrays(tmp_path / "ours", arrays, {})
    library.save_file(arrays, tmp_path / "theirs", metadata={"firth": "{}"})
    for loaded in (library.load_file(tmp_path / "ours"), load_arrays(tmp_path / "theirs")[0]):
        assert loaded.keys() == arrays.keys()
        assert all(np.array_equal(loaded[name], array) for name, array in arrays.items())


def test_what_the_format_cannot_hold(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="cannot hold complex"):
        save_arrays(tmp_path / "a", {"a": np.zeros(2, complex)}, {})
    with pytest.raises(TypeError):
        save_arrays(tmp_path / "a", {}, {"a": object()})
    assert names(tmp_path) == []


def write_raw(path: Path, header: object, body: bytes = b"") -> None:
    encoded = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(encoded).to_bytes(8, "little") + encoded + body)


def entry(dtype: object = "U8", shape: object = (2,), offsets: object = (0, 2)) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


OURS = {"__metadata__": {"firth": "{}"}}


@pytest.mark.parametrize(
    ("header", "complaint"),
    [
        (b"", "not a safetensors file"),
        (b"[]", "not a safetensors file"),
        (b"{", "header is not JSON"),
        (b"{\xff}", "header is not JSON"),
        (b'{"a":' + b"[" * 100_000, "header is not JSON"),
        (b'{"a":' + b"1" * 5000 + b"}", "header is not JSON"),
        ({}, "not one written by firth"),
        ({"__metadata__": {"format": "pt"}, "a": entry()}, "not one written by firth"),
        ({"__metadata__": {"firth": "["}}, "metadata is not JSON"),
        ({"__metadata__": {"firth": "[]"}}, "metadata is not a JSON object"),
        (OURS | {"a": 3}, "not described by"),
        (OURS | {"a": {"dtype": "U8"}}, "not described by"),
        (OURS | {"a": entry(offsets=(0, 1, 2))}, "not described by"),
        (OURS | {"a": entry(shape=None)}, "not described by"),
        (OURS | {"a": entry(dtype="BF16")}, "'BF16', which firth does not read"),
        (OURS | {"a": entry(dtype=["U8"])}, "which firth does not read"),
        (OURS | {"a": entry(shape=(-2,))}, "has the shape (-2,)"),
        (OURS | {"a": entry(shape=(2.0,))}, "has the shape (2.0,)"),
        (OURS | {"a": entry(shape=(True, 2))}, "has the shape (True, 2)"),
        (OURS | {"a": entry(shape=(1 << 60, 0), offsets=(0, 0))}, "has the shape"),
        (OURS | {"a": entry(shape="ab")}, "has the shape"),
        (OURS | {"a": entry(offsets=(-2, 0))}, "has the shape"),
        (OURS | {"a": entry(shape=(3,))}, "does not fit bytes 0 to 2"),
        (OURS | {"a": entry(dtype="F32")}, "does not fit bytes 0 to 2"),
        (OURS | {"a": entry(offsets=(1, 3))}, "should start at byte 0, not 1"),
        (OURS | {"a": entry(), "b": entry(offsets=(1, 3))}, "should start at byte 2, not 1"),
        (OURS | {"a": entry(), "b": entry(offsets=(3, 5))}, "should start at byte 2, not 3"),
        (OURS | {"a": entry(shape=(1 << 40,), offsets=(0, 1 << 40))}, "truncated: 1099511627776 bytes"),
        (OURS | {"a": entry(shape=(1,), offsets=(0, 1))}, "1 bytes after the last array"),
        (OURS, "2 bytes after the last array"),
    ],
)
def test_lying_headers_are_found_out(tmp_path: Path, header: object, complaint: str) -> None:
    path = tmp_path / "a.safetensors"
    write_raw(path, header, b"ab")
    for mmap in (True, False):
        with pytest.raises(InputError) as error:
            load_arrays(path, mmap)
        one_line(error, str(path), complaint, "; make the file again with firth, or copy it again")


@pytest.mark.parametrize(
    "content", [b"", b"abc", b"\xff" * 100, b"\x80\x04}" * 10, (200).to_bytes(8, "little") + b"{"]
)
def test_other_files_are_not_taken_for_ours(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"not a safetensors file|truncated"):
        load_arrays(path)


def test_an_array_at_an_odd_address_is_still_usable(tmp_path: Path) -> None:
    header = OURS | {"a": entry(shape=[1], offsets=[0, 1]), "f": entry("F32", [1], [1, 5])}
    write_raw(tmp_path / "a", header, b"\x01" + np.float32(2.5).tobytes())
    loaded, _ = load_arrays(tmp_path / "a")
    assert loaded["f"].flags.aligned and loaded["f"][0] == 2.5


@settings(steady, max_examples=300)
@given(data=st.data())
def test_damaged_files_raise_nothing_but_input_errors(folder: Path, data: st.DataObject) -> None:
    path = folder / "damaged.safetensors"
    if not path.exists():
        save_arrays(path, {"a": np.arange(3.0), "b": np.ones((2, 1), np.uint8)}, {"kind": "test"})
    content = bytearray(path.read_bytes())
    path = folder / "mutant.safetensors"
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    path.write_bytes(
        content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content
    )
    try:
        load_arrays(path, data.draw(st.booleans()))
    except InputError as error:
        assert "\n" not in str(error)


def test_metadata_that_lies_about_packing(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors.gz"
    save_arrays(path, {"a": np.arange(100.0)}, {})
    whole = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(whole[:-8]))
    with pytest.raises(InputError, match="truncated: 800 bytes of arrays announced, 792 there"):
        load_arrays(path)


# --- strings


@steady
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
@example([])
@example(["", "é", ""])
def test_strings_come_back(strings: list[str]) -> None:
    blob, offsets = pack_strings(strings)
    assert blob.dtype == np.uint8 and offsets.dtype == np.int64 and len(offsets) == len(strings) + 1
    assert unpack_strings(blob, offsets) == strings


def test_half_a_surrogate_pair_cannot_be_packed() -> None:
    with pytest.raises(InputError, match="surrogate"):
        pack_strings(["fine", "bad\ud800"])


@pytest.mark.parametrize(
    ("blob", "offsets"),
    [
        (np.zeros(2, np.uint8), np.array([], np.int64)),
        (np.zeros(2, np.uint8), np.array([0, 1], np.int64)),
        (np.zeros(2, np.uint8), np.array([1, 2], np.int64)),
        (np.zeros(2, np.uint8), np.array([0, 3, 2], np.int64)),
        (np.zeros(2, np.uint8), np.array([0, -1, 2], np.int64)),
        (np.zeros(2, np.uint8), np.array([0, 2], np.int32)),
        (np.zeros(2, np.int8), np.array([0, 2], np.int64)),
        (np.zeros((1, 2), np.uint8), np.array([0, 1], np.int64)),
        (np.frombuffer("é".encode(), np.uint8), np.array([0, 1, 2], np.int64)),
    ],
)
def test_broken_lists_of_strings_are_found_out(blob: np.ndarray, offsets: np.ndarray) -> None:
    with pytest.raises(InputError, match="broken list of strings"):
        unpack_strings(blob, offsets)
