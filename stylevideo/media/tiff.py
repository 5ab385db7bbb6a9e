"""What OpenCV leaves out of a TIFF file."""

from __future__ import annotations

import struct

EXTRA_SAMPLES = 338
SHORT = 3
MULTIPLIED_IN = 1
STRAIGHT = 2
BIG = 43
_ENTRY = struct.Struct("<HHIHxx")


def has_alpha_multiplied_in(data: bytes) -> bool:
    """Whether a TIFF or BigTIFF file says that its colours are multiplied with its fourth channel."""
    order = "<" if data[:2] == b"II" else ">"
    try:
        big = struct.unpack_from(f"{order}H", data, 2)[0] == BIG
        (start,) = struct.unpack_from(f"{order}Q", data, 8) if big else struct.unpack_from(f"{order}I", data, 4)
        (count,) = struct.unpack_from(f"{order}{'Q' if big else 'H'}", data, start)
        begin, entry = (
            (start + 8, struct.Struct(f"{order}HHQH6x")) if big else (start + 2, struct.Struct(f"{order}HHIHxx"))
        )
        entries = entry.iter_unpack(data[begin : begin + count * entry.size])
        return any((tag, kind, value) == (EXTRA_SAMPLES, SHORT, MULTIPLIED_IN) for tag, kind, _, value in entries)
    except struct.error:
        return False


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
