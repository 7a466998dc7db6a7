"""Standard input as bytes, where there is one."""

from __future__ import annotations

import sys
from typing import BinaryIO

from firth.errors import InputError


def standard_input() -> BinaryIO:
    """Return the bytes of standard input.

    Raises
    ------
    InputError
        It is closed, or holds no bytes: services, windowed programs and notebooks have none.
    """
    stream: BinaryIO | None = getattr(sys.stdin, "buffer", None)
    if stream is None or getattr(stream, "closed", False):
        raise InputError("standard input is closed: name a file, or pipe text in")
    return stream
