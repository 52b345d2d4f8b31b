"""Train a coordinate network on a picture and film it while it learns.

    import neuralpaint as npaint

    picture = npaint.load_picture("input.jpg")
    for snapshot in npaint.learn(npaint.learner(picture), stops=range(0, 3000, 10)):
        ...
    npaint.timelapse("input.jpg", "out.mp4", steps=3000)

Nothing heavy is imported until it is used: `import neuralpaint` does not load torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from neuralpaint._version import __version__

if TYPE_CHECKING:
    from neuralpaint.albums import Album
    from neuralpaint.canvas import Canvas, View
    from neuralpaint.errors import (
        DeviceError,
        DivergedError,
        EncodingError,
        NeuralPaintError,
        PictureError,
        SavedError,
        UnknownNameError,
        UsageError,
    )
    from neuralpaint.learning import Learner, Snapshot, learn, learner
    from neuralpaint.metrics import psnr
    from neuralpaint.painting import Painting
    from neuralpaint.pictures import Picture, load_picture
    from neuralpaint.recipes.bench.bench import bench
    from neuralpaint.recipes.bench.result import BenchResult
    from neuralpaint.recipes.bench.settings import BenchSettings
    from neuralpaint.recipes.compare.compare import compare
    from neuralpaint.recipes.compare.result import CompareResult
    from neuralpaint.recipes.compare.settings import CompareSettings
    from neuralpaint.recipes.inpaint import InpaintSettings, inpaint
    from neuralpaint.recipes.morph.morph import morph
    from neuralpaint.recipes.morph.settings import MorphSettings
    from neuralpaint.recipes.paint import PaintSettings, paint
    from neuralpaint.recipes.render import RenderSettings, render_saved
    from neuralpaint.recipes.report import Progress, Result
    from neuralpaint.recipes.timelapse import VideoSettings, timelapse
    from neuralpaint.recipes.upscale.result import UpscaleResult
    from neuralpaint.recipes.upscale.settings import UpscaleSettings
    from neuralpaint.recipes.upscale.upscaling import compare_upscaling
    from neuralpaint.rendering import render
    from neuralpaint.saved import load_painting
    from neuralpaint.stills import save_still
    from neuralpaint.take import Take, load_take
    from neuralpaint.training import TrainingSettings
    from neuralpaint.video.writer import ClipWriter

# Where each public name lives; `__getattr__` imports it when it is first used.
_HOMES = {
    "albums": ["Album"],
    "canvas": ["Canvas", "View"],
    "errors": [
        "DeviceError",
        "DivergedError",
        "EncodingError",
        "NeuralPaintError",
        "PictureError",
        "SavedError",
        "UnknownNameError",
        "UsageError",
    ],
    "learning": ["Learner", "Snapshot", "learn", "learner"],
    "metrics": ["psnr"],
    "painting": ["Painting"],
    "pictures": ["Picture", "load_picture"],
    "recipes.bench.bench": ["bench"],
    "recipes.bench.result": ["BenchResult"],
    "recipes.bench.settings": ["BenchSettings"],
    "recipes.compare.compare": ["compare"],
    "recipes.compare.result": ["CompareResult"],
    "recipes.compare.settings": ["CompareSettings"],
    "recipes.inpaint": ["InpaintSettings", "inpaint"],
    "recipes.morph.morph": ["morph"],
    "recipes.morph.settings": ["MorphSettings"],
    "recipes.paint": ["PaintSettings", "paint"],
    "recipes.render": ["RenderSettings", "render_saved"],
    "recipes.report": ["Progress", "Result"],
    "recipes.timelapse": ["VideoSettings", "timelapse"],
    "recipes.upscale.result": ["UpscaleResult"],
    "recipes.upscale.settings": ["UpscaleSettings"],
    "recipes.upscale.upscaling": ["compare_upscaling"],
    "rendering": ["render"],
    "saved": ["load_painting"],
    "stills": ["save_still"],
    "take": ["Take", "load_take"],
    "training": ["TrainingSettings"],
    "video.writer": ["ClipWriter"],
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Album",
    "BenchResult",
    "BenchSettings",
    "Canvas",
    "ClipWriter",
    "CompareResult",
    "CompareSettings",
    "DeviceError",
    "DivergedError",
    "EncodingError",
    "InpaintSettings",
    "Learner",
    "MorphSettings",
    "NeuralPaintError",
    "PaintSettings",
    "Painting",
    "Picture",
    "PictureError",
    "Progress",
    "RenderSettings",
    "Result",
    "SavedError",
    "Snapshot",
    "Take",
    "TrainingSettings",
    "UnknownNameError",
    "UpscaleResult",
    "UpscaleSettings",
    "UsageError",
    "VideoSettings",
    "View",
    "__version__",
    "bench",
    "compare",
    "compare_upscaling",
    "inpaint",
    "learn",
    "learner",
    "load_painting",
    "load_picture",
    "load_take",
    "morph",
    "paint",
    "psnr",
    "render",
    "render_saved",
    "save_still",
    "timelapse",
]


def __getattr__(name: str) -> Any:
    try:
        home = _HOME_OF[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
