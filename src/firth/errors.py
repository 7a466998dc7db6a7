"""The errors that firth raises on purpose: one family.

A message says in one line what is wrong, where (``file:line``), and how to mend it. The command line prints
that line and exits with code 2.
"""

from __future__ import annotations


class FirthError(Exception):
    """Base of every error that firth raises on purpose."""


class InputError(FirthError, ValueError):
    """A file, a text or an argument cannot be used as it is."""


class UnknownWordError(FirthError, KeyError):
    """A word that is not in the vocabulary was asked for."""

    def __str__(self) -> str:  # KeyError would show the message in quotes
        return str(self.args[0])
