"""Paint one clip, and say how far it is: `python examples/one_clip.py CLIP STYLE FILM`."""

import sys

import stylevideo
from stylevideo.reports.events import Event, FrameFinished, Planned


def tell(event: Event) -> None:
    """Print what a user would like to know while it works."""
    match event:
        case Planned():
            print(f"{len(event.clip.frames)} frames of {event.width}x{event.height}, on {event.device}")
        case FrameFinished():
            print(f"frame {event.record.number}: {event.record.iterations} iterations, {event.record.seconds:.1f} s")


def main() -> None:
    """Make the film; started again after a crash, it resumes where it was."""
    clip, style, film = sys.argv[1:]
    settings = stylevideo.preset("draft").with_values(size=256, stroke_size=1.2)
    try:
        result = stylevideo.stylize(clip, [style], film, settings, tell)
    except stylevideo.StyleVideoError as error:
        sys.exit(f"{error}")
    print(f"{result.output}: {result.evaluations} evaluations, mean loss {result.mean_loss:.4f}")


if __name__ == "__main__":
    main()
