"""The making of one film: sweep, claim a part, let a sink fill it with frames, publish it.

All of it happens on the writer's thread, where no signal can interrupt it between two steps.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from neuralpaint.errors import EncodingError
from neuralpaint.runtime.files import PartFile, part_file, remove_stale_parts
from neuralpaint.video.sinks import Script

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Film"]


class Film:
    """One film in the making; `make` runs on one thread, `stop` may be called from any other."""

    def __init__(self, script: Script) -> None:
        self.length = 0  # frames that are in the film
        self.published = False
        self._script = script
        self._sink = script.format.sink()

    def make(self, frames: Iterable[NDArray[np.uint8]]) -> None:
        """Write every frame (height, width, 3) and publish the file, or leave nothing.

        Raises:
            EncodingError: ffmpeg died or refused, or the disk is full.
        """
        target = self._script.target
        remove_stale_parts(target, keep=self._sink.is_playable if self._script.rescue else None)
        with part_file(target, folder=self._sink.folder) as part:
            try:
                self._fill(part, frames)
                if not self._sink.stopped:
                    part.publish()
                    self.published = True
            except EncodingError as error:
                if self._sink.stopped:  # what ffmpeg says of its death is no news
                    return
                raise EncodingError(f"{str(target)!r} cannot be written: {error}") from error
            finally:
                # ffmpeg is gone before its file is: it must not make it anew.
                self._sink.discard()

    def stop(self) -> None:
        """End the making at once: whatever runs is killed and `make` leaves nothing."""
        self._sink.stop()

    def _fill(self, part: PartFile, frames: Iterable[NDArray[np.uint8]]) -> None:
        self._sink.open(part, self._script)
        for frame in frames:
            if self._sink.stopped:
                return
            self._sink.write(frame)
            self.length += 1
        self._sink.finish()
