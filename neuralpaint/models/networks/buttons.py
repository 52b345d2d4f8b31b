"""Buttons: a whole picture at once as the answer to a code, by a weight for every pixel.

    code (k) -> [weights, sigmoid] for each hidden layer -> weights, sigmoid -> 3 h w numbers

No layer has biases. What it learns is a look-up table of pictures, which can be asked for what it
never saw: the code is a row of buttons, and any combination of them can be pressed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

from neuralpaint.models.initialization import drawn_buttons
from neuralpaint.models.networks.model import ColourModel
from neuralpaint.runtime.threads import parallel_map
from neuralpaint.training.optimizers import Group

__all__ = ["Buttons"]

# Places with codes of their own at once: their pixels' weights fit a CPU's caches; keep a GPU busy.
_CPU_PLACES, _GPU_PLACES = 1024, 1 << 15
_NEAR = 1e-3  # pixels: closer to a pixel's centre than this is at it


@dataclass(frozen=True)
class _Nodes:
    """Between which two pixels of an axis places (...) lie."""

    first: Tensor  # int64
    second: Tensor  # int64: the next one, or at the end the same
    amount: Tensor  # float32: how much of the way to it
    meet: bool  # whether every place is known to be a pixel's centre

    @classmethod
    def of(cls, coordinates: Tensor, *, count: int, longer: int) -> _Nodes:
        """Return the nodes of coordinates (...) on an axis of so many pixels."""
        places = (coordinates * longer + (count - 1)) / 2
        nearest = places.round()
        places = places.where((places - nearest).abs() > _NEAR, nearest).clamp(0, count - 1)
        first = places.floor()
        amount = places - first
        meet = places.device.type == "cpu" and not amount.any()  # others are not to be waited for
        second = (first + 1).clamp(max=count - 1)
        return cls(first.long(), second.long(), amount, meet)

    def flat(self) -> _Nodes:
        return self._each(torch.flatten)

    def expand(self, shape: torch.Size) -> _Nodes:
        return self._each(lambda tensor: tensor.expand(shape))

    def part(self, part: slice) -> _Nodes:
        return self._each(lambda tensor: tensor[part])

    def after(self, start: Tensor | int) -> _Nodes:
        """Return the nodes of an axis that begins there."""
        return replace(self, first=self.first + start, second=self.second + start)

    def _each(self, change: Callable[[Tensor], Tensor]) -> _Nodes:
        return _Nodes(change(self.first), change(self.second), change(self.amount), self.meet)


class Buttons(ColourModel):
    """The classical whole-image network, looked at place by place.

    At a pixel's centre it is that pixel, between four of them bilinear, and beyond the picture as
    at its border.
    """

    _codes: Tensor  # (pictures, k)

    def __init__(
        self, codes: Tensor, *, height: int, width: int, hidden_size: int, hidden_layers: int
    ) -> None:
        """Take the codes (pictures, k) that will be learned, and the size of the pictures."""
        super().__init__()
        self._height, self._width = height, width
        sizes = [codes.shape[1], *[hidden_size] * hidden_layers, 3 * height * width]
        self.layers = nn.ModuleList(
            skip_init(nn.Linear, inputs, outputs, bias=False) for inputs, outputs in pairwise(sizes)
        )
        self.register_buffer("_codes", codes, persistent=False)

    in_parts = False
    """What costs is the table, and every part of a batch would go through all of it."""

    @torch.no_grad()
    def initialize(self, generator: torch.Generator, *, gain: float, output_gain: float) -> None:
        """Draw the weights by the generator's seed; see `neuralpaint.models.initialization`."""
        linears = self._linears()
        sizes = [layer.in_features for layer in linears] + [linears[-1].out_features]
        drawn = drawn_buttons(
            sizes, gain=gain, output_gain=output_gain, seed=generator.initial_seed()
        )
        for layer, weight in zip(linears, drawn, strict=True):
            layer.weight.copy_(torch.from_numpy(weight))

    def groups(self) -> list[Group]:
        """Return all weights: the gradient of a mean is a small part of that of the sum."""
        return [Group(list(self.parameters()), raw=3 * self._height * self._width)]

    def pace(self, progress: float) -> None:
        """Go on as ever."""

    def forward(self, x: Tensor, y: Tensor, code: Tensor | None = None) -> Tensor:
        """Return the colours at x and y, under a code for all or for each of them.

        In training x and y are a grid (1, w) and (h, 1), and the codes (h, 1, k) of its rows are
        some of those that the model was made for.
        """
        if code is None:
            raise TypeError("buttons say nothing without a code")
        longer = max(self._height, self._width)
        across = _Nodes.of(x, count=self._width, longer=longer)
        down = _Nodes.of(y, count=self._height, longer=longer)
        if self.training:
            return self._learned(across, down, code)
        one_code = code.numel() == code.shape[-1]
        if not one_code:
            return self._at_places(across, down, code)
        table, down = self._table(code.flatten(), down)
        if x.ndim == 2 == y.ndim and x.shape[0] == 1 == y.shape[1]:
            return _crossings(table, across.flat(), down.flat())
        return _mixed(lambda row, column: table[row, column], across, down)

    def _learned(self, across: _Nodes, down: _Nodes, code: Tensor) -> Tensor:
        """Return the colours of a grid (h, w, 3) whose rows are of several pictures.

        All pixels of all pictures are computed, whichever are asked for: their weights are read in
        any case, to be moved.
        """
        apart = torch.cdist(code[:, 0], self._codes, compute_mode="donot_use_mm_for_euclid_dist")
        pages = torch.sigmoid(self._linears()[-1](self._hidden(self._codes)))
        tall = pages.view(-1, self._width, 3)  # (pictures h, w, 3), one below the other
        top = apart.argmin(1) * self._height  # (h,) where the row's picture begins
        return _crossings(tall, across.flat(), down.flat().after(top))

    def _table(self, code: Tensor, down: _Nodes) -> tuple[Tensor, _Nodes]:
        """Return the rows (h', w, 3) of the picture under a code (k,) that nodes are among.

        On the CPU these are no more than there must be; others are not to be waited for.
        """
        weight = self._linears()[-1].weight.view(self._height, self._width * 3, -1)
        if code.device.type == "cpu" and down.first.numel():
            top, bottom = int(down.first.min()), int(down.second.max())
            weight, down = weight[top : bottom + 1], down.after(-top)
        table = torch.sigmoid(weight @ self._hidden(code))
        return table.view(len(weight), self._width, 3), down

    def _at_places(self, across: _Nodes, down: _Nodes, code: Tensor) -> Tensor:
        """Return the colours (..., 3) of places that have a code each, a few at a time."""
        shape = torch.broadcast_shapes(across.first.shape, down.first.shape, code.shape[:-1])
        codes = code.expand(*shape, -1).reshape(-1, code.shape[-1])
        across, down = (nodes.expand(shape).flat() for nodes in (across, down))
        table = self._linears()[-1].weight.view(self._height, self._width, 3, -1)

        def colours(part: slice) -> Tensor:
            units = self._hidden(codes[part])[..., None]  # (n, units, 1)
            return _mixed(
                lambda row, column: torch.sigmoid(table[row, column] @ units)[..., 0],
                across.part(part),
                down.part(part),
            )

        size = _CPU_PLACES if codes.device.type == "cpu" else _GPU_PLACES
        starts = range(0, max(1, len(codes)), size)
        parts = parallel_map(colours, [slice(i, i + size) for i in starts], device=codes.device)
        return torch.cat(parts).view(*shape, 3)

    def _hidden(self, code: Tensor) -> Tensor:
        """Return what the last layer sees of codes (..., k), (..., units)."""
        for layer in self._linears()[:-1]:
            code = torch.sigmoid(layer(code))
        return code

    def _linears(self) -> list[nn.Linear]:
        return [layer for layer in self.layers if isinstance(layer, nn.Linear)]


def _crossings(table: Tensor, across: _Nodes, down: _Nodes) -> Tensor:
    """Return the colours (h, w, 3) of a table (rows, columns, 3) where flat nodes cross."""
    for axis, nodes in enumerate((down, across)):
        first = table.index_select(axis, nodes.first)
        if not nodes.meet:
            amount = nodes.amount[:, None] if axis else nodes.amount[:, None, None]
            first = first.lerp(table.index_select(axis, nodes.second), amount)
        table = first
    return table


def _mixed(look: Callable[[Tensor, Tensor], Tensor], across: _Nodes, down: _Nodes) -> Tensor:
    """Return the colours (..., 3) between what is there to `look` at in rows and columns."""
    if across.meet and down.meet:
        return look(down.first, across.first)
    above, below = (
        look(row, across.first).lerp(look(row, across.second), across.amount[..., None])
        for row in (down.first, down.second)
    )
    return above.lerp(below, down.amount[..., None])
