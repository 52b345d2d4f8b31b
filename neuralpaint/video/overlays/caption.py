"""Words on the clip: your own, or sentences that follow from what is measured."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from neuralpaint.config.settings import setting
from neuralpaint.errors import UsageError
from neuralpaint.image.metrics import format_psnr
from neuralpaint.image.pictures import Frame
from neuralpaint.image.typography import text_mask, text_width, type_size
from neuralpaint.video.drawing import WHITE, Box, glass, stamp
from neuralpaint.video.overlays.overlay import Overlay, Scene, overlays
from neuralpaint.video.overlays.spectrum import detail_learned

__all__ = ["CaptionOverlay", "Facts", "measured", "sentence"]

_LEARNED, _SEEN, _LITTLE, _NOTHING = 0.9, 0.5, 0.25, 0.05  # of the energy of an octave
_EDGES = 0.15  # of the pixels, those with the strongest gradients
_MOSTLY = 0.5  # of the error
_END = 0.9  # of the clip, from which the result is shown
_FRACTIONS = {2: "half", 4: "a quarter", 8: "an eighth", 16: "a sixteenth"}
_STARTS = re.compile(r"\s*(?:(\d+(?:\.\d+)?)\s*%)?\s*(.*?)\s*", re.DOTALL)
_LEAST_SECONDS, _LONGEST_SECONDS = 1.5, 2.5  # of a sentence
_LINES, _WIDEST = 3, 0.8  # at most, and of the frame
_LONGEST = (
    "After 100,000 steps: hardly anything finer than a sixteenth of the picture.",
    "After 100,000 steps: 100 % of the error is on edges, which are 15 % of the picture.",
    "After 100,000 steps: the colours are off by less than half a level of 255 (100 dB).",
)


class Facts(NamedTuple):
    """What is measured at a moment."""

    step: int
    psnr: float  # dB
    learned: tuple[float, ...]
    """The share of each octave that the network has, in [0, 1], the coarsest one first."""
    edges: float
    """The share of the squared error on the 15 % of the pixels with the strongest gradients."""


class _Shown(NamedTuple):
    """A sentence and when it appeared."""

    words: str
    since: float  # seconds of the clip
    progress: float
    number: int


@overlays.register("caption")
@dataclass(frozen=True)
class CaptionOverlay(Overlay):
    """Words at the bottom or the top: your own, or sentences about what is measured.

    A measured sentence is true when it appears, and names its step; it stays for a while, so that
    it can be read. The last frame shows the result.
    """

    text: str | None = setting(
        None,
        "your words by moment, such as 'It begins with noise|30% shapes arrive|90% done'; without "
        "percentages they are spread evenly; unset, sentences about what is measured",
    )
    where: Literal["bottom", "top"] = setting("bottom", "the edge of the frame")
    size: float = setting(1.0, "size of the text", unit="times normal", minimum=0.5, maximum=4)
    seconds: float | None = setting(
        None,
        "how long a measured sentence stays; unset, a fifth of the clip, from 1.5 to 2.5 s",
        unit="seconds",
        minimum=0.1,
        maximum=3600,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.text is not None:
            _parts(self.text)

    @property
    def needs_history(self) -> bool:
        """Whether a frame depends on the shots before it: a measured sentence stays for a while."""
        return self.text is None

    def draw(self, frame: Frame, scene: Scene) -> None:
        """Draw the words in up to three lines; leave them out if there is no room."""
        words = self._words(scene)
        if not words:
            return
        height, width = frame.shape[:2]
        smallest = type_size(1, 1)
        normal = max(smallest, round(self.size * type_size(height, width)))
        wide = scene.corners.free[3]
        for size in range(normal, max(smallest, normal // 2) - 1, -1):
            room = min(wide, round(_WIDEST * width)) - 2 * size
            counts = [len(_wrapped(each, size, room)) for each in self._longest(words)]
            if max(counts) > _LINES:
                continue
            # The same box for all words, so that nothing that is drawn above it moves.
            box = scene.corners.place(self.where, height=_height(max(counts), size), width=wide)
            if box:
                _write(frame, box, _wrapped(words, size, room), size, self.where)
                return
        self.report_left_out(frame)

    def _longest(self, words: str) -> list[str]:
        """Return words that need as much room as any of the clip."""
        return [words, *_LONGEST] if self.text is None else [w for _, w in _parts(self.text)]

    def _words(self, scene: Scene) -> str:
        progress = scene.moment.progress
        if self.text is not None:
            return next(w for start, w in reversed(_parts(self.text)) if start <= progress)
        shown: _Shown | None = scene.memory.get(self)
        now = scene.moment.index / scene.moment.fps
        length = scene.moment.count / scene.moment.fps
        seconds = self.seconds or min(_LONGEST_SECONDS, max(_LEAST_SECONDS, length / 5))
        if shown is None or _is_over(shown, now=now, progress=progress, seconds=seconds):
            number = 0 if shown is None else shown.number + 1
            facts = measured(scene)
            words = result(facts) if progress >= _END else sentence(facts, number)
            shown = scene.memory[self] = _Shown(words, now, progress, number)
        return shown.words


def _is_over(shown: _Shown, *, now: float, progress: float, seconds: float) -> bool:
    """Return whether a new sentence appears: after a while, at the end and on the last shot."""
    if progress >= 1 or shown.progress < _END <= progress:
        return True
    return progress < _END and now - shown.since >= seconds


def measured(scene: Scene) -> Facts:
    """Measure a moment."""
    now = scene.moment.now
    shares = tuple(float(share) for share in detail_learned(scene))
    return Facts(now.step, now.psnr, shares, _error_on_edges(scene.network, scene.original))


def sentence(facts: Facts, number: int) -> str:
    """Return a sentence that is true of the facts; `number` alternates between two kinds."""
    if facts.step == 0:
        return "Before the first step: the weights are random, and there is no picture yet."
    if number % 2:
        return _about_errors(facts)
    return _about_detail(facts)


def result(facts: Facts) -> str:
    """Return the sentence at the end."""
    return f"After {_steps(facts)}: {_quality(facts)}"


def _about_detail(facts: Facts) -> str:
    has = 0  # octaves, from the coarsest one
    while has < len(facts.learned) and facts.learned[has] >= _LEARNED:
        has += 1
    after, size = f"After {_steps(facts)}", _size(has)
    if has == len(facts.learned):
        return f"{after}: even the finest detail is there."
    arriving, finest = facts.learned[has], max(facts.learned[has:])
    if has == 0 and arriving >= _SEEN:
        return f"{after}: the largest shapes appear."
    if has == 0:
        return f"{after}: a haze of colour, and not even the largest shapes."
    if finest < _NOTHING:
        return f"{after}: nothing finer than {size} of the picture."
    if finest < _LITTLE:
        return f"{after}: hardly anything finer than {size} of the picture."
    if arriving >= _LITTLE:
        return f"{after}: details of {_size(has + 1)} of the picture arrive."
    return f"{after}: all details down to {size} of the picture."


def _about_errors(facts: Facts) -> str:
    if facts.edges > _MOSTLY:
        return (
            f"After {_steps(facts)}: {round(100 * facts.edges)} % of the error is on edges, which "
            f"are {round(100 * _EDGES)} % of the picture."
        )
    return f"After {_steps(facts)}: {_quality(facts)}"


def _quality(facts: Facts) -> str:
    if math.isinf(facts.psnr):
        return "all colours are exact."
    off = 255 * 10 ** (-facts.psnr / 20)
    levels = f"{off:.0f} of 255 levels" if off >= 1.5 else "about one of 255 levels"
    if off < 0.5:
        levels = "less than half a level of 255"
    return f"the colours are off by {levels} ({format_psnr(facts.psnr, digits=0)} dB)."


def _steps(facts: Facts) -> str:
    return "1 step" if facts.step == 1 else f"{facts.step:,} steps"


def _size(octaves: int) -> str:
    """Return the size of the finest detail in so many octaves, as a part of the shorter side."""
    return _FRACTIONS.get(2**octaves, f"1/{2**octaves}")


def _error_on_edges(network: Frame, original: Frame) -> float:
    """Return the share of the squared error on the pixels with the strongest gradients."""
    grey = original.mean(axis=2, dtype=np.float32)
    if min(grey.shape) < 2:
        return 0.0
    slope = np.hypot(*np.gradient(grey))
    error = np.square(network.astype(np.float32) - original).sum(axis=2)
    total = float(error.sum(dtype=np.float64))
    if total == 0:
        return 0.0
    count = max(1, round(_EDGES * slope.size))
    chosen: npt.NDArray[np.intp] = np.argpartition(slope.ravel(), -count)[-count:]
    return float(error.ravel()[chosen].sum(dtype=np.float64)) / total


def _height(lines: int, size: int) -> int:
    return round((1.3 * lines + 0.7) * size)


def _write(
    frame: Frame, box: Box, lines: list[str], size: int, where: Literal["bottom", "top"]
) -> None:
    """Write lines on glass in the middle of a box, at its lower or upper edge."""
    top, left, tall, wide = box
    height = _height(len(lines), size)
    width = min(wide, max(text_width(line, size) for line in lines) + round(1.4 * size))
    top += tall - height if where == "bottom" else 0
    card = glass(frame, (top, left + (wide - width) // 2, height, width), radius=0.45 * size)
    for i, line in enumerate(lines):
        centre = (1.3 * i + 1.0) * size, width / 2
        stamp(card, text_mask(line, size), centre=centre, colour=WHITE)


def _parts(text: str) -> list[tuple[float, str]]:
    """Return the start of each part of the words, in [0, 1], in order, and the words."""
    found = [_STARTS.fullmatch(part) for part in text.split("|")]
    parts = [(match[1], match[2]) for match in found if match is not None]
    starts = [
        i / len(parts) if start is None else float(start) / 100
        for i, (start, _) in enumerate(parts)
    ]
    if starts != sorted(starts) or starts[-1] > 1:
        raise UsageError(
            f"overlay caption: text={text!r}: the percentages must increase, up to 100"
        )
    words = [words for _, words in parts]
    return [*([(0.0, "")] if starts[0] > 0 else []), *zip(starts, words, strict=True)]


def _wrapped(words: str, size: int, room: int) -> list[str]:
    """Return the words in the fewest lines that fit into `room` pixels, about equally long."""

    def lines_of(limit: float) -> list[str]:
        lines = [""]
        for word in words.split():
            longer = f"{lines[-1]} {word}".strip()
            if lines[-1] and text_width(longer, size) > limit:
                lines.append(word)
            else:
                lines[-1] = longer
        return lines

    count = len(lines_of(room))
    limit = float(room)
    if max((text_width(word, size) for word in words.split()), default=0) > room:
        return [""] * (_LINES + 1)
    while count > 1 and len(lines_of(0.95 * limit)) == count and limit > 1:
        limit *= 0.95
    return lines_of(limit)
