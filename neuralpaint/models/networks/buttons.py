"""Buttons: a whole picture per code, with weights for every pixel.

    code (k) -> [weights, sigmoid] for each hidden layer -> weights, sigmoid -> 3 h w numbers

No layer has biases. The network learns a look-up table of pictures. For an untrained code, such as
several pressed buttons, it returns a mixture of the trained pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from neuralpaint.models.encodings.encoding import is_grid
from neuralpaint.models.networks import ParameterGroup, draw_button_weights
from neuralpaint.models.networks.network import BlankLinear, ColourModel
from neuralpaint.runtime.threads import parallel_map

__all__ = ["Buttons"]

# Points rendered at once if each has its own code: their weights fit a CPU's caches.
_CPU_POINTS, _GPU_POINTS = 1024, 1 << 15
_NEAR = 1e-3  # pixels: a point this close to the centre of a pixel has its colour


class _Nodes(NamedTuple):
    """The two pixels of an axis between which points (...) lie."""

    first: Tensor  # int64
    second: Tensor  # int64: the next one, or the same at the end
    amount: Tensor  # float32: the distance from the first, in pixels
    is_exact: bool  # whether all points are known to be at the centre of `first`

    @classmethod
    def of(cls, coordinates: Tensor, *, count: int, longer: int) -> _Nodes:
        """Return the nodes of coordinates (...) on an axis of `count` pixels."""
        places = (coordinates * longer + (count - 1)) / 2
        nearest = places.round()
        places = places.where((places - nearest).abs() > _NEAR, nearest).clamp(0, count - 1)
        first = places.floor()
        amount = places - first
        is_exact = places.device.type == "cpu" and not amount.any()  # would synchronise a GPU
        second = (first + 1).clamp(max=count - 1)
        return cls(first.long(), second.long(), amount, is_exact)

    def map(self, change: Callable[[Tensor], Tensor]) -> _Nodes:
        """Change the shape of all tensors."""
        return _Nodes(change(self.first), change(self.second), change(self.amount), self.is_exact)

    def shifted(self, start: Tensor | int) -> _Nodes:
        return self._replace(first=self.first + start, second=self.second + start)


class Buttons(ColourModel):
    """The network, with colours at any coordinates.

    Colours are interpolated bilinearly between the centres of pixels; outside the picture, the
    colours of its border are repeated.
    """

    is_splittable = False
    """False: each thread would compute the whole table."""

    _codes: Tensor  # (pictures, k)

    def __init__(
        self,
        codes: Tensor,
        *,
        height: int,
        width: int,
        hidden_size: int,
        hidden_layers: int,
        gain: float,
        output_gain: float,
        generator: torch.Generator,
    ) -> None:
        """Take the codes (pictures, k) to be trained; draw weights with the generator's seed."""
        super().__init__()
        self._height, self._width = height, width
        sizes = [codes.shape[1], *[hidden_size] * hidden_layers, 3 * height * width]
        self.layers = nn.ModuleList(
            BlankLinear(inputs, outputs, bias=False) for inputs, outputs in pairwise(sizes)
        )
        drawn = draw_button_weights(
            sizes, gain=gain, output_gain=output_gain, seed=generator.initial_seed()
        )
        with torch.no_grad():
            for layer, weight in zip(self._linears(), drawn, strict=True):
                layer.weight.copy_(torch.from_numpy(weight))
        self.register_buffer("_codes", codes, persistent=False)

    def parameter_groups(self) -> list[ParameterGroup]:
        """Return all weights; the raw rate cancels the loss's division by the number of values."""
        return [ParameterGroup(list(self.parameters()), raw_rate=3 * self._height * self._width)]

    def forward(self, x: Tensor, y: Tensor, code: Tensor | None = None) -> Tensor:
        """Return the colours at x and y, for one code or a code per point.

        While training, x and y are a grid (1, w) and (h, 1), and the codes (h, 1, k) of the rows
        are trained ones.
        """
        if code is None:
            raise TypeError("Buttons needs a code")
        longer = max(self._height, self._width)
        across = _Nodes.of(x, count=self._width, longer=longer)
        down = _Nodes.of(y, count=self._height, longer=longer)
        if self.training:
            return self._train(across, down, code)
        if code.numel() != code.shape[-1]:
            return self._render_codes(across, down, code)
        table, down = self._table(code.flatten(), down)
        if is_grid(x, y):
            return _read_grid(table, across, down)
        return _read_points(lambda row, column: table[row, column], across, down)

    def _train(self, across: _Nodes, down: _Nodes, code: Tensor) -> Tensor:
        """Return the colours (h, w, 3) of a grid whose rows belong to several pictures.

        All pixels of all pictures are computed: the optimizer reads all weights in any case.
        """
        distances = torch.cdist(
            code[:, 0], self._codes, compute_mode="donot_use_mm_for_euclid_dist"
        )
        pictures = torch.sigmoid(self._linears()[-1](self._hidden(self._codes)))
        stacked = pictures.view(-1, self._width, 3)  # (pictures h, w, 3)
        top = distances.argmin(1) * self._height  # (h,): first row of the picture
        return _read_grid(stacked, across, down.map(torch.flatten).shifted(top))

    def _table(self, code: Tensor, down: _Nodes) -> tuple[Tensor, _Nodes]:
        """Return the rows (h', w, 3) of the picture for a code (k,), and the nodes in them.

        On a CPU these are only the rows that are read; on a GPU that would synchronise.
        """
        weight = self._linears()[-1].weight.view(self._height, self._width * 3, -1)
        if code.device.type == "cpu" and down.first.numel():
            top, bottom = int(down.first.min()), int(down.second.max())
            weight, down = weight[top : bottom + 1], down.shifted(-top)
        table = torch.sigmoid(weight @ self._hidden(code))
        return table.view(len(weight), self._width, 3), down

    def _render_codes(self, across: _Nodes, down: _Nodes, code: Tensor) -> Tensor:
        """Return the colours (..., 3) of points with a code each."""
        shape = np.broadcast_shapes(across.first.shape, down.first.shape, code.shape[:-1])
        codes = code.expand(*shape, -1).reshape(-1, code.shape[-1])
        across, down = (
            nodes.map(lambda tensor: tensor.expand(shape).flatten()) for nodes in (across, down)
        )
        weight = self._linears()[-1].weight.view(self._height, self._width, 3, -1)

        def colours(part: slice) -> Tensor:
            units = self._hidden(codes[part])[..., None]  # (n, units, 1)
            return _read_points(
                lambda row, column: torch.sigmoid(weight[row, column] @ units)[..., 0],
                *(nodes.map(lambda tensor: tensor[part]) for nodes in (across, down)),
            )

        size = _CPU_POINTS if codes.device.type == "cpu" else _GPU_POINTS
        parts = [slice(i, i + size) for i in range(0, max(1, len(codes)), size)]
        return torch.cat(parallel_map(colours, parts, device=codes.device)).view(*shape, 3)

    def _hidden(self, code: Tensor) -> Tensor:
        """Return the inputs (..., units) of the last layer for codes (..., k)."""
        for layer in self._linears()[:-1]:
            code = torch.sigmoid(layer(code))
        return code

    def _linears(self) -> list[nn.Linear]:
        return [layer for layer in self.layers if isinstance(layer, nn.Linear)]


def _read_grid(table: Tensor, across: _Nodes, down: _Nodes) -> Tensor:
    """Return the colours (h, w, 3) of a table (rows, columns, 3) over a grid of nodes."""
    for axis, nodes in enumerate((down, across)):
        first = table.index_select(axis, nodes.first.flatten())
        if not nodes.is_exact:
            amount = nodes.amount.flatten()[:, None]
            second = table.index_select(axis, nodes.second.flatten())
            first = first.lerp(second, amount if axis else amount[..., None])
        table = first
    return table


def _read_points(read: Callable[[Tensor, Tensor], Tensor], across: _Nodes, down: _Nodes) -> Tensor:
    """Return the colours (..., 3) between those that `read` returns for rows and columns."""
    if across.is_exact and down.is_exact:
        return read(down.first, across.first)
    above, below = (
        read(row, across.first).lerp(read(row, across.second), across.amount[..., None])
        for row in (down.first, down.second)
    )
    return above.lerp(below, down.amount[..., None])
