"""Filming: where the frames of a clip come from, and what that costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

from neuralpaint.pipelines.footage import Footage
from neuralpaint.rendering.allowance import Allowance
from neuralpaint.rendering.inbetweens import film
from neuralpaint.rendering.sketches import film_sketches
from neuralpaint.rendering.stage import Filmed, Stage
from neuralpaint.training.learning import Snapshot

__all__ = ["Filming", "FramesFrom"]

FramesFrom = Literal["auto", "render", "training"]

# How much of a true render a shot costs, until it is known: with `auto` most shots are blended.
_COSTS: dict[FramesFrom, float] = {"auto": 0.5, "render": 1.0, "training": 0.02}


class Filming:
    """Films the shots of some footage."""

    def __init__(
        self,
        footage: Footage,
        stage: Stage,
        *,
        frames_from: FramesFrom,
        shots: int,
        interrupted: Callable[[], bool],
    ) -> None:
        """Prepare to film `shots` shots; once it is `interrupted`, whatever is left is hurried."""
        self._footage = footage
        self._stage = stage
        self._frames_from = frames_from
        self._shots = shots
        self._interrupted = interrupted
        self._allowance: Allowance | None = None

    def allow(self, seconds: float, *, clock: Callable[[], float]) -> None:
        """Let filming take no longer than so many seconds by a clock, if it can be helped."""
        frame = self._stage.seconds_per_frame(self._footage.painting())
        guess = frame * _COSTS[self._frames_from]
        self._allowance = Allowance(seconds, shots=self._shots, guess=guess, clock=clock)

    def ahead(self) -> float:
        """Return about how many of the allowed seconds the other shots are going to take."""
        return 0.0 if self._allowance is None else self._allowance.ahead()

    def film(self, shots: Iterator[Snapshot]) -> Iterator[Filmed]:
        """Yield what is seen of each shot; where many are blended, a few shots after it."""
        for filmed in self._film(shots):
            if self._allowance is not None:
                self._allowance.count()
            yield filmed

    def _film(self, shots: Iterator[Snapshot]) -> Iterator[Filmed]:
        if self._frames_from == "training":
            return film_sketches(shots, self._footage, self._stage, count=self._shots)
        # A GPU renders a frame in less time than the blend would take, and what moves past a camera
        # is not between two frames.
        blends = self._footage.device == "cpu" and not self._stage.moves
        return film(
            shots,
            self._stage,
            count=self._shots,
            blending=blends and self._frames_from == "auto",
            hurried=self._hurried,
        )

    def _hurried(self) -> bool:
        if self._frames_from == "render" or self._stage.moves:
            return False
        return self._interrupted() or (self._allowance is not None and self._allowance.is_short())
