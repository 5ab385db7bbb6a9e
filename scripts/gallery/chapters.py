"""What the gallery shows of the sample clip: pictures, the commands that make them, and captions.

A command's films and pictures have the names that it gives them; a picture's cells are frames of those.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

SAMPLES, MEDIA = "samples/", "media/"
"""Folders in commands: the checkout's, and that of other footage, wherever it is."""
SOURCE = "samples/lake.mp4"
HILLSIDE_FRAME = 57
"""Of the sample clip: the second shot, with both balloons clear of each other."""
LAKE_FRAME = 15
MATTE = f"roto.{HILLSIDE_FRAME:04d}.png"
PAINTED = f"frame{HILLSIDE_FRAME}.png"
DISSOLVE, DISSOLVE_FRAMES = "dissolve.mkv", 12
"""The sample with a dissolve of so many frames in the place of its cut."""
IMPASTO, EXPRESSIONIST, WOODBLOCK, STAINED_GLASS, POINTILLISM = (
    f"samples/styles/{name}.jpg" for name in ("impasto", "expressionist", "woodblock", "stained-glass", "pointillism")
)
STYLE_SEQUENCE = (IMPASTO, STAINED_GLASS, WOODBLOCK)
"""`paint.####.jpg`."""
STRETCHED = (1, 36, 72)
"""Frames of the sample clip: its first, one in the middle, its last."""
SMALL = "--size 320"


@dataclass(frozen=True)
class Cell:
    """A frame with a label.

    Attributes:
        label: written above it; "" for none.
        file: a film or a picture that a command makes, or the sample clip.
        frame: of the file, from 1.
    """

    label: str
    file: str
    frame: int = 1


@dataclass(frozen=True)
class Chapter:
    """A picture of the documents, and how it is made.

    Attributes:
        file: in docs/; `.webp` moves through all frames of its cells, every `step`-th, `.jpg` is a still.
        heading, text: before the picture, in Markdown.
        alt: what it shows, in words.
        commands: lines for a shell, in their order; a chapter may show what an earlier one's have made.
        rows: of cells, from the top.
        below: under the picture, in Markdown: what is weak, and whose the footage is; "" for nothing.
        cell_width: in pixels; a smaller frame stays as it is.
        step: of the frames that a moving picture shows.
    """

    file: str
    heading: str
    text: str
    alt: str
    commands: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    cell_width: int = 320
    step: int = 1
    below: str = ""


def run(options: str, output: str, frames: int | str = LAKE_FRAME) -> str:
    """The command for a small film or picture of the sample clip."""
    return f"stylevideo run {SOURCE} {options} -o {output} {SMALL} --frames {frames}"


def painted(style: str) -> Cell:
    """The frame of the first shot in one of the styles of which there is a film."""
    return Cell(style, f"{style}.mp4", LAKE_FRAME)


MOVING = Chapter(
    file="moving.webp",
    heading="Films",
    text="README's moving picture: both shots of the sample, every second frame, as it is and in three styles.",
    alt="The sample clip, and the same in impasto, expressionist and woodblock",
    commands=(
        run(f"--style {IMPASTO}", "impasto.mp4", "1-72x2 --compare wipe"),
        run(f"--style {EXPRESSIONIST}", "expressionist.mp4", "1-72x2"),
        run(f"--style {WOODBLOCK}", "woodblock.mp4", "1-72x2"),
    ),
    rows=(
        (Cell("source", SOURCE), Cell("impasto", "impasto.mp4")),
        (Cell("expressionist", "expressionist.mp4"), Cell("woodblock", "woodblock.mp4")),
    ),
    step=2,
)
STYLES = Chapter(
    file="styles.jpg",
    heading="Styles",
    text=(
        "Any picture is a style. These are the five in `samples/styles/`, with the default settings; three of them "
        "are frames of the films above."
    ),
    alt="The same frame as it is, and in five styles",
    commands=(
        run(f"--style {STAINED_GLASS}", "stained-glass.png"),
        run(f"--style {POINTILLISM}", "pointillism.png"),
    ),
    rows=(
        (Cell("source", SOURCE, LAKE_FRAME), painted("impasto"), painted("expressionist")),
        (painted("woodblock"), Cell("stained-glass", "stained-glass.png"), Cell("pointillism", "pointillism.png")),
    ),
)
STRENGTH = Chapter(
    file="strength.jpg",
    heading="Strength",
    text=(
        "From almost the source (0) to almost abstract (1). 0.5 is the default, and here a frame of the film above: "
        '`docs/direction.md`, "Strength".'
    ),
    alt="The same frame at strength 0.2, 0.5 and 0.8",
    commands=(
        run(f"--style {IMPASTO} --strength 0.2", "strength-0.2.png"),
        run(f"--style {IMPASTO} --strength 0.8", "strength-0.8.png"),
    ),
    rows=(
        (
            Cell("--strength 0.2", "strength-0.2.png"),
            Cell("--strength 0.5", "impasto.mp4", LAKE_FRAME),
            Cell("--strength 0.8", "strength-0.8.png"),
        ),
    ),
)
STROKES = Chapter(
    file="strokes.jpg",
    heading="Strokes",
    text=(
        "Which way strokes run: at an angle, or along the source's edges; they can follow the motion too. `--boil` and "
        '`--hold-strokes` let them live, which only a film shows: `docs/direction.md`, "Strokes".'
    ),
    alt="The same frame with strokes at 45 degrees, upright, and along edges",
    commands=(
        run(f"--style {IMPASTO} --stroke-angle 45", "angle-45.png"),
        run(f"--style {IMPASTO} --stroke-angle 90", "angle-90.png"),
        run(f"--style {IMPASTO} --stroke-angle gradient", "angle-gradient.png"),
    ),
    rows=(
        (
            Cell("--stroke-angle 45", "angle-45.png"),
            Cell("--stroke-angle 90", "angle-90.png"),
            Cell("--stroke-angle gradient", "angle-gradient.png"),
        ),
    ),
)
COLOR = Chapter(
    file="color.jpg",
    heading="Colours",
    text=(
        "The style's colours; the source's, where brightness alone is painted; or the style's palette fitted to the "
        "shot's. `--color-amount 0.5` is half of it."
    ),
    alt="The same frame with the style's colours, the source's, and the style's fitted to the source's",
    commands=(
        run(f"--style {IMPASTO} --color source", "color-source.png"),
        run(f"--style {IMPASTO} --color match", "color-match.png"),
    ),
    rows=(
        (
            Cell("--color style", "impasto.mp4", LAKE_FRAME),
            Cell("--color source", "color-source.png"),
            Cell("--color match", "color-match.png"),
        ),
    ),
)
MATTES = Chapter(
    file="mattes.jpg",
    heading="Mattes",
    text=(
        "A look is painted where its matte is white; what no matte covers stays the source. "
        f'`{MATTE}`, at the left, is the near balloon\'s own: `docs/direction.md`, "Mattes".'
    ),
    alt="A matte; the balloon alone painted; the balloon in stained glass before a hillside in woodblock",
    commands=(
        run(f"--style {STAINED_GLASS} --matte roto.####.png", "part.png", HILLSIDE_FRAME),
        run(
            f"--style {STAINED_GLASS} --matte roto.####.png --style {WOODBLOCK} --matte roto.####.png:inverted",
            "two-looks.png",
            HILLSIDE_FRAME,
        ),
    ),
    rows=((Cell("the matte", MATTE), Cell("one look", "part.png"), Cell("two looks", "two-looks.png")),),
)
FIELD_MATTES = Chapter(
    file="field-mattes.jpg",
    heading="Mattes of strength and of the size of strokes",
    text=(
        "The same matte, inverted, once says how strong the style is, and once how wide strokes are: "
        '`docs/direction.md`, "Mattes of strength and of the size of strokes".'
    ),
    alt="The balloon almost as it is before a painted hillside; the balloon in fine strokes before a coarse hillside",
    commands=(
        run(
            f"--style {IMPASTO} --strength 0.8 --strength-matte roto.####.png:inverted", "strength.png", HILLSIDE_FRAME
        ),
        run(
            f"--style {IMPASTO} --stroke-size 3 --stroke-size-matte roto.####.png:inverted", "sizes.png", HILLSIDE_FRAME
        ),
    ),
    rows=(
        (Cell("the matte", MATTE), Cell("--strength-matte", "strength.png"), Cell("--stroke-size-matte", "sizes.png")),
    ),
)
KEYS = Chapter(
    file="keys.jpg",
    heading="Keys",
    text=(
        "Settings that change within a film; here one style turns into another, half-way at 55 and all there at 67: "
        '`docs/direction.md`, "Keys".'
    ),
    alt="Three frames of one shot, from impasto to stained glass",
    commands=(
        run(
            f"--style {IMPASTO} --style {STAINED_GLASS} --key style_1 43=1,67=0 --key style_2 43=0,67=1",
            "turning.mp4",
            "41-72x2",
        ),
    ),
    rows=(
        (
            Cell("frame 43", "turning.mp4", 3),
            Cell("frame 55", "turning.mp4", 15),
            Cell("frame 67", "turning.mp4", 27),
        ),
    ),
)
STYLE_CLIP = Chapter(
    file="style-clip.jpg",
    heading="Style from a clip",
    text=(
        "A clip, or an image sequence, as style, followed in time. Here the sequence is three of the sample styles, "
        "`paint.0001.jpg` to `paint.0003.jpg`, stretched over the clip; each frame is made by itself: "
        '`docs/direction.md`, "Style from a clip".'
    ),
    alt="The first, the middle and the last frame of the sample clip in impasto, stained glass and woodblock",
    commands=tuple(
        run("--style paint.####.jpg --style-clip stretch", f"stretched-{frame}.png", frame) for frame in STRETCHED
    ),
    rows=(tuple(Cell(f"frame {frame}", f"stretched-{frame}.png") for frame in STRETCHED),),
)
LOOKS = Chapter(
    file="looks.jpg",
    heading="Looks by name",
    text=(
        'A file with styles and settings: `docs/direction.md`, "Looks by name". Three of the five that come along; '
        "below them one look that turns into another by a key, and a film whose second shot has a look of its own, by "
        "a table in its job file."
    ),
    alt="The same frame in three looks; a frame that has turned from oil to storm; two shots in two looks",
    commands=(
        *(run(f"--look {name}", f"{name}.png") for name in ("storm", "print", "window")),
        run("--key look 43=oil,67=storm", "turning-look.mp4", "41-72x2"),
        f"stylevideo run samples/shots.toml -o shots.mp4 {SMALL} --frames 33-48",
    ),
    rows=(
        tuple(Cell(f"--look {name}", f"{name}.png") for name in ("storm", "print", "window")),
        (
            Cell("--key look, frame 71", "turning-look.mp4", 31),
            Cell("shot 1, frame 40", "shots.mp4", 8),
            Cell("shot 2, frame 48", "shots.mp4", 16),
        ),
    ),
)
PAINTED_FRAMES = Chapter(
    file="painted.jpg",
    heading="Painted frames",
    text=(
        f"Somebody paints over a frame, and the strokes spread to the others. `{PAINTED}`, at the left, is frame "
        f'{HILLSIDE_FRAME} of `impasto.mp4` with a face and a flock of birds: `docs/direction.md`, "Painted frames".'
    ),
    alt="A frame with a face drawn on the balloon, and two later frames in which the face goes with it",
    commands=(run(f"--style {IMPASTO} --painted {HILLSIDE_FRAME}={PAINTED}", "painted.mp4", f"{HILLSIDE_FRAME}-72x2"),),
    rows=(
        (
            Cell(f"frame {HILLSIDE_FRAME}, painted over", PAINTED),
            Cell("frame 63", "painted.mp4", 7),
            Cell("frame 71", "painted.mp4", 15),
        ),
    ),
)
PREVIEW = Chapter(
    file="preview.jpg",
    heading="Previews",
    text=(
        "Styles and values beside each other, in two minutes, before a film is made: `docs/direction.md`, "
        '"Try looks first".'
    ),
    alt="A sheet: two styles at three strengths",
    commands=(
        f"stylevideo preview {SOURCE} --style {IMPASTO} {WOODBLOCK} --vary strength=0.3,0.6,0.9 --stills 1 "
        "-o sheet.png",
    ),
    rows=((Cell("", "sheet.png"),),),
    cell_width=960,
)
COMPARE = Chapter(
    file="compare.jpg",
    heading="Source and film in one",
    text="`--compare wipe` writes a second film, `impasto-compare.mp4`: a line moves from source to painting.",
    alt="Three frames in which the line between source and painting goes from the right to the left",
    commands=MOVING.commands[:1],
    rows=(tuple(Cell(f"frame {number}", "impasto-compare.mp4", number) for number in (15, 45, 57)),),
)
_MIXED = tuple(range(27, 45, 4))
DISSOLVES = Chapter(
    file="dissolve.jpg",
    heading="Dissolves",
    text=(
        f"`{DISSOLVE}` is the sample clip whose two shots dissolve over {DISSOLVE_FRAMES} frames: the strokes of the "
        'first give way to those of the second. `docs/direction.md`, "Dissolves".'
    ),
    alt="Five frames of a dissolve, and below them the same painted",
    commands=(f"stylevideo run {DISSOLVE} --style {IMPASTO} -o dissolving.mp4 {SMALL} --frames 17-52",),
    rows=(
        tuple(Cell(f"frame {number}", DISSOLVE, number) for number in _MIXED),
        tuple(Cell("", "dissolving.mp4", number - 16) for number in _MIXED),
    ),
    cell_width=216,
)
CHAPTERS = (
    *(MOVING, STYLES, STRENGTH, STROKES, COLOR, MATTES, FIELD_MATTES, KEYS),
    *(STYLE_CLIP, LOOKS, PAINTED_FRAMES, DISSOLVES, PREVIEW, COMPARE),
)
"""In the page's order."""
DIALS = Chapter(
    file="dials.jpg",
    heading="",
    text="",
    alt="The sample by different settings: strength, colour, mattes, and a key that turns one style into another",
    commands=(),
    rows=(
        (*STRENGTH.rows[0], *COLOR.rows[0][1:]),
        (
            Cell("--matte", "part.png"),
            Cell("two --matte", "two-looks.png"),
            *(Cell(f"--key, {cell.label}", cell.file, cell.frame) for cell in KEYS.rows[0]),
        ),
    ),
    cell_width=216,
)
"""README's strip: cells of the page's pictures."""


def outputs(command: str) -> Iterator[str]:
    """The files that a command makes and that cells may show."""
    words = shlex.split(command)
    output = words[words.index("-o") + 1]
    yield output
    if "--compare" in words:
        yield re.sub(r"(\.\w+)$", r"-compare\1", output)
