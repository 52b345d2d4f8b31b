"""A model: encoding, network and output, from coordinates to colours."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from neuralpaint.encodings.encoding import Encoding
from neuralpaint.networks.network import Network
from neuralpaint.networks.points import tabulate
from neuralpaint.optimizers import Group
from neuralpaint.workers import each

__all__ = ["CoordinateModel"]


# Points rendered at once: what fits a CPU's caches; what keeps a GPU busy in some hundred MB.
_CPU_POINTS, _GPU_POINTS = 4096, 1 << 16


class CoordinateModel(nn.Module):
    """f(x, y) -> (r, g, b)."""

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

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the colours at x and y.

        Args:
            x: float32 of any shape that broadcasts with `y`. A row (1, w) and a column (h, 1) make
                a grid; two (n,) make points.
            y: likewise.

        Returns:
            Colours in [0, 1], of the broadcast shape and 3 channels: (h, w, 3) or (n, 3).
        """
        is_grid = x.ndim == 2 == y.ndim and x.shape[0] == 1 == y.shape[1]
        if torch.is_grad_enabled():
            return self._colours(x, y)
        on_cpu = x.device.type == "cpu"
        if self._strip and is_grid and on_cpu:
            strips = y.split(max(1, self._strip // x.shape[1]))
            return torch.cat(each(lambda strip: self._colours(x, strip), strips))
        if x.ndim == 1 == y.ndim and len(x) == len(y):  # each point has features of its own
            return self._at_points(x, y)
        return self._colours(x, y)

    def _at_points(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the colours (n, 3) of points, a few at a time, keeping no graph."""
        on_cpu = x.device.type == "cpu"
        tabulated = tabulate(self.encoding, self.network, x, y) if on_cpu else None

        def colours(part: tuple[Tensor, Tensor]) -> Tensor:
            if tabulated is None:
                return self._colours(*part)
            return _colours(self.network.forward_terms(tabulated.terms(*part)))

        size = _CPU_POINTS if on_cpu else _GPU_POINTS
        parts = list(zip(x.split(size), y.split(size), strict=True))
        return torch.cat(each(colours, parts, device=x.device))

    def _colours(self, x: Tensor, y: Tensor) -> Tensor:
        return _colours(self.network(self.encoding(x, y)))


def _colours(signal: Tensor) -> Tensor:
    return (torch.tanh(signal) + 1) / 2
