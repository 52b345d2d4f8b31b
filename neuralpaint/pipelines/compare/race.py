"""The race: all contestants learning at once, in one clip."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from PIL import Image

from neuralpaint.image.pictures import Picture
from neuralpaint.image.resampling import resample
from neuralpaint.pipelines.compare.result import Outcome
from neuralpaint.pipelines.compare.settings import CompareSettings
from neuralpaint.pipelines.compare.tiles import (
    ACCENT,
    NIGHT,
    Layout,
    arrange,
    write_label,
    write_line,
)
from neuralpaint.video.drawing import WHITE, Frame, blend, caption, caption_size
from neuralpaint.video.overlays.steps import format_psnr
from neuralpaint.video.reader import read_frames
from neuralpaint.video.writer import ClipWriter

__all__ = ["film_race", "layout_of"]

_REVEAL = 0.6  # seconds in which the winner is revealed
_RIM = 4  # pixels around the winner's cell
_DIM = 0.4  # how much light is left of one who has dropped out


def layout_of(picture: Picture, settings: CompareSettings, *, contestants: int) -> Layout:
    """Return how the cells of a race lie: the picture itself first, unless it is left out."""
    count = contestants + (not settings.no_original)
    return arrange(count, height=picture.height, width=picture.width)


def film_race(
    path: Path,
    picture: Picture,
    *,
    outcomes: Sequence[Outcome],
    winner: Outcome | None,
    settings: CompareSettings,
) -> None:
    """Make the clip of those who were filmed, in the order given; in the end it names the winner.

    Raises:
        EncodingError: the clip cannot be written.
        NeuralPaintError: a film cannot be read.
    """
    race = _Race(picture, outcomes, winner, settings)
    title = f"{Path(picture.name).stem}, learned by {len(outcomes)} neural networks"
    layout = race.layout
    with (
        ExitStack() as stack,
        ClipWriter(
            path,
            height=layout.height,
            width=layout.width,
            fps=settings.fps,
            title="".join(c for c in title if c.isprintable()),
            overwrite=True,
        ) as writer,
    ):
        try:
            _write(writer, race, stack, settings)
        except KeyboardInterrupt:
            writer.abort()  # a race that stops on the way says nothing
            raise


def _write(writer: ClipWriter, race: _Race, stack: ExitStack, settings: CompareSettings) -> None:
    films = [
        stack.enter_context(contextlib.closing(_paced(outcome, settings.fractions)))
        for outcome in race.outcomes
    ]
    for fraction in settings.fractions:
        for cell, film in zip(race.cells, films, strict=True):
            cell.show(next(film), fraction)
        writer.write(race.frame(fraction))
    for number in range(settings.held):
        reveal = min(1.0, (number + 1) / (_REVEAL * settings.fps))
        writer.write(race.frame(1.0, reveal=reveal))


def _paced(outcome: Outcome, fractions: Sequence[float]) -> Generator[Frame | None, None, None]:
    """Yield the frame of a film at each moment; None where it has dropped out before.

    The film of an earlier run may have been filmed at other moments: it is the nearest before.
    """
    if outcome.film is None:
        yield from (None for _ in fractions)
        return
    finished = outcome.status == "finished"
    with contextlib.closing(read_frames(outcome.film)) as film:
        frame, index = next(film), 0
        for fraction in fractions:
            while index + 1 < len(outcome.fractions) and (
                outcome.fractions[index + 1] <= fraction + 1e-9
            ):
                frame, index = next(film, frame), index + 1
            over = fraction > outcome.fractions[-1] + 1e-9
            yield None if over and not finished else frame


class _Race:
    """The frames of a race."""

    def __init__(
        self,
        picture: Picture,
        outcomes: Sequence[Outcome],
        winner: Outcome | None,
        settings: CompareSettings,
    ) -> None:
        self.outcomes = outcomes
        self.layout = layout_of(picture, settings, contestants=len(outcomes))
        self._frame = np.empty((self.layout.height, self.layout.width, 3), np.uint8)
        self._frame[:] = NIGHT
        first = 0
        if not settings.no_original:
            self._place_original(picture)
            first = 1
        self.cells = [
            _Cell(outcome, self.layout, first + number) for number, outcome in enumerate(outcomes)
        ]
        # Who is alone has beaten nobody.
        rivals = self.cells if len(self.cells) > 1 else []
        self._winner = next((cell for cell in rivals if cell.outcome is winner), None)
        self._measure = "dB held out" if settings.optimization.train_on != "all" else "dB"
        self._counter = _Counter(outcomes, settings)
        self._title = Path(picture.name).stem

    def frame(self, fraction: float, *, reveal: float = 0.0) -> Frame:
        """Return the frame at a moment of the training; the winner is revealed in [0, 1]."""
        for cell in self.cells:
            top, left, height, width = cell.box
            part = self._frame[top : top + height, left : left + width]
            won = reveal > 0 and cell is self._winner
            cell.draw(part, fraction, reveal if won else 0.0)
        words = self._title
        if reveal > 0 and self._winner is not None:
            self._draw_rim(self._winner, reveal)
            winner = self._winner.outcome
            words = f"best: {winner.name}, {format_psnr(winner.score)} {self._measure}"
        write_line(
            self._frame,
            self.layout,
            progress=fraction,
            left=self._counter.text(fraction),
            right=words,
            accented=reveal > 0 and self._winner is not None,
        )
        return self._frame

    def _draw_rim(self, cell: _Cell, reveal: float) -> None:
        top, left, height, width = cell.box
        around = self._frame[top - _RIM : top + height + _RIM, left - _RIM : left + width + _RIM]
        inner = around[_RIM:-_RIM, _RIM:-_RIM].copy()
        around[:] = NIGHT
        blend(around, ACCENT, np.full(around.shape[:2], reveal, np.float32))
        around[_RIM:-_RIM, _RIM:-_RIM] = inner

    def _place_original(self, picture: Picture) -> None:
        top, left, height, width = self.layout.box(0)
        film = picture.canvas.resized(height=self.layout.film[0], width=self.layout.film[1])
        part = self._frame[top : top + height, left : left + width]
        part[:] = _enlarged(resample(picture, film), self.layout.cell)
        write_label(part, "original")


class _Cell:
    """What one contestant shows."""

    def __init__(self, outcome: Outcome, layout: Layout, index: int) -> None:
        self.outcome = outcome
        self.box = layout.box(index)
        self._size = layout.cell
        self._seen = np.empty((*layout.cell, 3), np.uint8)
        self._seen[:] = NIGHT
        self._out = False
        self._fractions = [point.fraction for point in outcome.curve]
        self._scores = [min(point.score, 99.9) for point in outcome.curve]

    def show(self, frame: Frame | None, fraction: float) -> None:
        """Take the frame of a moment; with None it has dropped out."""
        if frame is not None:
            self._seen = _enlarged(frame, self._size)
        elif not self._out:
            self._out = True
            grey = self._seen.astype(np.float32).mean(axis=2, keepdims=True)
            self._seen = np.rint(_DIM * grey).astype(np.uint8).repeat(3, axis=2)

    def draw(self, part: Frame, fraction: float, reveal: float) -> None:
        """Draw it on its part of the frame."""
        part[:] = self._seen
        value = ""
        if self._curve_known:
            value = f"{format_psnr(float(np.interp(fraction, self._fractions, self._scores)))} dB"
        shades = zip(WHITE, ACCENT, strict=True)
        red, green, blue = (round(a + reveal * (b - a)) for a, b in shades)
        write_label(part, self.outcome.name, value, colour=(red, green, blue))
        if self._out:
            self._write_verdict(part)

    @property
    def _curve_known(self) -> bool:
        return bool(self._scores) and not self._out

    def _write_verdict(self, part: Frame) -> None:
        height, width = part.shape[:2]
        text = self.outcome.verdict
        high, wide = caption_size(text, height=height, width=width)
        if high < height and wide < width:
            caption(part, ((height - high) // 2, (width - wide) // 2, high, wide), text)


class _Counter:
    """Says how far everybody is."""

    def __init__(self, outcomes: Sequence[Outcome], settings: CompareSettings) -> None:
        self._unit, amount = settings.budget
        longest = max((outcome.steps for outcome in outcomes), default=0)
        self._amount = float(longest) if amount is None else amount

    def text(self, fraction: float) -> str:
        """Return it at a moment of the training."""
        so_far = fraction * self._amount
        if self._unit == "seconds":
            return f"{so_far:.1f} of {self._amount:g} s"
        if self._unit == "epochs":
            return f"epoch {so_far:.1f} of {self._amount:g}"
        return f"step {round(so_far):,} of {round(self._amount):,}"


def _enlarged(frame: Frame, size: tuple[int, int]) -> Frame:
    """Return a frame in the size of a cell: its pixels as squares where these come out whole."""
    height, width = frame.shape[:2]
    if (height, width) == size:
        return frame
    times = size[0] // height
    if times > 1 and (height * times, width * times) == size:
        return np.ascontiguousarray(frame.repeat(times, axis=0).repeat(times, axis=1))
    scaled = Image.fromarray(frame).resize(size[::-1], Image.Resampling.LANCZOS)
    return np.asarray(scaled)
