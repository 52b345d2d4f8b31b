"""Annotations: what the overlays draw on every frame, of what the film has shown so far."""

from __future__ import annotations

from collections.abc import Sequence

from neuralpaint.rendering.stage import Filmed, Frame, Stage
from neuralpaint.video.overlays import Moment, Overlay, Point, compose, composed_size

__all__ = ["Annotations"]


class Annotations:
    """Draws on the frames of one film, which come one after another."""

    def __init__(self, overlays: Sequence[Overlay], stage: Stage) -> None:
        self._overlays, self._stage = overlays, stage
        self._history: list[Point] = []

    @property
    def shows_hole(self) -> bool:
        """Whether what is drawn is the hole of a picture."""
        return any(overlay.needs_mask for overlay in self._overlays)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of a frame that was drawn on."""
        stage = self._stage
        return composed_size(self._overlays, height=stage.height, width=stage.width)

    def draw(self, filmed: Filmed, *, steps: int, shots: int) -> Frame:
        """Return the next frame with all overlays, uint8 of `size`.

        `steps` and `shots` are those of the whole film, as far as is known.
        """
        if not self._overlays:
            return filmed.frame
        shot = filmed.shot
        self._history.append(Point(shot.step, shot.seconds, shot.loss, filmed.psnr))
        moment = Moment(
            index=len(self._history) - 1,
            count=shots,
            step=shot.step,
            steps=steps,
            seconds=shot.seconds,
            loss=shot.loss,
            psnr=filmed.psnr,
            history=self._history,
        )
        return compose(
            self._overlays,
            filmed.frame,
            moment=moment,
            # With a camera it is another one every time: for those that look at it only.
            original=lambda: self._stage.original(moment.progress),
            hidden=lambda: self._stage.unknown(moment.progress),
            unjudged=lambda: self._stage.unjudged(moment.progress),
        )
