"""Presets and looks: values for several settings under one name.

A look determines what the film looks like, a preset how much is computed. Both
can be chosen together.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from neuralpaint.config.registry import extended
from neuralpaint.config.settings import Settings, options
from neuralpaint.errors import UnknownNameError, UsageError

__all__ = ["LOOKS", "PRESETS", "Preset", "chosen_values", "expanded"]


@dataclass(frozen=True)
class Preset:
    """Values for some settings; other options override them, and commands ignore what they lack."""

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
            "model": "fourier:order=32,hidden_size=300,hidden_layers=30,activation=leaky_relu,"
            "mirror=false,anneal=0,decay=0,factors=1",
            "optimizer": "adam:lr=0.001,beta2=0.999",
            "schedule": "step:every=3,factor=0.5",
            "loss": "mse",
            "clip": 0.01,
            "batch": 8000,
            "epochs": 20.0,
            "every": 2,
            "ema": 0.0,
            "pacing": "fixed",
        },
    ),
}

# A look leaves the pacing unset where it is even, the default: then it is fixed with --every and
# --frames-from training, which show intervals of steps.
LOOKS = {
    "focus": Preset(
        "The default: a lens that is slowly focused.",
        {"model": "fourier"},
    ),
    "watercolour": Preset(
        "Washes of colour that dry into a photograph.",
        {"model": "pyramid:waves=16,fade=0.4"},
    ),
    "bloom": Preset(
        "Detail opens like a flower, from the busiest place outwards.",
        {"model": "pyramid:bloom=yes,fade=0.5"},
    ),
    "brush": Preset(
        "Dabs of paint that find their places.",
        {"model": "skipconn"},
    ),
    "fold": Preset(
        "Planes of colour that fold, as if cut from paper.",
        {
            "model": "mlp:encoding=none,hidden_size=64,hidden_layers=6",
            "optimizer": "muon",
            "lr": 0.04,
            "schedule": "cosine:warmup=200",
        },
    ),
    "confetti": Preset(
        "Bright flakes that settle.",
        {
            "model": "mlp:features=96,sigma=6,hidden_size=80",
            "optimizer": "muon",
            "lr": 0.02,
            "schedule": "cosine:warmup=200",
        },
    ),
    "kaleidoscope": Preset(
        "Twelve mirrors that open one after another.",
        {
            "model": "mlp:encoding=polar,unfold=0.5,hidden_size=64,hidden_layers=4,activation=sine",
            "optimizer": "muon",
            "lr": 0.02,
            "schedule": "cosine:warmup=200",
            "loss": "mae",
        },
    ),
    "weave": Preset(
        "The default of 0.1: a bright cloth of threads that unravels at once.",
        {
            "model": "fourier:mirror=false,anneal=0,decay=0,strength=8,factors=1",
            "pacing": "fixed",
        },
    ),
    "original": PRESETS["original"],
}

# By the option that chooses one, in the order in which they are applied.
_CHOICES = {"look": LOOKS, "preset": PRESETS}


def chosen_values(cls: type[Settings], names: Mapping[str, str]) -> dict[str, Any]:
    """Return the values of a look and a preset, except those that the settings class cannot have.

    `names` is for example `{"look": "watercolour", "preset": "draft"}`; either may be missing. The
    preset overrides the look. `name:key=value,...` changes settings of its model.

    Raises:
        UsageError: there is no such look or preset, or its model has no such setting.
    """
    layers = []
    for kind, presets in _CHOICES.items():
        if (chosen := names.get(kind)) is None:
            continue
        name, _, changes = str(chosen).partition(":")
        if name not in presets:
            raise UnknownNameError(kind, name, presets)
        values = {k: v for k, v in presets[name].values.items() if _accepts(cls, k, v)}
        if changes:
            if "model" not in values:
                raise UsageError(f"{kind} {name!r} has no model: leave out {changes!r}")
            values["model"] = options(cls)["model"].convert(extended(values["model"], changes))
        layers.append(values)
    return cls.layered(*layers)


def expanded(
    cls: type[Settings], values: Mapping[str, Any], *, unused: Collection[str] = ()
) -> dict[str, Any]:
    """Return the values with `look` and `preset` replaced by the values that they stand for.

    A look or a preset does not set the `unused` options.

    Raises:
        UsageError: see `chosen_values`.
    """
    chosen = {k: v for k, v in chosen_values(cls, values).items() if k not in unused}
    return cls.layered(chosen, {k: v for k, v in values.items() if k not in _CHOICES})


def _accepts(cls: type[Settings], name: str, value: object) -> bool:
    option = options(cls).get(name)
    try:
        return option is not None and option.convert(value) is not None
    except UsageError:
        return False
