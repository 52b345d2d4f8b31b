from __future__ import annotations

import math

import torch

from neuralpaint.models.encodings.encoding import Identity
from neuralpaint.models.encodings.fourier import Harmonic


def test_harmonics_are_sines_cosines_and_the_angle_itself() -> None:
    x, y = torch.tensor([[-1.0, 0.0, 0.25]]), torch.tensor([[0.5], [1.0]])
    across, down = Harmonic(order=4)(x, y)
    assert across.shape == (1, 3, 9)
    assert down.shape == (2, 1, 9)
    t = math.pi * 0.25
    expected = [math.sin(k * t) for k in range(1, 5)] + [math.cos(k * t) for k in range(1, 5)] + [t]
    torch.testing.assert_close(across[0, 2], torch.tensor(expected))


def test_both_axes_have_the_same_frequencies() -> None:
    x = torch.linspace(-1, 1, 9)
    across, down = Harmonic(order=3)(x, x)
    torch.testing.assert_close(across, down)


def test_identity_gives_the_coordinates() -> None:
    x, y = torch.rand(1, 4), torch.rand(3, 1)
    across, down = Identity()(x, y)
    torch.testing.assert_close(across.squeeze(-1), x)
    torch.testing.assert_close(down.squeeze(-1), y)
