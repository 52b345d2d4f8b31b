"""The encoding `polar`: powers of a point as a complex number.

With mirrors, more of them are used as the training proceeds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from neuralpaint.models.encodings.encoding import Encoding

__all__ = ["Polar", "orders_up_to", "symmetries"]

_PER_OCTAVE = 8  # orders, from twice as many on


def orders_up_to(highest: int) -> list[int]:
    """Return 1, 2, 3, ..., 16, 18, 20, ..., 32, 36, ... up to `highest`, 8 per octave.

    The orders of an octave are twice those of the octave before.
    """
    octave = [*range(1, 2 * _PER_OCTAVE + 1)]
    orders = octave
    while orders[-1] < highest:
        octave = [2 * order for order in octave[-_PER_OCTAVE:]]
        orders = orders + octave
    return [order for order in orders if order <= highest]


def symmetries(mirrors: int) -> list[int]:
    """Return numbers of mirrors from `mirrors` to 1, each divided by a prime to get the next.

    For 12 these are 12, 6, 3 and 1; for 0 there are none.
    """
    numbers = []
    while mirrors > 1:
        numbers.append(mirrors)
        mirrors //= next(p for p in range(2, mirrors + 1) if mirrors % p == 0)
    return numbers + [1] * mirrors


class Polar(Encoding):
    """Real and imaginary parts of u^k (rays) and v^k (rings) for some orders k, in one part.

    Of a point z relative to the centre, with the angle 0 upwards, and with the core e

        u = z / sqrt(|z|^2 + e^2)            v = |u| exp(i log sqrt(|z|^2 + e^2))

    Around the centre, u^k has k periods and no seam. Along a ray, a period of v^k is as long as one
    of u^k is across it: details become larger with the distance. At the centre, where they would be
    smaller than pixels, both are near 0.

    With m mirrors through the centre, a function of the real parts of u^k for multiples k of m is
    the same in 2 m sectors, as in a kaleidoscope. So if only these rays and the rings are open at
    first, the network learns the symmetric picture that is most like the target. Then the rays for
    fewer mirrors open, down to a single one, and at last the imaginary parts, for none.
    """

    sine_strengths = (2.0, 1.0)

    amplitudes: Tensor | None  # (width,), saved with the weights; None: all are 1
    _opening: Tensor  # (width,): when each feature opens, in stages

    def __init__(
        self,
        orders: Sequence[int],
        *,
        centre: tuple[float, float],
        core: float,
        mirrors: int = 0,
        unfold: float = 1.0,
    ) -> None:
        """Take the orders, as returned by `orders_up_to`.

        Args:
            orders: k of the rays and of the rings.
            centre: its x and y.
            core: e, in coordinate units.
            mirrors: the number of mirrors at the start; with 0, all features are open.
            unfold: the fraction of the training after which all features are open.
        """
        super().__init__()
        self._orders, self._centre, self._core = list(orders), centre, core
        self.widths = (4 * len(orders),)
        numbers = symmetries(mirrors) or [1]
        stages = [next(i for i, n in enumerate(numbers) if k % n == 0) for k in orders]
        # A photograph consists mostly of low frequencies; the lowest rays of a stage are k = m.
        real = torch.tensor([numbers[stage] / k for stage, k in zip(stages, orders, strict=True)])
        other = torch.tensor([1 / k for k in orders])
        spectrum = torch.cat([real, other, other, other])
        self.spectra = (spectrum / spectrum.square().sum().sqrt(),)
        self._unfold = unfold
        self._stages = len(numbers) + 1.0
        # Within a stage, one order opens after another, because high orders would
        # dominate the picture at once.
        octaves = math.log(max(2, *orders))
        real, other = (-spectrum.log() / octaves for spectrum in (real, other))
        opening = torch.cat([torch.tensor(stages) + real, len(numbers) + other, other, other])
        self.register_buffer("_opening", opening, persistent=False)
        self.register_buffer("amplitudes", torch.ones(self.widths[0]) if mirrors else None)
        self.set_progress(0.0)

    @torch.no_grad()
    def set_progress(self, progress: float) -> None:
        """Set the amplitudes for the progress of the training, in [0, 1].

        They rise slowly at first, as a cube: Adam trains a feature of small amplitude as fast as
        any other.
        """
        if self.amplitudes is not None:
            stage = self._stages * min(1.0, progress / self._unfold)
            self.amplitudes.copy_((stage + 1 - self._opening).clamp_(0, 1) ** 3)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor]:
        """Return one part (*shape, width) for x and y that broadcast to some shape."""
        x, y = torch.broadcast_tensors(x - self._centre[0], y - self._centre[1])
        square = x * x + y * y
        scale = (square + self._core**2).rsqrt()
        length, angle = square.sqrt() * scale, -scale.log()
        # One feature after the other: powers of many points are faster than of one point.
        features = x.new_empty(4, len(self._orders), *x.shape)
        _powers(-y * scale, x * scale, out=features[:2])
        _powers(length * angle.cos(), length * angle.sin(), out=features[2:])
        part = features.flatten(0, 1).movedim(0, -1)
        return (part if self.amplitudes is None else part * self.amplitudes,)


def _powers(real: Tensor, imaginary: Tensor, *, out: Tensor) -> None:
    """Write the powers of complex numbers (...) with the first orders of `orders_up_to`.

    `out` (2, orders, ...) gets the real and the imaginary parts.
    """
    a, b = out
    count = len(a)
    a[0], b[0] = real, imaginary
    done = 1
    while done < min(count, 2 * _PER_OCTAVE):  # from the powers up to n, those up to 2 n
        new = slice(done, min(2 * done, count))
        old = slice(0, new.stop - done)
        _multiply((a[old], b[old]), (a[done - 1], b[done - 1]), out=(a[new], b[new]))
        done = new.stop
    while done < count:  # the squares of an octave are the next one
        new = slice(done, min(done + _PER_OCTAVE, count))
        old = slice(done - _PER_OCTAVE, new.stop - _PER_OCTAVE)
        _multiply((a[old], b[old]), (a[old], b[old]), out=(a[new], b[new]))
        done = new.stop


def _multiply(
    first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor], *, out: tuple[Tensor, Tensor]
) -> None:
    """Write the product of two complex numbers, given as real and imaginary parts."""
    (a, b), (c, d), (real, imaginary) = first, second, out
    torch.mul(a, c, out=real).addcmul_(b, d, value=-1)
    torch.mul(a, d, out=imaginary).addcmul_(b, c)
