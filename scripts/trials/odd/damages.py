"""Right films that are damaged on purpose, each in one respect: `verify` has to find every one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from scripts.formats.footage import FRAMES, Encoder, Studio, constant, run, write_sound
from stylevideo.media.ffmpeg import file_url

X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-qp", "8")
TAGS = "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
RATE = "24000/1001"
TEXT = "1\n00:00:00,200 --> 00:00:01,000\nhello\n\n2\n00:00:01,100 --> 00:00:01,800\nworld\n"
ABOUT = ";FFMETADATA1\ntitle=The lake\nartist=Somebody\n" + "".join(
    f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={start}\nEND={start + 1000}\ntitle=part {start}\n" for start in (0, 1000)
)
Damage = Callable[[Path, Path], None]
"""From a right film to a damaged one."""


def rich_source(folder: Path, suffix: str) -> Path:
    """A clip that has all that a film can lose.

    It has sound, a language, subtitles, chapters, tags, a shape, and a cover or a timecode.
    """
    plain = Studio(folder).shoot(f"plain{suffix}", Encoder(X264, filters=("setsar=16/15",)), constant()).path
    text, about, cover, path = (folder / name for name in ("lines.srt", "about.txt", "cover.png", f"rich{suffix}"))
    text.write_text(TEXT)
    about.write_text(ABOUT)
    run(["-f", "lavfi", "-i", "testsrc2=size=64x64", "-frames:v", "1", "-update", "1", file_url(cover)])
    inputs = ["-i", file_url(plain), "-i", file_url(text), "-f", "ffmetadata", "-i", file_url(about)]
    kept = ["-map", "0:v", "-map", "0:a", "-map", "1:s", "-map_metadata", "2", "-map_chapters", "2", "-c", "copy"]
    words = ["-c:s", "mov_text", "-metadata:s:a:0", "language=deu", "-metadata:s:s:0", "language=fra"]
    own = ["-timecode", "01:00:00:00"]
    if suffix == ".mp4":
        inputs += ["-i", file_url(cover)]
        own = ["-map", "3:v", "-disposition:v:1", "attached_pic"]
    run([*inputs, *kept, *words, *own, file_url(path)])
    return path


def _copy(*words: str) -> Damage:
    """A copy with other arguments for ffmpeg."""

    def damage(film: Path, damaged: Path) -> None:
        run(
            [
                "-i",
                file_url(film),
                "-map",
                "0:v",
                "-map",
                "0:a?",
                "-map",
                "0:s?",
                "-c",
                "copy",
                *words,
                file_url(damaged),
            ]
        )

    return damage


def _painted(graph: str, *words: str) -> Damage:
    """The picture encoded anew through filters, all else a copy."""
    return _copy("-c:v:0", "libx264", "-preset", "ultrafast", "-qp", "8", "-filter:v:0", f"{graph},{TAGS}", *words)


def _with_sound(*words: str) -> Callable[[Path, Path, Path], None]:
    def damage(film: Path, sound: Path, damaged: Path) -> None:
        maps = ["-map", "0:v", "-map", "1:a", "-map", "0:s?", "-c", "copy"]
        run(["-i", file_url(film), *words, "-i", file_url(sound), *maps, file_url(damaged)])

    return damage


def _late_sound(film: Path, damaged: Path) -> None:
    _with_sound("-itsoffset", "0.04")(film, film, damaged)


def _early_sound(film: Path, damaged: Path) -> None:
    _with_sound("-ss", "0.04")(film, film, damaged)


def _other_sound(film: Path, damaged: Path) -> None:
    sound = write_sound(damaged.with_suffix(".wav"), [0.2, 0.9], FRAMES / 24)
    maps = ["-map", "0:v", "-map", "1:a", "-map", "0:s?", "-c:v", "copy", "-c:s", "copy", "-c:a", "aac"]
    run(["-i", file_url(film), "-i", file_url(sound), *maps, "-metadata:s:a:0", "language=deu", file_url(damaged)])


def _cut_sound(film: Path, damaged: Path) -> None:
    _with_sound("-t", "1.2")(film, film, damaged)


def _truncated(film: Path, damaged: Path) -> None:
    _copy("-t", "1.2")(film, damaged)


def _cut_off(film: Path, damaged: Path) -> None:
    """The file's end is missing, as after a full disk."""
    whole = film.read_bytes()
    damaged.write_bytes(whole[: len(whole) * 2 // 3])


def _timed(frames: str) -> str:
    return f"{frames},setpts=N/({RATE})/TB"


ONE_SWAP = " ".join(map(str, (*range(20), 21, 20, *range(22, FRAMES))))
DAMAGES: dict[str, Damage] = {
    "a frame dropped": _painted(_timed("select=not(eq(n\\,20))"), "-r", RATE),
    "a frame doubled": _painted(_timed("loop=1:1:20"), "-r", RATE),
    "two frames swapped": _painted("shuffleframes=0 2 1 3"),
    "two frames swapped once": _painted(f"shuffleframes={ONE_SWAP}"),
    "ten frames frozen": _painted("loop=10:1:20,select=not(between(n\\,31\\,40)),setpts=N/(24000/1001)/TB"),
    "begins a frame late": _painted(_timed("select=gt(n\\,0)"), "-r", RATE),
    "sound 40 ms late": _late_sound,
    "sound 40 ms early": _early_sound,
    "sound cut short": _cut_sound,
    "another sound": _other_sound,
    "sound encoded again": _copy("-c:a", "aac", "-b:a", "64k"),
    "no sound": _copy("-map", "-0:a"),
    "24 frames a second": _painted("setpts=N/24/TB", "-r", "24"),
    "square pixels": _painted("setsar=1"),
    "another size": _painted("scale=192:108,setsar=16/15"),
    "another matrix": _copy("-bsf:v:0", "h264_metadata=matrix_coefficients=5"),
    "other primaries": _copy("-bsf:v:0", "h264_metadata=colour_primaries=9"),
    "full range": _copy("-bsf:v:0", "h264_metadata=video_full_range_flag=1"),
    "the last part missing": _truncated,
    "cut off": _cut_off,
    "no title": _copy("-metadata", "title="),
    "no chapters": _copy("-map_chapters", "-1"),
    "another language": _copy("-metadata:s:a:0", "language=eng"),
    "a language that nobody said": _copy("-metadata:s:a:0", "language=eng"),
    "no subtitles": _copy("-map", "-0:s"),
    "no cover": _copy("-map", "-0:v:1"),
    "another timecode": _copy("-timecode", "02:00:00:00"),
}
OF_SUFFIX = {"no cover": ".mp4", "another timecode": ".mov", "another language": ".mp4"}
"""Where only one container has what is lost: QuickTime has no code for German by this name."""
