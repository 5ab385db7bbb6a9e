"""What OpenCV leaves out of a TIFF file, and its size."""

from __future__ import annotations

import struct

WIDTH, HEIGHT = 256, 257
EXTRA_SAMPLES = 338
SHORT = 3
MULTIPLIED_IN = 1
STRAIGHT = 2
BIG = 43
_NUMBERS = {3: "H", 4: "I", 16: "Q"}
_ENTRY = struct.Struct("<HHIHxx")


def has_alpha_multiplied_in(data: bytes) -> bool:
    """Whether a TIFF or BigTIFF file says that its colours are multiplied with its fourth channel."""
    return _values(data).get(EXTRA_SAMPLES) == MULTIPLIED_IN


def tiff_size(data: bytes) -> tuple[int, int] | None:
    """Width and height of a TIFF or BigTIFF file's first picture, or None where it does not say."""
    values = _values(data)
    return (values[WIDTH], values[HEIGHT]) if WIDTH in values and HEIGHT in values else None


def _values(data: bytes) -> dict[int, int]:
    """The first picture's tags that have one whole number, or begin with it (TIFF 6.0, section 2); of no TIFF, none."""
    order = "<" if data[:2] == b"II" else ">"
    try:
        big = struct.unpack_from(f"{order}H", data, 2)[0] == BIG
        (start,) = struct.unpack_from(f"{order}{'Q' if big else 'I'}", data, 8 if big else 4)
        (count,) = struct.unpack_from(f"{order}{'Q' if big else 'H'}", data, start)
    except struct.error:
        return {}
    begin, entry, value_at = (start + 8, 20, 12) if big else (start + 2, 12, 8)
    values: dict[int, int] = {}
    for place in range(begin, min(begin + count * entry, len(data) - entry + 1), entry):
        tag, kind = struct.unpack_from(f"{order}HH", data, place)
        if kind in _NUMBERS:
            values.setdefault(tag, struct.unpack_from(order + _NUMBERS[kind], data, place + value_at)[0])
    return values


def with_straight_alpha(data: bytes) -> bytes:
    """Say in a TIFF file that its fourth channel is alpha, and not multiplied into the colours.

    Without that some programs take it for the contrary, and darken soft edges or light them up.

    Args:
        data: a file as OpenCV writes it: little-endian, four channels, no such word in it.
    Returns:
        The file with a longer directory at its end (TIFF 6.0, section 18).
    """
    (start,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, start)
    entries = [data[start + 2 + 12 * i : start + 14 + 12 * i] for i in range(count)]
    entries.append(_ENTRY.pack(EXTRA_SAMPLES, SHORT, 1, STRAIGHT))
    entries.sort(key=lambda entry: struct.unpack_from("<H", entry))
    following = data[start + 2 + 12 * count : start + 6 + 12 * count]
    padding = b"\0" * (len(data) % 2)
    directory = struct.pack("<H", len(entries)) + b"".join(entries) + following
    return data[:4] + struct.pack("<I", len(data) + len(padding)) + data[8:] + padding + directory
