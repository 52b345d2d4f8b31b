"""A painting: frozen weights, what the model says now."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, Self, overload

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from neuralpaint.errors import UsageError
from neuralpaint.image.canvas import Canvas, Grid
from neuralpaint.models.codes import checked_code
from neuralpaint.runtime.devices import send
from neuralpaint.training.training import TrainingSettings

__all__ = ["CodeField", "Painting", "TorchPainting", "check_alike"]

_PREVIEW = 1024  # pixels of the longer side: what a notebook shows at once


class CodeField(Protocol):
    """A code for every place."""

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the codes, float32 (..., k), at coordinates (...) that broadcast together."""
        ...


class Painting(ABC):
    """Colours of any grid; paintings of one training are to be asked one at a time.

    The painting of an album is, until it is asked for another code, that of its first picture.
    """

    device: torch.device
    """Where it renders."""
    codes: NDArray[np.float32] | None = None
    """Those of an album that it has learned, (pictures, k); None of a single picture."""
    canvas: Canvas
    """The picture's own: what was learned, at its own size."""
    settings: TrainingSettings
    """What was trained, and how."""
    note: Mapping[str, Any] = MappingProxyType({})
    """What was saved with it."""

    @property
    @abstractmethod
    def nbytes(self) -> int:
        """Bytes that the weights take."""

    @property
    @abstractmethod
    def weights(self) -> dict[str, NDArray[Any]]:
        """A copy of the weights by name, on the CPU: all that the model has learned."""

    @abstractmethod
    def with_weights(self, weights: Mapping[str, NDArray[Any]]) -> Self:
        """Return the painting of the same model with a copy of other weights.

        Raises:
            UsageError: their names, shapes or types are not those of `weights`.
        """

    @abstractmethod
    def colours(self, grid: Grid) -> Tensor:
        """Return the colours of a grid on `device`, float32 (h, w, 3) in [0, 1]."""

    @abstractmethod
    def blend(self, other: Self, amount: float) -> Self:
        """Return the painting whose weights lie between this one's (0) and the other's (1).

        Its code is that of the nearer one.
        """

    def at(self, code: ArrayLike | CodeField) -> Self:
        """Return this painting at another code (k,), or with one for every place.

        Raises:
            UsageError: it has learned a single picture, or codes of another length.
        """
        if self.codes is None:
            raise UsageError("this painting has learned one picture, which has no code")
        return self._at_code(code if callable(code) else checked_code(code, self.codes.shape[1]))

    def _at_code(self, code: NDArray[np.float32] | CodeField) -> Self:
        """Return what `at` promises; whatever has learned an album knows how."""
        raise NotImplementedError

    @overload
    def __call__(self, x: Grid) -> NDArray[np.float32]: ...

    @overload
    def __call__(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.float32]: ...

    def __call__(self, x: Grid | ArrayLike, y: ArrayLike | None = None) -> NDArray[np.float32]:
        """Return the colours, float32 (..., 3) in [0, 1], of a grid or at coordinates x and y.

        The coordinates have any shapes that broadcast together; the longer side of the picture
        spans [-1, 1], x runs right and y runs down.

        Raises:
            UsageError: the shapes do not broadcast.
        """
        if isinstance(x, Grid):
            return self.colours(x).cpu().numpy()
        if y is None:
            raise TypeError("a painting is asked for a grid, or for x and y")
        return self._at(np.array(x, np.float32), np.array(y, np.float32))

    def _at(self, x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
        grid = Grid(x, y)
        if x.ndim == 2 == y.ndim and y.size and grid.is_product:
            return self.colours(grid).cpu().numpy()
        try:
            shape = np.broadcast_shapes(x.shape, y.shape)
        except ValueError as error:
            raise UsageError(
                f"x {x.shape} and y {y.shape} do not broadcast: give shapes that do"
            ) from error
        points = Grid(*(np.array(np.broadcast_to(each, shape)).reshape(1, -1) for each in (x, y)))
        if points.x.size == 0:
            return np.empty((*shape, 3), np.float32)
        return self.colours(points).cpu().numpy().reshape(*shape, 3)

    def save(
        self, path: str | Path, *, note: Mapping[str, Any] | None = None, overwrite: bool = False
    ) -> Path:
        """Save the weights and what they mean, for `load_painting`; complete or not at all.

        `note` is kept with them: whatever JSON can hold.

        Raises:
            UsageError: the file exists and `overwrite` is false, or cannot be there.
            EncodingError: it cannot be written: disk full, no permission.
        """
        from neuralpaint.storage.saved import save_painting

        return save_painting(self, path, note=note or {}, overwrite=overwrite)

    def _repr_png_(self) -> bytes:
        """Return the picture, no larger than a notebook shows it, as a PNG file."""
        from PIL import Image

        from neuralpaint.rendering.rendering import render

        longer = max(self.canvas.height, self.canvas.width)
        frame = render(self, self.canvas.scaled(min(1.0, _PREVIEW / longer)))
        encoded = io.BytesIO()
        Image.fromarray(frame).save(encoded, "PNG")
        return encoded.getvalue()


class TorchPainting(Painting):
    """What a torch model says. The weights are its own; the module that uses them is shared."""

    def __init__(
        self,
        model: nn.Module,
        weights: dict[str, Tensor],
        *,
        canvas: Canvas,
        settings: TrainingSettings,
        codes: NDArray[np.float32] | None = None,
        code: NDArray[np.float32] | CodeField | None = None,
    ) -> None:
        """Take weights by name, all on one device, which nobody changes from now on.

        `codes` are those of an album, and `code` the one of them that is seen, or another.
        """
        self._model = model
        self._weights = weights
        self.canvas, self.settings, self.codes = canvas, settings, codes
        self._code = codes[0] if code is None and codes is not None else code
        self.device = next(iter(weights.values())).device

    @property
    def nbytes(self) -> int:
        """Bytes that the weights take."""
        return sum(weight.nbytes for weight in self._weights.values())

    @property
    def weights(self) -> dict[str, NDArray[Any]]:
        """A copy of the weights by name, on the CPU."""
        # A GPU is waited for once, not for every weight.
        copies = {
            name: weight.to("cpu", copy=True, non_blocking=True)
            for name, weight in self._weights.items()
        }
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return {name: copy.numpy() for name, copy in copies.items()}

    def with_weights(self, weights: Mapping[str, NDArray[Any]]) -> Self:
        """Return the painting of the same model with a copy of other weights."""
        check_alike(weights, self._weights)
        tensors = {name: torch.from_numpy(np.array(value)) for name, value in weights.items()}
        # In their own order, by which a blend or a sum over them goes.
        return self._with({name: tensors[name].to(self.device) for name in self._weights})

    def colours(self, grid: Grid) -> Tensor:
        """Return the colours of a grid on the model's device, float32 (h, w, 3) in [0, 1]."""
        shape = grid.shape
        if not grid.is_product:  # every pixel is a point of its own
            grid = Grid(*(axis.reshape(-1) for axis in grid))
        x, y = (send(torch.from_numpy(axis), self.device) for axis in grid)
        self._model.eval()  # no dropout, and the statistics of the whole training
        with torch.no_grad():
            place = (x, y) if self._code is None else (x, y, self._code_at(x, y))
            colours: Tensor = torch.func.functional_call(self._model, self._weights, place)
        return colours.view(*shape, 3)

    def _code_at(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the code, (..., k), for coordinates that broadcast to (...)."""
        if callable(self._code):
            return self._code(x, y)
        assert self._code is not None
        code = send(torch.from_numpy(self._code), self.device)
        return code.view(*[1] * x.ndim, -1)

    def _at_code(self, code: NDArray[np.float32] | CodeField) -> Self:
        return self._with(self._weights, code)

    def blend(self, other: Self, amount: float) -> Self:
        """Return the painting whose weights lie between this one's (0) and the other's (1)."""
        nearer = self if amount < 0.5 else other
        weights = {
            name: torch.lerp(weight, other._weights[name], amount)
            if weight.is_floating_point()
            else nearer._weights[name]
            for name, weight in self._weights.items()
        }
        return nearer._with(weights)

    def _with(
        self, weights: dict[str, Tensor], code: NDArray[np.float32] | CodeField | None = None
    ) -> Self:
        return type(self)(
            self._model,
            weights,
            canvas=self.canvas,
            settings=self.settings,
            codes=self.codes,
            code=self._code if code is None else code,
        )


def check_alike(
    weights: Mapping[str, NDArray[Any]], model: Mapping[str, NDArray[Any]] | Mapping[str, Tensor]
) -> None:
    """See to it that weights have the names, shapes and types of a model's.

    Raises:
        UsageError: they have not.
    """
    for name in sorted(weights.keys() ^ model.keys()):
        what = "has no" if name in weights else "needs"
        raise UsageError(f"the model {what} weights {name!r}: give those of its own training")
    for name, own in model.items():
        given, wanted = _form(weights[name]), _form(own)
        if given != wanted:
            raise UsageError(f"weights {name!r} are {given}, not {wanted} as the model has them")


def _form(weight: NDArray[Any] | Tensor) -> str:
    return f"{str(weight.dtype).removeprefix('torch.')} {tuple(weight.shape)}"
