from __future__ import annotations

import numpy as np
import pytest
import torch

from neuralpaint.image.canvas import Canvas
from neuralpaint.models.encodings import encodings
from neuralpaint.models.encodings.encoding import Conditioned, Encoding

CANVAS = Canvas.of(height=12, width=18)
CODES = np.array([[0, 1], [1, 0], [1, 1]], np.float32)
X, Y = torch.rand(1, 7), torch.rand(5, 1)


def build(name: str, codes: np.ndarray = CODES) -> Encoding:
    generator = torch.Generator().manual_seed(0)
    return encodings.parse(name).build(CANVAS, generator, codes).eval()


@pytest.mark.parametrize("name", list(encodings))
@pytest.mark.parametrize("shape", [(1, 1), (5, 1), (5, 7)])
def test_features_are_as_wide_as_it_says_and_end_with_the_code(
    name: str, shape: tuple[int, int]
) -> None:
    encoding = build(name)
    code = torch.rand(*shape, 2)
    parts = encoding.parts(X, Y, code)
    whole = torch.cat([part.expand(5, 7, -1) for part in parts], -1)
    assert whole.shape[-1] == sum(encoding.widths) == sum(map(len, encoding.spectra))
    heard = (code - torch.from_numpy(CODES).mean(0)).expand(5, 7, 2)
    ratio = whole[..., -2:] / heard
    torch.testing.assert_close(ratio, ratio[0, 0, 0].expand(5, 7, 2), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["none", "harmonic", "positional"])
def test_rows_and_columns_stay_apart_unless_every_place_has_its_code(name: str) -> None:
    encoding = build(name)
    assert encoding.separable
    for rows in (1, 5):
        of_x, of_y = encoding.parts(X, Y, torch.rand(rows, 1, 2))
        assert of_x.shape[:2] == (1, 7)
        assert of_y.shape[:2] == (5, 1)
        assert (of_x.shape[2], of_y.shape[2]) == encoding.widths
    assert len(encoding.parts(X, Y, torch.rand(5, 7, 2))) == 3
    for points in (1, 6):
        of_x, of_y = encoding.parts(torch.rand(6), torch.rand(6), torch.rand(points, 2))
        assert of_x.shape[0] == of_y.shape[0] == 6


@pytest.mark.parametrize("name", list(encodings))
def test_it_does_not_matter_how_codes_are_written(name: str) -> None:
    codes = torch.tensor([[0.3, 0.6]])
    first = build(name).parts(X, Y, codes.view(1, 1, 2))
    other = build(name, 40 * CODES - 7).parts(X, Y, (40 * codes - 7).view(1, 1, 2))
    for found, wanted in zip(other, first, strict=True):
        torch.testing.assert_close(found, wanted, rtol=0, atol=2e-5)


def test_a_code_turns_phases_by_as_much_whatever_its_length() -> None:
    for codes in (np.eye(2), np.eye(9), np.array([[0], [1]]), np.linspace(0, 1, 30)[:, None]):
        encoding = build("gaussian", codes.astype(np.float32))
        assert isinstance(encoding, Conditioned)
        parts = encoding.parts(X, Y, torch.tensor(codes, dtype=torch.float32)[:, None])
        draws = torch.randn(codes.shape[1], 500, generator=torch.Generator().manual_seed(0))
        phases = (parts[-1][:, 0] * encoding.spectra[-1]) @ draws
        turned = torch.cdist(phases, phases).square().sum() / 500
        assert (turned / len(codes) / (len(codes) - 1)).sqrt() == pytest.approx(0.6, rel=0.2)
