"""The place that a view keeps where it crops the picture to a shape."""

from __future__ import annotations

from neuralpaint.image.busyness import keeping_the_busiest, kept_place
from neuralpaint.image.framing import CanvasSettings
from neuralpaint.image.pictures import Picture
from neuralpaint.pipelines.snapshot_sources import SnapshotSource
from neuralpaint.rendering.render import render

__all__ = ["keeping_what_matters"]

_PIXELS = 96  # along the longer side, of a painting whose picture is not known


def keeping_what_matters(view: CanvasSettings, source: SnapshotSource) -> CanvasSettings:
    """Return a view of what a source shows; where it crops to a shape, it keeps a place.

    That is the place that --aspect names, or the busiest one of the picture; of a painting without
    its picture, of what it shows; of several pictures, the mean of theirs.

    Raises:
        UsageError: --crop reaches beyond the picture.
    """
    pictures = source.pictures if source.picture is None else [source.picture]
    if pictures or not view.cuts:
        return keeping_the_busiest(view, pictures)
    region = view.cropped(source.canvas)
    small = region.scaled(min(1.0, _PIXELS / max(region.height, region.width)))
    x, y = kept_place(Picture(render(source.painting(), small)))
    return view.keeping(x=round(x, 3), y=round(y, 3))
