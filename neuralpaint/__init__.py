"""Train a coordinate network on a picture and film it while it learns.

    import neuralpaint as npaint

    npaint.timelapse("input.jpg", "out.mp4", steps=3000)

or as a loop:

    picture = npaint.load_picture("input.jpg")
    learner = npaint.learner(picture, steps=3000)
    for snapshot in npaint.learn(learner, stops=range(0, 3001, 10)):
        frame = npaint.render(snapshot.painting, picture.canvas)

Public names are imported when they are first used: `import neuralpaint` does not load torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from neuralpaint._version import __version__

if TYPE_CHECKING:
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
    from neuralpaint.image.canvas import Canvas, View
    from neuralpaint.image.metrics import psnr
    from neuralpaint.image.pictures import Picture, load_picture
    from neuralpaint.image.still_files import save_still
    from neuralpaint.models.codes import Album
    from neuralpaint.models.painting import Painting
    from neuralpaint.pipelines.batch.batch import BatchResult, batch
    from neuralpaint.pipelines.bench.bench import BenchSettings, bench
    from neuralpaint.pipelines.bench.result import BenchResult
    from neuralpaint.pipelines.compare.compare import compare
    from neuralpaint.pipelines.compare.result import CompareResult, UpscaleResult
    from neuralpaint.pipelines.compare.settings import CompareSettings, UpscaleSettings
    from neuralpaint.pipelines.compare.upscaling import compare_upscaling
    from neuralpaint.pipelines.inpaint import InpaintSettings, inpaint
    from neuralpaint.pipelines.job import Result
    from neuralpaint.pipelines.make_learner import learner
    from neuralpaint.pipelines.morph import MorphSettings, morph
    from neuralpaint.pipelines.paint import PaintSettings, paint
    from neuralpaint.pipelines.render import RenderSettings, render_saved
    from neuralpaint.pipelines.video import VideoSettings, timelapse
    from neuralpaint.rendering.render import render
    from neuralpaint.runtime.progress import Progress
    from neuralpaint.storage.painting_file import load_painting
    from neuralpaint.storage.take import Take, load_take
    from neuralpaint.training.learner import Learner
    from neuralpaint.training.learning import Snapshot, learn
    from neuralpaint.training.settings import TrainingSettings
    from neuralpaint.video.writer import ClipWriter

# The module of each public name; `__getattr__` imports it when the name is first used.
_HOMES = {
    "models.codes": ["Album"],
    "image.canvas": ["Canvas", "View"],
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
    "pipelines.make_learner": ["learner"],
    "training.learner": ["Learner"],
    "training.learning": ["Snapshot", "learn"],
    "image.metrics": ["psnr"],
    "models.painting": ["Painting"],
    "image.pictures": ["Picture", "load_picture"],
    "pipelines.batch.batch": ["BatchResult", "batch"],
    "pipelines.bench.bench": ["BenchSettings", "bench"],
    "pipelines.bench.result": ["BenchResult"],
    "pipelines.compare.compare": ["compare"],
    "pipelines.compare.result": ["CompareResult", "UpscaleResult"],
    "pipelines.compare.settings": ["CompareSettings", "UpscaleSettings"],
    "pipelines.compare.upscaling": ["compare_upscaling"],
    "pipelines.inpaint": ["InpaintSettings", "inpaint"],
    "pipelines.job": ["Result"],
    "pipelines.morph": ["MorphSettings", "morph"],
    "pipelines.paint": ["PaintSettings", "paint"],
    "pipelines.render": ["RenderSettings", "render_saved"],
    "pipelines.video": ["VideoSettings", "timelapse"],
    "runtime.progress": ["Progress"],
    "rendering.render": ["render"],
    "storage.painting_file": ["load_painting"],
    "image.still_files": ["save_still"],
    "storage.take": ["Take", "load_take"],
    "training.settings": ["TrainingSettings"],
    "video.writer": ["ClipWriter"],
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Album",
    "BatchResult",
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
    "batch",
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
