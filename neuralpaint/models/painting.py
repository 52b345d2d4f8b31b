"""A painting: a model with frozen weights, which returns colours for coordinates."""

from __future__ import annotations

import copy
import functools
import importlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, Self, overload

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from neuralpaint.errors import UsageError
from neuralpaint.image.canvas import Canvas, Grid
from neuralpaint.image.pictures import Picture
from neuralpaint.models.codes import Codes, checked_code
from neuralpaint.models.networks.network import CoordinateModel
from neuralpaint.runtime.devices import to_device
from neuralpaint.runtime.threads import ensure_threads

__all__ = ["NO_LAYERS", "CodeField", "Painting", "TorchPainting", "check_weights"]

NO_LAYERS = "this model has no layers of units that answer at every coordinate"
_PREVIEW = 1024  # pixels of the longer side of the PNG in a notebook


class CodeField(Protocol):
    """A function from coordinates to codes."""

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the codes, float32 (..., k), at coordinates that broadcast to (...)."""
        ...


class Painting(ABC):
    """A model with frozen weights that renders any grid. Not thread-safe: snapshots share a module.

    The painting of an album uses the code of its first picture; `at` selects another one.
    """

    device: torch.device
    """The device that renders."""
    codes: Codes | None = None
    """The trained codes of an album, (pictures, k); None for a single picture."""
    canvas: Canvas
    """The whole picture at its original size."""
    channels: int = 3
    """Numbers per point: 3 colours, or 4 with alpha."""
    settings: Any
    """The `TrainingSettings` of the training; `Any` because that class is in a higher layer."""
    note: Mapping[str, Any] = MappingProxyType({})
    """The note in the file from which it was loaded; empty if it was not loaded from a file."""
    _weights: dict[str, Any]
    _code: Codes | CodeField | None

    def __init__(
        self,
        weights: dict[str, Any],
        *,
        canvas: Canvas,
        settings: Any,
        codes: Codes | None = None,
    ) -> None:
        """Keep a reference to the weights, which must not change."""
        ensure_threads()  # everything that is done with a painting computes tensors
        self._weights, self.canvas, self.settings, self.codes = weights, canvas, settings, codes
        self.channels = canvas.channels
        self._code = None if codes is None else codes[0]

    @property
    def nbytes(self) -> int:
        """Size of the weights in bytes."""
        return sum(weight.nbytes for weight in self._weights.values())

    @property
    @abstractmethod
    def weights(self) -> dict[str, NDArray[Any]]:
        """A copy of all weights and buffers by name, on the CPU."""

    @property
    def trained(self) -> frozenset[str]:
        """The names of the weights that training changes; the others are buffers."""
        return frozenset(self._weights)

    @abstractmethod
    def with_weights(self, weights: Mapping[str, NDArray[Any]]) -> Self:
        """Return a painting of the same model with a copy of other weights.

        Raises:
            UsageError: names, shapes or types differ from those of `weights`.
        """

    def read_weights(self) -> dict[str, NDArray[Any]]:
        """Return `weights` without a copy where possible: they must not be changed."""
        return self.weights

    def adopt_weights(self, weights: Mapping[str, NDArray[Any]]) -> Self:
        """Return `with_weights` without a check, and without a copy where possible."""
        return self.with_weights(weights)

    @abstractmethod
    def colours(self, grid: Grid) -> Tensor:
        """Return the colours of a grid on `device`, float32 (h, w, channels) in [0, 1].

        Of a picture with alpha they have four channels, and are premultiplied: none is larger than
        its alpha.
        """

    def layer_values(self, grid: Grid) -> list[NDArray[np.float32]]:
        """Return what each layer of the network answers on a grid, (h, w, units).

        The values of a hidden layer are those after its activation; the last ones are the signal
        (h, w, channels), from which the colours are (tanh + 1) / 2.

        Raises:
            UsageError: the model is not a network of the coordinates.
        """
        raise UsageError(NO_LAYERS)

    def features(self, grid: Grid) -> list[NDArray[np.float32]]:
        """Return what enters the first layer on a grid, in parts (h, w, f).

        The height of a part is 1 if its features depend on x alone, its width if on y alone.

        Raises:
            UsageError: the model is not a network of the coordinates.
        """
        raise UsageError(NO_LAYERS)

    @abstractmethod
    def blend(self, other: Self, amount: float) -> Self:
        """Interpolate the weights linearly: amount 0 is this painting, 1 the other one.

        Integer weights and the code are taken from the nearer painting.
        """

    def at(self, code: ArrayLike | CodeField) -> Self:
        """Return this painting with another code (k,), or with a code per point.

        Raises:
            UsageError: the painting has no codes, or codes of another length.
        """
        if self.codes is None:
            raise UsageError("this painting has learned one picture, which has no code")
        valid = code if callable(code) else checked_code(code, self.codes.shape[1])
        return self._with(self._weights, valid)

    def _with(self, weights: dict[str, Any], code: Codes | CodeField | None = None) -> Self:
        """Return a painting of the same model with other weights, and another code if given."""
        painting = copy.copy(self)
        painting._weights, painting.note = weights, MappingProxyType({})
        if code is not None:
            painting._code = code
        return painting

    @overload
    def __call__(self, x: Grid) -> NDArray[np.float32]: ...

    @overload
    def __call__(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.float32]: ...

    def __call__(self, x: Grid | ArrayLike, y: ArrayLike | None = None) -> NDArray[np.float32]:
        """Return the colours, float32 (..., channels) in [0, 1], of a grid or of points.

        The shapes of x and y broadcast together. The longer side of the picture spans [-1, 1];
        x increases to the right, y downwards.

        Raises:
            UsageError: the shapes do not broadcast.
        """
        if isinstance(x, Grid):
            return self.colours(x).cpu().numpy()
        if y is None:
            raise TypeError("a painting is called with a grid, or with x and y")
        return self._colours_at(np.array(x, np.float32), np.array(y, np.float32))

    def _colours_at(self, x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
        grid = Grid(x, y)
        if x.ndim == 2 == y.ndim and x.size and y.size and grid.is_product:
            return self.colours(grid).cpu().numpy()
        try:
            shape = np.broadcast_shapes(x.shape, y.shape)
        except ValueError as error:
            raise UsageError(
                f"x {x.shape} and y {y.shape} do not broadcast: give shapes that do"
            ) from error
        points = Grid(*(np.array(np.broadcast_to(each, shape)).reshape(1, -1) for each in (x, y)))
        if points.x.size == 0:
            return np.empty((*shape, self.channels), np.float32)
        return self.colours(points).cpu().numpy().reshape(*shape, -1)

    def save(
        self, path: str | Path, *, note: Mapping[str, Any] | None = None, overwrite: bool = False
    ) -> Path:
        """Write the painting to a file for `load_painting`, atomically.

        `note` is stored in the file: any mapping that JSON can represent.

        Raises:
            UsageError: the file exists and `overwrite` is false, or the path is invalid.
            EncodingError: writing fails: disk full, no permission.
        """
        # Imported by name when called: storage is built on this module, not the reverse.
        storage = importlib.import_module("neuralpaint.storage.painting_file")
        saved: Path = storage.save_painting(self, path, note=note or {}, overwrite=overwrite)
        return saved

    def _repr_html_(self) -> str:
        """Return a player for a notebook, in which one can zoom."""
        # Imported by name when called, as in `save`.
        notebook = importlib.import_module("neuralpaint.export.html.notebook")
        cell: str = notebook.painting_cell(self)
        return cell

    def _repr_png_(self) -> bytes:
        """Return the picture as a PNG file for a notebook, at most 1024 pixels wide and high."""
        # Imported by name when called, as in `save`.
        rendering = importlib.import_module("neuralpaint.rendering.render")
        longer = max(self.canvas.height, self.canvas.width)
        frame = rendering.render(self, self.canvas.scaled(min(1.0, _PREVIEW / longer)))
        return Picture(frame)._repr_png_()


class TorchPainting(Painting):
    """A painting of a torch model: all snapshots share the module, each has its own weights."""

    def __init__(
        self,
        model: nn.Module,
        weights: dict[str, Tensor],
        *,
        canvas: Canvas,
        settings: Any,
        codes: Codes | None = None,
    ) -> None:
        super().__init__(weights, canvas=canvas, settings=settings, codes=codes)
        self._model = model
        self.device = next(iter(weights.values())).device

    @property
    def weights(self) -> dict[str, NDArray[Any]]:
        """A copy of all weights and buffers by name, on the CPU."""
        # One GPU synchronisation for all weights.
        copies = {
            name: weight.to("cpu", copy=True, non_blocking=True)
            for name, weight in self._weights.items()
        }
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return {name: copy.numpy() for name, copy in copies.items()}

    @property
    def trained(self) -> frozenset[str]:
        """The names of the model's parameters."""
        return frozenset(name for name, _ in self._model.named_parameters())

    def with_weights(self, weights: Mapping[str, NDArray[Any]]) -> Self:
        """Return a painting of the same model with a copy of other weights."""
        check_weights(weights, self._weights)
        return self.adopt_weights({name: np.array(value) for name, value in weights.items()})

    def read_weights(self) -> dict[str, NDArray[Any]]:
        """Return `weights`; on a CPU they are the memory of the painting."""
        if self.device.type != "cpu":
            return self.weights
        return {name: weight.numpy() for name, weight in self._weights.items()}

    def adopt_weights(self, weights: Mapping[str, NDArray[Any]]) -> Self:
        """Return a painting of the same model; on a CPU it keeps a reference to the weights."""
        # In the order of this painting's weights, so that sums over them are rounded equally.
        return self._with(
            {name: torch.from_numpy(weights[name]).to(self.device) for name in self._weights}
        )

    def colours(self, grid: Grid) -> Tensor:
        """Return the colours of a grid on `device`, float32 (h, w, channels) in [0, 1]."""
        colours: Tensor = self._call(self._model, self._weights, grid)
        colours = colours.view(*grid.shape, self.channels)
        if self.channels == 4:
            colours[..., :3] = torch.minimum(colours[..., :3], colours[..., 3:])
        return colours

    def layer_values(self, grid: Grid) -> list[NDArray[np.float32]]:
        """Return what each layer of the network answers on a grid, (h, w, units)."""
        values = self._values("layer_values", grid)
        return [each.reshape(*grid.shape, -1).cpu().numpy() for each in values]

    def features(self, grid: Grid) -> list[NDArray[np.float32]]:
        """Return the features on a grid, in parts (h, w, f) that may have h or w of 1."""
        parts = self._values("features", grid)
        if grid.is_product:
            return [each.cpu().numpy() for each in parts]
        return [each.reshape(*grid.shape, -1).cpu().numpy() for each in parts]

    def _values(self, method: str, grid: Grid) -> Sequence[Tensor]:
        """Return what a method of the model returns for a grid."""
        if not isinstance(self._model, CoordinateModel):
            raise UsageError(NO_LAYERS)
        weights = {f"model.{name}": weight for name, weight in self._weights.items()}
        values: Sequence[Tensor] = self._call(_Method(self._model, method), weights, grid)
        return values

    def _call(self, model: nn.Module, weights: dict[str, Tensor], grid: Grid) -> Any:
        """Return what a model with these weights returns for a grid."""
        if not grid.is_product:  # one point per pixel
            grid = Grid(*(axis.reshape(-1) for axis in grid))
        x, y = (to_device(torch.from_numpy(axis), self.device) for axis in grid)
        model.eval()  # no dropout; running statistics for batch normalisation
        inputs = (x, y) if self._code is None else (x, y, self._code_at(x, y))
        with torch.no_grad():
            return torch.func.functional_call(model, weights, inputs)

    def _code_at(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the codes (..., k) at coordinates that broadcast to (...)."""
        if callable(self._code):
            return self._code(x, y)
        assert self._code is not None
        code = to_device(torch.from_numpy(self._code), self.device)
        return code.view(*[1] * x.ndim, -1)

    def blend(self, other: Self, amount: float) -> Self:
        """Interpolate the weights linearly: amount 0 is this painting, 1 the other one."""
        nearer = self if amount < 0.5 else other
        weights = {
            name: torch.lerp(weight, other._weights[name], amount)
            if weight.is_floating_point()
            else nearer._weights[name]
            for name, weight in self._weights.items()
        }
        return nearer._with(weights)


class _Method(nn.Module):
    """Calls a method of a model: `functional_call` calls nothing but `forward`."""

    def __init__(self, model: CoordinateModel, method: str) -> None:
        super().__init__()
        self.model = model
        self._method = method

    def forward(self, x: Tensor, y: Tensor, code: Tensor | None = None) -> Any:
        return getattr(self.model, self._method)(x, y, code)


def check_weights(
    weights: Mapping[str, NDArray[Any]], model: Mapping[str, NDArray[Any]] | Mapping[str, Tensor]
) -> None:
    """Check that weights have the names, shapes and types of a model's weights.

    Raises:
        UsageError: they differ.
    """
    for name in sorted(weights.keys() ^ model.keys()):
        verb = "has no" if name in weights else "needs"
        raise UsageError(f"the model {verb} weights {name!r}: use weights from the same training")
    for name, own in model.items():
        given = weights[name]
        if _type_name(given.dtype) == _type_name(own.dtype) and given.shape == tuple(own.shape):
            continue
        form, expected = (f"{_type_name(w.dtype)} {tuple(w.shape)}" for w in (given, own))
        raise UsageError(f"weights {name!r} are {form}, not {expected} as the model has them")


@functools.cache  # NumPy makes the name of a type anew each time
def _type_name(dtype: np.dtype[Any] | torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
