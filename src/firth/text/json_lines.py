"""JSON Lines: a sentence is one line with one JSON object."""

from __future__ import annotations

import json

from firth.text.document import Sentence


def format_sentence(sentence: Sentence) -> str:
    """Return `firth.text.document.Sentence.to_dict` as a line of JSON, with its end."""
    return json.dumps(sentence.to_dict(), ensure_ascii=False) + "\n"
