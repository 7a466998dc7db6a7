"""``firth demo``: the first thing that a newcomer sees."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from firth.cli import demo
from firth.vectors.word_vectors import load_vectors


def test_the_demo_shows_what_it_promises(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "firth", "demo", "--output", str(tmp_path)],
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    shown = result.stdout
    score = re.search(r"Of (\d+) that were asked, firth got (\d+) right", shown)
    assert score
    assert int(score[2]) > int(score[1]) / 2 > 0
    assert re.search(r"\n  true +.*\bfalse\b", shown)

    vectors = load_vectors(tmp_path / "firth-demo.safetensors")
    assert len(vectors) > 1000
    drawn = {file.name for file in tmp_path.iterdir()} - {"firth-demo.safetensors"}
    expected = {"firth-demo.html"} if importlib.util.find_spec("plotly") else set()
    expected |= {"firth-demo.png"} if importlib.util.find_spec("matplotlib") else set()
    assert drawn == expected

    suggested = [shlex.split(line) for line in shown.splitlines() if line.startswith("  firth vectors ")]
    for command in suggested:
        if command[2] in ("similar", "analogy"):
            subprocess.run([sys.executable, "-m", *command], check=True, capture_output=True)
    assert {command[2] for command in suggested} >= {"similar", "analogy", "train"}


def test_the_demo_does_not_train_before_it_knows_where_to_write(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "firth", "demo", "-o", str(tmp_path / "absent"), "--json"],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 2
    assert result.stdout == ""
    assert "there is no folder" in result.stderr.splitlines()[-1]


def test_without_the_plot_extra_it_says_how_to_get_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    demo._Show(silent=False).what_next(tmp_path / "firth-demo.safetensors", [], [])
    assert "pip install matplotlib plotly scikit-learn" in capsys.readouterr().out


def test_json_of_the_demo(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_little(path: Path) -> int:
        path.write_text("true or false is read and not write\n" * 40, encoding="utf-8")
        return 280

    monkeypatch.setattr(demo, "write_documentation", write_little)
    monkeypatch.setattr(demo, "_draw", lambda vectors, folder, quiet: [])
    demo.demo(tmp_path, as_json=True, quiet=True)
    figures = json.loads(capsys.readouterr().out)
    assert figures["words"] == len(load_vectors(tmp_path / "firth-demo.safetensors")) == 8
    assert figures["corpus_words"] == 280
    assert set(figures["neighbours"]) == {"true", "read"}
    assert figures["analogies"] == {"asked": 0, "right": 0}
    assert figures["heads"] == [2, 0, 4, 2, 2, 2]
