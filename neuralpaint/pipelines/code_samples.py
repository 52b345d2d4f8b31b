"""Samples: stills at codes that were not trained, and contact sheets of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuralpaint.errors import UsageError
from neuralpaint.image.still_files import save_still
from neuralpaint.models.codes import corners, random_codes
from neuralpaint.pipelines.sheets import Print, draw_contact_sheet
from neuralpaint.runtime.files import check_output_folder, write_error
from neuralpaint.video.drawing import Frame

__all__ = ["MOST_CORNERS", "Samples", "spelled"]

MOST_CORNERS = 256
"""The most combinations of buttons on one sheet."""

_SHEET, _GRID = "sheet.png", "grid.png"
_SAMPLE_FILE = re.compile(r"([01]+|sample-\d+|sheet|grid)\.png", re.ASCII)


class Samples:
    """A folder beside a clip: stills at some codes, a sheet of them, and a sheet of all corners."""

    def __init__(
        self,
        clip: Path,
        *,
        codes: NDArray[np.float32],
        buttons: bool,
        count: int,
        grid: bool,
        seed: int,
    ) -> None:
        """Choose the codes.

        Args:
            clip: the clip.
            codes: the trained codes, (pictures, k).
            buttons: whether codes are combinations of buttons, 0 or 1.
            count: the number of random codes.
            grid: whether a sheet of all combinations of buttons is drawn.
            seed: of the random codes.

        Raises:
            UsageError: there are fewer than `count` combinations, or too many for a sheet.
        """
        self.folder = clip.with_name(f"{clip.stem}-samples")
        self._codes = random_codes(codes, count, np.random.default_rng(seed), buttons=buttons)
        count = 2 ** codes.shape[1]
        if grid and not buttons:
            raise UsageError("--grid draws all combinations of buttons: give --codes from-names")
        if grid and count > MOST_CORNERS:
            raise UsageError(
                f"--grid: {codes.shape[1]} buttons have {count:,} combinations, and a sheet has "
                f"room for {MOST_CORNERS}: leave it out, or use --sample"
            )
        self._trained = {code.tobytes() for code in codes}
        self._corners = corners(codes.shape[1]) if grid else None

    def check(self, *, overwrite: bool) -> None:
        """Check that the folder can be written.

        Raises:
            UsageError: the folder cannot be made, or contains other files.
            EncodingError: the folder is not writable.
        """
        if self:
            check_output_folder(self.folder, belongs=_is_sample, overwrite=overwrite)

    def __bool__(self) -> bool:
        return bool(len(self._codes)) or self._corners is not None

    def write(self, show: Callable[[NDArray[np.float32]], Frame], *, tag: str) -> list[Path]:
        """Write all files and return them; `show` returns the frame at a code.

        Raises:
            EncodingError: a file cannot be written.
        """
        try:
            self.folder.mkdir(exist_ok=True)
            for path in self.folder.iterdir():
                if _is_sample(path.name):  # from an earlier run
                    path.unlink()
        except OSError as error:
            raise write_error(self.folder, error) from error
        return [
            save_still(frame, self.folder / name, tag=tag, overwrite=True)
            for name, frame in self._frames(show)
        ]

    def _frames(self, show: Callable[[NDArray[np.float32]], Frame]) -> Iterator[tuple[str, Frame]]:
        prints = []
        for number, code in enumerate(self._codes, 1):
            frame, name = show(code), spelled(code)
            prints.append(Print(frame, name))
            yield f"{name if name.isdigit() else f'sample-{number:04}'}.png", frame
        if prints:
            yield _SHEET, draw_contact_sheet(prints)
        if self._corners is not None:
            prints = [Print(show(code), self._caption(code)) for code in self._corners]
            yield _GRID, draw_contact_sheet(prints, columns=_grid_columns(len(prints)))

    def _caption(self, code: NDArray[np.float32]) -> str:
        return f"{spelled(code)} (learned)" if code.tobytes() in self._trained else spelled(code)


def _is_sample(name: str) -> bool:
    return _SAMPLE_FILE.fullmatch(name) is not None


def spelled(code: NDArray[np.float32]) -> str:
    """Return a code as text: a digit per button, or its numbers."""
    if np.isin(code, (0, 1)).all():
        return "".join(str(int(number)) for number in code)
    return ", ".join(f"{number:.2g}" for number in code)


def _grid_columns(count: int) -> int:
    """Return the columns of a grid of 2^k corners: half of the bits vary from left to right."""
    bits = count.bit_length() - 1
    return int(2 ** ((bits + 1) // 2))
