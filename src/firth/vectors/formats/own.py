"""firth's own format: safetensors with words, vectors, outside vectors, counts, history and metadata."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from firth.arrays import Float32s
from firth.errors import InputError
from firth.files.arrays_file import load_arrays, pack_strings, save_arrays, unpack_strings
from firth.files.records import ArrayRecord, FileKind, check_arrays, check_fields, reading
from firth.vectors.formats.table import Table, naming

_KIND = FileKind("word vectors", "file of word vectors", "make one with firth vectors train", "version", 1)
_ARRAYS = (
    ArrayRecord("matrix", np.float32, (None, None)),
    ArrayRecord("words", np.uint8, (None,)),
    ArrayRecord("word_offsets", np.int64, (None,)),
    ArrayRecord("counts", np.int64, (None,), optional=True),
    ArrayRecord("outside", np.float32, (None, None), optional=True),
)
_FIELDS = {"history": [dict], "metadata": dict}


def save_own(table: Table, path: Path) -> None:
    """Write everything; the vectors are finite."""
    with naming(path):
        blob, offsets = pack_strings(table.words)
    arrays: dict[str, npt.NDArray[Any]] = {"matrix": table.matrix, "words": blob, "word_offsets": offsets}
    if table.counts is not None:
        arrays["counts"] = table.counts
    if table.outside is not None:
        with naming(path):
            _check_finite(table.outside)
        arrays["outside"] = table.outside
    # The same training makes the same file, however long it took.
    history = [{name: x for name, x in epoch.items() if name != "seconds"} for epoch in table.history]
    metadata = {**_KIND.fields(), "history": history, "metadata": table.metadata}
    save_arrays(path, arrays, metadata)


def load_own(path: Path, mmap: bool, limit: int | None = None) -> Table:
    """Read everything, or the first `limit` vectors.

    With `mmap`, arrays are mapped into memory and not checked for NaN and infinity.
    """
    arrays, about = load_arrays(path, mmap)
    _KIND.check(about, str(path))
    with reading(str(path)):
        check_fields(about, _FIELDS)
        check_arrays(arrays, _ARRAYS)
        if limit is not None:
            arrays = _first_rows(arrays, limit)
        words = unpack_strings(arrays["words"], arrays["word_offsets"])
    table = Table(
        words,
        arrays["matrix"],
        counts=arrays.get("counts"),
        outside=arrays.get("outside"),
        history=about["history"],
        metadata=about["metadata"],
        is_mapped=mmap,
    )
    if not mmap and table.outside is not None:
        with naming(path):
            _check_finite(table.outside)
    return table


def _first_rows(arrays: dict[str, npt.NDArray[Any]], limit: int) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of the first `limit` words."""
    offsets = arrays["word_offsets"][: limit + 1]
    n_bytes = len(arrays["words"]) if len(offsets) <= limit else max(int(offsets[-1]), 0)
    parts = {name: array[:limit] for name, array in arrays.items()}
    return {**parts, "words": arrays["words"][:n_bytes], "word_offsets": offsets}


def _check_finite(outside: Float32s) -> None:
    if not np.isfinite(outside).all():
        raise InputError("an outside vector is not finite: it holds NaN or infinity")
