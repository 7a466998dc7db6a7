"""Model files: named arrays and metadata in one file, and lists of strings as arrays.

A model file is a safetensors file (https://github.com/huggingface/safetensors#format): 8 bytes with the
little-endian length of a JSON header, the header, then the arrays without gaps. firth's own metadata is one
JSON string under the key ``firth``. There is no pickle: opening a file never runs code.

The format is read and written here, because the safetensors library copies every array that it reads, and
replaces an existing file by one that only its owner may read. Here arrays are mapped into memory, and written
without a copy.
"""

from __future__ import annotations

import io
import json
import math
import mmap as memory_map
import os
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from firth.arrays import Arrays, Int64s, PathLike
from firth.errors import InputError
from firth.files.atomic import open_input, open_output

_DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "|i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "|u1",
    "BOOL": "|b1",
}
_NAMES = {np.dtype(code): name for name, code in _DTYPES.items()}
# The safetensors library has this limit too.
_LARGEST_HEADER_BYTES = 100_000_000


def save_arrays(path: PathLike, arrays: Arrays, metadata: Mapping[str, Any]) -> None:
    """Write named arrays and metadata to one safetensors file (packed if the name ends in .gz or .xz).

    Parameters
    ----------
    path
        The file to write; an existing one is replaced when the new one is complete.
    arrays
        Arrays of any shape, of floats, integers or booleans.
    metadata
        Anything that JSON can hold, and NumPy scalars.

    Raises
    ------
    InputError
        The file cannot be written.
    TypeError
        An array or a piece of metadata is of a type that the format cannot hold.
    """
    # Larger items first, as the safetensors library does: every array starts on a multiple of its item size.
    ordered = sorted(arrays.items(), key=lambda item: (-item[1].dtype.itemsize, item[0]))
    header: dict[str, Any] = {"__metadata__": {"firth": json.dumps(metadata, default=np.generic.item)}}
    start = 0
    for name, array in ordered:
        little_endian = array.dtype.newbyteorder("<")
        if little_endian not in _NAMES:
            raise TypeError(f"array {name!r}: safetensors cannot hold {array.dtype}")
        end = start + array.nbytes
        header[name] = {
            "dtype": _NAMES[little_endian],
            "shape": list(array.shape),
            "data_offsets": [start, end],
        }
        start = end
    encoded = json.dumps(header).encode()
    encoded += b" " * (-len(encoded) % 8)
    with open_output(path) as file:
        file.write(len(encoded).to_bytes(8, "little"))
        file.write(encoded)
        for _, array in ordered:
            contiguous = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
            file.write(contiguous.reshape(-1).view(np.uint8).data)


def load_arrays(path: PathLike, mmap: bool = True) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
    """Read what `save_arrays` wrote.

    Parameters
    ----------
    path
        A safetensors file written by firth (packed if its name ends in .gz or .xz).
    mmap
        Map the file into memory: the arrays are read-only, and read from disk when they are first used.
        Otherwise, and always for packed files, they are copied into memory and may be changed.

    Returns
    -------
    arrays : dict of str to ndarray
        The arrays by name.
    metadata : dict
        The metadata.

    Raises
    ------
    InputError
        The file does not exist, was not written by firth, is truncated, or its header contradicts itself.
    """
    with open_input(path) as file:
        data = _map(file) if mmap else None
        if data is None:
            buffer = bytearray()
            while chunk := file.read(1 << 22):
                buffer += chunk
            data = np.frombuffer(buffer, dtype=np.uint8)
    try:
        return _parse(data)
    except InputError as error:
        raise InputError(f"{path}: {error}; make the file again with firth, or copy it again") from None


def _map(file: BinaryIO) -> npt.NDArray[np.uint8] | None:
    """Map an open file into memory, read-only; None if it cannot be mapped (packed, a pipe, empty)."""
    if not isinstance(getattr(file, "raw", None), io.FileIO) or os.fstat(file.fileno()).st_size == 0:
        return None
    return np.frombuffer(memory_map.mmap(file.fileno(), 0, access=memory_map.ACCESS_READ), dtype=np.uint8)


def _parse(data: npt.NDArray[np.uint8]) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
    """Cut the bytes of a file into arrays (views) and metadata. Everything in the header is checked."""
    if len(data) < 8:
        raise InputError("not a safetensors file: shorter than 8 bytes")
    header_size = int.from_bytes(data[:8].tobytes(), "little")
    if header_size > _LARGEST_HEADER_BYTES or data[8:9].tobytes() != b"{":
        raise InputError("not a safetensors file")
    if 8 + header_size > len(data):
        raise InputError(f"truncated: its header is {header_size} bytes long, the file {len(data)}")
    header = _json_object(data[8 : 8 + header_size].tobytes(), "the header")
    extra = header.pop("__metadata__", None)
    if not isinstance(extra, dict) or not isinstance(extra.get("firth"), str):
        raise InputError("a safetensors file, but not one written by firth: it has no metadata under 'firth'")
    metadata = _json_object(extra["firth"], "the metadata")

    body = data[8 + header_size :]
    entries = [(name, *_check_entry(name, entry)) for name, entry in header.items()]
    position = 0
    for name, _, _, start, end in sorted(entries, key=lambda entry: entry[3:]):
        if start != position:
            raise InputError(f"broken: array {name!r} should start at byte {position}, not {start}")
        position = end
    if position > len(body):
        raise InputError(f"truncated: {position} bytes of arrays announced, {len(body)} there")
    if position < len(body):
        raise InputError(f"broken: {len(body) - position} bytes after the last array")

    arrays = {}
    for name, dtype, shape, start, end in entries:
        view = body[start:end]
        # Another program may have written an array at an odd address, where only a copy can be used.
        aligned = view.ctypes.data % dtype.itemsize == 0
        arrays[name] = (view if aligned else view.copy()).view(dtype).reshape(shape)
    return arrays, metadata


def _json_object(text: str | bytes, what: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise InputError(f"broken: {what} is not JSON") from None
    if not isinstance(value, dict):
        raise InputError(f"broken: {what} is not a JSON object")
    return value


def _check_entry(name: str, entry: Any) -> tuple[np.dtype[Any], tuple[int, ...], int, int]:
    """Return dtype, shape, start and end of one array in the header."""
    try:
        code, shape, (start, end) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
    except (KeyError, TypeError, ValueError):
        raise InputError(
            f"broken: array {name!r} is not described by dtype, shape and data_offsets"
        ) from None
    if not isinstance(code, str) or code not in _DTYPES:
        raise InputError(f"array {name!r} has the type {code!r}, which firth does not read")
    dtype = np.dtype(_DTYPES[code])
    if len(shape) > 8 or not all(type(n) is int and 0 <= n < 1 << 48 for n in (*shape, start, end)):
        raise InputError(f"broken: array {name!r} has the shape {shape} and the place {start} to {end}")
    if end - start != math.prod(shape) * dtype.itemsize:
        raise InputError(f"broken: array {name!r} of shape {shape} does not fit bytes {start} to {end}")
    return dtype, shape, start, end


def pack_strings(strings: Iterable[str]) -> tuple[npt.NDArray[np.uint8], Int64s]:
    """Pack strings into two arrays.

    Parameters
    ----------
    strings
        Any n strings.

    Returns
    -------
    blob : ndarray of uint8
        All strings in UTF-8, one after the other.
    offsets : ndarray of int64, shape (n + 1,)
        String i is ``blob[offsets[i]:offsets[i + 1]]``.

    Raises
    ------
    InputError
        A string holds half a surrogate pair, which UTF-8 cannot express.
    """
    encoded = []
    for string in strings:
        try:
            encoded.append(string.encode())
        except UnicodeEncodeError:
            raise InputError(
                f"{string!r} cannot be written in UTF-8: it holds half a surrogate pair"
            ) from None
    offsets = np.zeros(len(encoded) + 1, dtype=np.int64)
    np.cumsum([len(piece) for piece in encoded], out=offsets[1:])
    return np.frombuffer(b"".join(encoded), dtype=np.uint8), offsets


def unpack_strings(blob: npt.NDArray[np.uint8], offsets: Int64s) -> list[str]:
    """Undo `pack_strings`.

    Parameters
    ----------
    blob, offsets
        What `pack_strings` returned.

    Returns
    -------
    list of str
        The n strings.

    Raises
    ------
    InputError
        The two arrays do not belong together, or the bytes are not UTF-8.
    """
    if blob.dtype != np.uint8 or blob.ndim != 1 or offsets.dtype != np.int64 or offsets.ndim != 1:
        raise InputError("broken list of strings: not bytes and 64-bit offsets")
    if len(offsets) == 0 or offsets[0] != 0 or offsets[-1] != len(blob) or (offsets[1:] < offsets[:-1]).any():
        raise InputError("broken list of strings: offsets that do not cut the bytes into pieces")
    joined = blob.tobytes()
    try:
        return [joined[start:end].decode() for start, end in pairwise(offsets.tolist())]
    except UnicodeDecodeError:
        raise InputError("broken list of strings: bytes that are not UTF-8") from None
