"""The canvas: where a pixel lies, which part of the picture is seen, and at which size.

grid        coordinates of pixels, and what they are beyond the picture's edges
canvas      a view of the picture plane in so many pixels
framing     "WxH", "WxH+X+Y" and "9:16": what users write becomes a canvas

Nothing here needs torch.
"""

from neuralpaint.image.canvas.canvas import Canvas, Fit, View
from neuralpaint.image.canvas.framing import CanvasSettings, parse_size
from neuralpaint.image.canvas.grid import CenteredLinearMap, Edge, Grid

__all__ = [
    "Canvas",
    "CanvasSettings",
    "CenteredLinearMap",
    "Edge",
    "Fit",
    "Grid",
    "View",
    "parse_size",
]
