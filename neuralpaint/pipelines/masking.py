"""Masking: what of a picture is unknown, what counts more, and what is learned first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from neuralpaint.config.settings import setting
from neuralpaint.errors import UsageError
from neuralpaint.image.masks import masks
from neuralpaint.image.masks.entries import AlphaMask, Mask
from neuralpaint.image.masks.focus import weights_of
from neuralpaint.image.masks.orders import Order, order_names, order_of, orders
from neuralpaint.image.masks.unknown import mask_names, parse_mask, unknown_of
from neuralpaint.image.pictures import Picture, PictureSettings, Source

__all__ = ["MaskSettings"]

# What belongs to a setting, and says nothing without it.
_BELONGING = {
    "mask": ("invert", "truth", "fill"),
    "focus": ("focus_weight",),
    "order": ("order_until",),
}


@dataclass(frozen=True)
class MaskSettings(PictureSettings):
    """How a picture is read, and what is said of its pixels."""

    section: ClassVar[str] = "Mask"

    mask: str | None = setting(
        None,
        "what of the picture is unknown and to be filled in: drawn by name, or what is white, or "
        "transparent, in a picture of the same shape",
        unit="FILE",
        entries=mask_names,
    )
    invert: bool = setting(False, "change what the mask says is known with what is unknown")
    fill: Literal["patches", "none"] = setting(
        "patches",
        "what the network learns where a mask hides the picture; patches: what the picture's own "
        "patches make likely, filled in before the training; none: nothing, it guesses",
    )
    truth: str | None = setting(
        None,
        "the picture without its hole, to tell how well that is filled; unset, PSNR is that of the "
        "known pixels, but that of all where a mask is drawn over a picture that is whole",
        unit="FILE",
    )
    focus: str | None = setting(
        None,
        "what is learned best: a mask as above, of which white counts more than black",
        unit="FILE",
        entries=mask_names,
    )
    focus_weight: float = setting(
        8.0, "how much the focus counts, the rest being 1", unit="times", above=0.0, maximum=1000
    )
    order: str | None = setting(
        None,
        "what is learned first and what later: by name, or a mask as above, of which black is "
        "first and white last",
        unit="FILE",
        entries=order_names,
    )
    order_until: float = setting(
        0.7,
        "the part of the training after which all is being learned",
        minimum=0,
        maximum=0.95,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        changed = self.changes()
        for needed, names in _BELONGING.items():
            for name in names:
                if getattr(self, needed) is None and name in changed:
                    flag = f"--{name.replace('_', '-')}"
                    raise UsageError(f"{flag} is about --{needed}, and there is none: give it too")

    def files(self) -> dict[str, str]:
        """Return the settings that name a file, by their own names."""
        chosen: dict[str, Any] = {"truth": self.truth and Path(self.truth), **self._chosen()}
        return {name: getattr(self, name) for name, at in chosen.items() if isinstance(at, Path)}

    def told(self) -> Self:
        """Return the settings as others may read them: of a file no more than its name."""
        names: dict[str, Any] = {name: _name(path) for name, path in self.files().items()}
        return replace(self, **names)

    def _chosen(self) -> dict[str, Order | Mask | Path]:
        """Return what each mask is, drawn or a file, by the setting's name."""
        parse = {"mask": parse_mask, "focus": parse_mask, "order": order_names.parse}
        return {name: parse[name](text) for name in parse if (text := getattr(self, name))}

    def load(self, source: Source) -> Picture:
        """Read a picture, and say of its pixels what the settings say.

        Raises:
            UsageError: no such file, or a mask cannot be used for this picture.
            PictureError: the picture or a mask cannot be read.
        """
        looks_it_up = any(isinstance(chosen, AlphaMask) for chosen in self._chosen().values())
        if looks_it_up and (source == "-" or not isinstance(source, str | Path)):
            raise UsageError("the mask alpha is read from the picture's file: give its name")
        whole = self.read(source)
        # A file is of the picture as it was given, and what is drawn of it as it is learned.
        whole = replace(whole, **self._planes(whole, source, files=True))
        picture = self.sized(whole)
        return replace(picture, **self._planes(picture, source, files=False))

    def _planes(self, picture: Picture, source: Source, *, files: bool) -> dict[str, Any]:
        """Return what is said of a picture's pixels, by files or else by what is drawn."""
        given: Any = {"source": source, "max_pixels": self.max_pixels}
        size: Any = {"height": picture.height, "width": picture.width, **given}
        chosen = {name: isinstance(at, Path) for name, at in self._chosen().items()}
        planes: dict[str, Any] = {}
        if self.focus is not None and chosen["focus"] == files:
            planes["weights"] = weights_of(self.focus, weight=self.focus_weight, **size)
        if self.order is not None and chosen["order"] == files:
            planes["order"] = order_of(
                self.order, pixels=picture.pixels, until=self.order_until, **given
            )
        if self.mask is not None and chosen["mask"] == files:
            planes["unknown"] = unknown_of(self.mask, invert=self.invert, **size)
        if self.mask is not None and not files:
            planes["truth"] = self._truth_of(picture)
            planes["fills"] = self.fill != "none"
        return planes

    def _truth_of(self, picture: Picture) -> NDArray[np.uint8] | None:
        """Return the pixels without the hole, where they are known."""
        if self.truth is None:
            mask = self._chosen()["mask"]
            is_whole = isinstance(mask, Mask) and not isinstance(mask, AlphaMask)
            return picture.pixels if is_whole else None
        truth = super().load(self.truth)
        if truth.pixels.shape != picture.pixels.shape:
            raise UsageError(
                f"--truth {self.truth!r} is {truth.width}x{truth.height}, and the picture "
                f"{picture.width}x{picture.height}: give the same picture without its hole"
            )
        return truth.pixels


def _name(path: str) -> str:
    """Return a file's name without its folder, so written that nobody takes it for a mask's."""
    name = PurePath(path).name
    taken = name.partition(":")[0]
    return f"./{name}" if taken in masks or taken in orders or not PurePath(name).suffix else name
