"""The formats that a painting can be exported to, chosen by the file suffix."""

from __future__ import annotations

import importlib.util
import inspect
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from neuralpaint.config.registry import Registry
from neuralpaint.config.settings import Settings
from neuralpaint.errors import EncodingError, UnknownNameError
from neuralpaint.runtime.files import check_output, write_file

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting

__all__ = [
    "ExportFormat",
    "check_export",
    "export_format",
    "export_formats",
    "export_painting",
]


@dataclass(frozen=True)
class ExportFormat(Settings):
    """A file format for the function f(x, y) -> (r, g, b) of a painting."""

    suffixes: ClassVar[tuple[str, ...]] = ()

    def check(self) -> None:
        """Raise EncodingError if a required package is not installed."""

    def encode(self, painting: Painting) -> bytes:
        """Return the contents of the file.

        Raises:
            UsageError: the format does not support the model of the painting.
        """
        raise NotImplementedError


export_formats: Registry[ExportFormat] = Registry("export format")


@export_formats.register("onnx")
@dataclass(frozen=True)
class Onnx(ExportFormat):
    """Model file for neural-network runtimes, from phones to browsers; any model of one picture."""

    suffixes = (".onnx",)

    def check(self) -> None:
        if importlib.util.find_spec("onnx") is None:
            raise EncodingError(
                "the package that writes ONNX is missing: run pip install 'neuralpaint[onnx]'"
            )

    def encode(self, painting: Painting) -> bytes:
        from neuralpaint.export.onnx import write_onnx

        return write_onnx(painting)


@export_formats.register("glsl")
@dataclass(frozen=True)
class Glsl(ExportFormat):
    """A fragment shader to paste into Shadertoy; small models without planes or tables."""

    suffixes = (".glsl", ".frag")

    def encode(self, painting: Painting) -> bytes:
        from neuralpaint.export.glsl import write_shader

        return write_shader(painting).encode()


@export_formats.register("npz")
@dataclass(frozen=True)
class Npz(ExportFormat):
    """NumPy arrays, and a short Python program that evaluates them; any model of one picture."""

    suffixes = (".npz",)

    def encode(self, painting: Painting) -> bytes:
        """Return the archive. It contains the source of `reader`, which documents the arrays."""
        import numpy as np

        from neuralpaint.export import reader
        from neuralpaint.export.formula import derive

        formula, canvas = derive(painting), painting.canvas
        arrays = {f"weights/{name}": value for name, value in painting.weights.items()}
        arrays |= {
            "waves": formula.waves,
            "ramps": formula.ramps,
            "series": formula.series,
            "powers": formula.powers.rows,
            "centre": formula.powers.centre,
            "activations": np.array([layer.activation for layer in formula.layers]),
            "settings": np.array(json.dumps(painting.settings.to_dict())),
            "height": np.array(canvas.height),
            "width": np.array(canvas.width),
            "reader": np.array(inspect.getsource(reader)),
        }
        for number, plane in enumerate(formula.planes, start=1):
            arrays[f"plane{number}.nodes"] = plane.nodes
            arrays[f"plane{number}.place"] = np.stack([plane.scale, plane.offset, plane.last])
        for number, layer in enumerate(formula.layers, start=1):
            parts = {"weight": layer.weight, "bias": layer.bias, "sees": np.array(layer.inputs)}
            if layer.norm is not None:
                parts |= {"gain": layer.norm.gain, "shift": layer.norm.shift}
            arrays |= {f"layer{number}.{part}": value for part, value in parts.items()}
        file = io.BytesIO()
        np.savez(file, allow_pickle=False, **arrays)
        return file.getvalue()


def export_format(path: str | Path) -> ExportFormat:
    """Return the format for the suffix of `path`.

    Raises:
        UnknownNameError: no format has this suffix.
    """
    suffix = Path(path).suffix.lower()
    for name in export_formats:
        if suffix in export_formats[name].suffixes:
            return export_formats[name]()
    known = [suffix for name in export_formats for suffix in export_formats[name].suffixes]
    raise UnknownNameError("export format", Path(path).suffix, known)


def check_export(path: str | Path, *, overwrite: bool = False) -> Path:
    """Check that a painting can be exported to `path`, and return it as a `Path`.

    Raises:
        UsageError: the suffix is unknown, the folder is missing, the target is a folder, or it
            exists and `overwrite` is false.
        EncodingError: the folder is not writable, or a package is missing.
    """
    export_format(path).check()
    return check_output(path, overwrite=overwrite)


def export_painting(painting: Painting, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write the function f(x, y) -> (r, g, b) of a painting for another tool.

    Args:
        painting: a painting of one picture.
        path: its suffix chooses the format: .onnx, .glsl or .npz.
        overwrite: replace an existing file.

    Raises:
        UsageError: see `check_export`; or the format does not support the model of the painting.
        EncodingError: a package is missing, or the file cannot be written.
    """
    path = check_export(path, overwrite=overwrite)
    write_file(path, export_format(path).encode(painting))
    return path
