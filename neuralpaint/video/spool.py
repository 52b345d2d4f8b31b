"""Frames kept on disk: what playing backwards needs, without holding a film in memory."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from neuralpaint.runtime.files import write_error

__all__ = ["FrameSpool"]


class FrameSpool:
    """A growing sequence of uint8 frames (height, width, 3), all of one shape, on disk.

    The file has no name and vanishes with the process, however that ends.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        """Open the spool in `folder`; the system's temporary folder when it is None.

        Raises:
            EncodingError: no file can be made there.
        """
        self._folder = str(folder or tempfile.gettempdir())
        self._shape: tuple[int, ...] = ()
        self._length = 0
        try:
            self._file = tempfile.TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115
        except OSError as error:
            raise write_error(self._folder, error) from error

    def append(self, frame: NDArray[np.uint8]) -> None:
        """Write one frame at the end; the first one decides the shape of all.

        Raises:
            ValueError: it is not a uint8 array of that shape.
            EncodingError: the disk is full.
        """
        self._shape = self._shape or frame.shape
        if frame.dtype != np.uint8 or frame.shape != self._shape or frame.ndim != 3:
            raise ValueError(
                f"a frame must be uint8 {self._shape}, not {frame.dtype} {frame.shape}"
            )
        rest = np.ascontiguousarray(frame).data.cast("B")
        try:
            self._file.seek(self._length * frame.nbytes)
            while rest:  # a nearly full disk takes less than it was given
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise write_error(self._folder, error) from error
        self._length += 1

    def read(self, index: int) -> NDArray[np.uint8]:
        """Return a new array with the frame at `index`, counted from 0.

        Raises:
            IndexError: there is no such frame.
            EncodingError: the disk failed.
        """
        if not 0 <= index < self._length:
            raise IndexError(f"no frame {index} among {self._length}")
        frame = np.empty(self._shape, dtype=np.uint8)
        rest = frame.data.cast("B")
        try:
            self._file.seek(index * frame.nbytes)
            while rest:
                count = self._file.readinto(rest)
                if not count:
                    raise OSError("the file was cut short")
                rest = rest[count:]
        except OSError as error:
            raise write_error(self._folder, error) from error
        return frame

    def __len__(self) -> int:
        return self._length

    def close(self) -> None:
        """Give the disk space back; calling it again does nothing."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
