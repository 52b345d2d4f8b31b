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
    known, other = textured(400, 400), textured(50, 70, seed=1)
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
    known, other = textured(150, 170), textured(31, 47, seed=2)
    results = [
        ErrorFilters.fit(x, enlarged=blurred(x), interpolated=0.7 * x + 0.3 * blurred(x))(
            blurred(other), interpolated=0.7 * other + 0.3 * blurred(other)
        )
        for x in positions(known)
    ]
    for result in results[1:]:
        # A pixel exactly between two classes may be rounded to either.
        assert (result - results[0]).abs().max() < 0.05 * results[0].abs().max()


def test_nothing_is_learned_from_the_edges() -> None:
    x = textured(100, 100)
    start = blurred(x)
    framed = x.clone()
    framed[:, :4] = 0
    results = [
        ErrorFilters.fit(truth, enlarged=start, interpolated=start)(start, interpolated=start)
        for truth in (x, framed)
    ]
    assert torch.equal(*results)


def test_bands_of_rows_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    x = textured(40, 60)

    def predicted() -> Tensor:
        filters = ErrorFilters.fit(x, enlarged=blurred(x), interpolated=blurred(x))
        return filters(blurred(x), interpolated=blurred(x))

    whole = predicted()
    monkeypatch.setattr(error_filters, "_ROWS", 60 * 7)
    torch.testing.assert_close(predicted(), whole, rtol=1e-3, atol=1e-5)
