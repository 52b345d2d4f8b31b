"""Settings of the target that is computed from the picture: its size and its sharpness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from neuralpaint.config.settings import Settings, setting
from neuralpaint.errors import UsageError

__all__ = ["TargetSettings"]


@dataclass(frozen=True)
class TargetSettings(Settings):
    """What the network learns: the picture's own pixels, or a larger target computed from them."""

    section: ClassVar[str] = "Super-resolution"

    target_scale: float | None = setting(
        None,
        "size of the learned target, as a multiple of the picture's width and height; above 1, "
        "the detail between the pixels is learned too; unset, the scale at which the largest frame "
        "shows the picture: at most 4, and 1 if it is below 1.5",
        minimum=1,
        maximum=16,
    )
    enhance: bool = setting(
        False,
        "sharpen the target with detail from similar parts of the picture, before it is learned; "
        "takes about 15 s of CPU time per megapixel of the target",
    )
    kernel: Literal["box", "bicubic", "lanczos", "auto"] = setting(
        "box",
        "how the picture was downsampled to its size: by averaging the area of each pixel, as "
        "in a camera (box), or by a resampler; auto estimates it from the picture, which is mostly "
        "right for a photograph that was downsampled",
    )
    denoise: float | None = setting(
        None,
        "standard deviation of the noise to remove from the target; 0 for none; unset, it is "
        "estimated if the target is larger than the picture",
        unit="levels",
        minimum=0,
        maximum=100,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.enhance and self.target_scale == 1:
            raise UsageError(
                "--enhance needs a target larger than the picture, but --target-scale is 1: "
                "omit one of them"
            )

    @property
    def factor(self) -> float:
        """The target's width and height as a multiple of the picture's."""
        if self.target_scale is not None:
            return self.target_scale
        return 2.0 if self.enhance else 1.0

    @property
    def makes_target(self) -> bool:
        """Whether the target differs from the picture's own pixels."""
        return self.factor > 1 or bool(self.denoise)
