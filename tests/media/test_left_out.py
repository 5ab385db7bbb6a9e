"""What a source has beside its pictures is in the film, or the film's notes say that it is not."""

from __future__ import annotations

import os
import re
import tracemalloc
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from conftest import STYLE
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from media_fixtures import ffmpeg, numbered_frame, numbered_video

from stylevideo import stylize
from stylevideo.cli.main import main
from stylevideo.media.decode.probe import probe
from stylevideo.media.decode.tags import LONGEST_TAG_BYTES, film_tags, read_tags, says, tag_lines
from stylevideo.media.encode.delivery import DELIVERIES, Encoding
from stylevideo.media.film import FilmReport, write_film
from stylevideo.quality.verify import verify
from stylevideo.settings.encoder_arguments import read_encoder_arguments
from stylevideo.settings.settings import Settings
from stylevideo.text import printable
from stylevideo.timeline.clip import VideoInfo
from stylevideo.timeline.selection import Clip, FrameSelection

QUICKTIME = {
    "com.apple.quicktime.location.ISO6709": "+10.0000+020.0000+030.000/",
    "com.apple.quicktime.make": "Maker",
    "com.apple.quicktime.model": "Model 1",
    "com.apple.quicktime.creationdate": "2023-05-06T09:08:09+0200",
    "workflow": '{"3": "a; b = c # d \\\\ e\nf"}',
    "[chapter]x": "y",
}
USUAL = {"title": "A title", "artist": "An artist", "comment": "one; two = three\nfour", "date": "2020"}


def tagged(path: Path, tags: dict[str, str], *arguments: str) -> Path:
    """A video of two frames with tags."""
    plain = numbered_video(path.with_name(f"plain{path.suffix}"), 2, "25")
    words = [word for name, value in tags.items() for word in ("-metadata", f"{name}={value}")]
    flags = ["-movflags", "+use_metadata_tags"] if path.suffix in (".mp4", ".mov") else []
    ffmpeg("-i", plain, "-map", "0", "-c", "copy", *words, *flags, *arguments, path)
    return path


def film_of(source: Path, output: Path) -> FilmReport:
    info = probe(source)
    images = [numbered_frame(n) for n in range(info.frame_count)]
    encoding = Encoding(DELIVERIES["prores-hq"]) if output.suffix == ".mxf" else None  # DNxHR has no pictures so small
    return write_film(images, Clip(info.path, output, FrameSelection.whole(info)), encoding)


@pytest.mark.parametrize(("kind", "suffix"), [(".mov", ".mp4"), (".mov", ".mov"), (".mov", ".mkv"), (".mkv", ".mp4")])
def test_every_tag_is_kept(tmp_path: Path, kind: str, suffix: str) -> None:
    tags = {**USUAL, **QUICKTIME}
    time = "2023-05-06T07:08:09.000000Z"
    source = tagged(tmp_path / f"source{kind}", {**tags, "creation_time": time})
    made = film_of(source, tmp_path / f"film{suffix}")
    assert made.notes == ()
    had, has = read_tags(probe(source)).own, read_tags(probe(made.path)).own
    assert {name.lower() for name in tags} <= set(had)
    for name, value in had.items():
        assert has[name].split(";")[0] == time if name == "creation_time" else has[name] == value
    assert not verify(source, made.path).wrong


MUCH = {
    **{"[CHAPTER]": "1", "[stream]x": "2", "[x": "3", "a\nb": "4", "\na": "5", "a=b": "6", "\\\n": "7", "k l": "8"},
    **{";c": "9", "#d": "10", "e\\": "11", "tempo": "fast", "compilation": "x", "track": "3/4", "date": "2020"},
    **{"location": "+3+4/", "location-eng": "+1+2/", "creation_time": "2020-01-02T03:04:05Z", "hw": "y"},
}
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=9)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
@settings(max_examples=3, derandomize=True, phases=[Phase.explicit, Phase.generate])
@given(
    st.dictionaries(
        NAMES | st.sampled_from(list(MUCH)),
        st.text(st.characters(codec="ascii", categories=["L", "Nd"]), min_size=1),
        min_size=20,
    )
)
@example(MUCH)
def test_whatever_a_tag_is_called_it_is_kept_or_said(suffix: str, tags: dict[str, str]) -> None:
    def quoted(text: str) -> str:
        return re.sub(r"([\[\\=;#\n\r])", r"\\\1", text)

    with TemporaryDirectory() as name:
        folder = Path(name)
        lines = [f"{quoted(tag)}={quoted(value)}\0\n" for tag, value in tags.items()]
        (folder / "tags").write_text(";FFMETADATA1\n" + "".join(lines), newline="")
        inputs = ("-i", numbered_video(folder / "plain.mkv", 1, "25"), "-f", "ffmetadata", "-i", folder / "tags")
        ffmpeg(*inputs, "-map", "0", "-map_metadata", "1", "-c", "copy", folder / "source.mkv")
        had = read_tags(probe(folder / "source.mkv")).own
        report = film_of(folder / "source.mkv", folder / f"film{suffix}")
        found = read_tags(probe(report.path)).values
    assert len(had) > 2
    for tag, value in had.items():
        said = any(printable(tag) in note for note in report.notes)
        assert said or says(tag, value, found[tag]), tag


@pytest.mark.parametrize(
    ("name", "wanted", "found", "same"),
    [
        ("location", "+48.8577+002.295/", "+48.857700+2.2950/", True),
        ("location-eng", "+1+2-3.5/", "+01.0+002.000-3.50/", True),
        ("location", "-27.5916+086.5640+8850CRSWGS_84/", "-27.5916+086.564+8850CRSWGS_84/", True),
        ("location", "+48.8577+002.295/", "+48.8577+002.296/", False),
        ("location", "Paris +3", "London +3", False),
        ("location", "Paris", "Paris", True),
        ("location", "+3 +4 at home", "+3 +4 at work", False),
        ("creation_time", "2020-01-02T03:04:05+01:00;2020-01-02", "2020-01-02T02:04:05.000000Z", True),
        ("creation_time", "2020-01-02T03:04:05Z", "2020-01-02T03:04:06Z", False),
        ("creation_time", "Monday; early", "Monday; late", False),
    ],
)
def test_places_and_times_are_compared_as_such_and_all_else_as_text(
    name: str, wanted: str, found: str, same: bool
) -> None:
    assert says(name, wanted, found) == same


def test_what_the_user_says_in_place_of_a_tag_is_no_loss(tmp_path: Path) -> None:
    source, film = tagged(tmp_path / "a.mp4", {**USUAL, "make": "Maker"}), tmp_path / "b.mp4"
    extra = read_encoder_arguments("-metadata title=Mine -metadata artist=")
    report = write_film(
        [numbered_frame(0), numbered_frame(1)],
        Clip(source, film, FrameSelection(probe(source), range(2))),
        Encoding(extra=extra),
    )
    found = read_tags(probe(film)).values
    assert report.notes == () and found["title"] == "Mine" and "artist" not in found and found["make"] == "Maker"


def test_a_films_usual_tags_have_their_usual_places(tmp_path: Path) -> None:
    """Players do not look for a title in QuickTime's list of any tags."""
    for name, tags in (("usual", USUAL), ("any", {**USUAL, "workflow": "x"})):
        film = film_of(tagged(tmp_path / f"{name}.mov", tags), tmp_path / f"{name}.mp4").path.read_bytes()
        assert (b"\xa9nam" in film, b"mdta" in film) == ((True, False) if name == "usual" else (False, True))


def test_tags_pass_whatever_their_length_and_what_is_too_long_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Linux takes no argument of more than 128 KiB."""
    source, film = tmp_path / "source.mp4", tmp_path / "film.mp4"
    values = tmp_path / "values"
    values.write_text(f";FFMETADATA1\ncomment={'x' * 200_000}\nworkflow={'y' * LONGEST_TAG_BYTES}\ntitle=t\n")
    plain = numbered_video(tmp_path / "plain.mp4", 2)
    flags = ("-movflags", "+use_metadata_tags")
    ffmpeg("-i", plain, "-i", values, "-map", "0", "-map_metadata", "1", "-c", "copy", *flags, source)
    assert main(["run", str(source), "--style", str(STYLE), "-o", str(film), "--iterations", "0"]) == 0
    said = "What the source says in the tag workflow is too long for a film, and left out."
    assert said in capsys.readouterr().err
    found = read_tags(probe(film)).values
    assert found["comment"].startswith("x" * 200_000 + "\nPassed unchanged") and found["title"] == "t"
    assert "workflow" not in found


def test_bytes_of_tags_stay_as_they_are(tmp_path: Path) -> None:
    """Old cameras wrote other letters than UTF-8."""
    source = tagged(tmp_path / "source.avi", {"title": "Stra?e"})
    source.write_bytes(source.read_bytes().replace(b"Stra?e", b"Stra\xdfe"))
    info = probe(source)
    assert b"title=Stra\xdfe" in film_tags(tag_lines(info), "").file
    assert b"Stra\xdfe" in film_of(source, tmp_path / "film.mp4").path.read_bytes()


LOOK_LIKE_MORE = ["[CHAPTER]", "[Outro]", "[STREAM]", "a=b", "START=1", ";c", "#", "\\", "=", "\\\\", "", "\r", " "]
LINES = st.sampled_from(LOOK_LIKE_MORE) | st.text(st.characters(codec="utf-8", exclude_characters="\0"))
TEXTS = st.lists(LINES, min_size=1).map("\n".join).filter(bool)


def said_in_matroska(path: Path, said: bytes) -> VideoInfo:
    """A video of one frame with tags and chapters of a file of ffmpeg's."""
    file = path.with_suffix(".txt")
    file.write_bytes(said)
    picture = ("-f", "lavfi", "-i", "color=size=16x16:rate=25:duration=0.04")
    ffmpeg(*picture, "-f", "ffmetadata", "-i", file, "-map_metadata", "1", "-map_chapters", "1", path)
    return probe(path)


@settings(max_examples=8, derandomize=True, phases=[Phase.explicit, Phase.generate])
@given(st.lists(TEXTS, min_size=12, max_size=12))
@example([*LOOK_LIKE_MORE[:10], "x\r\\", "\\"])
def test_whatever_tags_and_chapters_say_is_read_as_it_was_written(texts: list[str]) -> None:
    def line(name: str, value: str) -> str:
        return f"{name}=" + re.sub(r"([\\=;#\n\r])", r"\\\1", value) + "\0"

    *values, title, other = texts
    chapter = ["[CHAPTER]", "TIMEBASE=1/1000", "START=0", "END=40", line("title", title), line("start", other)]
    tags = [line(f"tag{number}", value) for number, value in enumerate(values)]
    with TemporaryDirectory() as folder:
        source = said_in_matroska(Path(folder) / "a.mkv", "\n".join([";FFMETADATA1", *tags, *chapter, ""]).encode())
        found = read_tags(source)
        again = read_tags(said_in_matroska(Path(folder) / "b.mkv", film_tags(tag_lines(source), "").file))
    assert [found.values[f"tag{number}"] for number in range(len(values))] == values
    assert [(chapter.title, chapter.stop) for chapter in found.chapters] == [(title, Fraction(1, 25))]
    assert again.own == found.own


def test_a_tag_that_ends_like_a_headline_is_kept(tmp_path: Path) -> None:
    tags = {"comment": "one\n[CHAPTER]", "lyrics": "two\n[Outro]"}
    source = tagged(tmp_path / "a.mkv", tags)
    film = film_of(source, tmp_path / "b.mkv")
    found = read_tags(probe(film.path)).values
    assert {name: found[name] for name in tags} == tags
    assert film.notes == () and not verify(source, film.path).wrong


def test_a_long_tag_takes_little_memory(tmp_path: Path) -> None:
    """One state for each of its characters took two GiB."""
    info = said_in_matroska(tmp_path / "a.mkv", b";FFMETADATA1\nworkflow=" + b"x\\\\" * 4_000_000 + b"\0\n")
    tracemalloc.start()
    try:
        assert len(read_tags(info).values["workflow"]) == 8_000_000
        assert tracemalloc.get_traced_memory()[1] < 500e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("kind", "suffix"), [(".mov", ".mp4"), (".mov", ".mkv"), (".mkv", ".mov"), (".mkv", ".webm")])
def test_names_languages_and_marks_of_tracks_are_kept_or_said(tmp_path: Path, kind: str, suffix: str) -> None:
    source = tmp_path / f"source{kind}"
    subtitles = tmp_path / "s.srt"
    subtitles.write_text("1\n00:00:00,000 --> 00:00:00,100\nhi\n")
    tones = [word for _ in range(2) for word in ("-f", "lavfi", "-i", "sine=duration=0.3")]
    ffmpeg(
        *("-i", numbered_video(tmp_path / "plain.mp4", 8), *tones, "-i", subtitles),
        *("-map", "0", "-map", "1", "-map", "2", "-map", "3"),
        *("-c:v", "copy", "-c:a", "aac", "-c:s", "mov_text" if kind == ".mov" else "srt"),
        *("-metadata:s:v:0", "title=Main view", "-metadata:s:v:0", "language=deu"),
        *("-metadata:s:a:0", "title=Music", "-metadata:s:a:0", "language=fra"),
        *("-metadata:s:a:1", "title=Director's words", "-disposition:a:1", "comment"),
        *("-metadata:s:s:0", "title=Signs", "-disposition:s:0", "forced", source),
    )
    info = probe(source)
    assert [info.picture.title, *(s.title for s in info.streams)] == ["Main view", "Music", "Director's words", "Signs"]
    report = film_of(source, tmp_path / f"film{suffix}")
    made = probe(report.path)
    assert info.picture.language == (None if kind == ".mov" else "deu"), "ffmpeg's QuickTime does not know it"
    assert made.picture.language == "deu" or suffix == ".mov" or kind == ".mov"
    for had, has in zip((info.picture, *info.streams), (made.picture, *made.streams), strict=True):
        assert has.title == had.title
        said = [note for note in report.notes if f"lost its language {had.language}: " in note]
        assert (has.language == had.language) != bool(said)
        for mark in had.marks:
            said = [note for note in report.notes if f"lost its mark as {mark}: " in note]
            assert (mark in has.marks) != bool(said)


def with_data(folder: Path, name: str) -> Path:
    """A video with a track of measurements beside a timecode, as action cameras have."""
    (folder / "raw").write_bytes(os.urandom(400))
    plain = numbered_video(folder / "p.mp4", 6, "25")
    coded = ffmpeg("-i", plain, "-map", "0", "-c", "copy", "-timecode", "01:00:00:00", folder / "t.mov")
    assert coded == ""
    inputs = ("-i", folder / "t.mov", "-f", "data", "-i", folder / "raw")
    ffmpeg(
        *inputs, "-map", "0:v", "-map", "1", "-c", "copy", "-tag:d", "gpmd", "-timecode", "01:00:00:00", folder / name
    )
    return folder / name


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mxf"])
def test_data_tracks_are_kept_or_said(tmp_path: Path, suffix: str) -> None:
    source = with_data(tmp_path, "camera.mov")
    report = film_of(source, tmp_path / f"film{suffix}")
    (track,) = [stream for stream in probe(source).streams if stream.detail.startswith("(gpmd")]
    kept = [stream for stream in probe(report.path).streams if stream.detail.startswith("(gpmd")]
    said = [note for note in report.notes if note.startswith(f"Data track 1 ({track.codec}) was left out")]
    assert (len(kept), len(said)) == ((1, 0) if suffix in (".mp4", ".mov") else (0, 1)), report.notes
    if kept:
        data = [
            ffmpeg("-i", f"file:{path}", "-map", f"0:{s.index}", "-c", "copy", "-f", "streamhash", "-")
            for path, s in ((source, track), (report.path, kept[0]))
        ]
        assert data[0] == data[1]
    checks = verify(source, report.path)
    assert not checks.wrong
    assert any(check.source in said for check in checks.checks) == bool(said), "verify lists what is left out, too"


def with_captions(stream: bytes) -> bytes:
    """An H.264 stream whose pictures have closed captions."""
    captions = b"\xb5\x00\x31GA94\x03\xc2\xff\xfc\x94\x2c\xfd\x80\x80\xff"
    message = b"\0\0\0\1\x06\x04" + bytes([len(captions)]) + captions + b"\x80"
    units = [unit for unit in re.split(b"\0\0\0\1|\0\0\1", stream) if unit]
    return b"".join((message if unit[0] & 31 in (1, 5) else b"") + b"\0\0\0\1" + unit for unit in units)


def test_what_a_picture_carries_beside_its_pixels_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw = numbered_video(tmp_path / "raw.h264", 2, "24", ("-c:v", "libx264", "-bf", "0"))
    (tmp_path / "cc.h264").write_bytes(with_captions(raw.read_bytes()))
    ffmpeg("-i", tmp_path / "cc.h264", "-c", "copy", tmp_path / "cc.mp4")
    said = "The source's picture carries closed captions; the film's does not."
    report = film_of(tmp_path / "cc.mp4", tmp_path / "film.mp4")
    assert report.notes == (said,)
    assert said in [check.source for check in verify(tmp_path / "cc.mp4", report.path).checks]
    stereo = ffmpeg("-i", raw, "-c", "copy", "-metadata:s:v:0", "stereo_mode=left_right", tmp_path / "3d.mkv")
    assert stereo == ""
    notes = film_of(tmp_path / "3d.mkv", tmp_path / "3d.mp4").notes
    assert notes == ("The source's picture carries the layout of a stereoscopic picture; the film's does not.",)
    assert film_of(raw, tmp_path / "plain.mp4").notes == ()


def test_what_chapters_say_beside_their_titles_is_kept_or_said(tmp_path: Path) -> None:
    tags = tmp_path / "tags"
    tags.write_text(";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=80\ntitle=c\nscene=kitchen\n")
    plain = numbered_video(tmp_path / "plain.mp4", 2, "25")
    ffmpeg("-i", plain, "-i", tags, "-map", "0", "-map_metadata", "1", "-c", "copy", tmp_path / "clip.mkv")
    assert film_of(tmp_path / "clip.mkv", tmp_path / "film.mkv").notes == ()
    said = film_of(tmp_path / "clip.mkv", tmp_path / "film.mp4").notes
    assert said == ("mp4 has no place for what chapters say beside their titles (tag scene).",)


def test_several_programmes_are_told(tmp_path: Path) -> None:
    two = [word for n in (1, 2) for word in ("-i", numbered_video(tmp_path / f"{n}.mp4", 6, "25"))]
    programs = ("-program", "title=One:st=0", "-program", "title=Two:st=1")
    ffmpeg(*two, "-map", "0", "-map", "1", "-c", "copy", *programs, tmp_path / "air.ts")
    assert probe(tmp_path / "air.ts").notes[0].startswith("The clip holds 2 programmes.")
    ffmpeg("-i", tmp_path / "1.mp4", "-c", "copy", tmp_path / "one.ts")
    assert probe(tmp_path / "one.ts").notes == ()


def test_an_image_sequence_says_all_that_it_has_not(tmp_path: Path) -> None:
    source = with_data(tmp_path, "camera.mov")
    tags = tmp_path / "tags"
    tags.write_text(";FFMETADATA1\ntitle=t\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=100\ntitle=c\n")
    full = tmp_path / "full.mov"
    inputs = ("-i", source, "-i", tags, "-f", "lavfi", "-i", "sine=duration=0.2")
    ffmpeg(
        *inputs,
        "-map",
        "0:v",
        "-map",
        "0:1",
        "-map",
        "2",
        "-map_metadata",
        "1",
        "-c:v",
        "copy",
        "-c:d",
        "copy",
        "-timecode",
        "01:00:00:00",
        full,
    )
    result = stylize(full, [STYLE], tmp_path / "f.####.png", Settings().with_values(iterations=0))
    left = "1 audio track and 1 data track and 1 chapter and 1 tag and timecode"
    said = f"The source's {left} stayed behind: pictures have none."
    assert said in result.warnings
