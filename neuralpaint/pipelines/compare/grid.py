"""The grid: of each contestant its final picture, its errors and its spectrum, in one still."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from neuralpaint.image.pictures import Picture
from neuralpaint.image.typography import text_mask, text_width
from neuralpaint.pipelines.compare.maps import (
    Exhibit,
    brightest,
    error_scale,
    paint_errors,
    paint_spectrum,
    spectrum,
)
from neuralpaint.pipelines.compare.tiles import NIGHT, shortened
from neuralpaint.video.drawing import WHITE, Frame, blend, colour_scale, rounded, stamp
from neuralpaint.video.overlays.steps import format_psnr

__all__ = ["draw_grid"]

_TILE = 360  # pixels of a tile's longer side, at most
_COLUMNS = 6  # in a band; the original stands first in each
_GAP, _MARGIN = 16, 36
_TYPE, _SMALL = 21, 17


def draw_grid(picture: Picture, exhibits: Sequence[Exhibit]) -> Frame:
    """Return the grid, uint8 (h, w, 3); all error maps have one scale, which is written below."""
    each = max(1, min(_COLUMNS - 1, len(exhibits)))
    # Bands of equal length look better than a full one and a stump.
    bands = -(-len(exhibits) // each)
    each = -(-len(exhibits) // bands) if bands else 1
    tile = _tile_size(picture)
    width = 2 * _MARGIN + (each + 1) * tile[1] + each * _GAP
    band = round(2.1 * _TYPE) + 3 * (tile[0] + _GAP) + _GAP
    foot = 3 * _TYPE
    grid = np.empty((2 * _MARGIN + bands * band + foot, max(width, 760), 3), np.uint8)
    grid[:] = NIGHT
    scale = error_scale(exhibits)
    top_level = brightest(spectrum(picture.pixels))
    for number in range(bands):
        part = exhibits[number * each : (number + 1) * each]
        _draw_band(
            grid, _MARGIN + number * band, picture, part,
            tile=tile, scale=scale, top_level=top_level,
        )  # fmt: skip
    _draw_legend(grid, grid.shape[0] - _MARGIN - foot // 2, scale)
    return grid


def _tile_size(picture: Picture) -> tuple[int, int]:
    """Return the (height, width) of a tile; a small picture's pixels become squares."""
    longer = max(picture.height, picture.width)
    factor = _TILE // longer if longer <= _TILE else _TILE / longer
    return max(1, round(factor * picture.height)), max(1, round(factor * picture.width))


def _draw_band(
    grid: Frame,
    top: int,
    picture: Picture,
    exhibits: Sequence[Exhibit],
    *,
    tile: tuple[int, int],
    scale: float,
    top_level: float,
) -> None:
    below = top + round(2.1 * _TYPE)
    down = tile[0] + _GAP
    _write_head(grid, top, _MARGIN, tile[1], "original", "")
    _place(grid, (below, _MARGIN), picture.pixels, tile)
    _note(grid, (below + down, _MARGIN), tile, "error")
    own = paint_spectrum(spectrum(picture.pixels), top=top_level)
    _place(grid, (below + 2 * down, _MARGIN), own, tile)
    for column, exhibit in enumerate(exhibits, 1):
        left = _MARGIN + column * (tile[1] + _GAP)
        outcome = exhibit.outcome
        finished = outcome.status == "finished"
        value = f"{format_psnr(outcome.score)} dB" if finished else outcome.verdict
        _write_head(grid, top, left, tile[1], outcome.name, value)
        if exhibit.frame is None or exhibit.errors is None:
            _note(grid, (below, left), tile, outcome.verdict)
            continue
        levels = paint_spectrum(spectrum(exhibit.frame), top=top_level)
        shown = (exhibit.frame, paint_errors(exhibit.errors, scale), levels)
        for row, frame in enumerate(shown):
            _place(grid, (below + row * down, left), frame, tile)


def _write_head(grid: Frame, top: int, left: int, width: int, name: str, value: str) -> None:
    """Write a name, and on the right what it has reached."""
    middle = top + _TYPE
    value = shortened(value, _TYPE, 0.62 * width)
    room = width - (text_width(value, _TYPE) + _TYPE if value else 0)
    mask = text_mask(shortened(name, _TYPE, room), _TYPE)
    stamp(grid, mask, centre=(middle, left + mask.shape[1] / 2), colour=WHITE, opacity=0.95)
    if value:
        mask = text_mask(value, _TYPE)
        centre = (middle, left + width - mask.shape[1] / 2)
        stamp(grid, mask, centre=centre, colour=WHITE, opacity=0.62)


def _note(grid: Frame, corner: tuple[int, int], tile: tuple[int, int], text: str) -> None:
    """Write in the middle of an empty tile."""
    mask = text_mask(shortened(text, _SMALL, tile[1]), _SMALL)
    centre = (corner[0] + tile[0] / 2, corner[1] + tile[1] / 2)
    stamp(grid, mask, centre=centre, colour=WHITE, opacity=0.5)


def _place(grid: Frame, corner: tuple[int, int], frame: Frame, tile: tuple[int, int]) -> None:
    larger = tile[0] > frame.shape[0]
    how = Image.Resampling.NEAREST if larger else Image.Resampling.LANCZOS
    shown = np.asarray(Image.fromarray(frame).resize(tile[::-1], how))
    grid[corner[0] : corner[0] + tile[0], corner[1] : corner[1] + tile[1]] = shown


def _draw_legend(grid: Frame, middle: int, scale: int) -> None:
    """Draw the colours with what they mean."""
    left, long, thick = _MARGIN, 180, 10
    for text, bar in (
        ("error 0", False), ("", True), (f"{scale} of 255 levels or more", False),
        ("spectrum -5", False), ("", True), ("0 decades of the original's highest", False),
    ):  # fmt: skip
        if bar:
            part = grid[middle - thick // 2 : middle - thick // 2 + thick, left : left + long]
            ramp = np.broadcast_to(colour_scale(long), (thick, long, 3))
            blend(part, ramp[:, : part.shape[1]], rounded(thick, part.shape[1], thick / 2))
            left += long + 12
            continue
        mask = text_mask(text, _SMALL)
        centre = (middle, left + mask.shape[1] / 2)
        stamp(grid, mask, centre=centre, colour=WHITE, opacity=0.7)
        left += mask.shape[1] + (12 if text.endswith(("0", "5")) else 40)
