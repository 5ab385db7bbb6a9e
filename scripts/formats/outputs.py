"""Every delivery, in each container that holds it, from a source that has everything: what of it is in the film."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.formats.footage import FRAMES, RATE, WIDTH, Encoder, Source, Studio, constant, run, target
from scripts.formats.inputs import PRORES
from scripts.formats.measures import (
    decode,
    described,
    identity,
    printed,
    shown_numbers,
    stream_hash,
    sync_errors,
    worst,
)
from scripts.formats.report import Row
from stylevideo.errors import StyleVideoError
from stylevideo.media.check.findings import Verdict
from stylevideo.media.decode.probe import probe
from stylevideo.media.decode.reader import open_clip
from stylevideo.media.encode.delivery import DELIVERIES, Delivery
from stylevideo.media.images.exr import read_exr
from stylevideo.quality.verify import verify
from stylevideo.timeline.clip import VideoInfo

SYNC_MS = 5.0
TITLE, CHAPTERS, TIMECODE, ASPECT = "Lake; take = 4", ("Arrival", "Departure"), "01:00:00:00", "16:15"
LANGUAGES = ("eng", "ita")
MXF_HOLDS = ("timecode", "pixel aspect", "colours")
"""Of the tags; ffmpeg's MXF has no place for the others."""
BAR = (
    "every frame in order, the exact rate, at least the bits that the delivery promises, alpha kept or its loss said, "
    "each sound track bit-identical or said to be re-encoded, flash and beep within 5 ms in every track, every tag "
    "read back (in MXF those it has a place for; image sequences have none), and nothing wrong by `stylevideo verify`."
)


def check_out(studio: Studio) -> Iterator[Row]:
    """A row for each delivery and container."""
    source = _everything(studio)
    for delivery in DELIVERIES.values():
        for suffix in delivery.suffixes[:1] if delivery.is_sequence else delivery.suffixes:
            yield check_delivery(delivery.within(suffix), suffix, source, studio)


def check_delivery(delivery: Delivery, suffix: str, source: Source, studio: Studio) -> Row:
    """Deliver the source, and read the film back."""
    what = f"{delivery.name}, {suffix}"
    name = f"{delivery.name}.####{suffix}" if delivery.is_sequence else f"{delivery.name}{suffix}"
    try:
        result = identity(source.path, studio.folder / name, delivery=delivery.name)
    except StyleVideoError as error:
        return Row(what, {}, (f"refused: {error}",))
    film = _Film(studio.folder / name, delivery, source, result.warnings)
    figures, faults = film.pictures()
    for found, wrong in () if delivery.is_sequence else (film.sound(), film.sync(), film.tags()):
        figures |= found
        faults += wrong
    found, wrong = film.verdict()
    return Row(what, figures | found, (*faults, *wrong))


def _everything(studio: Studio) -> Source:
    """ProRes 4444 with alpha, two languages, subtitles, chapters, title, timecode, oblong pixels, colour tags."""
    encoder = Encoder((*PRORES, "4444", "-alpha_bits", "16"), "yuva444p10le", filters=("setsar=16/15",))
    plain = studio.shoot("plain.mov", encoder, constant())
    words, tags, path = studio.folder / "words.srt", studio.folder / "tags.txt", studio.folder / "everything.mov"
    words.write_text("1\n00:00:00,200 --> 00:00:01,500\nGood evening.\n", encoding="utf-8")
    tags.write_text(_metadata(), encoding="utf-8")
    inputs = [a for file in (plain.path, studio.folder / "beeps.wav", words, tags) for a in ("-i", target(file))]
    maps = ["-map", "0", "-map", "1:a", "-map", "2", "-map_metadata", "3", "-map_chapters", "3"]
    codecs = ["-c", "copy", "-c:a:1", "pcm_s16le", "-c:s", "mov_text", "-timecode", TIMECODE]
    tracks = [f"-metadata:s:a:{i}=language={name}" for i, name in enumerate(LANGUAGES)]
    languages = [part for track in tracks for part in track.split("=", 1)]
    run([*inputs, *maps, *codecs, *languages, "-metadata:s:s:0", "language=eng", target(path)])
    return Source(path, plain.numbers, plain.times, plain.rate)


def _metadata() -> str:
    title = re.sub(r"([=;#\\])", r"\\\1", TITLE)
    parts = [
        f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={1000 * i}\nEND={1000 * i + 1000}\ntitle={name}\n"
        for i, name in enumerate(CHAPTERS)
    ]
    return f";FFMETADATA1\ntitle={title}\n{''.join(parts)}"


Found = tuple[dict[str, Any], list[str]]


@dataclass(frozen=True)
class _Film:
    """What was delivered, and from what.

    Attributes:
        path: a file, or the pattern of a sequence.
        warnings: what the run said.
    """

    path: Path
    delivery: Delivery
    source: Source
    warnings: tuple[str, ...]

    @property
    def info(self) -> VideoInfo:
        return open_clip(self.path, RATE)

    def pictures(self) -> Found:
        """Frames, rate, and the bits of the file."""
        info = self.info
        shown = shown_numbers(decode(self.path, "gray", options=[*_start(self.delivery)]))
        right, bits = shown == list(self.source.numbers), _bits(info)
        figures = {"frames": f"{len(shown)} of {FRAMES}", "in order": right}
        figures["rate"] = None if self.delivery.is_sequence else str(info.rate)
        figures |= {"bits": bits, "alpha": info.has_alpha}
        promised = min(16, self.delivery.film_bits(self.delivery.depths[-1], alpha=True))
        alpha_lost = self.delivery.has_alpha and not info.has_alpha
        said = any("alpha channel; the film has none" in text for text in self.warnings)
        faults = [] if right else [f"frames show {shown}"]
        faults += [f"rate {info.rate}"] if info.rate != RATE else []
        faults += [f"{bits} bits instead of {promised}"] if int(bits.split()[0]) < promised else []
        faults += ["alpha lost"] if alpha_lost else []
        return figures, faults + ([] if info.has_alpha or said else ["alpha dropped, and it was not said"])

    def sound(self) -> Found:
        """Whether each sound track has the same packets as in the source, and if not, whether that was said."""
        tracks, made = probe(self.source.path).audio(), probe(self.path).audio()
        if len(tracks) != len(made):
            return {"sound": f"{len(made)} tracks"}, [f"{len(made)} sound tracks instead of {len(tracks)}"]
        words, faults = [], []
        for number, (old, new) in enumerate(zip(tracks, made, strict=True), 1):
            same = stream_hash(self.source.path, old) == stream_hash(self.path, new)
            words.append(f"{old.codec} bit-identical" if same else f"{old.codec} re-encoded as {new.codec}")
            said = any(f"Audio track {number} " in text and "re-encoded" in text for text in self.warnings)
            faults += [] if same or said else [f"sound track {number} changed, and it was not said"]
        return {"sound": ", ".join(words)}, faults

    def sync(self) -> Found:
        """Flash and beep, in every track."""
        try:
            errors = sync_errors(self.path)
        except AssertionError as error:
            return {}, [str(error)]
        off = max(map(abs, errors), default=0.0)
        return {"sync error, ms": worst(errors)}, [f"sound {off:.1f} ms off"] if off > SYNC_MS else []

    def tags(self) -> Found:
        """Which tags ffmpeg reads back."""
        kept = _kept_tags(described(self.path))
        due = MXF_HOLDS if self.path.suffix == ".mxf" else tuple(kept)
        there, lost = ([name for name, is_there in kept.items() if is_there is wanted] for wanted in (True, False))
        figures = {"tags": "all" if not lost else ", ".join(there), "lost": ", ".join(lost)}
        missing = [name for name in lost if name in due]
        return figures, [f"lost: {', '.join(missing)}"] if missing else []

    def verdict(self) -> Found:
        """What `stylevideo verify` says."""
        checks = verify(self.source.path, self.path).checks
        wrong = [check for check in checks if check.verdict is Verdict.WRONG]
        count = f"{sum(check.verdict is Verdict.SAME for check in checks)} of {len(checks)} the same"
        words = [f"verify: {check.what} {check.film} instead of {check.source}" for check in wrong]
        return {"verify": f"{count}, {len(wrong)} wrong"}, words


def _kept_tags(text: str) -> dict[str, bool]:
    """Which of the source's tags are in what ffmpeg prints of a film."""
    titles = [title.strip() for title in printed(r"^ +title +: (.*)$", text)]
    sounds = tuple(printed(r"Stream #0:\d+(?:\[\w+\])?\((\w+)\): Audio", text))
    picture = "".join(printed(r"^(.*: Video: .*)$", text)[:1])
    return {
        "title": TITLE in titles,
        "chapters": all(name in titles for name in CHAPTERS),
        "languages": sounds == LANGUAGES,
        "subtitles": bool(printed(r"(: Subtitle: )", text)),
        "timecode": TIMECODE in printed(r"^ +timecode +: (\S+)$", text),
        "pixel aspect": _shows_aspect(picture),
        "colours": "bt709" in picture,
    }


def _shows_aspect(picture: str) -> bool:
    """Whether the pixels have the source's shape, to half a pixel of the picture's width.

    Where the codec says something else than the container, ffmpeg prints both, the container's last.
    """
    found = printed(r"SAR (\d+:\d+)", picture)
    return bool(found) and abs(_ratio(found[-1]) - _ratio(ASPECT)) * WIDTH <= 0.5


def _ratio(text: str) -> float:
    above, below = text.split(":")
    return int(above) / int(below)


def _start(delivery: Delivery) -> tuple[str, ...]:
    return ("-start_number", "1") if delivery.is_sequence else ()


def _bits(info: VideoInfo) -> str:
    if info.is_linear and info.files[0]:
        kinds = {str(kind) for kind in read_exr(info.files[0]).types.values()}
        return " and ".join(sorted(kind.replace("float", "") for kind in kinds)) + " (floating point)"
    return str(info.bits)
