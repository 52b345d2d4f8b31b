"""Patches of a picture, and the mixture of Gaussians that removes their noise."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neuralpaint.restoration.patch_mixture import (
    SIDE,
    SIZE,
    Mixture,
    Patches,
    Shift,
    structure_classes,
)

NOISE = 0.1
SIZES = [(1, 1), (5, 8), (6, 6), (13, 20), (30, 31)]


@pytest.mark.parametrize("size", SIZES)
def test_every_shift_covers_every_pixel_once(size: tuple[int, int]) -> None:
    patches = Patches(*size)
    for shift in Shift.draw(1, np.random.default_rng(0)):
        total = patches.pad(torch.zeros(3, *size))
        patches.cut(total, shift)[:] += 1
        assert (patches.crop(total) == 1).all()


def test_all_shifts_differ() -> None:
    assert len(set(Shift.draw(1, np.random.default_rng(0)))) == SIDE**2
    assert len(Shift.draw(0.125, np.random.default_rng(0))) == 4


@pytest.mark.parametrize("size", SIZES)
def test_a_patch_is_a_part_of_the_picture(size: tuple[int, int]) -> None:
    x = torch.rand(3, *size)
    patches = Patches(*size)
    padded = patches.pad(x)
    assert torch.equal(patches.crop(padded), x)
    shift = Shift(2, 5)
    cut = patches.cut(padded, shift)
    assert cut.shape == (patches.rows, patches.columns, 3, SIDE, SIDE)
    assert cut[0, 0].numel() == SIZE
    corner = padded[:, 2 + SIDE : 2 + 2 * SIDE, 5 : 5 + SIDE]
    assert torch.equal(cut[1, 0], corner)
    means = patches.means(padded[:1], shift)
    assert torch.allclose(means, cut[:, :, 0].mean((2, 3)), atol=1e-6)


def waves(count: int, *, down: bool, seed: int = 0) -> torch.Tensor:
    """Return grey patches (count, SIZE) of waves along one axis, of random phase and strength."""
    draw = torch.Generator().manual_seed(seed)
    phase = 6.3 * torch.rand(count, 1, generator=draw)
    strength = 0.2 + 0.3 * torch.rand(count, 1, 1, generator=draw)
    wave = strength * (phase + torch.arange(SIDE)).sin()[:, None]
    grey = wave.expand(count, SIDE, SIDE)
    return (grey.mT if down else grey).reshape(count, 1, -1).repeat(1, 3, 1).flatten(1)


def both() -> tuple[torch.Tensor, torch.Tensor]:
    patches = torch.cat([waves(800, down=False), waves(800, down=True)])
    return patches, torch.arange(1600) // 800


def noisy(patches: torch.Tensor) -> torch.Tensor:
    draw = torch.Generator().manual_seed(1)
    return patches + NOISE * torch.randn(patches.shape, generator=draw)


def test_patches_are_assigned_to_their_gaussian_and_denoised() -> None:
    patches, labels = both()
    denoise = Mixture.fit(patches, labels).filter(NOISE)
    observed = noisy(patches)
    assert (denoise.labels(observed) == labels).float().mean() > 0.99
    left = (denoise(observed) - patches).std()
    # The waves span 2 of 108 dimensions: that share of the noise variance remains.
    assert left < 2 * NOISE * (2 / SIZE) ** 0.5


def test_one_gaussian_is_the_wiener_filter() -> None:
    patches, _ = both()
    denoise = Mixture.fit(patches, torch.zeros(len(patches))).filter(NOISE)
    mean = patches.double().mean(0)
    covariance = (patches.double() - mean).T.cov(correction=0)
    gain = covariance @ torch.linalg.inv(covariance + NOISE**2 * torch.eye(SIZE))
    observed = noisy(patches)
    expected = mean + (observed.double() - mean) @ gain.T
    assert torch.allclose(denoise(observed).double(), expected, atol=1e-4)


def test_without_noise_patches_do_not_change() -> None:
    patches, labels = both()
    denoise = Mixture.fit(patches, labels).filter(1e-3)
    assert (denoise(patches) - patches).abs().max() < 1e-3


def test_rare_labels_are_left_out() -> None:
    patches, labels = both()
    labels[:3] = 7
    assert len(Mixture.fit(patches, labels).means) == 2
    assert len(Mixture.fit(patches[:20], torch.arange(20)).means) == 1


def test_larger_groups_are_more_likely() -> None:
    patches, _ = both()
    same = torch.cat([patches, patches[:100]])
    labels = torch.cat([torch.ones(1600, dtype=torch.long), torch.zeros(100, dtype=torch.long)])
    same[1600:] = same[:100]
    mixture = Mixture.fit(same, labels)
    flat = torch.full((1, SIZE), 0.0)
    # Under strong noise the Gaussians differ only in the number of their patches.
    assert mixture.filter(10.0).labels(flat).tolist() == [1]


def test_edges_are_grouped_by_strength_and_direction() -> None:
    patches = torch.cat([waves(100, down=False), waves(100, down=True), torch.zeros(100, SIZE)])
    classes = structure_classes(patches)
    across, down, flat = (set(part.tolist()) for part in classes.split(100))
    assert not across & down
    assert flat == {0}
    assert len(across) > 1  # strengths
    assert structure_classes(torch.zeros(1, SIZE)).tolist() == [0]
