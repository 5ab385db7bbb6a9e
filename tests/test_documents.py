"""The documents name files and programs that are there."""

from __future__ import annotations

import ast
import re
import shlex
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from conftest import ROOT

PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "samples").glob("*.md"))
}
HISTORY = "CHANGELOG.md"
HOMES = (ROOT, ROOT / "stylevideo")
PROGRAMS = {command for page in PAGES.values() for command in re.findall(r"python -m scripts\.([^`\n]+)", page)}


@pytest.mark.parametrize("page", sorted(PAGES.keys() - {HISTORY}))
def test_every_file_of_ours_that_a_page_names_is_there(page: str) -> None:
    named = re.findall(r"`((?:[\w.]+/)+[\w.-]+\.(?:py|md|yml|toml|txt)|\w+\.py)`", PAGES[page])
    missing = [name for name in named if not any((home / name).exists() for home in HOMES)]
    assert missing == []


@pytest.mark.parametrize("page", sorted(PAGES))
def test_every_link_leads_to_a_file_and_a_heading_of_ours(page: str) -> None:
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", PAGES[page]):
        file, _, anchor = link.partition("#")
        path = (ROOT / page).parent / file if file else ROOT / page
        assert path.exists(), f"{page}: {link}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", name).lower().replace(" ", "-") for name in headings}, link


def test_every_picture_is_shown_on_a_page() -> None:
    pictures = {path.name for path in (ROOT / "docs").iterdir() if path.suffix in (".jpg", ".png", ".webp")}
    shown = {Path(name).name for page in PAGES.values() for name in re.findall(r"!\[[^]]*\]\(([^)\s]+)\)", page)}
    assert pictures == shown


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_every_name_in_the_map_is_in_the_file_beside_it(page: str) -> None:
    """`Name` in `file.py`, where a page says so; and a file's `Name` in brackets behind it."""
    found = [(name, file) for name, file in re.findall(r"`([\w.]+)` (?:in|of) `([\w/]+\.py)`", PAGES[page])]
    found += [(name, file) for file, name in re.findall(r"`([\w/]+\.py)` \(`([\w.]+)`", PAGES[page])]
    assert found
    for name, file in found:
        path = next(home / file for home in HOMES if (home / file).exists())
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        defined = {node.name for node in nodes if isinstance(node, ast.ClassDef | ast.FunctionDef)}
        defined |= {node.id for node in nodes if isinstance(node, ast.Name)}
        assert set(name.split(".")) <= defined, f"{name} is not in {file}"


@pytest.mark.parametrize("command", sorted(PROGRAMS))
def test_every_program_that_a_page_names_takes_its_words(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    name, *words = shlex.split(command)
    if name == "NAME":
        return
    if (ROOT / "scripts" / f"{name}.py").exists():
        help = import_module(f"scripts.{name}").__doc__
        assert help and all(word in help for word in [f"python -m scripts.{name}", *words])
        return
    main = import_module(f"scripts.{name}.__main__").main
    try:
        code = main([*words, "--help"])
    except SystemExit as ended:
        code = ended.code
    assert not code, capsys.readouterr().err
    assert "python -m scripts." in capsys.readouterr().out


def test_the_workflow_goes_through_what_is_promised() -> None:
    """All systems, and the oldest and the newest Python."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert "Operating System :: OS Independent" in project["classifiers"]
    assert "os: [ubuntu-latest, macos-latest, windows-latest]" in workflow
    versions = sorted(int(minor) for minor in re.findall(r":: 3\.(\d+)", " ".join(project["classifiers"])))
    assert f'python: ["3.{versions[0]}", "3.{versions[-1]}"]' in workflow
    assert project["requires-python"] == f">=3.{versions[0]},<3.{versions[-1] + 1}"
    assert ".ci/run" in workflow


def test_the_hooks_run_what_must_pass() -> None:
    checks = re.findall(r'^(?:"\$ours" (-m .*)|"\$PYTHON" (scripts/test.*))$', (ROOT / ".ci" / "run").read_text(), re.M)
    hooks = re.findall(r"entry: python ([^,]+),", (ROOT / ".pre-commit-config.yaml").read_text())
    assert hooks == [check or tests for check, tests in checks] and len(hooks) == 4
