"""What is known of a picture, and how large and how sharp a target is made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from neuralpaint.config.settings import Settings, setting
from neuralpaint.errors import UsageError

__all__ = ["Kernel", "TargetSettings"]

Kernel = Literal["box", "bicubic", "lanczos"]


@dataclass(frozen=True)
class TargetSettings(Settings):
    """What is learned of a picture: its own pixels, or more of them, made from these."""

    section: ClassVar[str] = "Super-resolution"

    target_scale: float | None = setting(
        None,
        "learn so many times the picture's pixels along each side, so that what lies between them "
        "is right too; unset, as many as the largest frame shows, from 1.5 up to 4, else 1",
        minimum=1,
        maximum=16,
    )
    enhance: bool = setting(
        False,
        "sharpen what is learned by what the picture repeats in itself, before it is learned; "
        "takes about 7 s of CPU time per megapixel of it",
    )
    kernel: Kernel = setting(
        "box",
        "how the picture became as small as it is: by the mean of each pixel's area, as in a "
        "camera (box), or by a resampler",
    )
    denoise: float | None = setting(
        None,
        "standard deviation of the noise to be removed from what is learned; 0 for none; unset, "
        "it is estimated where the target is larger than the picture",
        unit="levels",
        minimum=0,
        maximum=100,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.enhance and self.target_scale == 1:
            raise UsageError(
                "--enhance makes a larger target, and --target-scale 1 wants none: leave one out"
            )

    @property
    def factor(self) -> float:
        """How many times as many pixels as the picture has the target has along each side."""
        if self.target_scale is not None:
            return self.target_scale
        return 2.0 if self.enhance else 1.0

    @property
    def makes_target(self) -> bool:
        """Whether what is learned is something else than the picture's own pixels."""
        return self.factor > 1 or bool(self.denoise)
