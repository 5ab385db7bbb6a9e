"""Paint all clips of a folder, two at a time: `python examples/batch.py FOLDER STYLE FILMS`.

A clip that fails does not end the batch. Started again, it leaves alone what is done and resumes what is not.
"""

import sys
from pathlib import Path

from stylevideo import BatchOptions, ClipRequest, Style, preset, run_batch
from stylevideo.batch.outcomes import BatchChecked, BatchEvent, ClipEnded


def tell(event: BatchEvent) -> None:
    """Print what is wrong before work begins, and what becomes of each clip."""
    match event:
        case BatchChecked():
            print(f"{len(event.estimates)} to paint, {len(event.made)} up to date", *event.problems.values(), sep="\n")
        case ClipEnded():
            print(f"{event.outcome.request.source.name}: {event.outcome.status.value} {event.outcome.reason}")


def main() -> None:
    """Make a film for each clip; the exit code is 1 if one has none."""
    folder, style, films = map(Path.absolute, map(Path, sys.argv[1:]))
    settings, styles = preset("draft").with_values(size=256), (Style(style),)
    clips = sorted(folder.glob("*.mp4"))
    requests = [ClipRequest(clip, styles, films / clip.name, settings) for clip in clips]
    outcomes = run_batch(requests, BatchOptions(workers=2), tell)
    sys.exit(0 if all(outcome.status.has_film for outcome in outcomes) else 1)


if __name__ == "__main__":
    main()
