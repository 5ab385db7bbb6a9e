"""Each error says itself whose fault it is and whether another attempt is worth it, also when it crosses a process."""

from __future__ import annotations

import pickle
from collections.abc import Iterator

import pytest

from stylevideo.batch.messages import Failed
from stylevideo.cli import main as command_line
from stylevideo.errors import (
    DeviceError,
    InputError,
    ResumeError,
    SettingsError,
    Stopped,
    StyleVideoError,
    TimeLimitError,
    WorkerUndeadError,
)

WRONG = (InputError, SettingsError, DeviceError, ResumeError)
FINAL = (*WRONG, WorkerUndeadError)


def kinds(above: type[StyleVideoError] = StyleVideoError) -> Iterator[type[StyleVideoError]]:
    """All errors that are raised; `RequestError` only sums some up."""
    for kind in above.__subclasses__():
        if kind.__name__ != "RequestError":
            yield kind
        yield from kinds(kind)


@pytest.mark.parametrize("kind", [StyleVideoError, *kinds()])
def test_an_error_says_what_becomes_of_the_command_and_of_the_clip(
    kind: type[StyleVideoError], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object) -> int:
        raise kind("a.mp4 is not a video.")

    monkeypatch.setattr("stylevideo.cli.inspect._presets", fails)
    assert command_line.main(["presets"]) == (2 if issubclass(kind, WRONG) else 1)
    assert capfd.readouterr().err == "stylevideo: a.mp4 is not a video.\n"
    assert kind.retryable == (kind is TimeLimitError or not issubclass(kind, FINAL))


@pytest.mark.parametrize("kind", [Stopped, StyleVideoError, *kinds()])
def test_what_crosses_a_process_stays_what_it_is(kind: type[StyleVideoError | Stopped]) -> None:
    try:
        raise kind("a.mp4 is not a video.") from OSError("I/O error")
    except (StyleVideoError, Stopped) as error:
        received: Failed = pickle.loads(pickle.dumps(Failed(error, "Traceback")))
    assert type(received.error) is kind
    assert (received.reason, received.detail) == ("a.mp4 is not a video.", "Traceback")
