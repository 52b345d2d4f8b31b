"""Onsets: when notes, drums and syllables begin in a sound, how loud they are, and their tempo.

The sound is decoded by ffmpeg as it is heard in the clip. Its spectrum is summed in bands; the
logarithm of each band minus the largest of three neighbours 15 ms before, where positive, is summed
over all bands (spectral flux; Böck and Widmer, "Maximum filter vibrato suppression for onset
detection", 2013). An onset is a peak above an adaptive threshold: the median of the flux around it
and a multiple of its spread. So a steady noise has none. The time of an onset is the steepest rise
of the energy near the peak.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuralpaint.errors import EncodingError, UsageError
from neuralpaint.rendering.rhythm import Rhythm
from neuralpaint.video.ffmpeg import LOCAL_ONLY, file_url, run_ffmpeg

__all__ = ["RATE", "find_first_beat", "find_onsets", "find_rhythm", "read_sound"]

RATE = 24_000
"""Samples per second of an analysed sound."""

_WINDOW, _HOP = 1024, 120  # samples: 43 ms, every 5 ms
_LAG = 3  # hops from one spectrum to the one it is compared with
_LOWEST, _BANDS_PER_OCTAVE = 40.0, 12  # Hz
_RANGE = 1000.0  # amplitudes below this part of the loudest band count little
_BLOCK = 4000  # spectra in memory
_AROUND = 150  # hops on each side, over which the threshold adapts
_MEDIANS_EVERY = 10  # hops; the threshold is interpolated between them
_SPREADS = 5.0  # standard deviations above the median that a peak has at least
_LEAST_HEIGHT = 2.0  # above the median
_STRONG, _LEAST_STRONG = 80, 6.0  # the percentile of the strong peaks, and their least height
_WEAK = 0.1  # of the height of the strong peaks: lower ones are no onsets
_APART = 10  # hops between two onsets, at least
_SEARCH = 30  # ms on each side of a peak in which the energy rises
_BEFORE, _AFTER = 20, 8  # ms over which it is averaged before and after the rise
_SILENCE = 1e-3  # the amplitude below which a whole sound is silent
_SLOWEST, _FASTEST = 2.0, 0.25  # seconds from beat to beat
_USUAL_PERIOD, _OCTAVES = 0.5, 0.9  # the most usual seconds per beat, and their spread in octaves
_TEMPO_SECONDS = 120.0  # from the first onset
_PHASE_BEATS = 8.0  # of which the first beat is found; the later ones follow the tempo
_WIDTH = 0.02  # seconds; onsets as far as this from the beats fit them well
_NEAR = 0.12  # of a beat: an onset as near as this is taken for the beat
_FOLLOW = 0.3  # of the error of a beat, by which the period is corrected
_LONGEST = 1800.0  # seconds that are analysed, in about 500 MB; after them, there is no rhythm


def read_sound(path: Path, *, seconds: float) -> NDArray[np.float32]:
    """Return the first seconds of a sound as it is heard in a clip, mono (samples,) in [-1, 1].

    Raises:
        EncodingError: ffmpeg is missing.
        UsageError: the file has no sound that can be read.
    """
    if not path.is_file():
        raise UsageError(f"no audio file {str(path)!r}: check the name")
    # As in a clip, the first sample is at time 0, also where the sound of a film begins later.
    heard = f"aresample={RATE},aformat=channel_layouts=mono"
    source = [*LOCAL_ONLY, "-i", file_url(path), "-map", "0:a:0"]
    length = ["-t", f"{min(seconds, _LONGEST):.3f}"]
    try:
        raw = run_ffmpeg([*source, *length, "-af", heard, "-f", "s16le", "pipe:1"])
    except EncodingError as error:
        raise UsageError(f"cannot read sound from {str(path)!r}: {error}") from error
    return np.frombuffer(raw, "<i2").astype(np.float32) / np.float32(2**15)


def find_onsets(sound: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the times of the onsets in seconds, and how much the sound rises there, in (0, 1].

    `sound` is mono (samples,) at `RATE`.
    """
    none = np.zeros(0), np.zeros(0)
    if not len(sound) or float(np.abs(sound).max()) < _SILENCE:
        return none
    bands = _spectrogram(sound)
    flux = _flux(bands)
    peaks = _peaks(flux)
    energy = _energy(sound)
    found = [(_refined(peak, energy), _rise(bands, peak)) for peak in peaks.tolist()]
    found = [(time, rise) for time, rise in found if rise > 0 and _begins(energy, time)]
    if not found:
        return none
    times, rises = (np.array(each) for each in zip(*found, strict=True))
    # Two peaks can lead to one rise of the energy.
    times, first = np.unique(times, return_index=True)
    return times, rises[first] / rises[first].max()


def find_rhythm(sound: NDArray[np.float32]) -> Rhythm | None:
    """Return the rhythm of a sound as for `find_onsets`; None if it has no onsets."""
    times, amplitudes = find_onsets(sound)
    if not len(times):
        return None
    few = int(np.searchsorted(times, times[0] + _TEMPO_SECONDS))
    period = _period(times[:few], amplitudes[:few])
    first = int(np.searchsorted(times, times[0] + _PHASE_BEATS * period))
    return Rhythm(
        onsets=times,
        amplitudes=amplitudes,
        beats=_beats(times, period, _phase(times[:first], amplitudes[:first], period)),
        period=period,
        regularity=float(_coherence(times[:few], amplitudes[:few], np.array([period / 4]))[0]),
    )


def find_first_beat(sound: NDArray[np.float32], *, tempo: float) -> float:
    """Return the time of the first beat, in seconds, for a tempo in beats per minute.

    It is where the beats are as near to the onsets as possible; 0 if there are none.
    """
    times, amplitudes = find_onsets(sound)
    return _phase(times, amplitudes, 60 / tempo) if len(times) else 0.0


def _spectrogram(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the amplitudes of bands (hops, bands), one every 5 ms, centred on time 0 and so on."""
    padded = np.pad(sound, (_WINDOW // 2, _WINDOW))
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]
    windows = windows[: 1 + len(sound) // _HOP]
    hann = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)
    octaves = math.log2(RATE / 2 / _LOWEST)
    frequencies = _LOWEST * 2 ** (np.arange(octaves * _BANDS_PER_OCTAVE) / _BANDS_PER_OCTAVE)
    edges = np.unique(np.round(frequencies * _WINDOW / RATE).astype(int))
    blocks = []
    for start in range(0, len(windows), _BLOCK):
        spectra = np.abs(np.fft.rfft(windows[start : start + _BLOCK] * hann)) ** 2
        blocks.append(np.sqrt(np.add.reduceat(spectra, edges, axis=1)).astype(np.float32))
    return np.concatenate(blocks)


def _flux(bands: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the spectral flux (hops,)."""
    levels = np.log10(1 + _RANGE / bands.max() * bands)
    before = np.pad(levels, ((_LAG, 0), (1, 1)))[: len(levels)]
    largest = np.maximum(np.maximum(before[:, :-2], before[:, 1:-1]), before[:, 2:])
    flux: NDArray[np.float32] = np.maximum(0, levels - largest).sum(1)
    return flux


def _peaks(flux: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return the hops at which the flux has a peak above its threshold.

    There are none if even the strong peaks are weak: noise has some of those.
    """
    windows = np.lib.stride_tricks.sliding_window_view(
        np.pad(flux, _AROUND, mode="reflect" if len(flux) > _AROUND else "edge"), 2 * _AROUND + 1
    )[::_MEDIANS_EVERY]
    median = np.median(windows, 1)
    spread = 1.4826 * np.median(np.abs(windows - median[:, None]), 1)  # the deviation of a normal
    hops, known = np.arange(len(flux)), np.arange(len(median)) * _MEDIANS_EVERY
    height = flux - np.interp(hops, known, median)
    least = np.interp(hops, known, np.maximum(_LEAST_HEIGHT, _SPREADS * spread))
    around = np.lib.stride_tricks.sliding_window_view(np.pad(flux, _APART), 2 * _APART + 1)
    peaks = np.flatnonzero((flux >= around.max(1)) & (height > least))
    peaks = peaks[np.diff(peaks, prepend=-_APART - 1) > _APART]  # of equal ones, the first
    peaks = peaks[peaks < len(flux) - _APART]  # where a sound is cut off, it clicks
    # A sound that begins with the file rises from silence, more than anything later.
    heights = height[peaks[peaks > _APART]]
    strong = float(np.percentile(heights, _STRONG)) if len(heights) else 0.0
    if strong < _LEAST_STRONG:
        return peaks[:0]
    kept: NDArray[np.intp] = peaks[height[peaks] > _WEAK * strong]
    return kept


def _energy(sound: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the energy of each millisecond, high frequencies raised: they begin sharply."""
    length = RATE // 1000
    raised = np.diff(sound, prepend=np.float32(0)) + np.float32(0.1) * sound
    blocks = raised[: len(raised) // length * length].reshape(-1, length)
    energy: NDArray[np.float64] = np.square(blocks, dtype=np.float64).mean(1)
    return energy


def _refined(peak: int, energy: NDArray[np.float64]) -> float:
    """Return the time in seconds, near a hop, at which the energy rises most steeply."""
    centre = round(1000 * peak * _HOP / RATE)
    first, last = max(0, centre - _SEARCH), min(len(energy), centre + _SEARCH + 1)
    margins = (max(0, _BEFORE - first), max(0, last + _AFTER - len(energy)))
    part = np.pad(energy[max(0, first - _BEFORE) : last + _AFTER], margins)
    sums = np.concatenate([[0.0], np.cumsum(part)])
    starts = np.arange(last - first)
    before = (sums[starts + _BEFORE] - sums[starts]) / _BEFORE
    after = (sums[starts + _BEFORE + _AFTER] - sums[starts + _BEFORE]) / _AFTER
    least = 0.01 * after.max() + 1e-12
    return float(first + np.argmax((after + least) / (before + least))) / 1000


def _begins(energy: NDArray[np.float64], time: float) -> bool:
    """Return whether a sound begins at a time and does not end: an abrupt end is a click, too."""
    at = round(1000 * time)
    before, after = energy[max(0, at - 40) : at], energy[at + 10 : at + 40]
    if not len(before) or not len(after):
        return bool(len(after))
    return bool(after.mean() > 0.1 * before.mean() or energy[at : at + 10].mean() > before.mean())


def _rise(bands: NDArray[np.float32], peak: int) -> float:
    """Return how much the amplitudes of all bands rise at a peak of the flux."""
    before = bands[max(0, peak - 2 * _LAG) : max(0, peak - _LAG)]
    before = before.mean(0) if len(before) else np.zeros_like(bands[0])  # silence before a file
    after = bands[peak : peak + 2 * _APART].max(0)
    return float(np.sqrt(np.square(np.maximum(0, after - before), dtype=np.float64).sum()))


def _coherence(
    times: NDArray[np.float64], weights: NDArray[np.float64], periods: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return how well the times fit each period, at any phase, from 0 to 1, (periods,)."""
    turns = np.exp(2j * np.pi * times / periods[:, None])
    fit: NDArray[np.float64] = np.abs((turns * weights).sum(1)) / weights.sum()
    return fit


def _period(times: NDArray[np.float64], amplitudes: NDArray[np.float64]) -> float:
    """Return the seconds from beat to beat.

    The autocorrelation of the onsets, weighted towards usual tempos (Ellis, "Beat tracking by
    dynamic programming", 2007), is refined to the period that fits all onsets best.
    """
    if len(times) < 2:
        return _USUAL_PERIOD
    ticks = 100  # a second
    pulses = np.zeros(int(ticks * times[-1]) + 2)
    np.maximum.at(pulses, np.round(ticks * times).astype(int), np.sqrt(amplitudes))
    bell = np.exp(-0.5 * np.square(np.arange(-6, 7) / 2))
    pulses = np.convolve(pulses, bell)
    size = 2 ** math.ceil(math.log2(2 * len(pulses)))
    correlation = np.fft.irfft(np.abs(np.fft.rfft(pulses, size)) ** 2, size)
    lags = np.arange(int(ticks * _FASTEST), min(int(ticks * _SLOWEST), size // 2) + 1)
    usual = np.exp(-0.5 * np.square(np.log2(lags / ticks / _USUAL_PERIOD) / _OCTAVES))
    coarse = float(lags[np.argmax(correlation[lags] * usual)]) / ticks
    # So fine that over all onsets the phase of two neighbours differs by less than a tenth.
    step = max(1e-5, 0.02 * coarse**2 / max(coarse, times[-1] - times[0]))
    periods = np.arange(0.96 * coarse, 1.04 * coarse, step)
    weights = np.sqrt(amplitudes)
    fit = sum(_coherence(times, weights, periods / parts) for parts in (1, 2, 4))
    return float(periods[np.argmax(fit)])


def _phase(times: NDArray[np.float64], amplitudes: NDArray[np.float64], period: float) -> float:
    """Return the time of the first beat, where the loud onsets are; it can be slightly below 0."""
    phases = np.arange(-0.1, 0.9, 0.01)

    def distances(phase: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the seconds from the beats of each phase to each onset, (onsets, phases)."""
        apart: NDArray[np.float64] = ((times[:, None] / period - phase + 0.5) % 1 - 0.5) * period
        return apart

    fit = (amplitudes[:, None] * np.exp(-0.5 * np.square(distances(phases) / _WIDTH))).sum(0)
    # Of equal fits, the earliest: a tempo of half the sound's fits twice.
    best = phases[np.argmax(fit > 0.99 * fit.max())]
    errors = distances(np.array([best]))[:, 0]
    near = np.abs(errors) < 2 * _WIDTH
    weights = amplitudes[near]
    return float(best * period + (errors[near] * weights).sum() / weights.sum())


def _beats(times: NDArray[np.float64], period: float, first: float) -> NDArray[np.float64]:
    """Return the beats up to the last onset.

    A beat with an onset nearby is moved to it, and the next ones follow, so they keep to a tempo
    that varies.
    """
    beats, at = [], first
    while at <= times[-1] + _NEAR * period:
        nearest = float(times[np.abs(times - at).argmin()])
        error = nearest - at if abs(nearest - at) < _NEAR * period else 0.0
        beats.append(at + error)
        period += _FOLLOW * error
        at += error + period
    return np.array(beats)
