"""firth's own format: safetensors with words, vectors, outside vectors, counts, history and metadata."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from firth.arrays import Float32s
from firth.errors import InputError
from firth.files.arrays_file import load_arrays, pack_strings, save_arrays, unpack_strings
from firth.vectors.formats.table import Table, naming

_KIND = "word vectors"
_VERSION = 1
_ARRAYS = (
    ("matrix", np.float32, 2),
    ("words", np.uint8, 1),
    ("word_offsets", np.int64, 1),
    ("counts", np.int64, 1),
    ("outside", np.float32, 2),
)
_OPTIONAL = ("counts", "outside")


def save_own(vectors: Table, path: Path) -> None:
    """Write everything; the vectors are finite."""
    with naming(path):
        blob, offsets = pack_strings(vectors.words)
    arrays: dict[str, npt.NDArray[Any]] = {"matrix": vectors.matrix, "words": blob, "word_offsets": offsets}
    if vectors.counts is not None:
        arrays["counts"] = vectors.counts
    if vectors.outside is not None:
        with naming(path):
            _check_finite(vectors.outside)
        arrays["outside"] = vectors.outside
    metadata = {
        "kind": _KIND,
        "version": _VERSION,
        "history": vectors.history,
        "metadata": vectors.metadata,
    }
    save_arrays(path, arrays, metadata)


def load_own(path: Path, mmap: bool) -> Table:
    """Read everything; with `mmap`, arrays are mapped into memory and not checked for NaN and infinity."""
    arrays, about = load_arrays(path, mmap)
    if about.get("kind") != _KIND:
        raise InputError(f"{path}: holds {about.get('kind')!r}, not word vectors")
    if about.get("version") != _VERSION:
        raise InputError(f"{path}: written in version {about.get('version')!r} of the format; update firth")
    with naming(path):
        for name, dtype, dimensions in _ARRAYS:
            array = arrays.get(name)
            if array is None and name in _OPTIONAL:
                continue
            if array is None or array.dtype != dtype or array.ndim != dimensions:
                raise InputError(f"broken: its array {name!r} is missing or of another type")
        history, metadata = about.get("history"), about.get("metadata")
        if not isinstance(history, list) or not all(isinstance(epoch, dict) for epoch in history):
            raise InputError("broken: its history is not a list of objects")
        if not isinstance(metadata, dict):
            raise InputError("broken: its metadata is not an object")
        vectors = Table(
            unpack_strings(arrays["words"], arrays["word_offsets"]),
            arrays["matrix"],
            counts=arrays.get("counts"),
            outside=arrays.get("outside"),
            history=history,
            metadata=metadata,
        )
        if not mmap and vectors.outside is not None:
            _check_finite(vectors.outside)
    return vectors


def _check_finite(outside: Float32s) -> None:
    if not np.isfinite(outside).all():
        raise InputError("an outside vector is not finite: it holds NaN or infinity")
