"""Word vectors from your own text: fast, exact, reproducible.

``import firth`` costs almost nothing: each name below loads its module when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from firth.errors import FirthError, InputError, UnknownWordError
from firth.version import __version__

if TYPE_CHECKING:
    from firth.classification.classifier import PhraseClassifier
    from firth.parsing.parser.parser import Parser
    from firth.parsing.pipeline import Pipeline, load
    from firth.vectors.trainers.exact_softmax import ExactSoftmax
    from firth.vectors.trainers.skipgram import SkipGram
    from firth.vectors.word_vectors import WordVectors, load_vectors


_HOMES = {
    "ExactSoftmax": "firth.vectors.trainers.exact_softmax",
    "Parser": "firth.parsing.parser.parser",
    "Pipeline": "firth.parsing.pipeline",
    "PhraseClassifier": "firth.classification.classifier",
    "SkipGram": "firth.vectors.trainers.skipgram",
    "WordVectors": "firth.vectors.word_vectors",
    "load": "firth.parsing.pipeline",
    "load_vectors": "firth.vectors.word_vectors",
}

__all__ = [
    "ExactSoftmax",
    "FirthError",
    "InputError",
    "Parser",
    "PhraseClassifier",
    "Pipeline",
    "SkipGram",
    "UnknownWordError",
    "WordVectors",
    "__version__",
    "load",
    "load_vectors",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'firth' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
