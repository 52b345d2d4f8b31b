"""Settings of learned planes: how fine they are, and how their details appear."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Self

from neuralpaint.config.settings import Settings, setting
from neuralpaint.errors import UsageError
from neuralpaint.image.busyness import busiest_place
from neuralpaint.image.canvas import Canvas
from neuralpaint.models.codes import Subject

if TYPE_CHECKING:
    from neuralpaint.models.encodings.bloom import Bloom

__all__ = ["PlanesSettings", "PyramidSettings"]

_SOFTNESS = 0.3
_WAVES = 16  # of a bloom, unless `waves` is set


@dataclass(frozen=True)
class PlanesSettings(Settings):
    """Settings of learned planes, for the encoding and for the models with such planes."""

    detail: float = setting(
        1.0, "pixels per node of the finest plane on each axis; 2 takes a quarter of the weights",
        minimum=0.5, maximum=64,
    )  # fmt: skip
    fade: float = setting(
        0.3, "fraction of the training during which the planes fade in, coarsest first", minimum=0,
        maximum=1,
    )  # fmt: skip


@dataclass(frozen=True)
class PyramidSettings(PlanesSettings):
    """Settings of learned planes over one picture, whose details can spread from one place."""

    # (pixels per node, features per node) of each plane, chosen by measurements on photographs.
    planes: ClassVar[tuple[tuple[float, int], ...]] = ((1, 1), (2, 4), (8, 8))
    # Frequencies of the waves, in periods along the longer side: they show no shapes.
    wave_range: ClassVar[tuple[float, float]] = (0.5, 2.5)

    waves: int | None = setting(
        None,
        "long waves that are learned before all planes, so that a clip begins with soft clouds of "
        "colour; unset, 16 for a bloom, else 0",
        minimum=0,
        maximum=1024,
    )
    bloom: bool = setting(
        False, "let the planes fade in around one place first, and spread over the picture"
    )
    x: float | None = setting(
        None,
        "the place where a bloom begins, from 0 at the left edge to 1 at the right; unset, the "
        "busiest place of the picture",
        minimum=0,
        maximum=1,
    )
    y: float | None = setting(
        None, "the same, from 0 at the top to 1 at the bottom", minimum=0, maximum=1
    )
    softness: float = setting(
        _SOFTNESS,
        "time in which the planes of a bloom fade in at one place, as a part of the time that they "
        "take everywhere; 1: everywhere at once",
        minimum=0.05,
        maximum=1,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.bloom and self.fade == 0:
            raise UsageError("bloom needs time to spread: set fade above 0")
        if not self.bloom and (self.x, self.y, self.softness) != (None, None, _SOFTNESS):
            raise UsageError("x, y and softness are for a bloom: add bloom=yes")

    @property
    def wave_count(self) -> int:
        """The number of long waves."""
        return (_WAVES if self.bloom else 0) if self.waves is None else self.waves

    @property
    def fading(self) -> int:
        """The number of planes that fade in: all over waves, otherwise all but the coarsest."""
        return len(self.planes) - (0 if self.wave_count else 1)

    @property
    def is_clamped(self) -> bool:
        """Whether nothing but the planes, which are clamped, is learned."""
        return self.wave_count == 0

    def placed(self, subject: Subject) -> Self:
        """Return the settings with the place where the bloom begins."""
        if not self.bloom or (self.x is not None and self.y is not None):
            return self
        x, y = (round(place, 3) for place in busiest_place(subject.pictures[0]))
        return replace(self, x=x if self.x is None else self.x, y=y if self.y is None else self.y)

    def bloom_over(self, canvas: Canvas) -> Bloom | None:
        """Return the bloom in coordinates of a canvas; without a place, from its middle."""
        from neuralpaint.models.encodings.bloom import Bloom

        if not self.bloom:
            return None
        y, x = (
            ((0.5 if place is None else place) - 0.5) * side
            for place, side in zip((self.y, self.x), canvas.span, strict=True)
        )
        return Bloom(y=y, x=x, softness=self.softness, fading=self.fading)
