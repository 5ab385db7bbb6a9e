"""The sound of the sample clip: soft chords, plucked notes, wind and lapping water, synthesised in stereo."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 48_000
PEAK = 0.7

SoundArray = NDArray[np.float64]

# Frequencies in hertz: an open D major chord for the flight, G major with its sixth for the balloons.
FLIGHT_CHORD, BALLOON_CHORD = (73.42, 146.83, 220.00, 369.99), (98.00, 146.83, 246.94, 329.63)
FLIGHT_MELODY, BALLOON_MELODY = (587.33, 739.99, 880.00, 1108.73), (987.77, 1174.66, 880.00, 783.99)


def compose(seconds: float, cut: float) -> SoundArray:
    """The score as (samples, 2) in [-1, 1], left then right; the harmony changes `cut` seconds in."""
    rng = np.random.default_rng(5)
    times = np.arange(round(seconds * RATE)) / RATE
    mix = np.zeros((len(times), 2))
    for chord, start, end in ((FLIGHT_CHORD, 0.0, cut), (BALLOON_CHORD, cut, seconds)):
        mix += 0.5 * pad(times, chord, start, end)
    beat = cut / 4
    for number, pitch in enumerate(FLIGHT_MELODY):
        mix += 0.30 * pluck(times, pitch, 0.12 + number * beat, balance=-0.6 + 0.35 * number)
    beat = (seconds - cut) / 5
    for number, pitch in enumerate(BALLOON_MELODY):
        mix += 0.30 * pluck(times, pitch, cut + number * beat, balance=0.6 - 0.35 * number)
    mix += 0.10 * wind(times, rng) + 0.05 * water(times, rng)
    mix *= fade(times, seconds)[:, None]
    score: SoundArray = PEAK * mix / np.abs(mix).max()
    return score


def pan(sound: SoundArray, balance: float) -> SoundArray:
    """Place a mono sound between left (-1) and right (1) at equal power."""
    angle = (balance + 1.0) * np.pi / 4
    placed: SoundArray = sound[:, None] * np.array([np.cos(angle), np.sin(angle)])
    return placed


def pad(times: SoundArray, chord: tuple[float, ...], start: float, end: float) -> SoundArray:
    """A held chord of slightly detuned voices, spread over the stereo width, that overlaps its neighbours."""
    swell = np.clip((times - start + 0.12) / 0.35, 0.0, 1.0) * np.clip((end + 0.2 - times) / 0.35, 0.0, 1.0)
    total = np.zeros((len(times), 2))
    for number, pitch in enumerate(chord):
        for detune, side in ((0.9985, -0.8), (1.0015, 0.8)):
            phase = 2 * np.pi * pitch * detune * times + number
            voice = np.sin(phase) + 0.35 * np.sin(2 * phase) + 0.12 * np.sin(3 * phase + 1.0)
            total += pan(voice * swell / (1.5 + number), side * (0.4 + 0.2 * number))
    return total / len(chord)


def pluck(times: SoundArray, pitch: float, start: float, balance: float) -> SoundArray:
    """A plucked string: partials that die away the sooner the higher they are."""
    age = np.maximum(times - start, 0.0)
    attack = np.clip((times - start) / 0.004, 0.0, 1.0)
    string = sum(
        np.sin(2 * np.pi * pitch * partial * age) * np.exp(-age * (2.2 + 1.6 * partial)) / partial**1.4
        for partial in range(1, 7)
    )
    return pan(attack * string, balance)


def coloured_noise(count: int, low: float, high: float, rng: np.random.Generator) -> SoundArray:
    """Noise between two frequencies (hertz), falling off towards the higher, of unit loudness."""
    spectrum = np.fft.rfft(rng.standard_normal(count))
    pitch = np.fft.rfftfreq(count, 1 / RATE)
    spectrum *= (pitch > low) / np.sqrt(1.0 + (pitch / high) ** 4) / np.sqrt(np.maximum(pitch, low))
    noise = np.fft.irfft(spectrum, count)
    even: SoundArray = noise / noise.std()
    return even


def wind(times: SoundArray, rng: np.random.Generator) -> SoundArray:
    """Wind that swells and drifts from left to right."""
    count = len(times)
    drift = times / times[-1]
    gusts = 0.6 + 0.4 * np.sin(2 * np.pi * 0.45 * times - 0.8)
    left, right = coloured_noise(count, 60.0, 420.0, rng), coloured_noise(count, 60.0, 520.0, rng)
    return np.stack([left * (1.0 - 0.5 * drift), right * (0.5 + 0.5 * drift)], axis=1) * gusts[:, None]


def water(times: SoundArray, rng: np.random.Generator) -> SoundArray:
    """Small waves lapping to both sides."""
    count = len(times)
    laps = np.maximum(np.sin(2 * np.pi * 1.3 * times), 0.0) ** 3
    other = np.maximum(np.sin(2 * np.pi * 1.1 * times + 2.0), 0.0) ** 3
    left, right = coloured_noise(count, 700.0, 2400.0, rng), coloured_noise(count, 700.0, 2400.0, rng)
    return np.stack([left * laps, right * other], axis=1)


def fade(times: SoundArray, seconds: float) -> SoundArray:
    """Loudness over time: up within a tenth of a second, down over the last half."""
    return np.clip(times / 0.1, 0.0, 1.0) * np.clip((seconds - times) / 0.5, 0.0, 1.0)


def save_wave(path: Path, sound: SoundArray) -> None:
    """Write (samples, 2) in [-1, 1] as a 16-bit wave file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.round(sound * 32767).astype("<i2").tobytes())
