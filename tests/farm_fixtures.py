"""The words by which the tiny film of three shots is asked for, and what is in its folder."""

from __future__ import annotations

from pathlib import Path

STYLE = Path(__file__).resolve().parent.parent / "samples" / "styles" / "impasto.jpg"
TINY = (
    *("--iterations=1", "--first-iterations=1", "--coarsest-size=0", "--size=48", "--min-shot-frames=2"),
    *("--painter=gram", "--style-layers=relu1_1,relu2_1", "--content-layers=relu2_2"),
    *("--device=cpu", "--config=none"),
)


def farm_words(clip: Path, film: Path, *more: str) -> list[str]:
    """Of `run` and of a farm's steps."""
    return [str(clip), "-o", str(film), "--style", str(STYLE), *TINY, *more]


def contents(folder: Path) -> dict[str, bytes]:
    """All that is in a folder of a film that is complete."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}
