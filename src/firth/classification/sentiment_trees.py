r"""Trees of the Stanford Sentiment Treebank (Socher et al. 2013), where every phrase has a label.

A tree is a line such as ``(3 (2 A) (4 (3 fine) (2 film)))``: 0 is very negative, 4 is very positive.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from firth.classification.labelled_source import Source

_TREE_TOKEN = re.compile(r"[()]|[^\s()]+")
_BRACKETS = {"-LRB-": "(", "-RRB-": ")", "-LSB-": "[", "-RSB-": "]", "-LCB-": "{", "-RCB-": "}"}
# The Penn Treebank separates these from the word before them.
_CLITIC = re.compile(r" (n't|'(?:s|m|d|re|ve|ll))\b", re.IGNORECASE)
_BINARY = {"0": "negative", "1": "negative", "3": "positive", "4": "positive"}


def read_trees(source: Source, binary: bool, phrases: bool) -> None:
    """Read a tree a line: the sentences, or all phrases; see `firth.classification.labelled.read`."""
    taken: set[tuple[str, str]] = set()
    for number, line in source:
        nodes = _parse_tree(source, number, line)
        for label, tokens in nodes if phrases else nodes[-1:]:
            if binary and label not in _BINARY:
                source.labelled.count("neutral phrases" if phrases else "neutral sentences")
                continue
            label = _BINARY[label] if binary else label
            text = natural_text(tokens)
            if phrases and (label, text) in taken:
                source.labelled.count("repeated phrases")
                continue
            taken.add((label, text))
            source.add(number, text, [label])


def _parse_tree(source: Source, number: int, line: str) -> list[tuple[str, list[str]]]:
    """Return the label and the tokens of each phrase, the whole sentence last."""
    # For each phrase that is still open: its label, if it was read, and its tokens.
    open_phrases: list[tuple[list[str], list[str]]] = []
    phrases: list[tuple[str, list[str]]] = []
    for token in _TREE_TOKEN.findall(line):
        if phrases and not open_phrases:
            raise source.error(
                number, f"{token!r} stands after the end of the tree: there must be one tree a line"
            )
        if token == "(":
            open_phrases.append(([], []))
        elif not open_phrases:
            raise source.error(number, "not a tree: it must begin with a bracket, as in (3 (2 A) (4 wonder))")
        elif token == ")":
            label, tokens = open_phrases.pop()
            if not tokens:
                raise source.error(number, "not a tree: a bracket closes a phrase without words")
            phrases.append((label[0], tokens))
            if open_phrases:
                open_phrases[-1][1].extend(tokens)
        elif not open_phrases[-1][0]:
            if token not in ("0", "1", "2", "3", "4"):
                raise source.error(number, f"the label of a phrase must be 0 to 4, not {token!r}")
            open_phrases[-1][0].append(token)
        else:
            open_phrases[-1][1].append(token)
        if open_phrases and len(open_phrases) > 1 and not open_phrases[-2][0]:
            raise source.error(number, "not a tree: a phrase has no label")
    if open_phrases:
        raise source.error(number, f"not a tree: {len(open_phrases)} brackets are not closed")
    return phrases


def natural_text(tokens: Sequence[str]) -> str:
    r"""Return tokens of the Penn Treebank as people write them, as far as words go.

    ``-LRB-`` becomes a bracket, ``\/`` a slash, and ``do n't`` one word, as it is in other texts.
    """
    text = " ".join(_BRACKETS.get(token, token.replace("\\/", "/").replace("\\*", "*")) for token in tokens)
    return _CLITIC.sub(r"\1", text)
