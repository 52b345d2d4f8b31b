"""A double cosine series: a term for every product of a feature of x and a feature of y.

    s_c(x, y) = sum over k and l of C_kcl S_kl phi_k(x) psi_l(y)            phi_0 = psi_0 = 1

A network of few units has to compose the detail of a picture from few waves. The series has one
coefficient for each wave of the cosine transform, so it is linear, its terms are nearly orthogonal,
and Adam needs few steps. Tensors of Fourier coefficients represent pictures in FUTON (2602.13414)
too, there as sums of products of vectors. S_kl is proportional to 1 / frequency, as are the
amplitudes of a photograph, and is the rate at which Adam learns a wave.

The channels c are one of light and two of colour, which need half of the frequencies only, and
alpha, if there is any, whose edges need all of them.

Over a grid of w columns and h rows, with phi (w, m) and psi (h, n) as tables, the sums are two
matrix products, one over l for each row and then one over k for each pixel; with B = C S:

    T = B psi'              s = phi T                            (m, c, h), (w, c, h)

and from g = dL/ds, (w, c, h),

    dL/dC = S (phi' g) psi                                       (m, c, n)

That is independent of the network's hidden layers. On a CPU each thread takes some of the k.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from neuralpaint.models.networks import ParameterGroup
from neuralpaint.runtime.threads import ensure_threads, parallel_map

if TYPE_CHECKING:
    from neuralpaint.models.encodings.fourier import Cosine

__all__ = ["Series"]

_COLOUR_SHARE = 0.5  # of the frequencies of light
# Rates of light, colour and alpha for Adam, as multiples of the network's; measured on photographs.
_RATES = 4.0, 2.0, 4.0
# One row per channel: light, red against blue, green against both.
_TO_RGB = ((1.0, 1.0, 1.0), (1.0, 0.0, -1.0), (0.5, -1.0, 0.5))
_CHANNELS = slice(0, 1), slice(1, 3), slice(3, 4)
_PIXELS = 1 << 16  # rendered at once: their sums fit the caches


class Series(nn.Module):
    """Coefficients of light (m, 1, n) and of colour (m', 2, n'), which are 0 at the start.

    For a picture of four channels there are those of alpha (m, 1, n), too.
    """

    _scale_of_light: Tensor  # (m, 1, n): S
    _scale_of_colour: Tensor  # (m', 1, n')
    _to_rgb: Tensor  # (channels, channels)
    alpha: nn.Parameter | None

    def __init__(self, encoding: Cosine, *, channels: int = 3) -> None:
        """Take the encoding whose features are multiplied."""
        super().__init__()
        light = encoding.product_scales()[:, None]
        colour = encoding.product_scales(_COLOUR_SHARE)[:, None]
        self.register_buffer("_scale_of_light", light, persistent=False)
        self.register_buffer("_scale_of_colour", colour, persistent=False)
        self.light = nn.Parameter(torch.zeros_like(light))
        self.colour = nn.Parameter(torch.zeros_like(colour).repeat(1, 2, 1))
        self.alpha = None if channels == 3 else nn.Parameter(torch.zeros_like(light))
        to_rgb = torch.eye(channels)
        to_rgb[:3, :3] = torch.tensor(_TO_RGB)
        self.register_buffer("_to_rgb", to_rgb, persistent=False)

    def parameter_groups(self) -> list[ParameterGroup]:
        """Return the coefficients of light, of colour and of alpha with their rates."""
        # Steps that are proportional to the gradient need no rate: the waves are orthogonal.
        return [
            ParameterGroup([table], rate, raw_rate=1 / rate)
            for (table, _), rate in zip(self._tables(), _RATES, strict=False)
        ]

    def coefficients(self) -> Tensor:
        """Return C S of red, green, blue and alpha (channels, m, n)."""
        tables = [table * scale for table, scale in self._tables()]
        channels = torch.zeros(len(self._to_rgb), len(tables[0]), tables[0].shape[2])
        for table, rows in zip(tables, _CHANNELS, strict=False):
            channels[rows, : len(table), : table.shape[2]] = table.transpose(0, 1)
        return torch.einsum("ckl,cr->rkl", channels, self._to_rgb)

    def over_grid(self, columns: Tensor, rows: Tensor) -> Tensor:
        """Return the sums (h, w, c) for features of columns (w, m - 1) and of rows (h, n - 1)."""
        phi, psi = _with_ones(columns), _with_ones(rows)
        if torch.is_grad_enabled():
            sums: Tensor = _SeriesOverGrid.apply(  # type: ignore[no-untyped-call]
                phi, psi, self._to_rgb, *(each for pair in self._tables() for each in pair)
            )
            return sums
        tables = [table * scale for table, scale in self._tables()]
        step = max(1, _PIXELS // len(phi))
        strips = [slice(top, top + step) for top in range(0, len(psi), step)]

        def render_strip(part: slice) -> Tensor:
            across = [_sums(table, phi, psi[part]) for table in tables]
            return _colours(torch.cat(across, 1), self._to_rgb)

        return torch.cat(parallel_map(render_strip, strips, device=rows.device))

    def at_points(self, of_x: Tensor, of_y: Tensor) -> Tensor:
        """Return the sums (..., c) by definition, for features (..., m - 1) and (..., n - 1)."""
        phi, psi = _with_ones(of_x), _with_ones(of_y)
        sums = [
            torch.einsum(
                "...k,kcl,...l->...c",
                phi[..., : len(table)], table * scale, psi[..., : table.shape[2]],
            )
            for table, scale in self._tables()
        ]  # fmt: skip
        return torch.cat(sums, -1) @ self._to_rgb

    def _tables(self) -> list[tuple[nn.Parameter, Tensor]]:
        """Return C and S of light, of colour and, if there is any, of alpha."""
        tables = [(self.light, self._scale_of_light), (self.colour, self._scale_of_colour)]
        return tables if self.alpha is None else [*tables, (self.alpha, self._scale_of_light)]


class _SeriesOverGrid(torch.autograd.Function):
    """The sums over a grid, with gradients for the coefficients; see this module."""

    @staticmethod
    def forward(
        ctx: Any,
        phi: Tensor,
        psi: Tensor,
        to_rgb: Tensor,
        *tables_and_scales: Tensor,
    ) -> Tensor:
        tables, scales = tables_and_scales[::2], tables_and_scales[1::2]
        parts = [(i, part) for i, table in enumerate(tables) for part in _parts(table)]

        def sums_of(each: tuple[int, slice]) -> Tensor:
            i, part = each
            return _sums(tables[i][part] * scales[i][part], phi[:, part], psi)

        found = parallel_map(sums_of, parts, device=psi.device)
        across = phi.new_zeros(len(phi), len(to_rgb), len(psi))
        for (i, _), sums in zip(parts, found, strict=True):
            across[:, _CHANNELS[i]] += sums
        ctx.save_for_backward(phi, psi, to_rgb, *scales)
        ctx.parts = parts
        return _colours(across, to_rgb)

    @staticmethod
    def backward(ctx: Any, *incoming: Tensor) -> tuple[Tensor | None, ...]:
        phi, psi, to_rgb, *scales = ctx.saved_tensors
        by_channel = (incoming[0] @ to_rgb.t()).permute(1, 2, 0)  # (w, c, h)
        g = [by_channel[:, channels].flatten(1) for channels in _CHANNELS[: len(scales)]]
        gradients = [
            phi.new_empty(len(scale), channels.stop - channels.start, scale.shape[2])
            for scale, channels in zip(scales, _CHANNELS, strict=False)
        ]

        def differentiate(each: tuple[int, slice]) -> None:
            i, part = each
            gradient = gradients[i][part]
            of_k = (phi[:, part].t() @ g[i]).view(-1, len(psi))  # (k and c, h)
            torch.mm(of_k, psi[:, : gradient.shape[2]], out=gradient.view(-1, gradient.shape[2]))
            gradient.mul_(scales[i][part])

        parallel_map(differentiate, ctx.parts, device=psi.device)
        by_table = [each for gradient in gradients for each in (gradient, None)]
        return None, None, None, *by_table


def _sums(table: Tensor, phi: Tensor, psi: Tensor) -> Tensor:
    """Return phi T (w, c, h) of B (m, c, n); phi and psi may have more columns than B uses."""
    of_rows = table.flatten(0, 1) @ psi[:, : table.shape[2]].t()
    return (phi[:, : len(table)] @ of_rows.view(len(table), -1)).view(len(phi), -1, len(psi))


def _colours(across: Tensor, to_rgb: Tensor) -> Tensor:
    """Return red, green, blue and alpha (h, w, channels) of channels (w, c, h)."""
    # As one product: torch multiplies a permuted tensor row by row, ten times as slowly.
    pixels = across.permute(2, 0, 1)
    return (pixels.reshape(-1, pixels.shape[2]) @ to_rgb).view(pixels.shape)


def _parts(table: Tensor) -> list[slice]:
    """Return the k of each thread."""
    count = min(ensure_threads(), len(table)) if table.is_cpu else 1
    cuts = [len(table) * i // count for i in range(count + 1)]
    return [slice(*cut) for cut in pairwise(cuts)]


def _with_ones(features: Tensor) -> Tensor:
    """Return the features after a feature that is 1."""
    return torch.cat([torch.ones_like(features[..., :1]), features], -1)
