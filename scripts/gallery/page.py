"""docs/gallery.md, written from the chapters."""

from __future__ import annotations

from scripts.gallery.chapters import CHAPTERS, HILLSIDE_FRAME, LAKE_FRAME, Chapter
from scripts.gallery.footage import FOOTAGE, FOOTAGE_OPENING

OPENING = f"""# Gallery

`python -m scripts.gallery` makes these pictures by the commands beside them, and writes this page. All but those of the
last section show the sample clip, 320 pixels wide but for the preview: its frame {LAKE_FRAME} or {HILLSIDE_FRAME}, if
no other is named.
"""


def page() -> str:
    """docs/gallery.md, the same whether other footage is there or not."""
    sample = "".join(_section("##", chapter) for chapter in CHAPTERS)
    footage = "".join(_section("###", chapter) for chapter in FOOTAGE)
    return OPENING + sample + FOOTAGE_OPENING + footage


def _section(level: str, chapter: Chapter) -> str:
    shell = "".join(f"{command}\n" for command in chapter.commands)
    picture = f"![{chapter.alt}]({chapter.file})"
    below = f"\n{chapter.below}\n" if chapter.below else ""
    return f"\n{level} {chapter.heading}\n\n{chapter.text}\n\n{picture}\n{below}\n```sh\n{shell}```\n"
