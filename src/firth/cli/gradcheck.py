"""``firth gradcheck``: compares all gradients with finite differences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from firth.cli.options import AsJson
from firth.cli.output import print_json, print_table

if TYPE_CHECKING:
    from firth.learning.gradcheck import GradientCheck


def gradcheck(
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print only what fails.")] = False,
) -> None:
    """Check every analytic gradient against central differences; exit with 1 if one fails."""
    from firth.learning import cases as formulas
    from firth.learning.gradcheck import check_all
    from firth.network import cases as network

    results = check_all([*formulas.CASES, *network.CASES])
    failed = [result for result in results if not result.passed]
    if as_json:
        print_json({"passed": not failed, "checks": [_as_json(result) for result in results]})
    elif not quiet:
        _print(results)
        worst = max(result.error for result in results)
        passed = len(results) - len(failed)
        print(f"{passed} of {len(results)} gradients pass, largest relative error {worst:.0e}")
    elif failed:
        _print(failed)
    if failed:
        raise typer.Exit(1)


def _as_json(result: GradientCheck) -> dict[str, object]:
    return {
        "name": result.name,
        "argument": result.argument,
        "shape": result.shape,
        "error": result.error if result.error < float("inf") else None,  # JSON has no infinity
        "kinks": result.kinks,
        "passed": result.passed,
    }


def _print(results: list[GradientCheck]) -> None:
    rows = []
    for result in results:
        verdict = "pass" if result.passed else "FAIL"
        if result.kinks:
            verdict += f", {result.kinks} kink{'s' if result.kinks > 1 else ''}"
        rows.append([result.name, result.argument, str(result.shape), f"{result.error:.0e}", verdict])
    columns = ["gradient of", "argument", "shape", "error", "verdict"]
    print_table(columns, rows, title="Analytic gradients and central differences", header_when_piped=True)
