"""The formats that a painting can be exported to, chosen by the file suffix."""

from __future__ import annotations

import importlib.util
import inspect
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from neuralpaint.config.registry import Registry
from neuralpaint.config.settings import Settings, options, setting
from neuralpaint.errors import EncodingError, UnknownNameError, UsageError
from neuralpaint.runtime.files import check_output, write_file

if TYPE_CHECKING:
    from neuralpaint.export.moments import Moments
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

    def encode_moments(self, moments: Moments) -> bytes:
        """Return the contents of the file for a training; by default, for its last moment.

        Raises:
            UsageError: the format does not support the model of the painting.
        """
        return self.encode(moments.painting)


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


@export_formats.register("html")
@dataclass(frozen=True)
class Html(ExportFormat):
    """A page that plays the film of a take, drawn by the network itself on the viewer's GPU."""

    section: ClassVar[str] = "Page (.html)"
    suffixes = (".html", ".htm")

    with_original: bool = setting(
        False, "put the picture that was learned into the page, to compare it with the network"
    )
    megabytes: float = setting(
        3.0,
        "largest size of the page; the more it may have, the more moments of the training it has",
        unit="MB",
        minimum=0.2,
        maximum=100,
    )

    def encode(self, painting: Painting) -> bytes:
        from neuralpaint.export.moments import Moments

        return self.encode_moments(Moments.of_painting(painting))

    def encode_moments(self, moments: Moments) -> bytes:
        from neuralpaint.export.html.film import write_film

        return write_film(
            moments, with_original=self.with_original, most_bytes=round(1e6 * self.megabytes)
        ).encode()


def export_format(path: str | Path, *, given: Mapping[str, Any] | None = None) -> ExportFormat:
    """Return the format for the suffix of `path`, with the settings that were `given`.

    Raises:
        UnknownNameError: no format has this suffix.
        UsageError: the format does not have one of the settings.
    """
    suffix = Path(path).suffix.lower()
    for name in export_formats:
        cls = export_formats[name]
        if suffix not in cls.suffixes:
            continue
        for option in given or {}:
            if option not in options(cls):
                raise UsageError(
                    f"--{option.replace('_', '-')} is not for {suffix}: leave it out, or choose "
                    f"{' or '.join(_suffixes_with(option))}"
                )
        return cls.from_dict(dict(given or {}))
    known = [suffix for name in export_formats for suffix in export_formats[name].suffixes]
    raise UnknownNameError("export format", Path(path).suffix, known)


def _suffixes_with(option: str) -> list[str]:
    """Return a suffix of each format that has a setting."""
    classes = (export_formats[name] for name in export_formats)
    return [cls.suffixes[0] for cls in classes if option in options(cls)]


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
        path: its suffix chooses the format: .onnx, .glsl, .npz or .html.
        overwrite: replace an existing file.

    Raises:
        UsageError: see `check_export`; or the format does not support the model of the painting.
        EncodingError: a package is missing, or the file cannot be written.
    """
    path = check_export(path, overwrite=overwrite)
    write_file(path, export_format(path).encode(painting))
    return path
