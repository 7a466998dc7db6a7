from __future__ import annotations

from pathlib import Path

import pytest

from firth.errors import InputError
from firth.text.sources import find_files, source_of, total_size


def test_files_folders_and_patterns(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", "sub/c.txt", "sub/deep/d.md", ".hidden", ".git/x.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")

    def found(*sources: str | Path) -> list[str]:
        return [Path(file).relative_to(tmp_path).as_posix() for file in find_files(sources)]

    assert found(tmp_path / "b.txt", tmp_path / "a.txt") == ["b.txt", "a.txt"]
    assert found(tmp_path) == ["a.txt", "b.txt", "sub/c.txt", "sub/deep/d.md"]
    assert found(f"{tmp_path}/*.txt") == ["a.txt", "b.txt"]
    assert found(f"{tmp_path}/**/*.txt") == ["a.txt", "b.txt", "sub/c.txt"]
    assert find_files(["-"]) == ["-"]


def test_links_in_folders(tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.txt").write_text("x")
    (tmp_path / "texts" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "texts" / "loop").symlink_to(tmp_path / "texts")
    assert find_files([tmp_path / "texts"]) == [str(tmp_path / "texts" / "link" / "a.txt")]


def test_file_whose_name_looks_like_a_pattern(tmp_path: Path) -> None:
    (tmp_path / "a[1].txt").write_text("x")
    assert find_files([tmp_path / "a[1].txt"]) == [str(tmp_path / "a[1].txt")]


def test_nothing_there(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for source, message in [
        (f"{tmp_path}/absent.txt", "absent.txt: no such file"),
        (f"{tmp_path}/empty", "empty: there is no file in this folder"),
        (f"{tmp_path}/*.txt", r"\*.txt: no file matches this pattern"),
        ("the cat\nsat on", "the cat.*: no such file .*pass an iterator of strings"),
        ("", "an empty string names no file .*pass an iterator of strings"),
    ]:
        with pytest.raises(InputError, match=message):
            find_files([source])


@pytest.mark.parametrize(
    "texts",
    [
        ["I like tea", "you like coffee"],
        ["tea", "coffee"],
        ["Do you like tea?"],
        ["tea", "I like tea. You too."],
    ],
)
def test_text_in_the_place_of_names_gets_a_hint(texts: list[str]) -> None:
    with pytest.raises(InputError, match=r"^[^:]+: no .*\(strings in a list name files; .* iter\(texts\)"):
        find_files(texts)


@pytest.mark.parametrize(
    "names", [["absent.txt"], ["absent"], ["my texts.txt"], ["a.txt", "b"], ["in/a", "b"]]
)
def test_names_of_files_get_no_hint(names: list[str]) -> None:
    with pytest.raises(InputError, match=r"no such file$"):
        find_files(names)


def test_what_source_a_file_would_belong_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("texts/sub/.cache", "[odd]", "elsewhere"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "b*.txt").write_text("x")
    (tmp_path / "link.txt").symlink_to(tmp_path / "a.txt")
    (tmp_path / "linked").symlink_to(tmp_path / "texts")
    (tmp_path / "texts" / "out").symlink_to(tmp_path / "elsewhere" / "out")

    def inside(source: str, path: str) -> bool:
        found = source_of(["-", tmp_path / source], tmp_path / path)
        assert found in (None, str(tmp_path / source))
        return found is not None

    monkeypatch.chdir(tmp_path / "texts")
    assert source_of(["."], "new") == "."
    assert source_of(["*.txt"], tmp_path / "texts" / "new.txt") == "*.txt"
    assert source_of(["-"], "-") is None

    assert inside("a.txt", "a.txt")
    assert inside("a.txt", "link.txt") and inside("link.txt", "a.txt")
    assert inside("b*.txt", "b*.txt") and not inside("b*.txt", "b1.txt")  # a file of that name, no pattern
    assert not inside("a.txt", "a.vec")

    assert inside("texts", "texts/new") and inside("texts", "texts/sub/new") and inside("linked", "texts/new")
    assert inside("texts", "linked/sub/new")
    assert inside("texts", "texts/out")  # a link that leads out of it
    assert inside("[odd]", "[odd]/new")
    assert not inside("texts/sub", "texts/new") and not inside("texts", "textsnew")
    assert not inside("texts", "texts/.new") and not inside("texts", "texts/sub/.cache/new")

    assert inside("*.txt", "new.txt") and not inside("*.txt", "new.vec")
    assert not inside("*.txt", "texts/new.txt")
    assert inside("t*s/*.txt", "texts/new.txt") and inside("t*s/*.txt", "linked/new.txt")
    assert inside("**/*.txt", "new.txt") and inside("**/*.txt", "texts/sub/new.txt")
    assert inside("texts/**", "texts/sub/new") and not inside("texts/**", "a.txt")
    assert not inside("*", ".new") and inside(".n*", ".new")


def test_total_size(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"123")
    (tmp_path / "b").write_bytes(b"45")
    assert total_size([str(tmp_path / "a"), str(tmp_path / "b")]) == 5
    assert total_size([str(tmp_path / "a"), "-"]) is None
