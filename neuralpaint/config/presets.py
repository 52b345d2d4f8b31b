"""Presets, looks and places: values for several settings under one name.

A look determines what the film looks like, a place where it will be shown, a preset how much is
computed. They can be chosen together.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from neuralpaint.config.registry import extended
from neuralpaint.config.settings import Settings, options
from neuralpaint.errors import UnknownNameError, UsageError

__all__ = ["LOOKS", "PLACES", "PRESETS", "Preset", "chosen_values", "combined", "expanded"]

S = TypeVar("S", bound=Settings)


@dataclass(frozen=True)
class Preset:
    """Values for some settings; other options override them, and commands ignore what they lack."""

    summary: str
    values: Mapping[str, Any]


PRESETS = {
    "draft": Preset(
        "A quick look: a short training, a clip of five seconds.",
        {"steps": 400, "frames": 75, "fps": 15.0},
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

# Sizes, rates and lengths are those of the places' own help pages; all of them encode a clip again,
# so the better it arrives, the better it is shown. `safe` are the parts of a frame that they cover:
# name and buttons above, text and buttons below, of reels also a column of buttons on the right.
PLACES = {
    "reel": Preset(
        "Upright, for Instagram Reels, TikTok and YouTube Shorts.",
        {
            "size": "1080x1920",
            "fit": "cover",
            "fps": 30.0,
            "duration": 12.0,
            "format": "mp4:crf=17",
            "safe": "14,12,35,6",
            "cover": True,
        },
    ),
    "story": Preset(
        "Upright, for stories and a status, which last at most 15 seconds.",
        {
            "size": "1080x1920",
            "fit": "cover",
            "fps": 30.0,
            "duration": 10.0,
            "format": "mp4:crf=18",
            "safe": "14,6,20,6",
            "cover": True,
        },
    ),
    "square": Preset(
        "Square, for a post among others.",
        {
            "size": "1080x1080",
            "fit": "cover",
            "fps": 30.0,
            "duration": 10.0,
            "format": "mp4:crf=18",
            "cover": True,
        },
    ),
    "youtube": Preset(
        "Wide, in HD, for YouTube and screens.",
        {
            "size": "1920x1080",
            "fit": "cover",
            "fps": 30.0,
            "duration": 15.0,
            "format": "mp4:crf=16",
            "cover": True,
        },
    ),
    "4k": Preset(
        "Wide, in 4K, for large screens; slow without a GPU.",
        {
            "size": "3840x2160",
            "fit": "cover",
            "fps": 30.0,
            "duration": 15.0,
            "format": "mp4:crf=17",
            "cover": True,
        },
    ),
    "chat": Preset(
        "A file of a few MB in the picture's own shape, for messengers and e-mail.",
        {
            "longest": 1280,
            "fps": 24.0,
            "duration": 8.0,
            "format": "mp4:crf=21,preset=slow",
            "cover": True,
        },
    ),
}

# By the setting that chooses one, in the order in which they are applied.
_CHOICES = {"look": LOOKS, "place": PLACES, "preset": PRESETS}


def chosen_values(cls: type[Settings], names: Mapping[str, str]) -> dict[str, Any]:
    """Return the values of a look, a place and a preset, except those that the class cannot have.

    `names` is for example `{"look": "watercolour", "preset": "draft"}`; each may be missing. The
    preset overrides the place, and the place the look. `name:key=value,...` changes settings of its
    model.

    Raises:
        UsageError: there is no such look, place or preset, or its model has no such setting.
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


def combined(
    cls: type[S],
    *,
    preset: Mapping[str, Any],
    typed: Mapping[str, Any],
    earlier: Mapping[str, Any] | None = None,
) -> S:
    """Return the settings of a command.

    Args:
        cls: their class.
        preset: values of a look, a place and a preset.
        typed: values that the user has set. One also unsets the values of a preset that exclude it:
            `--preset original --steps 100` trains 100 steps and not 20 epochs.
        earlier: values of an earlier run, which override a preset's; options that the class does
            not have are ignored.

    Raises:
        UsageError: a value cannot be used.
    """
    known = options(cls)
    before = {name: value for name, value in (earlier or {}).items() if name in known}
    implied = cls.implied({**preset, **before, **typed})
    return cls.from_dict(cls.layered(implied, preset, before, typed))


def expanded(
    cls: type[Settings], values: Mapping[str, Any], *, unused: Collection[str] = ()
) -> dict[str, Any]:
    """Return the values with `look`, `place` and `preset` replaced by what they stand for.

    They do not set the `unused` options.

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
