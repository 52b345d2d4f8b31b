"""The race: all variants while they learn, side by side in one clip."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Generator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from neuralpaint.errors import UsageError
from neuralpaint.image.framing import parse_size
from neuralpaint.image.metrics import format_psnr
from neuralpaint.image.pictures import Picture
from neuralpaint.image.resampling import resample
from neuralpaint.image.typography import text_width, type_size
from neuralpaint.pipelines.compare.outcome import RaceOutcome
from neuralpaint.pipelines.compare.settings import CompareSettings
from neuralpaint.pipelines.sheets import blank, shortened, write
from neuralpaint.video.drawing import (
    ACCENT,
    NIGHT,
    WHITE,
    Box,
    Colour,
    Frame,
    blend,
    caption,
    caption_size,
    glass,
    rounded,
)
from neuralpaint.video.overlays import SafeArea, parse_safe
from neuralpaint.video.reader import read_frames
from neuralpaint.video.writer import ClipWriter

__all__ = ["Layout", "arrange", "film_race", "layout_of"]

_WIDEST, _HIGHEST = 1920, 1080  # pixels; every player can show these
_GAP = 10  # pixels between two cells
_SQUARES = 3  # times: a picture enlarged this much or more shows its pixels as squares
_REVEAL = 0.6  # seconds of the transition to the winner
_RIM = 4  # pixels around the winner's cell
_DIM = 0.4  # brightness of a variant that has failed


@dataclass(frozen=True)
class Layout:
    """Cells in rows, the last row centred, above a line of text."""

    height: int  # of the whole, in pixels
    width: int
    cell: tuple[int, int]  # (height, width)
    film: tuple[int, int]  # (height, width) of the films: of a cell, or of a smaller picture
    corners: tuple[tuple[int, int], ...]  # (top, left) of each cell
    line: Box
    size: int  # of the text on the line

    def box(self, index: int) -> Box:
        """Return the (top, left, height, width) of a cell."""
        return (*self.corners[index], *self.cell)

    def inside(self, box: Box, *, height: int, width: int) -> Layout:
        """Return the layout in the middle of a box, in a frame of `height` x `width` pixels."""
        down, right = box[0] + (box[2] - self.height) // 2, box[1] + (box[3] - self.width) // 2
        corners = tuple((top + down, left + right) for top, left in self.corners)
        line = (self.line[0] + down, self.line[1] + right, *self.line[2:])
        return replace(self, height=height, width=width, corners=corners, line=line)


def layout_of(picture: Picture, settings: CompareSettings, *, variants: int) -> Layout:
    """Return the layout of a race; the first cell is the original, unless it is left out."""
    count = variants + (not settings.no_original)
    if settings.size is None:
        return arrange(count, height=picture.height, width=picture.width)
    whole = parse_size(settings.size)
    area = SafeArea() if settings.safe is None else parse_safe(settings.safe)
    # Not at the sides: there, pictures would lose more than buttons hide of them.
    box = area._replace(left=0.0, right=0.0).box(*whole)
    layout = arrange(count, height=picture.height, width=picture.width, most=box[2:])
    return layout.inside(box, height=whole[0], width=whole[1])


def arrange(
    count: int, *, height: int, width: int, most: tuple[int, int] = (_HIGHEST, _WIDEST)
) -> Layout:
    """Return the layout of `count` cells that show a picture of `height` x `width` pixels.

    The cells are as large as possible within `most` (height, width). A picture that is larger than
    its cell is filmed at the size of the cell; a smaller one is filmed at its own size, and then
    enlarged.

    Raises:
        UsageError: there is no room for so many cells.
    """
    size = round(0.8 * type_size(*most))
    room = most[0] - round(2.2 * size)

    def scale(columns: int) -> float:
        rows = -(-count // columns)
        across = (most[1] - (columns + 1) * _GAP) / (columns * width)
        return min(across, (room - (rows + 1) * _GAP) / (rows * height))

    # Of layouts with equally large cells, the one with the fewest empty places.
    columns = max(range(1, count + 1), key=lambda c: (round(scale(c), 3), -(-count % c)))
    rows, factor = -(-count // columns), scale(columns)
    if factor <= 0:
        raise UsageError(
            f"{most[1]}x{most[0]} pixels have no room for {count} pictures: raise --size"
        )
    if factor >= _SQUARES:
        factor = math.floor(factor)
    cell = max(1, math.floor(factor * height)), max(1, math.floor(factor * width))
    film = min(cell[0], height), min(cell[1], width)
    total = columns * (cell[1] + _GAP) + _GAP
    below = rows * (cell[0] + _GAP) + _GAP
    size = max(9, min(size, round(0.8 * type_size(below, total))))
    strip = round(2.2 * size)
    corners = []
    for index in range(count):
        row, column = divmod(index, columns)
        full = min(columns, count - row * columns)
        start = (total - full * (cell[1] + _GAP) + _GAP) // 2
        corners.append((_GAP + row * (cell[0] + _GAP), start + column * (cell[1] + _GAP)))
    line = (below, _GAP, strip - _GAP, total - 2 * _GAP)
    # Even, so that the encoder need not repeat a row.
    return Layout(
        (below + strip + 1) // 2 * 2, (total + 1) // 2 * 2, cell, film, tuple(corners), line, size
    )


def film_race(
    path: Path,
    picture: Picture,
    *,
    outcomes: Sequence[RaceOutcome],
    winner: RaceOutcome | None,
    settings: CompareSettings,
) -> Frame:
    """Write the clip of the variants that were filmed, in the order given; return its last frame.

    Raises:
        EncodingError: the clip cannot be written.
        NeuralPaintError: a film cannot be read.
    """
    race = _Race(picture, outcomes, winner, settings)
    title = f"{Path(picture.name).stem}, learned by {len(outcomes)} neural networks"
    with ExitStack() as stack:
        writer = stack.enter_context(
            ClipWriter(
                path,
                height=race.layout.height,
                width=race.layout.width,
                fps=settings.fps,
                title="".join(c for c in title if c.isprintable()),
                overwrite=True,
            )
        )
        films = [
            stack.enter_context(contextlib.closing(_film_frames(outcome, settings.fractions)))
            for outcome in outcomes
        ]
        try:
            for fraction in settings.fractions:
                for cell, film in zip(race.cells, films, strict=True):
                    cell.show(next(film))
                frame = race.frame(fraction)
                writer.write(frame)
            for number in range(settings.held):
                reveal = min(1.0, (number + 1) / (_REVEAL * settings.fps))
                frame = race.frame(1.0, reveal=reveal)
                writer.write(frame)
        except KeyboardInterrupt:
            writer.abort()  # an incomplete race is not kept
            raise
    return frame


def _film_frames(
    outcome: RaceOutcome, fractions: Sequence[float]
) -> Generator[Frame | None, None, None]:
    """Yield the frame of a film at each moment; None after the variant has failed.

    The film of an earlier run may have other moments: then the last frame before is yielded.
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
        outcomes: Sequence[RaceOutcome],
        winner: RaceOutcome | None,
        settings: CompareSettings,
    ) -> None:
        self.layout = layout_of(picture, settings, variants=len(outcomes))
        self._frame = blank(self.layout.height, self.layout.width)
        first = 0
        if not settings.no_original:
            self._place_original(picture)
            first = 1
        self.cells = [
            _Cell(outcome, self.layout, index) for index, outcome in enumerate(outcomes, first)
        ]
        # A single variant is not called a winner.
        rivals = self.cells if len(self.cells) > 1 else []
        self._winner = next((cell for cell in rivals if cell.outcome is winner), None)
        self._held_out = settings.optimization.train_on != "all"
        self._unit, amount = settings.budget
        longest = max((outcome.steps for outcome in outcomes), default=0)
        self._amount = float(longest) if amount is None else amount
        self._title = Path(picture.name).stem

    def frame(self, fraction: float, *, reveal: float = 0.0) -> Frame:
        """Return the frame at a moment of the training; `reveal` in [0, 1] highlights the winner.

        The frame is overwritten by the next one.
        """
        winner = self._winner if reveal > 0 else None
        for cell in self.cells:
            cell.draw(self._frame, fraction, reveal if cell is winner else 0.0)
        text = self._title
        if winner is not None:
            self._draw_rim(winner, reveal)
            score = f"{format_psnr(winner.outcome.score, digits=1)} dB"
            score = f"{score} held out" if self._held_out else score
            text = f"best: {winner.outcome.name}, {score}"
        self._write_line(fraction, text, accented=winner is not None)
        return self._frame

    def _write_line(self, fraction: float, text: str, *, accented: bool) -> None:
        """Write the line below the cells: a progress bar, a counter, and a text on the right."""
        top, start, high, wide = self.layout.line
        size, bar = self.layout.size, max(2, self.layout.size // 10)
        self._frame[top:] = NIGHT
        rail = self._frame[top : top + bar, start : start + wide]
        blend(rail, WHITE, np.float32(0.14) * rounded(bar, wide, bar / 2))
        done = round(fraction * wide)
        if done > 0:
            blend(rail[:, :done], ACCENT, rounded(bar, done, bar / 2))
        middle = top + (high + bar) / 2
        counter = shortened(self._counter(fraction), size, wide)
        write(self._frame, counter, size, (middle, start))
        room = wide - text_width(counter, size) - 2 * size
        if text and room > 4 * size:
            colour, opacity = (ACCENT, 1.0) if accented else (WHITE, 0.66)
            write(
                self._frame, text, size, (middle, start + wide), room=room, colour=colour,
                opacity=opacity, anchor=1,
            )  # fmt: skip

    def _counter(self, fraction: float) -> str:
        now = fraction * self._amount
        if self._unit == "seconds":
            return f"{now:.1f} of {self._amount:g} s"
        if self._unit == "epochs":
            return f"epoch {now:.1f} of {self._amount:g}"
        return f"step {round(now):,} of {round(self._amount):,}"

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
        _write_label(part, "original", "")


class _Cell:
    """The cell of one variant."""

    def __init__(self, outcome: RaceOutcome, layout: Layout, index: int) -> None:
        self.outcome = outcome
        self.box = layout.box(index)
        self._shown = blank(*layout.cell)
        self._failed = False
        self._fractions = [point.fraction for point in outcome.curve]
        self._scores = [min(point.score, 99.9) for point in outcome.curve]

    def show(self, frame: Frame | None) -> None:
        """Set the frame of a moment; None: the variant has failed, its last frame turns grey."""
        if frame is not None:
            self._shown = _enlarged(frame, self.box[2:])
        elif not self._failed:
            self._failed = True
            grey = self._shown.astype(np.float32).mean(axis=2, keepdims=True)
            self._shown = np.rint(_DIM * grey).astype(np.uint8).repeat(3, axis=2)

    def draw(self, whole: Frame, fraction: float, reveal: float) -> None:
        """Draw the cell on the frame of the race."""
        top, left, height, width = self.box
        part = whole[top : top + height, left : left + width]
        part[:] = self._shown
        value = ""
        if self._scores and not self._failed:
            score = float(np.interp(fraction, self._fractions, self._scores))
            value = f"{format_psnr(score, digits=1)} dB"
        shades = zip(WHITE, ACCENT, strict=True)
        red, green, blue = (round(a + reveal * (b - a)) for a, b in shades)
        _write_label(part, self.outcome.name, value, colour=(red, green, blue))
        if self._failed:
            text = self.outcome.verdict
            high, wide = caption_size(text, height=height, width=width)
            if high < height and wide < width:
                caption(part, ((height - high) // 2, (width - wide) // 2, high, wide), text)


def _write_label(cell: Frame, name: str, value: str, *, colour: Colour = WHITE) -> None:
    """Write a name and a value, up to `00.0 dB`, on a translucent label in a corner of a cell."""
    height, width = cell.shape[:2]
    size = round(1.1 * type_size(height, width))
    pad, edge = round(0.6 * size), max(2, round(0.35 * size))
    high, room = round(1.8 * size), width - 2 * edge - 2 * pad
    if room < 3 * size or high + 2 * edge > height:
        return
    text = shortened(name, size, room)
    wide = text_width(text, size) + 2 * pad
    # Room for the widest value, so that the label does not change its size.
    widest = max(text_width("00.0 dB", size), text_width(value, size)) if value else 0
    beside = bool(value) and wide + size + widest <= room + 2 * pad
    pill_width = wide + size + widest if beside else wide
    pill = glass(cell, (edge, edge, high, pill_width), radius=0.45 * size)
    write(pill, text, size, (high / 2, pad))
    right = pill_width - pad
    if value and not beside:
        if widest > room or 2 * (high + edge) + edge > height:
            return
        box = (height - edge - high, edge, high, widest + 2 * pad)
        pill, right = glass(cell, box, radius=0.45 * size), widest + pad
    if value:
        write(pill, value, size, (high / 2, right), colour=colour, anchor=1)


def _enlarged(frame: Frame, size: tuple[int, int]) -> Frame:
    """Return a frame in the size of a cell: its pixels as squares where the factor is whole."""
    height, width = frame.shape[:2]
    if (height, width) == size:
        return frame
    times = size[0] // height
    if times > 1 and (height * times, width * times) == size:
        return np.ascontiguousarray(frame.repeat(times, axis=0).repeat(times, axis=1))
    return np.asarray(Image.fromarray(frame).resize(size[::-1], Image.Resampling.LANCZOS))
