"""Overlays: pictures and values drawn on each frame of a clip, or beside it.

Every module of this folder is imported, so a new overlay is one registered class in a new file.
"""

from __future__ import annotations

import importlib
import pkgutil

from neuralpaint.video.overlays.arrangement import Arrangement, Layout, Panel, fitting, growing
from neuralpaint.video.overlays.overlay import (
    Corners,
    Moment,
    Overlay,
    Point,
    Scene,
    compose,
    draw_on_clip,
    overlays,
    panels_of,
)
from neuralpaint.video.overlays.safe_area import SafeArea, parse_safe

__all__ = [
    "Arrangement",
    "Corners",
    "Layout",
    "Moment",
    "Overlay",
    "Panel",
    "Point",
    "SafeArea",
    "Scene",
    "compose",
    "draw_on_clip",
    "fitting",
    "growing",
    "overlays",
    "panels_of",
    "parse_safe",
]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
