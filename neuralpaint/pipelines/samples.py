"""Samples: what the network says of codes that were never trained, as stills and on sheets."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuralpaint.errors import UsageError
from neuralpaint.image.stills import save_still
from neuralpaint.models.codes import corners, random_codes
from neuralpaint.pipelines.contact_sheet import Print, draw_contact_sheet
from neuralpaint.runtime.files import check_output_folder, write_error
from neuralpaint.video.drawing import Frame

__all__ = ["MOST_CORNERS", "Samples", "spelled"]

MOST_CORNERS = 256
"""Combinations of buttons that fit onto one sheet."""

_SHEET, _GRID = "sheet.png", "grid.png"
_OURS = re.compile(r"([01]+|sample-\d+|sheet|grid)\.png", re.ASCII)


class Samples:
    """A folder beside a clip, with stills of some codes, and sheets of them and of all corners."""

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
        """Choose codes: `count` random ones beside the trained (pictures, k), and all for a grid.

        Where they are `buttons`, the random ones are combinations of these.

        Raises:
            UsageError: there are not so many, or no corners.
        """
        self.folder = clip.with_name(f"{clip.stem}-samples")
        self._codes = random_codes(codes, count, np.random.default_rng(seed), buttons=buttons)
        count = 2 ** codes.shape[1]
        if grid and not buttons:
            raise UsageError("--grid draws all combinations of buttons: give --codes from-names")
        if grid and count > MOST_CORNERS:
            raise UsageError(
                f"--grid: {codes.shape[1]} buttons have {count:,} combinations, and a sheet has "
                f"room for {MOST_CORNERS}: leave it out, or ask for --sample"
            )
        self._trained = {code.tobytes() for code in codes}
        self._corners = corners(codes.shape[1]) if grid else None

    def check(self, *, overwrite: bool) -> None:
        """Raise what would keep them from being written.

        Raises:
            UsageError: the folder cannot be there, or holds what is not replaced.
            EncodingError: it cannot be written to.
        """
        if self:
            check_output_folder(self.folder, belongs=_is_ours, overwrite=overwrite)

    def __bool__(self) -> bool:
        return bool(len(self._codes)) or self._corners is not None

    def write(self, show: Callable[[NDArray[np.float32]], Frame], *, tag: str) -> list[Path]:
        """Write all, as `show` shows a code; return the files.

        Raises:
            EncodingError: a file cannot be written.
        """
        try:
            self.folder.mkdir(exist_ok=True)
            for path in self.folder.iterdir():
                if _is_ours(path.name):  # of an earlier run
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
            frame, spoken = show(code), spelled(code)
            prints.append(Print(frame, spoken))
            yield f"{spoken if spoken.isdigit() else f'sample-{number:04}'}.png", frame
        if prints:
            yield _SHEET, draw_contact_sheet(prints)
        if self._corners is not None:
            of_all = [Print(show(code), self._named(code)) for code in self._corners]
            yield _GRID, draw_contact_sheet(of_all, columns=_across(len(of_all)))

    def _named(self, code: NDArray[np.float32]) -> str:
        return f"{spelled(code)} (learned)" if code.tobytes() in self._trained else spelled(code)


def _is_ours(name: str) -> bool:
    return _OURS.fullmatch(name) is not None


def spelled(code: NDArray[np.float32]) -> str:
    """Return a code as text: the digits of buttons, or its numbers."""
    if np.isin(code, (0, 1)).all():
        return "".join(str(int(number)) for number in code)
    return ", ".join(f"{number:.2g}" for number in code)


def _across(count: int) -> int:
    """Return the columns of a grid of 2^k corners, of which half of the bits run across."""
    bits = count.bit_length() - 1
    return int(2 ** ((bits + 1) // 2))
