"""Type aliases of arrays and paths, in one place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.floating[Any]]
"""float32 in training, float64 in gradient checks."""
Float32s: TypeAlias = npt.NDArray[np.float32]
Float64s: TypeAlias = npt.NDArray[np.float64]

Ints: TypeAlias = npt.NDArray[np.integer[Any]]
Ids: TypeAlias = npt.NDArray[np.int32]
"""Numbers of words and other items. Files and caches hold millions of them, so they are small."""
Int64s: TypeAlias = npt.NDArray[np.int64]
Indices: TypeAlias = npt.NDArray[np.intp]
"""Indices into another array."""

Bools: TypeAlias = npt.NDArray[np.bool_]

Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]
"""Named arrays, as a model file holds them."""

PathLike: TypeAlias = str | os.PathLike[str]
