"""``firth classify predict``."""
# ruff: noqa: D301 (the character \b in a docstring tells typer to keep the lines below as they are)

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from firth.cli.classify.inputs import SAME_LABEL, ModelFile, note_coverage
from firth.cli.options import Quiet
from firth.cli.output import print_json
from firth.errors import InputError

if TYPE_CHECKING:
    from firth.classification.classifier import PhraseClassifier


def predict(
    model_file: ModelFile,
    source: Annotated[
        str, typer.Argument(metavar="[FILE|-]", help="Texts, one a line; - is standard input.")
    ] = "-",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON object a line, with all probabilities.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Print the label of each line, and its probability, as the lines come.

    An empty line is a text without a word: there is exactly one line of output for each line of input. If a
    text has several labels, they and their probabilities are separated by commas.

    \b
    Examples:
      firth classify predict reviews.firth new.txt
      tail -f comments.log | firth classify predict reviews.firth --json
    """
    from firth.classification.classifier import PhraseClassifier
    from firth.classification.encoding import Coverage

    model = PhraseClassifier.load(model_file)
    total = Coverage()
    for lines in _lines_as_they_come(source):
        labels, probabilities, coverage = model.label_texts(lines)
        for of_text, row in zip(labels, probabilities.tolist(), strict=True):
            _print_prediction(model, of_text, row, as_json)
        sys.stdout.flush()
        total += coverage
    note_coverage(total, "texts", SAME_LABEL, quiet)


def _print_prediction(
    model: PhraseClassifier, labels: tuple[str, ...], probabilities: list[float], as_json: bool
) -> None:
    by_label = dict(zip(model.label_names, probabilities, strict=True))
    if not as_json:
        print(",".join(labels), ",".join(f"{by_label[label]:.4f}" for label in labels), sep="\t")
    elif model.multi_label:
        print_json({"labels": labels, "probabilities": by_label})
    else:
        print_json({"label": labels[0], "probabilities": by_label})


@contextmanager
def _opened(source: str) -> Iterator[BinaryIO]:
    from firth.files.atomic import open_input

    if source == "-":
        yield sys.stdin.buffer
    else:
        with open_input(source) as file:
            yield file


def _lines_as_they_come(source: str) -> Iterator[list[str]]:
    """Give the lines of a stream, as many at a time as there are without waiting."""
    done, rest = 0, b""
    with _opened(source) as file:
        read = getattr(file, "read1", file.read)  # lzma and gzip have it too
        while block := read(1 << 16):
            *lines, rest = (rest + block).split(b"\n")
            if lines:
                yield [_decoded(line, done + i, source) for i, line in enumerate(lines, start=1)]
                done += len(lines)
        if rest:
            yield [_decoded(rest, done + 1, source)]


def _decoded(line: bytes, number: int, source: str) -> str:
    where = f"{'standard input' if source == '-' else source}:{number}"
    try:
        text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r")
    except UnicodeDecodeError:
        raise InputError(f"{where}: not valid UTF-8; convert it to UTF-8") from None
    if "\0" in text:
        from firth.text.splitting import nul_byte

        raise nul_byte(where)
    return text
