"""The part of a frame that the place where a clip is shown leaves free of its own buttons."""

from __future__ import annotations

from typing import NamedTuple

from neuralpaint.errors import UsageError
from neuralpaint.video.drawing import Box

__all__ = ["SafeArea", "parse_safe"]

_LEAST = 0.2  # of each side, that stays free


class SafeArea(NamedTuple):
    """Margins that overlays keep free, as parts of the height and the width of the frame."""

    top: float = 0.0
    right: float = 0.0
    bottom: float = 0.0
    left: float = 0.0

    def box(self, height: int, width: int) -> Box:
        """Return the area inside the margins of a frame, in whole pixels."""
        top, left = round(self.top * height), round(self.left * width)
        bottom, right = round(self.bottom * height), round(self.right * width)
        return top, left, height - top - bottom, width - left - right


def parse_safe(text: str) -> SafeArea:
    """Return the margins written as TOP,RIGHT,BOTTOM,LEFT in percent of the frame's sides.

    Raises:
        UsageError: the text is not four numbers, or they leave less than a fifth of a side.
    """
    try:
        top, right, bottom, left = (
            float(part.strip().removesuffix("%")) for part in text.split(",")
        )
    except ValueError:
        raise UsageError(
            f"--safe must be TOP,RIGHT,BOTTOM,LEFT in percent such as 14,6,20,6, not {text!r}"
        ) from None
    area = SafeArea(top / 100, right / 100, bottom / 100, left / 100)
    if not (min(area) >= 0 and max(top + bottom, left + right) <= 100 * (1 - _LEAST)):
        raise UsageError(
            f"--safe {text}: no margin may be below 0, and a fifth of each side must stay free"
        )
    return area
