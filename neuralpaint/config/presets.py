"""Presets: groups of settings under one name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["PRESETS", "Preset"]


@dataclass(frozen=True)
class Preset:
    """Values for some settings; options on the command line override them."""

    summary: str
    values: Mapping[str, Any]


PRESETS = {
    "draft": Preset(
        "A quick look: a short training, a clip of five seconds.",
        {"steps": 600, "frames": 75, "fps": 15.0},
    ),
    "original": Preset(
        "The original experiment: 31 layers of 300 units and 32 harmonics. Slow without a GPU.",
        {
            "model": "fourier:order=32,hidden_size=300,hidden_layers=30,activation=leaky_relu",
            "optimizer": "adam:lr=0.001,beta2=0.999",
            "schedule": "step:every=3,factor=0.5",
            "loss": "mse",
            "clip": 0.01,
            "batch": 8000,
            "epochs": 20.0,
            "every": 2,
            "ema": 0.0,
        },
    ),
}
