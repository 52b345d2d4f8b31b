"""The step counter, with the training time and the PSNR, on a small pill of glass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from neuralpaint.config.settings import setting
from neuralpaint.image.metrics import format_psnr
from neuralpaint.image.pictures import Frame
from neuralpaint.image.typography import text_mask, text_width, type_size
from neuralpaint.video.drawing import WHITE, glass, stamp
from neuralpaint.video.overlays.overlay import Corner, Moment, Overlay, Scene, overlays

__all__ = ["Steps"]

_UNIT_OPACITY = 0.66
_ZERO_OPACITY = 0.24  # of leading zeros


class _Field(NamedTuple):
    """A value with the words before and after it, and its widest possible text."""

    before: str
    value: str
    after: str
    widest: str


@overlays.register("steps")
@dataclass(frozen=True)
class Steps(Overlay):
    """Step counter, with training time and PSNR if wanted."""

    corner: Corner = setting("bottom-left", "where it is drawn")
    size: float = setting(1.0, "size of the text", unit="times normal", minimum=0.5, maximum=4)
    seconds: bool = setting(False, "show the training time too")
    psnr: bool = setting(False, "show the PSNR too")

    def draw(self, frame: Frame, scene: Scene) -> None:
        """Draw as many fields as there is room for."""
        size = max(type_size(1, 1), round(self.size * type_size(*frame.shape[:2])))
        fields = self._fields(scene.moment)
        bare = fields[0]._replace(before="")
        for shown in (*(fields[:n] for n in range(len(fields), 0, -1)), [bare]):
            width = sum(_width(field, size) for field in shown) + size * (len(shown) - 1)
            box = scene.corners.place(
                self.corner, height=round(1.9 * size), width=width + round(1.3 * size)
            )
            if box:
                _write(glass(frame, box, radius=0.45 * size), shown, size)
                return
        self.report_left_out(frame)

    def _fields(self, moment: Moment) -> list[_Field]:
        now = moment.now
        fields = [_Field("step", f"{now.step:,}", "", f"{moment.steps:,}")]
        if self.seconds:
            fields.append(_time(now.seconds))
        if self.psnr:
            fields.append(_Field("", format_psnr(now.psnr, digits=1), "dB", "00.0"))
        return fields


def _time(seconds: float) -> _Field:
    """Return minutes, seconds and tenths, in one format for all durations."""
    minutes, tenths = divmod(round(10 * seconds), 600)
    return _Field("", f"{minutes}:{tenths / 10:04.1f}", "", "00:00.0")


def _space(size: int) -> int:
    return round(0.3 * size)


def _width(field: _Field, size: int) -> int:
    """Return the largest width of a field, so that the size of the pill does not change."""
    value = max(text_width(field.widest, size), text_width(field.value, size))
    words = [text_width(word, size) + _space(size) for word in (field.before, field.after) if word]
    return value + sum(words)


def _write(pill: Frame, fields: list[_Field], size: int) -> None:
    middle, left = pill.shape[0] / 2, float(round(0.65 * size))
    for field in fields:
        right = left + _width(field, size)
        if field.before:
            _word(pill, field.before, size, (middle, left), opacity=_UNIT_OPACITY)
        value_right = right
        if field.after:
            value_right -= text_width(field.after, size) + _space(size)
            _word(
                pill, field.after, size, (middle, value_right + _space(size)), opacity=_UNIT_OPACITY
            )
        value_left = value_right - text_width(field.value, size)
        zeros = _leading_zeros(field)
        start = (middle, value_left - text_width(zeros, size))
        _word(pill, zeros, size, start, opacity=_ZERO_OPACITY)
        _word(pill, field.value, size, (middle, value_left))
        left = right + size


def _leading_zeros(field: _Field) -> str:
    """Return the zeros that fill the value up to its widest form."""
    if not field.value[0].isdigit():
        return ""
    missing = len(field.widest) - len(field.value)
    return "".join("0" if sign.isdigit() else sign for sign in field.widest[: max(0, missing)])


def _word(
    pill: Frame, text: str, size: int, start: tuple[float, float], *, opacity: float = 1.0
) -> None:
    mask = text_mask(text, size)
    centre = (start[0], start[1] + mask.shape[1] / 2)
    stamp(pill, mask, centre=centre, colour=WHITE, opacity=opacity)
