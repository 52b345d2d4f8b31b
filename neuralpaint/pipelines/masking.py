"""Masking: which pixels of a picture are unknown, count more, or are learned first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from neuralpaint.config.settings import Settings, flag_of, setting
from neuralpaint.errors import UsageError
from neuralpaint.image.masks import (
    AlphaMask,
    Mask,
    focus_weights,
    mask_names,
    masks,
    parse_mask,
    unknown_pixels,
)
from neuralpaint.image.orders import Order, learning_order, order_names, orders
from neuralpaint.image.pictures import NO_ALPHA, Fill, Picture, PictureSettings, Source

__all__ = ["MaskSettings", "PictureReader", "ReferenceSettings"]

# Options that have no effect without another one.
_BELONGING = {
    "mask": ("invert", "fill"),
    "focus": ("focus_weight",),
    "order": ("order_until",),
}


@dataclass(frozen=True)
class ReferenceSettings(Settings):
    """The picture without its hole, to measure how well the hole is filled."""

    section: ClassVar[str] = "Mask"

    truth: str | None = setting(
        None,
        "the picture without its hole, to measure how well the hole is filled; unset, the PSNR "
        "is measured at the known pixels, or at all pixels if the mask is generated",
        unit="FILE",
    )

    def files(self) -> dict[str, str]:
        """Return the path of the reference, if there is one."""
        return {} if self.truth is None else {"truth": self.truth}

    def without_folders(self) -> Self:
        """Return a copy in which the path is reduced to its last part."""
        return self if self.truth is None else replace(self, truth=_file_name(self.truth))


@dataclass(frozen=True)
class MaskSettings(Settings):
    """Which pixels are unknown, which count more, and which are learned first."""

    section: ClassVar[str] = "Mask"

    mask: str | None = setting(
        None,
        "the unknown pixels, which are filled: a generated mask by its name, or a file of the same "
        "shape in which they are white or transparent",
        unit="FILE",
        entries=mask_names,
    )
    invert: bool = setting(False, "swap the known and the unknown pixels of the mask")
    fill: Literal[Fill, "none"] = setting(
        "patches",
        "what the network learns at unknown pixels; patches: the most likely colours given the "
        "picture's own patches; texture: where the hole is wide, patches of the picture itself, "
        "put together without seams; both are computed before the training; none: nothing",
    )
    focus: str | None = setting(
        None,
        "the pixels to learn best: a mask as for --mask, in which white counts more than black",
        unit="FILE",
        entries=mask_names,
    )
    focus_weight: float = setting(
        8.0,
        "weight of the focus; the weight of all other pixels is 1",
        unit="times",
        above=0.0,
        maximum=1000,
    )
    order: str | None = setting(
        None,
        "the order in which pixels are learned: a named order, or a mask as for --mask, from black "
        "(first) to white (last)",
        unit="FILE",
        entries=order_names,
    )
    order_until: float = setting(
        0.7,
        "the fraction of the training after which all pixels are learned",
        minimum=0,
        maximum=0.95,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        changed = self.changes()
        for needed, names in _BELONGING.items():
            for name in names:
                if getattr(self, needed) is None and name in changed:
                    raise UsageError(f"{flag_of(name)} has no effect without --{needed}: add it")

    def files(self) -> dict[str, str]:
        """Return the paths of the masks that are files, by option name."""
        chosen = self.chosen()
        return {name: getattr(self, name) for name, at in chosen.items() if isinstance(at, Path)}

    def without_folders(self) -> Self:
        """Return a copy in which each path is reduced to its last part."""
        return self.replaced(**{name: _file_name(path) for name, path in self.files().items()})

    def chosen(self) -> dict[str, Order | Mask | Path]:
        """Return each mask, as an entry or as the path of a file, by option name."""
        parse = {"mask": parse_mask, "focus": parse_mask, "order": order_names.parse}
        return {name: parse[name](text) for name in parse if (text := getattr(self, name))}


class PictureReader:
    """Reads pictures at the size that settings choose, with their masks and the truth."""

    def __init__(
        self,
        picture: PictureSettings,
        masking: MaskSettings,
        reference: ReferenceSettings | None = None,
        *,
        why_opaque: str | None = NO_ALPHA,
    ) -> None:
        """Check that the settings fit together; `why_opaque` is as for `PictureSettings.read`.

        Raises:
            UsageError: there is a reference and no mask.
        """
        self._picture, self._masking, self._why_opaque = picture, masking, why_opaque
        self._truth = None if reference is None else reference.truth
        if self._truth is not None and masking.mask is None:
            raise UsageError("--truth has no effect without --mask: add it")

    def load(self, source: Source) -> Picture:
        """Read a picture and its masks.

        Raises:
            UsageError: no such file, or a mask cannot be used for this picture.
            PictureError: the picture or a mask cannot be read.
        """
        reads_alpha = any(
            isinstance(chosen, AlphaMask) for chosen in self._masking.chosen().values()
        )
        if reads_alpha and (source == "-" or not isinstance(source, str | Path)):
            raise UsageError("the mask alpha is read from the picture's file: give its name")
        why_opaque = "" if reads_alpha else self._why_opaque
        whole = self._picture.read(source, why_opaque=why_opaque)
        # Masks in files have the size of the picture's file; others are drawn at the learned size.
        whole = replace(whole, **self._planes(whole, source, files=True))
        picture = self._picture.sized(whole)
        return replace(picture, **self._planes(picture, source, files=False))

    def _planes(self, picture: Picture, source: Source, *, files: bool) -> dict[str, Any]:
        """Return the planes of a picture that are read from files, or those that are generated."""
        masking = self._masking
        given: Any = {"source": source, "max_pixels": self._picture.max_pixels}
        shape = picture.height, picture.width
        chosen = {name: isinstance(at, Path) for name, at in masking.chosen().items()}
        planes: dict[str, Any] = {}
        if masking.focus is not None and chosen["focus"] == files:
            planes["weights"] = focus_weights(
                masking.focus, shape, weight=masking.focus_weight, **given
            )
        if masking.order is not None and chosen["order"] == files:
            planes["order"] = learning_order(
                masking.order, pixels=picture.pixels, until=masking.order_until, **given
            )
        if masking.mask is not None and chosen["mask"] == files:
            planes["unknown"] = unknown_pixels(masking.mask, shape, invert=masking.invert, **given)
        if masking.mask is not None and not files:
            planes["truth"] = self._truth_of(picture)
            planes["fills"] = masking.fill != "none"
            if masking.fill != "none":
                planes["fill"] = masking.fill
        return planes

    def _truth_of(self, picture: Picture) -> NDArray[np.uint8] | None:
        """Return the pixels without the hole, where they are known."""
        if self._truth is None:
            mask = self._masking.chosen()["mask"]
            is_whole = isinstance(mask, Mask) and not isinstance(mask, AlphaMask)
            return picture.pixels if is_whole else None
        truth = self._picture.load(self._truth)
        if truth.pixels.shape != picture.pixels.shape:
            raise UsageError(
                f"--truth {self._truth!r} is {truth.width}x{truth.height}, and the picture "
                f"{picture.width}x{picture.height}: give the same picture without its hole"
            )
        return truth.pixels


def _file_name(path: str) -> str:
    """Return the last part of a path, written so that it cannot be read as a generated mask."""
    name = PurePath(path).name
    taken = name.partition(":")[0]
    return f"./{name}" if taken in masks or taken in orders or not PurePath(name).suffix else name
