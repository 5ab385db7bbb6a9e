"""The names of films, made from templates such as `{name}_{style}_{preset}.{ext}`."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from pathlib import Path

from stylevideo.errors import SettingsError
from stylevideo.media.encode.delivery import DELIVERIES, Delivery, choose_delivery
from stylevideo.media.pattern import is_still
from stylevideo.planning.inputs import COMPARED, clip_name
from stylevideo.settings.style import Style
from stylevideo.text import did_you_mean

FIELDS = {
    "name": "the clip's name without its suffix; of a sequence, without its number",
    "folder": "the name of the folder that the clip is in",
    "style": "the names of the styles, joined with +",
    "preset": "the preset's name",
    "delivery": "the delivery's name",
    "ext": "the delivery's usual suffix: mp4; of an image sequence ####.png, of a still its own",
}
DEFAULT_NAME = "{name}_{style}_{preset}.{ext}"
PICTURES = frozenset(suffix for form in DELIVERIES.values() if form.is_sequence for suffix in form.suffixes)
"""The suffixes of pictures that can be written."""
USUAL_DELIVERY = "h264"
"""What is written where neither a delivery nor a suffix is asked for."""


def check_template(template: str) -> None:
    """Refuse a template that cannot be filled in.

    Raises:
        SettingsError: with the fields that there are.
    """
    try:
        parts = [part for part in string.Formatter().parse(template) if part[1] is not None]
    except ValueError as error:
        raise SettingsError(f"{template!r} is no template ({error}). A brace itself is written twice.") from error
    for _, name, form, conversion in parts:
        if name not in FIELDS or form or conversion:
            shown = (name or "") + (f"!{conversion}" if conversion else "") + (f":{form}" if form else "")
            near = did_you_mean(name or "", FIELDS)
            raise SettingsError(f"{template!r}: there is no field {{{shown}}}.{near} Choose from: {', '.join(FIELDS)}.")


def literal(text: str) -> str:
    """A template that comes to this text."""
    return text.replace("{", "{{").replace("}", "}}")


def fill(template: str, fields: Mapping[str, str]) -> str:
    """The template with the fields in their places.

    Raises:
        SettingsError: see `check_template`.
    """
    check_template(template)
    return template.format_map(fields)


def clip_fields(source: Path, styles: Sequence[Style], preset: str, delivery: Delivery) -> dict[str, str]:
    """The values of `FIELDS` for a clip."""
    suffix = delivery.suffixes[0].removeprefix(".")
    return {
        "name": clip_name(source),
        "folder": source.parent.name,
        "style": "+".join(clip_name(style.path) for style in styles),
        "preset": preset,
        "delivery": delivery.name,
        "ext": f"####.{suffix}" if delivery.is_sequence and not is_still(source) else suffix,
    }


def comparison_of(film: Path) -> Path:
    """The film for comparison that is written beside a film, or beside an image sequence, as H.264 then.

    Args:
        film: a video file, or the pattern of an image sequence.
    """
    is_sequence = film.suffix.lower() in PICTURES
    return film.with_name(f"{clip_name(film)}{COMPARED}{'.mp4' if is_sequence else film.suffix}")


def delivery_of(name: str, template: str, source: Path) -> Delivery:
    """The delivery with this name; for "auto" what the template's suffix stands for, or the usual one.

    That of a still is its own kind of file, or PNG where that is not written.

    Raises:
        InputError: that suffix is not known.
    """
    suffix = Path(template).suffix
    if name == "auto" and suffix and "{" not in suffix:
        return choose_delivery(name, Path(template))
    if name == "auto" and is_still(source):
        return choose_delivery(name, source if source.suffix.lower() in PICTURES else source.with_suffix(".png"))
    return DELIVERIES[USUAL_DELIVERY if name == "auto" else name]
