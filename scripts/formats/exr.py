"""OpenEXR in, OpenEXR out: how exactly light comes back, and what travels with it.

The package OpenEXR writes the sources and reads the films.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from scripts.formats.footage import Studio
from scripts.formats.measures import identity
from scripts.formats.report import Row
from stylevideo.errors import StyleVideoError

HEIGHT, WIDTH, COUNT = 96, 128, 3
DARKEST = 1e-4
"""Errors of anything darker are taken relative to this."""
HALF, FLOAT = 2.0**-10, 1e-5
BAR = (
    "light between -0.1 and 1000 comes back within one part in 1024 as half (its last bit) and one in 100 000 as "
    "float; every attribute and every other channel is the same."
)


@dataclass(frozen=True)
class Light:
    """A kind of OpenEXR file.

    Attributes:
        what: in words.
        kind: of R, G, B and A.
        header: attributes.
        others: whether there are depth, motion and object channels too.
        alpha: whether there is A.
        most: largest relative error.
    """

    what: str
    kind: type[np.floating[Any]]
    most: float
    header: Mapping[str, Any]
    others: bool = False
    alpha: bool = False


def check_exr(studio: Studio) -> Iterator[Row]:
    """A row for each kind of file."""
    for light in _lights():
        yield check_light(light, studio)


def _lights() -> Iterator[Light]:
    import OpenEXR

    piz, zips, none = OpenEXR.PIZ_COMPRESSION, OpenEXR.ZIPS_COMPRESSION, OpenEXR.NO_COMPRESSION
    window = (np.array([-8, -4], np.int32), np.array([WIDTH - 9, HEIGHT - 5], np.int32))
    display = (np.array([0, 0], np.int32), np.array([WIDTH - 17, HEIGHT - 9], np.int32))
    yield Light("half, ZIP", np.float16, HALF, {})
    yield Light("half with alpha, PIZ, attributes", np.float16, HALF, _attributes(piz), alpha=True)
    yield Light("half, overscan", np.float16, HALF, {"dataWindow": window, "displayWindow": display})
    yield Light("half, other channels", np.float16, HALF, _attributes(zips), others=True, alpha=True)
    yield Light("float, uncompressed", np.float32, FLOAT, {"compression": none})
    yield Light("float, other channels, attributes", np.float32, FLOAT, _attributes(piz), others=True, alpha=True)


def _attributes(compression: Any) -> dict[str, Any]:
    import OpenEXR

    timecode = OpenEXR.TimeCode()
    timecode.hours, timecode.minutes, timecode.frame = 10, 41, 7
    return {
        "compression": compression,
        "owner": "Ångström Pictures",
        "shot": "lake_040",
        "timeCode": timecode,
        "framesPerSecond": Fraction(24000, 1001),
        "chromaticities": (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767),
        "worldToCamera": np.arange(16, dtype=np.float32).reshape(4, 4),
        "pixelAspectRatio": 2.0,
    }


def check_light(light: Light, studio: Studio) -> Row:
    """Write a sequence, run it, and compare every value of every file."""
    folder = studio.folder / light.what.replace(" ", "-").replace(",", "")
    folder.mkdir()
    for number in range(1, COUNT + 1):
        _write(folder / f"plate.{number:04}.exr", light, number)
    try:
        identity(folder / "plate.####.exr", folder / "film.####.exr")
    except StyleVideoError as error:
        return Row(light.what, {}, (f"refused: {error}",))
    pairs = [tuple(_read(folder / f"{name}.{i:04}.exr") for name in ("plate", "film")) for i in range(1, COUNT + 1)]
    return _compared(light, pairs)


def _write(path: Path, light: Light, seed: int) -> None:
    import OpenEXR

    random = np.random.default_rng(seed)
    names = "RGBA" if light.alpha else "RGB"
    channels = {name: _some_light(random).astype(light.kind) for name in names}
    if light.alpha:
        channels["A"] = random.random((HEIGHT, WIDTH)).astype(light.kind)
    if light.others:
        channels["Z"] = (random.random((HEIGHT, WIDTH)) * 1e5).astype(np.float32)
        channels["motion.u"] = random.normal(size=(HEIGHT, WIDTH)).astype(np.float16)
        channels["id"] = random.integers(0, 2**32, (HEIGHT, WIDTH), np.uint32)
    with OpenEXR.File(dict(light.header), channels) as file:
        file.write(str(path))


def _some_light(random: np.random.Generator) -> np.ndarray:
    """From nearly black to a thousand times white, a tenth of it a little below black."""
    light = 10 ** random.uniform(-4, 3, (HEIGHT, WIDTH))
    below = random.random((HEIGHT, WIDTH)) < 0.1
    return np.where(below, -random.uniform(0, 0.1, (HEIGHT, WIDTH)), light)


Read = tuple[dict[str, str], dict[str, np.ndarray]]


def _read(path: Path) -> Read:
    """The header, as text that can be compared, and the channels."""
    import OpenEXR

    with OpenEXR.File(str(path), separate_channels=True) as file:
        pixels = {name: channel.pixels for name, channel in file.channels().items()}
        return {name: repr(value) for name, value in file.header().items()}, pixels


def _compared(light: Light, pairs: list[tuple[Read, ...]]) -> Row:
    figures: dict[str, object] = {"files": COUNT}
    colors, others, attributes, faults = 0.0, set(), set(), []
    for (header, plate), (made_header, film) in pairs:
        attributes |= {name for name in header.keys() | made_header.keys() if header.get(name) != made_header.get(name)}
        faults += [f"channels {sorted(film)} instead of {sorted(plate)}"] if film.keys() != plate.keys() else []
        for name in plate.keys() & film.keys():
            if name in "RGBA":
                colors = max(colors, _relative_error(plate[name], film[name]))
            elif not np.array_equal(plate[name], film[name]) or plate[name].dtype != film[name].dtype:
                others.add(name)
        kinds = {str(film[name].dtype) for name in film.keys() & set("RGB")}
    figures |= {"kind": ", ".join(sorted(kinds)), "largest relative error": float(f"{colors:.2g}")}
    figures |= {"attributes": len(pairs[0][0][0]), "of which changed": ", ".join(sorted(attributes)) or "none"}
    figures |= {"other channels": len(pairs[0][0][1].keys() - set("RGBA")), "changed": ", ".join(others) or "none"}
    faults += [f"light off by {colors:.2g}"] if colors > light.most else []
    faults += [f"changed: {', '.join(sorted(attributes | others))}"] if attributes | others else []
    return Row(light.what, figures, tuple(dict.fromkeys(faults)))


def _relative_error(plate: np.ndarray, film: np.ndarray) -> float:
    truth, made = plate.astype(np.float64), film.astype(np.float64)
    return float((np.abs(made - truth) / np.maximum(np.abs(truth), DARKEST)).max())
