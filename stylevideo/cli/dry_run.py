"""`run --dry-run`: what would be made, how long it would take, and how much disk it needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from stylevideo.batch.outcomes import BatchChecked, BatchOptions
from stylevideo.batch.run import check_batch
from stylevideo.cli.summary import checked_lines
from stylevideo.errors import Stopped, StyleVideoError
from stylevideo.planning.request import ClipRequest, clip_names
from stylevideo.system.streams import print_line
from stylevideo.text import bytes_in_words, counted, duration


def dry_run(requests: Sequence[ClipRequest], options: BatchOptions, stop: Callable[[], bool], if_nothing: int) -> int:
    """Say what would be made, how long it would take and how much disk it needs.

    Args:
        requests: the clips.
        options: how the batch would be run.
        stop: asked all the time whether to end early.
        if_nothing: the exit code where every film is up to date.
    Returns:
        The exit code.
    """
    checked = check_batch(requests, options, stop)
    if stop():
        return Stopped.exit_code
    seconds = _pace(requests, checked, options.devices)
    names = clip_names(requests)
    width = max(map(len, names))
    for index, request in enumerate(requests):
        estimate = checked.estimates.get(index)
        if estimate:
            took = (
                f"{counted(estimate.frames - estimate.finished, 'frame')} of {estimate.width}x{estimate.height}, about "
            )
            took += f"{duration(estimate.pixels * seconds)}, {bytes_in_words(estimate.bytes_needed)}"
        else:
            took = "already made" if index in checked.made else f"cannot be made: {checked.problems.get(index, '')}"
        print_line(f"{names[index]:<{width}}  {took}")
        if estimate:
            print_line(f"{'':<{width}}  {request.output}")
    pixels = sum(estimate.pixels for estimate in checked.estimates.values())
    needed = sum(estimate.bytes_needed for estimate in checked.estimates.values())
    print_line(checked_lines(requests, checked)[0].rstrip(":") + ".")
    if checked.estimates:
        print_line(
            f"About {duration(pixels * seconds / max(1, len(options.devices)))} in all, by a measurement of this "
            f"machine with a small picture; cuts cost more. About {bytes_in_words(needed)} of disk space."
        )
    if checked.problems:
        return StyleVideoError.exit_code
    return 0 if checked.estimates else if_nothing


def _pace(requests: Sequence[ClipRequest], checked: BatchChecked, devices: Sequence[str]) -> float:
    """Seconds that one VGG evaluation takes here for each pixel, with the first clip's settings; 0 if none is due."""
    if not any(estimate.pixels for estimate in checked.estimates.values()):
        return 0.0
    from stylevideo.models.weights import load_vgg19
    from stylevideo.render.estimate import seconds_a_pixel
    from stylevideo.system.device import choose_device, convolution_dtype, cpu_threads

    settings = requests[next(iter(checked.estimates))].settings
    device = choose_device(devices[0] if devices else settings.optimizer.device)
    dtype = convolution_dtype(settings.optimizer.precision, device)
    with cpu_threads(settings.optimizer.threads):
        return seconds_a_pixel(load_vgg19(settings.weights.weights, device, dtype), settings)
