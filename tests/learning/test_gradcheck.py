"""The gradient check passes what is right and fails what is wrong; so does the page that derives it all."""

from __future__ import annotations

import doctest
import html
import importlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from firth import FirthError
from firth.cli.gradcheck import gradcheck as command
from firth.learning import activations, cases, gradcheck, objectives
from firth.network import cases as network

RANDOM = np.random.default_rng(0)
POINT = {"center": RANDOM.normal(size=4), "U": RANDOM.normal(size=(6, 4))}
OUTSIDE, NEGATIVES = 2, [4, 1, 4, 2]


def test_every_gradient_of_the_package_passes() -> None:
    results = gradcheck.check_all(cases.CASES)
    assert [result for result in results if not result.passed] == []
    assert max(result.error for result in results) < 1e-8
    names = {result.name.split(",")[0] for result in results}
    activation_names = {
        name.removesuffix("_gradient") for name in dir(activations) if name.endswith("_gradient")
    }
    assert names >= activation_names | {"naive_softmax", "negative_sampling", "skip_gram"}


def right(center: np.ndarray, U: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
    return objectives.negative_sampling(center, OUTSIDE, NEGATIVES, U)


def wrong_sign(center: np.ndarray, U: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
    loss, grad_center, grad_U = right(center, U)
    return loss, -grad_center, grad_U


def missing_repeat(center: np.ndarray, U: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
    loss, grad_center, _ = right(center, U)
    rows = np.array([OUTSIDE, *NEGATIVES])
    signs = np.array([1, -1, -1, -1, -1])
    factors = -signs * activations.sigmoid(-signs * (U[rows] @ center))
    grad_U = np.zeros_like(U)
    grad_U[rows] += np.outer(factors, center)  # the classical mistake: only the last of the repeats counts
    return loss, grad_center, grad_U


def missing_factor(center: np.ndarray, U: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
    loss, grad_center, grad_U = right(center, U)
    grad_U = grad_U.copy()
    grad_U[1] = center  # without 1 − σ(−u·v)
    return loss, grad_center, grad_U


def missing_term(center: np.ndarray, U: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
    loss, grad_center, grad_U = right(center, U)
    return loss, grad_center - activations.sigmoid(U[1] @ center) * U[1], grad_U


def one_entry_slightly_off(center: np.ndarray, U: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
    loss, grad_center, grad_U = right(center, U)
    return loss, grad_center + 1e-5 * np.eye(4)[3], grad_U


def not_a_number(center: np.ndarray, U: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
    loss, grad_center, grad_U = right(center, U)
    return loss, grad_center * np.nan, grad_U


def test_the_right_gradient_passes() -> None:
    results = gradcheck.check(right, POINT)
    assert [(r.name, r.argument, r.shape, r.passed) for r in results] == [
        ("right", "center", (4,), True),
        ("right", "U", (6, 4), True),
    ]


@pytest.mark.parametrize(
    ("wrong", "argument"),
    [
        (wrong_sign, "center"),
        (missing_repeat, "U"),
        (missing_factor, "U"),
        (missing_term, "center"),
        (one_entry_slightly_off, "center"),
        (not_a_number, "center"),
    ],
)
def test_a_wrong_gradient_fails_and_only_that_one(wrong: Callable[..., Any], argument: str) -> None:
    assert {r.argument: r.passed for r in gradcheck.check(wrong, POINT)} == {
        "center": argument != "center",
        "U": argument != "U",
    }


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
def test_the_verdict_does_not_depend_on_the_scale_of_the_function(scale: float) -> None:
    def scaled(factor: float) -> gradcheck.GradientCheck:
        return gradcheck.check(
            lambda x: (scale * np.sum(np.exp(x)), factor * scale * np.exp(x)), np.array([0.1, -0.7, 1.3])
        )[0]

    assert scaled(1).passed
    assert not scaled(1.001).passed


@pytest.mark.parametrize("scale", [1.0, 1e3, 1e6])
def test_the_step_follows_the_size_of_the_point(scale: float) -> None:
    def stretched(factor: float) -> gradcheck.GradientCheck:
        return gradcheck.check(
            lambda x: (scale * np.sum(np.exp(x / scale)), factor * np.exp(x / scale)),
            scale * np.array([0.3, -1.1, 2.0]),
        )[0]

    assert stretched(1).passed
    assert not stretched(1 + 1e-5).passed


def test_curvature_is_not_taken_for_a_kink() -> None:
    # Close to the minimum the slopes are small beside the curvature.
    def bowl(factor: float) -> gradcheck.GradientCheck:
        x = np.array([3e-4, -1e-3, 2e-3])
        return gradcheck.check(lambda x: (np.sum(np.sqrt(1 + x**2)), factor * x / np.sqrt(1 + x**2)), x)[0]

    assert bowl(1).passed
    assert bowl(1).kinks == 0
    assert not bowl(1 + 1e-5).passed


def test_any_subgradient_passes_at_a_kink_but_nothing_else() -> None:
    x = np.array([-1.0, 0.0, 2.0])

    def relu(at_zero: float) -> gradcheck.GradientCheck:
        gradient = np.array([0, at_zero, 1])
        return gradcheck.check(lambda x: (np.sum(np.maximum(x, 0)), gradient), x)[0]

    for at_zero in (0, 0.5, 1):
        assert relu(at_zero).passed
        assert relu(at_zero).kinks == 1
    for at_zero in (-0.1, 1.1):
        assert not relu(at_zero).passed


def test_a_kink_within_the_step_does_not_fail_the_right_gradient() -> None:
    for x in gradcheck.STEP * np.array([[0.1, -0.3], [0.45, -0.6], [0.8, -0.95]]):
        result = gradcheck.check(lambda x: (np.sum(np.maximum(x, 0)), 1.0 * (x > 0)), x)[0]
        assert result.passed
        assert result.kinks == 2


def test_a_kink_elsewhere_does_not_excuse_a_wrong_gradient() -> None:
    x = np.array([-1.0, 0.0, 2.0])
    result = gradcheck.check(lambda x: (np.sum(np.maximum(x, 0)), np.array([0.0, 0, 0.5])), x)[0]
    assert not result.passed


def test_a_gradient_that_vanishes_passes() -> None:
    assert gradcheck.check(lambda x: (np.sum(x**2), 2 * x), np.zeros(3))[0].passed
    assert gradcheck.check(lambda x: (np.sum(x**4), 4 * x**3), np.full(2, 1e-5))[0].passed


@pytest.mark.parametrize(
    ("function", "point", "message"),
    [
        (lambda x: (x.sum(), x), np.ones(2, np.float32), "x has dtype float32: differences need float64"),
        (lambda x: (x.sum(), x), np.ones(2, int), "x has dtype int64"),
        (lambda x: (x.sum(), x), np.array([np.nan]), "x holds nan"),
        (lambda a: (a.sum(), a), {"a": np.array([np.inf])}, "a holds inf"),
        (lambda x: x.sum(), np.ones(2), "it must return a value and its gradients"),
        (lambda x: (), np.ones(2), "it must return a value and its gradients"),
        (lambda x: (x, x), np.ones(2), r"is \(2,\) of float64: it must be a float64 scalar"),
        (lambda x: (np.float32(1), x), np.ones(2), "is .* of float32: it must be a float64 scalar"),
        (lambda x: (np.nan, x), np.ones(2), "is nan at or beside the point"),
        (lambda x: (x.sum(), x, x), np.ones(2), "returns 2 gradients for 1 arguments"),
        (lambda x: (x.sum(), x[:1]), np.ones(2), r"has shape \(1,\) but x has shape \(2,\)"),
        (lambda x: (np.sum(np.square(x, out=x)), x), np.full(2, 0.5), "changes its argument 'x'"),
    ],
)
def test_what_cannot_be_checked_is_refused(function: Any, point: Any, message: str) -> None:
    with pytest.raises(FirthError, match=message):
        gradcheck.check(function, point)


def test_the_examples_run() -> None:
    assert doctest.testmod(gradcheck).failed == 0


def test_a_layer_joins_in() -> None:
    def linear(random: np.random.Generator) -> tuple[gradcheck.Function, gradcheck.Point]:
        weights = random.normal(size=(2, 4))
        point = {"x": random.normal(size=(2, 3)), "W": random.normal(size=(3, 4))}
        return lambda x, W: (np.sum(weights * (x @ W)), weights @ W.T, x.T @ weights), point

    results = gradcheck.check_all([gradcheck.Case("linear layer", linear)])
    assert [(r.name, r.argument, r.passed) for r in results] == [
        ("linear layer", "x", True),
        ("linear layer", "W", True),
    ]


def test_all_cases_have_different_names() -> None:
    names = [case.name for case in (*cases.CASES, *network.CASES)]
    assert len(names) == len(set(names)) > 30


@pytest.fixture
def run() -> Callable[..., Any]:
    app = typer.Typer()
    app.command()(command)
    return lambda *arguments: CliRunner().invoke(app, arguments)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let one gradient of the package be wrong, and one not even finite."""
    broken = (
        gradcheck.Case("right", lambda random: (right, POINT)),
        gradcheck.Case("wrong", lambda random: (wrong_sign, POINT)),
        gradcheck.Case("nan", lambda random: (not_a_number, POINT)),
    )
    monkeypatch.setattr(cases, "CASES", broken)
    monkeypatch.setattr(network, "CASES", ())


def test_command_prints_a_table(run: Callable[..., Any]) -> None:
    result = run()
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    count = len(gradcheck.check_all([*cases.CASES, *network.CASES]))
    assert len(lines) == count + 2
    assert lines[-1].startswith(f"{count} of {count} gradients pass")
    assert "FAIL" not in result.stdout
    rows = [line.split("\t")[:3] for line in lines]
    assert ["skip_gram, negative_sampling, repeats", "U", "(6, 4)"] in rows
    assert ["convolution", "weight", "(6, 3)"] in rows


def test_command_prints_one_json_object(run: Callable[..., Any]) -> None:
    result = run("--json")
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert report["passed"] is True
    assert report["checks"][0] == {
        "name": "sigmoid",
        "argument": "x",
        "shape": [4, 5],
        "error": pytest.approx(0, abs=1e-8),
        "kinks": 0,
        "passed": True,
    }


def test_command_is_silent_when_quiet_and_all_is_well(run: Callable[..., Any]) -> None:
    result = run("--quiet")
    assert (result.exit_code, result.stdout) == (0, "")


@pytest.mark.usefixtures("broken")
def test_command_fails_if_a_gradient_is_wrong(run: Callable[..., Any]) -> None:
    result = run()
    assert result.exit_code == 1
    assert result.stdout.count("FAIL") == 2
    assert "4 of 6 gradients pass" in result.stdout
    quiet = run("--quiet")
    assert quiet.exit_code == 1
    assert "right" not in quiet.stdout
    assert quiet.stdout.count("FAIL") == 2
    report = run("--json")
    assert report.exit_code == 1
    checks = json.loads(report.stdout, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))[
        "checks"
    ]
    assert [check["passed"] for check in checks] == [True, True, False, True, False, True]


PAGE = Path(__file__).parents[2] / "docs" / "mathematics.md"


def test_the_code_of_the_documentation_runs() -> None:
    text = PAGE.read_text(encoding="utf-8")
    blocks = list(re.finditer(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE))
    assert blocks
    namespace: dict[str, Any] = {}
    for block in blocks:
        above = "\n" * text.count("\n", 0, block.start(1))  # so that a failure shows the line of the page
        exec(compile(above + block[1], PAGE, "exec"), namespace)


def test_the_documentation_links_to_what_there_is() -> None:
    links = re.findall(r"\[`([\w.]+)\.(\w+)`\]\(\.\./src/([^)]+)\.py\)", PAGE.read_text(encoding="utf-8"))
    assert len(links) > 10
    for module, name, path in links:
        assert path.replace("/", ".").endswith(f".{module}")
        assert hasattr(importlib.import_module(path.replace("/", ".")), name)


def test_markdown_leaves_the_formulas_alone() -> None:
    # GitHub reads Markdown first: an underscore between brackets may become emphasis, and `\,` a comma.
    markdown_it = pytest.importorskip("markdown_it")  # comes with rich
    text = PAGE.read_text(encoding="utf-8")
    shown = html.unescape(markdown_it.MarkdownIt().enable("table").render(text))
    prose = re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))
    formulas = re.findall(r"\$[^$]+\$", prose)
    assert len(formulas) > 100
    assert [formula for formula in formulas if formula not in shown] == []
