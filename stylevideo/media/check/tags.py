"""Whether a film says of itself what it should: tags and chapters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from stylevideo.media.check.findings import Check, Finding, Verdict, agree, same
from stylevideo.media.check.pair import Pair
from stylevideo.media.decode.tags import Chapter, comparable, compare_tags, read_tags
from stylevideo.text import counted, listed, printable

CHAPTER_TOLERANCE = Fraction(1, 20)
HELD_EVERYWHERE = frozenset({"title", "artist", "album", "comment", "copyright", "date", "genre"})
"""Tags that every container can hold."""
LONGEST_NAME, MOST_NAMES = 60, 8


def check_tags(pair: Pair) -> Finding:
    """Every tag that the film shall have."""
    if not pair.says:
        return Finding()
    wanted, found = pair.tags.values, read_tags(pair.made).values
    lost, other = compare_tags(wanted, found)
    there = {comparable(name): value for name, value in found.items()}
    checks = [_check_tag(name, wanted[name], there.get(comparable(name)), name in (*lost, *other)) for name in wanted]
    checks += [Check(f"tag {name}", "too long for a film", "none", Verdict.CHANGED) for name in pair.tags.too_long]
    return Finding(tuple(checks), tuple(_tag_notes(pair, lost, other)))


def _check_tag(name: str, wanted: str, found: str | None, differs: bool) -> Check:
    if name == "comment" and found is not None and found.startswith(f"{wanted}\n"):  # a film's is put behind it
        differs = False
    missing = Verdict.WRONG if name in HELD_EVERYWHERE else Verdict.CHANGED
    return Check(f"tag {name}", wanted, "none" if found is None else found, missing if differs else Verdict.SAME)


def _tag_notes(pair: Pair, lost: Sequence[str], other: Sequence[str]) -> Iterator[str]:
    if pair.tags.too_long:
        yield f"What the source says in the {_listed('tag', pair.tags.too_long)} is too long for a film, and left out."
    if lost:
        yield f"{pair.muxer} has no place for the source's {_listed('tag', lost)}: left out."
    if other:
        held = f"{pair.muxer} cannot hold what the source says in the {_listed('tag', other)}"
        yield f"{held}: the film says something else there."


def check_chapters(pair: Pair) -> Finding:
    """Titles and times of the chapters that lie in the stretch."""
    if not pair.says:
        return Finding()
    had, has, cut = pair.plan.chapters, read_tags(pair.made).chapters, pair.cut
    stop = None if cut.length is None else cut.start + cut.length
    inside = [chapter for chapter in had if chapter.stop > cut.start and (stop is None or chapter.start < stop)]
    checks = [same("chapters", _titles(inside), _titles(has))]
    if inside and len(inside) == len(has):
        due = [max(chapter.start - cut.start, Fraction(0)) for chapter in inside]
        off = max(abs(chapter.start - time) for chapter, time in zip(has, due, strict=True))
        told = f"at most {float(off) * 1000:.0f} ms off"
        checks.append(agree("chapters begin", "as they do", told, off <= CHAPTER_TOLERANCE))
    return Finding(tuple(checks), tuple(_chapter_notes(pair, has)))


def _chapter_notes(pair: Pair, has: Sequence[Chapter]) -> Iterator[str]:
    had = pair.plan.chapters
    if pair.cut.is_whole and len(has) < len(had):
        yield f"{pair.name} came out with {counted(len(has), 'chapter')} instead of {len(had)}."
    lost, _ = compare_tags(_others(had), _others(has))
    if lost and has:
        yield f"{pair.muxer} has no place for what chapters say beside their titles ({_listed('tag', lost)})."


def _others(chapters: Sequence[Chapter]) -> dict[str, str]:
    return dict.fromkeys((name for chapter in chapters for name in chapter.others), "")


def _listed(noun: str, names: Sequence[str]) -> str:
    shown = listed([printable(name)[:LONGEST_NAME] for name in names], MOST_NAMES)
    return f"{noun}{'s' if len(names) > 1 else ''} {shown}"


def _titles(chapters: Sequence[Chapter]) -> str:
    return "; ".join(chapter.title or "untitled" for chapter in chapters) or "none"
