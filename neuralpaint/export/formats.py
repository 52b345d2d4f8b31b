"""The files that a painting can be exported to, by their suffix."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from neuralpaint.config.registry import Registry
from neuralpaint.config.settings import Settings
from neuralpaint.errors import EncodingError, UnknownNameError
from neuralpaint.runtime.files import check_output, part_file, remove_stale_parts

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting

__all__ = [
    "ExportFormat",
    "check_export",
    "export_format",
    "export_formats",
    "export_painting",
    "save_export",
]


@dataclass(frozen=True)
class ExportFormat(Settings):
    """A kind of file that holds f(x, y) -> (r, g, b) for another tool."""

    suffixes: ClassVar[tuple[str, ...]] = ()

    def check(self) -> None:
        """Raise an `EncodingError` where something that it needs is not installed."""

    def encode(self, painting: Painting) -> bytes:
        """Return the whole file.

        Raises:
            UsageError: the format has no room for the painting's model.
        """
        raise NotImplementedError


export_formats: Registry[ExportFormat] = Registry("export format")


@export_formats.register("onnx")
@dataclass(frozen=True)
class Onnx(ExportFormat):
    """A model for every runtime of neural networks, from phones to browsers; any model."""

    suffixes = (".onnx",)

    def check(self) -> None:
        """DoneCallback for the package."""
        if importlib.util.find_spec("onnx") is None:
            raise EncodingError(
                "the package that writes ONNX is missing: run pip install 'neuralpaint[onnx]'"
            )

    def encode(self, painting: Painting) -> bytes:
        """Return the ONNX model: `coordinates` (points, 2) to `colours` (points, 3)."""
        from neuralpaint.export.onnx import write_onnx

        return write_onnx(painting)


@export_formats.register("glsl")
@dataclass(frozen=True)
class Glsl(ExportFormat):
    """A fragment shader to paste into Shadertoy; small models without planes or tables."""

    suffixes = (".glsl", ".frag")

    def encode(self, painting: Painting) -> bytes:
        """Return the shader's source."""
        from neuralpaint.export.glsl import write_shader

        return write_shader(painting).encode()


@export_formats.register("npz")
@dataclass(frozen=True)
class Npz(ExportFormat):
    """Plain NumPy arrays, and the few lines of Python that evaluate them; any model."""

    suffixes = (".npz",)

    def encode(self, painting: Painting) -> bytes:
        """Return the archive; see `neuralpaint.export.reader`."""
        from neuralpaint.export.npz import write_arrays

        return write_arrays(painting)


def export_format(path: str | Path) -> ExportFormat:
    """Return the format of a file by its suffix.

    Raises:
        UnknownNameError: no format has the suffix.
    """
    suffix = Path(path).suffix.lower()
    for name in export_formats:
        if suffix in export_formats[name].suffixes:
            return export_formats[name]()
    known = [suffix for name in export_formats for suffix in export_formats[name].suffixes]
    raise UnknownNameError("export format", Path(path).suffix, known)


def check_export(path: str | Path, *, overwrite: bool = False) -> Path:
    """Return `path` as a `Path` if a painting can be exported there.

    Raises:
        UsageError: the suffix is unknown, the folder is missing, the target is a folder, or it
            exists and `overwrite` is false.
        EncodingError: the folder cannot be written to, or a package is missing.
    """
    export_format(path).check()
    return check_output(path, overwrite=overwrite)


def export_painting(painting: Painting, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write the function that a painting is for another tool, complete or not at all.

    Args:
        painting: what is exported.
        path: .onnx, .glsl or .npz.
        overwrite: replace a file that exists.

    Raises:
        UsageError: as `check_export`, or the format has no room for the painting's model.
        EncodingError: a package is missing, or the file cannot be written.
    """
    path = check_export(path, overwrite=overwrite)
    return save_export(export_format(path).encode(painting), path)


def save_export(encoded: bytes, path: Path) -> Path:
    """Write what a format has encoded under a path that was checked, complete or not at all.

    Raises:
        EncodingError: the file cannot be written: disk full, no permission.
    """
    remove_stale_parts(path)
    with part_file(path) as part:
        part.path.write_bytes(encoded)
        part.publish()
    return path
