from __future__ import annotations

import pytest
import torch

from neuralpaint.errors import UsageError
from neuralpaint.image.canvas import Canvas
from neuralpaint.models.encodings import encodings
from neuralpaint.models.encodings.hash_grid import HashGrid, grid_levels

SPAN = Canvas.of(height=20, width=30).span


def build(*, table_size: int = 64, levels: int = 4, finest: int = 24) -> HashGrid:
    sizes = grid_levels(levels=levels, coarsest=3, finest=finest, table_size=table_size, span=SPAN)
    generator = torch.Generator().manual_seed(0)
    grid = HashGrid(sizes, channels=2, span=SPAN, generator=generator)
    with torch.no_grad():
        grid.table.uniform_(-1, 1, generator=generator)
    return grid


def test_levels_grow_by_a_constant_factor_and_are_dense_if_they_fit_in_the_table() -> None:
    levels = grid_levels(levels=4, coarsest=3, finest=24, table_size=64, span=SPAN)
    assert [level.cells for level in levels] == [3, 6, 12, 24]
    assert [level.entries for level in levels] == [3 * 4, 5 * 7, 64, 64]
    assert [level.row for level in levels] == [4, 7, 0, 0]


def test_a_corner_has_the_features_of_its_entry() -> None:
    grid = build()
    x = torch.linspace(-1, 1, 4)[None]  # the corners of the coarsest level
    y = (torch.arange(3) * 2 / 3 - SPAN[0] / 2)[:, None]
    (features,) = grid(x, y)
    torch.testing.assert_close(features[..., :2].reshape(12, 2), grid.table[:12], rtol=0, atol=1e-5)


def test_hashed_corners_share_entries_as_in_the_paper() -> None:
    grid = build(levels=1, finest=3, table_size=4)
    (features,) = grid(torch.tensor([[1.0]]), torch.tensor([[2 / 3 - SPAN[0] / 2]]))
    # Column 3 of row 1.
    torch.testing.assert_close(
        features[0, 0], grid.table[(3 ^ 2_654_435_761) % 4], rtol=0, atol=1e-4
    )


def test_features_are_continuous_across_the_borders_of_cells() -> None:
    grid = build()
    y = torch.tensor([[0.123]])
    for border in torch.linspace(-1, 1, 25)[1:-1].tolist():
        before, after = torch.tensor([[border - 2e-6]]), torch.tensor([[border + 2e-6]])
        torch.testing.assert_close(grid(before, y)[0], grid(after, y)[0], rtol=0, atol=5e-4)
        torch.testing.assert_close(grid(y, before)[0], grid(y, after)[0], rtol=0, atol=5e-4)


def test_features_outside_the_picture_are_those_of_its_edge() -> None:
    grid = build()
    inside = grid(torch.tensor([[1.0]]), torch.tensor([[-SPAN[0] / 2]]))[0]
    outside = grid(torch.tensor([[1.7]]), torch.tensor([[-3.0]]))[0]
    torch.testing.assert_close(outside, inside, rtol=0, atol=1e-6)


@pytest.mark.parametrize("points", [True, False])
def test_the_gradient_of_the_table_agrees_with_finite_differences(points: bool) -> None:
    grid = build().double()
    shape = (7,) if points else (1, 4)
    x = torch.linspace(-0.93, 0.91, shape[-1], dtype=torch.float64).view(shape)
    y = torch.linspace(-0.6, 0.63, shape[-1], dtype=torch.float64)
    y = y if points else y[:, None]

    def features(table: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = torch.func.functional_call(grid, {"table": table}, (x, y))[0]
        return made

    assert torch.autograd.gradcheck(features, (grid.table.detach().requires_grad_(),))


def test_a_finest_level_below_the_coarsest_is_refused() -> None:
    with pytest.raises(UsageError, match="finest=4 is below coarsest=16"):
        encodings.parse("hash:finest=4")


def test_a_picture_edge_on_a_corner_is_not_rounded_to_the_next_cell() -> None:
    canvas = Canvas.of(height=120, width=200)  # 50 cells x 1.2 is 60.000004 in single precision
    grid = encodings.parse("hash").build(canvas, torch.Generator().manual_seed(0))
    far = torch.tensor([[2.0]])
    assert torch.isfinite(grid(far, far)[0]).all()
