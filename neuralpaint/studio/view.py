"""A view: the region of the picture that a tab shows, and the pixels on which it does."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from neuralpaint.image.canvas import Canvas

__all__ = ["WHOLE", "Region", "View"]

Region = tuple[float, float, float, float]
"""A part of the picture: left, top, width, height, in fractions of the picture."""

WHOLE: Region = (0.0, 0.0, 1.0, 1.0)

_MOST_PIXELS = 2**22
_SMALLEST = 96  # pixels of the longer side, below which a preview shows nothing


@dataclass(frozen=True)
class View:
    """What a tab shows."""

    region: Region = WHOLE
    """It may reach beyond the picture."""
    width: int = 1
    """Pixels of the tab's stage."""
    height: int = 1
    visible: bool = False
    """Whether somebody can see it: whether a frame is worth rendering."""

    def inside(self) -> View | None:
        """Return the part that lies in the picture, at most four megapixels; None if none does."""
        left, top = max(0.0, self.region[0]), max(0.0, self.region[1])
        across = min(1.0, self.region[0] + self.region[2]) - left
        down = min(1.0, self.region[1] + self.region[3]) - top
        if across <= 0 or down <= 0:
            return None
        part = replace(
            self,
            region=(left, top, across, down),
            width=max(1, round(self.width * across / self.region[2])),
            height=max(1, round(self.height * down / self.region[3])),
        )
        return part.at_most(_MOST_PIXELS)

    def at_most(self, pixels: float) -> View:
        """Return the same region on about so many pixels, if that is fewer, but on some."""
        scale = math.sqrt(pixels / (self.width * self.height))
        scale = max(scale, _SMALLEST / max(self.width, self.height))
        if scale >= 1:
            return self
        width, height = (max(1, round(scale * side)) for side in (self.width, self.height))
        return replace(self, width=width, height=height)

    def canvas(self, picture: Canvas) -> Canvas:
        """Return the canvas of this region of a picture."""
        left, top, across, down = self.region
        height, width = picture.extent
        return replace(
            picture,
            height=self.height,
            width=self.width,
            span=(down * height, across * width),
            centre=((top + down / 2 - 0.5) * height, (left + across / 2 - 0.5) * width),
        )
