"""The title card: a title and a subtitle on the first seconds of a clip."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import numpy as np

from neuralpaint.config.settings import setting
from neuralpaint.image.pictures import Frame
from neuralpaint.image.typography import small_size, text_mask, text_width, type_size
from neuralpaint.video.drawing import ACCENT, NIGHT, WHITE, blend, rounded, stamp
from neuralpaint.video.overlays.overlay import Moment, Overlay, Scene, overlays

__all__ = ["Title"]

_NORMAL = 2.7  # times ordinary text
_SUBTITLE = 0.46  # times the title
_LEADING = 1.2  # of a size: from one line to the next
_GAP = 1.15  # of the size of the subtitle: above and below the rule between the two
_WIDEST = 0.9  # of the free width: the longest line
_HIGHEST = 0.55  # of the free height: all lines
_MIDDLE = 0.44  # of the free height: where it is centred, above the middle as on a printed page
_MOST_LINES, _MOST_SUBLINES = 4, 2
_SECONDS, _PART = 3.0, 1 / 3  # how long it is shown by default
_FADE = 0.6  # seconds
_SHADE = 0.64  # the contrast of white text is at least 5:1, even over pure white
_SOFT = 2.2  # times the title: the soft edge of the shade


class _Card(NamedTuple):
    """Lines of text and their sizes in pixels."""

    title: tuple[str, ...]
    size: int
    subtitle: tuple[str, ...]
    small: int

    @property
    def height(self) -> float:
        """The height from the top of the first line to the end of the last, in pixels."""
        below = 2 * _GAP * self.small + len(self.subtitle) * _LEADING * self.small
        return len(self.title) * _LEADING * self.size + (below if self.subtitle else 0.0)


@overlays.register("title")
@dataclass(frozen=True)
class Title(Overlay):
    """A title on the first seconds of the clip, on a soft shade; it fades in and out."""

    layer: ClassVar[int] = 2
    on_clip: ClassVar[bool] = True
    needs_picture: ClassVar[bool] = False

    text: str = setting(
        "Learned by a neural network", "the title; quote a text with a comma: text='one, two'"
    )
    subtitle: str = setting("", "a smaller line below the title")
    where: Literal["middle", "top", "bottom"] = setting("middle", "where it is drawn")
    size: float = setting(1.0, "size of the text", unit="times normal", minimum=0.3, maximum=4)
    seconds: float | None = setting(
        None,
        "how long it is shown; unset, a third of the clip, at most 3 s",
        unit="seconds",
        above=0.0,
        maximum=3600,
    )

    def shows(self, moment: Moment) -> bool:
        """Return whether it is visible on a frame of the clip."""
        return self._opacity(moment) > 0

    def draw(self, frame: Frame, scene: Scene) -> None:
        """Draw the shade and the text; lines are broken and shrunk until they fit."""
        opacity = self._opacity(scene.moment)
        if opacity <= 0:
            return
        top, left, height, width = scene.corners.free
        normal = round(self.size * _NORMAL * type_size(*frame.shape[:2]))
        least = small_size(*frame.shape[:2])
        card = _card(
            self.text, self.subtitle, room=int(_WIDEST * width), height=height, normal=normal,
            least=least,
        )  # fmt: skip
        if card is None:
            self.report_left_out(frame)
            return
        first = {
            "top": top + 0.5 * card.size,
            "middle": max(top, top + _MIDDLE * height - card.height / 2),
            "bottom": top + height - card.height,
        }[self.where]
        _shade(frame, first, first + card.height, soft=_SOFT * card.size, opacity=opacity)
        _write(frame, card, first, left + width / 2, opacity)

    def _opacity(self, moment: Moment) -> float:
        """Return the opacity on a frame of the clip, in [0, 1]; 0 on the last one."""
        whole = moment.count / moment.fps
        shown = min(_SECONDS, _PART * whole) if self.seconds is None else min(self.seconds, whole)
        fade = min(_FADE, shown / 3)
        now = (moment.index + 1) / moment.fps
        risen = min(1.0, now / fade, max(0.0, shown - now) / fade)
        return risen * risen * (3 - 2 * risen)


def _write(frame: Frame, card: _Card, top: float, middle: float, opacity: float) -> None:
    for line in card.title:
        row = top + 0.5 * _LEADING * card.size
        stamp(
            frame, text_mask(line, card.size), centre=(row, middle), colour=WHITE, opacity=opacity
        )
        top += _LEADING * card.size
    if not card.subtitle:
        return
    _rule(frame, row=top + _GAP * card.small, middle=middle, card=card, opacity=opacity)
    top += 2 * _GAP * card.small
    for line in card.subtitle:
        row = top + 0.5 * _LEADING * card.small
        stamp(
            frame, text_mask(line, card.small), centre=(row, middle), colour=WHITE,
            opacity=0.88 * opacity,
        )  # fmt: skip
        top += _LEADING * card.small


def _rule(frame: Frame, *, row: float, middle: float, card: _Card, opacity: float) -> None:
    """Draw the short line between title and subtitle."""
    mask = rounded(max(2, round(card.size / 16)), max(4, round(1.1 * card.size)), card.size / 32)
    stamp(frame, mask, centre=(row, middle), colour=ACCENT, opacity=opacity)


def _shade(frame: Frame, top: float, bottom: float, *, soft: float, opacity: float) -> None:
    """Darken the rows from `top` to `bottom`, and `soft` rows above and below less and less."""
    rows = slice(max(0, int(top - soft)), min(len(frame), int(np.ceil(bottom + soft))))
    places = np.arange(rows.start, rows.stop, dtype=np.float32) + 0.5
    outside = np.maximum(np.maximum(top - places, places - bottom), 0) / soft
    inside = np.clip(1 - outside, 0, 1)
    alpha = np.float32(_SHADE * opacity) * inside * inside * (3 - 2 * inside)
    part = frame[rows]
    blend(part, NIGHT, np.broadcast_to(alpha[:, None], part.shape[:2]).astype(np.float32))


@functools.lru_cache(maxsize=8)
def _card(
    text: str, subtitle: str, *, room: int, height: int, normal: int, least: int
) -> _Card | None:
    """Return the largest card, from the `normal` size down to the `least`; None if none fits."""
    size = max(least, normal)
    while True:
        small = max(least, round(_SUBTITLE * size))
        card = _Card(
            _lines(text, size, room, _MOST_LINES), size,
            _lines(subtitle, small, room, _MOST_SUBLINES), small,
        )  # fmt: skip
        whole = _fits(card.title, text) and _fits(card.subtitle, subtitle)
        if card.height <= _HIGHEST * height and (whole or size == least):
            return card if any(card.title) or any(card.subtitle) else None
        if size == least:
            return None
        size = max(least, min(size - 1, round(0.93 * size)))


def _fits(lines: tuple[str, ...], text: str) -> bool:
    """Return whether the lines are the whole text, broken at spaces only."""
    return " ".join(lines).split() == text.split()


def _lines(text: str, size: int, room: int, most: int) -> tuple[str, ...]:
    """Return the text in at most that many lines of about equal length; the rest is cut off."""
    lines = _broken(text, size, room)
    if len(lines) > most:
        last = lines[most - 1]
        while last and text_width(f"{last}…", size) > room:
            last = last[:-1]
        return (*lines[: most - 1], f"{last.rstrip()}…")
    narrow, wide = 0, room  # the narrowest room with the same number of lines
    while wide - narrow > max(1, size // 8):
        middle = (narrow + wide) // 2
        same = _broken(text, size, middle)
        enough = len(same) == len(lines) and _fits(tuple(same), text)
        narrow, wide = (narrow, middle) if enough else (middle, wide)
    return tuple(_broken(text, size, wide))


def _broken(text: str, size: int, room: int) -> list[str]:
    """Return the text in lines of at most `room` pixels; only a word that is longer is broken."""
    lines: list[str] = []
    for word in text.split():
        if lines and text_width(f"{lines[-1]} {word}", size) <= room:
            lines[-1] += f" {word}"
            continue
        lines.append("")
        for character in word:
            if lines[-1] and text_width(lines[-1] + character, size) > room:
                lines.append("")
            lines[-1] += character
    return lines
