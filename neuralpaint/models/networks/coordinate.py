"""A model: encoding, network and output, from coordinates, and a code, to colours."""

from __future__ import annotations

import torch
from torch import Tensor

from neuralpaint.models.encodings.encoding import Encoding
from neuralpaint.models.networks.model import ColourModel
from neuralpaint.models.networks.network import Network
from neuralpaint.models.networks.points import tabulate
from neuralpaint.runtime.threads import parallel_map
from neuralpaint.training.optimizers import Group

__all__ = ["CoordinateModel"]


# Points rendered at once: what fits a CPU's caches; what keeps a GPU busy in some hundred MB.
_CPU_POINTS, _GPU_POINTS = 4096, 1 << 16
_FIELD_STRIP = 8192  # pixels rendered at once where each has a code of its own


class CoordinateModel(ColourModel):
    """f(x, y) -> (r, g, b), or f(x, y, code) where its encoding hears a code."""

    def __init__(
        self,
        encoding: Encoding,
        network: Network,
        *,
        strip: int | None = None,
        in_parts: bool = False,
    ) -> None:
        """Compose the two.

        With `strip`, a grid is rendered in strips of about so many pixels, what fits a CPU's
        caches; leave it out where the network sees to that itself. `in_parts` says that the
        network takes each pixel by itself and leaves other threads alone.
        """
        super().__init__()
        self.encoding = encoding
        self.network = network
        self._strip = strip
        # Each part would have a gradient of its own as large as all that the encoding learns.
        self._in_parts = in_parts and not any(p.requires_grad for p in encoding.parameters())

    @property
    def in_parts(self) -> bool:
        """Whether rows of a batch may be learned by several threads side by side."""
        return self._in_parts

    def groups(self) -> list[Group]:
        """Return what is learned, in groups."""
        features = [p for p in self.encoding.parameters() if p.requires_grad]
        groups = [Group(features, self.encoding.rate, looked_up=True)] if features else []
        return [*groups, Group(list(self.network.parameters()))]

    def pace(self, progress: float) -> None:
        """Tell the encoding how far the training has come, in [0, 1]."""
        self.encoding.pace(progress)

    def forward(self, x: Tensor, y: Tensor, code: Tensor | None = None) -> Tensor:
        """Return the colours at x and y, in strips or parts where nothing is learned."""
        if torch.is_grad_enabled():
            return self._colours(x, y, code)
        if x.ndim == 2 == y.ndim and x.shape[0] == 1 == y.shape[1]:
            return self._over_grid(x, y, code)
        if x.ndim == 1 == y.ndim and len(x) == len(y):  # each point has features of its own
            return self._at_points(x, y, code)
        return self._colours(x, y, code)

    def _over_grid(self, x: Tensor, y: Tensor, code: Tensor | None) -> Tensor:
        """Return the colours (h, w, 3) of a grid, on a CPU in strips of rows, keeping no graph."""
        is_field = code is not None and code.shape[1] > 1  # for which no network has a fast way
        strip = self._strip or (_FIELD_STRIP if is_field else None)
        if strip is None or x.device.type != "cpu":
            return self._colours(x, y, code)
        parts = _parts(len(y), max(1, strip // x.shape[1]))
        return torch.cat(
            parallel_map(lambda part: self._colours(x, y[part], _of(code, part)), parts)
        )

    def _at_points(self, x: Tensor, y: Tensor, code: Tensor | None) -> Tensor:
        """Return the colours (n, 3) of points, a few at a time, keeping no graph."""
        on_cpu = x.device.type == "cpu"
        tabulated = tabulate(self.encoding, self.network, x, y, code) if on_cpu else None

        def colours(part: slice) -> Tensor:
            if tabulated is None:
                return self._colours(x[part], y[part], _of(code, part))
            return _colours(self.network.forward_terms(tabulated.terms(x[part], y[part])))

        parts = _parts(len(x), _CPU_POINTS if on_cpu else _GPU_POINTS)
        return torch.cat(parallel_map(colours, parts, device=x.device))

    def _colours(self, x: Tensor, y: Tensor, code: Tensor | None) -> Tensor:
        return _colours(self.network(self.encoding.parts(x, y, code)))


def _parts(length: int, size: int) -> list[slice]:
    """Cut an axis in parts of `size`; there is one at least."""
    return [slice(first, first + size) for first in range(0, max(1, length), size)]


def _of(code: Tensor | None, part: slice) -> Tensor | None:
    """Return the codes of some rows or points; one for all is that of each of them."""
    return code if code is None or len(code) == 1 else code[part]


def _colours(signal: Tensor) -> Tensor:
    return (torch.tanh(signal) + 1) / 2
