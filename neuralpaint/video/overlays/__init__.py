"""Overlays: what is drawn on, or shown beside, each finished frame.

An overlay is one registered class in one file of this folder; every file here is imported, so a
new one needs no other line anywhere.
"""

from __future__ import annotations

import importlib
import pkgutil

from neuralpaint.video.overlays.composition import compose, composed_size
from neuralpaint.video.overlays.overlay import (
    Corner,
    Corners,
    Layout,
    Moment,
    Overlay,
    Panel,
    Point,
    Scene,
    overlays,
)

__all__ = [
    "Corner",
    "Corners",
    "Layout",
    "Moment",
    "Overlay",
    "Panel",
    "Point",
    "Scene",
    "compose",
    "composed_size",
    "overlays",
]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
