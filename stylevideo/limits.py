"""How much of what comes from outside is taken; `docs/limits.md` has the table. What has more is refused."""

from __future__ import annotations

PIXELS = 2**27
"""Of a picture or a frame: 134 million, a little more than 16K has."""
PICTURE_FILE_BYTES = 2**30
"""Of a picture's file: a 16K frame of 16 bits with alpha, uncompressed, has as much."""
EXR_VALUES = 2**30
"""Of all channels of an EXR file: 120 of 4K."""
JPEG_SCANS = 100
"""Of a progressive JPEG: each takes as long as the whole picture. Cameras and editors write ten."""
FRAMES = 2_000_000
"""Of a clip: 23 hours at 24 frames a second."""
MISSING_FRAMES = 1000
MISSING_SHARE = 100
"""Of a sequence: so many numbers may be missing, or so many for each that is there, whichever is more."""
STREAMS = 256
"""Of a clip: sound, subtitles, fonts, covers and data together."""
CHAPTERS = 10_000
"""Of a clip."""
TAGS = 2000
"""Of a clip, and of each of its tracks and chapters: each time that ffmpeg opens a clip it takes seconds for 20,000."""
COVERS_BYTES = 64 * 2**20
"""Of all covers of a clip that go into a film: they lie in memory while it is made."""
ANSWER_BYTES = 160 * 2**20
"""Of what ffmpeg says of a clip, such as a line for each frame."""
TAG_BYTES = 16 * 2**20
"""Of all tags and chapters of a clip: two hundred thousand chapters."""
MESSAGE_BYTES = 4 * 2**20
"""Of ffmpeg's messages: so many are kept from the beginning, and as many from the end."""
TOML_BYTES = 4 * 2**20
"""Of a job file or the user file: ten thousand clips with everything that can be said of them."""
TOML_DOTS = 300
"""Of a line: a key `a.b.c` of thousands of parts would take hours."""
TOML_NESTING = 8
"""Tables and lists within one another; a job file needs three."""
WORKERS = 256
"""Processes side by side, each with a copy of the network: more than any machine has room for."""
LINE_SIGNS = 4000
"""Of a line that is said, so that no foreign text fills a terminal; a path has as much."""
WEIGHTS_BYTES = 2**31
"""Of a weights file: VGG-19 with its classifier has 575 million."""
