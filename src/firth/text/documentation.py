"""The corpus of ``firth demo``: prose from the docstrings and comments of Python and of installed packages.

Source files are read as text. Importing them could run anything.
"""

from __future__ import annotations

import ast
import importlib.util
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path

# Packages with much documentation. Those that are not installed are passed over.
_PACKAGES = ("numpy", "scipy", "sklearn", "matplotlib", "pandas", "sympy", "numba", "rich", "typer", "pip")
# Folders with little prose, and folders of packages that do not belong to Python itself.
_SKIPPED_FOLDERS = {"site-packages", "dist-packages", "test", "tests", "idlelib", "lib2to3", "_vendor"}
_MOST_WORDS = 2_000_000
_SHORTEST_PARAGRAPH_CHARACTERS = 40
# A paragraph is prose if more than this share of its characters are letters and spaces.
_LETTERS_SHARE = 0.85

_DOCSTRING_OR_COMMENT = re.compile(r'(?ms)"""(.*?)"""|\'\'\'(.*?)\'\'\'|((?:^[ \t]*#[^\n]*\n)+)')
_COMMENT_SIGN = re.compile(r"^[ \t]*#+[ \t]?", re.MULTILINE)
_EMPTY_LINE = re.compile(r"\n[ \t]*\n")


def write_documentation(path: Path, most_words: int = _MOST_WORDS) -> int:
    """Write the documentation at hand to a file, one paragraph a line, each once.

    Parameters
    ----------
    path
        The file.
    most_words
        Stop after the source file that completes this number of words.

    Returns
    -------
    int
        The number of words written, as far as spaces separate them.
    """
    seen: set[str] = set()
    n_words = 0
    with path.open("w", encoding="utf-8") as file:
        for source in source_files():
            for paragraph in prose(source):
                if paragraph not in seen:
                    seen.add(paragraph)
                    n_words += paragraph.count(" ") + 1
                    file.write(paragraph + "\n")
            if n_words >= most_words:
                break
    return n_words


def source_files() -> Iterator[Path]:
    """Yield Python files with documentation worth reading, always in the same order."""
    folders = [Path(sysconfig.get_paths()["stdlib"])]
    for package in _PACKAGES:
        found = importlib.util.find_spec(package)
        if found and found.submodule_search_locations:
            folders.append(Path(found.submodule_search_locations[0]))
    for folder in folders:
        for source in sorted(folder.rglob("*.py")):
            if _SKIPPED_FOLDERS.isdisjoint(source.relative_to(folder).parts):
                yield source


def prose(source: Path) -> Iterator[str]:
    """Yield the paragraphs of prose in a Python file."""
    text = source.read_text(encoding="utf-8", errors="replace")
    # The language reference is a dictionary. Each of its strings may be written as many short literals.
    is_reference = source.parts[-2:] == ("pydoc_data", "topics.py")
    for documented in strings(text) if is_reference else docstrings_and_comments(text):
        yield from paragraphs(documented)


def docstrings_and_comments(source: str) -> Iterator[str]:
    """Yield the docstrings and comments of Python source, of any version of Python."""
    for docstring, other_docstring, comment in _DOCSTRING_OR_COMMENT.findall(source):
        yield docstring or other_docstring or _COMMENT_SIGN.sub("", comment)


def strings(source: str) -> Iterator[str]:
    """Yield all strings in Python source."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def paragraphs(text: str) -> Iterator[str]:
    """Yield the paragraphs of a text that are prose, each as one line.

    Words with an underscore are left out: they are names in programs, and differ from program to program.
    """
    for paragraph in _EMPTY_LINE.split(text):
        line = " ".join(word for word in paragraph.split() if "_" not in word)
        if len(line) >= _SHORTEST_PARAGRAPH_CHARACTERS and line[-1] in ".:;!?)":
            n_letters = sum(map(str.isalpha, line)) + line.count(" ")
            if n_letters > _LETTERS_SHARE * len(line):
                yield line
