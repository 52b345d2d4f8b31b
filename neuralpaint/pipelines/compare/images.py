"""The pictures of the report: inside the page, as small as they can be shown."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from neuralpaint.video.drawing import Frame, colour_scale

__all__ = ["embedded", "enlarged", "ramp"]

_LONGEST = 1024  # pixels of a side
_SMALL = 160  # pixels of a side up to which a picture is kept as it is, pixel by pixel
_LARGE = 320  # pixels of a side that an enlarged one has at the least


def embedded(frame: Frame, *, exact: bool = False) -> str:
    """Return a frame, uint8 (h, w, 3), as the text of a data URI; `exact` keeps every pixel."""
    image = Image.fromarray(frame)
    if max(image.size) > _LONGEST:
        image.thumbnail((_LONGEST, _LONGEST), Image.Resampling.LANCZOS)
    encoded = io.BytesIO()
    lossless = exact or max(image.size) <= _SMALL
    image.save(encoded, "WEBP", lossless=lossless, quality=80 if lossless else 92, method=4)
    return f"data:image/webp;base64,{base64.b64encode(encoded.getvalue()).decode()}"


def enlarged(frame: Frame) -> Frame:
    """Return a small frame with its pixels as squares, at least `_LARGE` pixels a side."""
    times = -(-_LARGE // min(frame.shape[:2]))
    return np.ascontiguousarray(frame.repeat(times, axis=0).repeat(times, axis=1))


def ramp() -> str:
    """Return the colour scale of the maps as a CSS gradient, from dark to light."""
    colours = colour_scale(17)
    stops = ", ".join("#{:02x}{:02x}{:02x}".format(*colour) for colour in colours.tolist())
    return f"linear-gradient(90deg, {stops})"
