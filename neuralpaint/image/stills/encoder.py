"""An encoder turns the rows of one still, from top to bottom, into one file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["Depth", "Encoder", "Rows", "Sheet", "WholeEncoder"]

Depth = Literal[8, 16]
Rows = NDArray[np.uint8] | NDArray[np.uint16]  # (rows, width, 3)


@dataclass(frozen=True)
class Sheet:
    """Everything that is decided about a still before its first row."""

    height: int
    width: int
    depth: Depth = 8  # bits of a colour of a pixel
    tag: str = ""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of its pixels."""
        return np.dtype(np.uint8 if self.depth == 8 else np.uint16)

    @property
    def row_bytes(self) -> int:
        """The size of a row that is not compressed."""
        return self.width * 3 * self.dtype.itemsize


class Encoder(ABC):
    """Writes one file; used by one thread, whichever it uses itself."""

    @abstractmethod
    def write(self, rows: Rows) -> None:
        """Take the next rows (n, width, 3) of the sheet's type; they may change afterwards."""

    @abstractmethod
    def finish(self) -> None:
        """Write what is left, after the last row."""

    def close(self) -> None:  # noqa: B027 - there need be nothing to let go of
        """Let go of everything, whether it is finished or not."""


class WholeEncoder(Encoder):
    """Collects the rows, for kinds of file that can only be made of a whole picture of 8 bits."""

    def __init__(
        self, file: BinaryIO, sheet: Sheet, *, encode: Callable[[Image.Image], bytes]
    ) -> None:
        self._file, self._encode = file, encode
        self._pixels = np.empty((sheet.height, sheet.width, 3), np.uint8)
        self._filled = 0

    def write(self, rows: Rows) -> None:
        """Keep a copy of the rows."""
        self._pixels[self._filled : self._filled + len(rows)] = rows
        self._filled += len(rows)

    def finish(self) -> None:
        """Encode the picture."""
        self._file.write(self._encode(Image.fromarray(self._pixels)))
