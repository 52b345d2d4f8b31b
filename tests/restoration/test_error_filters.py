"""Filters that predict the error of an enlargement from the picture's own shrunk copy."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from neuralpaint.restoration import error_filters
from neuralpaint.restoration.error_filters import ErrorFilters


def textured(height: int, width: int, seed: int = 0) -> Tensor:
    """Return smooth noise with edges, (h, w) in [0, 1]."""
    noise = torch.rand(1, 1, height, width, generator=torch.Generator().manual_seed(seed))
    smooth = functional.avg_pool2d(functional.pad(noise, (2, 2, 2, 2), mode="reflect"), 5, 1)[0, 0]
    return (8 * (smooth - 0.5)).sigmoid()


def blurred(x: Tensor) -> Tensor:
    return functional.avg_pool2d(functional.pad(x[None], (1, 1, 1, 1), mode="reflect"), 3, 1)[0]


def positions(x: Tensor) -> list[Tensor]:
    turned = [x.rot90(k) for k in range(4)]
    return turned + [t.flip(1) for t in turned]


def test_a_learned_error_is_predicted_in_another_picture() -> None:
    known, other = textured(300, 300), textured(50, 70, seed=1)
    filters = ErrorFilters.fit(known, enlarged=blurred(known), interpolated=blurred(known))
    start = blurred(other)
    better = start + filters(start, interpolated=start)
    assert (better - other).square().mean() < 0.7 * (start - other).square().mean()


def test_no_error_is_predicted_where_there_was_none() -> None:
    x = textured(40, 40)
    filters = ErrorFilters.fit(x, enlarged=x, interpolated=blurred(x))
    assert filters(x, interpolated=blurred(x)).abs().max() < 1e-6


def test_a_uniform_picture_has_no_error() -> None:
    x = torch.full((32, 40), 0.3)
    filters = ErrorFilters.fit(x, enlarged=x, interpolated=x)
    assert filters(x, interpolated=x).abs().max() < 1e-6


def test_the_position_of_the_picture_does_not_matter() -> None:
    known, start = textured(60, 80), textured(31, 47, seed=2)
    start = start + 0.1 * torch.rand(start.shape, generator=torch.Generator().manual_seed(3))
    results = [
        ErrorFilters.fit(x, enlarged=blurred(x), interpolated=0.5 * (x + blurred(x)))(
            start, interpolated=blurred(start)
        )
        for x in positions(known)
    ]
    for result in results[1:]:
        # A direction exactly between two classes may be rounded to either.
        torch.testing.assert_close(result, results[0], rtol=1e-3, atol=1e-4)


def test_bands_of_rows_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    x = textured(40, 60)

    def predicted() -> Tensor:
        filters = ErrorFilters.fit(x, enlarged=blurred(x), interpolated=blurred(x))
        return filters(blurred(x), interpolated=blurred(x))

    whole = predicted()
    monkeypatch.setattr(error_filters, "_ROWS", 60 * 7)
    torch.testing.assert_close(predicted(), whole, rtol=1e-3, atol=1e-5)
