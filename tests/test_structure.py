"""The packages keep their order, and the tools that draw it see what is out of order."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.structure import faults, main


def test_packages_import_from_lower_ranks_only() -> None:
    assert list(faults()) == []


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("from stylevideo.cli.main import main", "does not lie below it"),
        ("import stylevideo.cli.main.main", "does not lie below it"),
        ("def late():\n    from stylevideo.cli.main.main import main", "does not lie below it"),
        ("if TYPE_CHECKING:\n    from stylevideo.cli.main import main", "does not lie below it"),
        ("from stylevideo.errors import _secret", "is private"),
        ("from stylevideo.ops.other import name", ""),
    ],
)
def test_what_is_out_of_order_is_found(statement: str, says: str, tmp_path: Path) -> None:
    for name in ("__init__.py", "errors.py", "ops/other.py", "ops/losses.py", "cli/main.py"):
        path = tmp_path / "stylevideo" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(statement if name == "ops/losses.py" else "")
    found = list(faults(tmp_path))
    assert len(found) == bool(says)
    assert not found or says in found[0]


@pytest.mark.parametrize(("words", "code"), [(["--help"], 0), ([], 2), (["walls"], 2)])
def test_words_that_it_does_not_know_end_in_its_usage(
    words: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(words)
    said = capsys.readouterr()
    assert end.value.code == code
    assert "usage: python -m scripts.structure" in said.out + said.err
