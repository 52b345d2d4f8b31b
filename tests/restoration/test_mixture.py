from __future__ import annotations

import torch

from neuralpaint.restoration.inpainting.mixture import Mixture
from neuralpaint.restoration.inpainting.patches import SIDE, SIZE
from neuralpaint.restoration.inpainting.structure import structures

NOISE = 0.1


def waves(count: int, *, down: bool, seed: int = 0) -> torch.Tensor:
    """Return grey patches of waves along one axis, with any phase and strength, (count, SIZE)."""
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


def test_patches_are_told_apart_and_freed_of_noise() -> None:
    patches, labels = both()
    clean = Mixture.fitted(patches, labels).against(NOISE)
    seen = noisy(patches)
    assert (clean.labels(seen) == labels).float().mean() > 0.99
    left = (clean(seen) - patches).std()
    # Two directions of 108 have waves in them: noise has the square root of that share.
    assert left < 2 * NOISE * (2 / SIZE) ** 0.5


def test_it_is_the_filter_of_the_equation() -> None:
    patches, _ = both()
    clean = Mixture.fitted(patches, torch.zeros(len(patches))).against(NOISE)
    mean = patches.double().mean(0)
    covariance = (patches.double() - mean).T.cov(correction=0)
    gain = covariance @ torch.linalg.inv(covariance + NOISE**2 * torch.eye(SIZE))
    seen = noisy(patches)
    expected = mean + (seen.double() - mean) @ gain.T
    assert torch.allclose(clean(seen).double(), expected, atol=1e-4)


def test_without_noise_patches_stay() -> None:
    patches, labels = both()
    clean = Mixture.fitted(patches, labels).against(1e-3)
    assert (clean(patches) - patches).abs().max() < 1e-3


def test_rare_labels_are_left_out() -> None:
    patches, labels = both()
    labels[:3] = 7
    assert len(Mixture.fitted(patches, labels).means) == 2
    assert len(Mixture.fitted(patches[:20], torch.arange(20)).means) == 1


def test_the_many_are_likelier_than_the_few() -> None:
    patches, _ = both()
    same = torch.cat([patches, patches[:100]])
    labels = torch.cat([torch.ones(1600, dtype=torch.long), torch.zeros(100, dtype=torch.long)])
    same[1600:] = same[:100]
    mixture = Mixture.fitted(same, labels)
    flat = torch.full((1, SIZE), 0.0)
    # Under strong noise all Gaussians are alike, but for how many they stand for.
    assert mixture.against(10.0).labels(flat).tolist() == [1]


def test_edges_are_grouped_by_strength_and_direction() -> None:
    patches = torch.cat([waves(100, down=False), waves(100, down=True), torch.zeros(100, SIZE)])
    classes = structures(patches)
    across, down, flat = (set(part.tolist()) for part in classes.split(100))
    assert not across & down
    assert flat == {0}
    assert len(across) > 1  # strengths
    assert structures(torch.zeros(1, SIZE)).tolist() == [0]
