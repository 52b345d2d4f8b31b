"""An album: several pictures of one size, and the code under which each is learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuralpaint.canvas import Canvas
from neuralpaint.errors import UsageError
from neuralpaint.pictures import Picture

__all__ = ["Album", "Subject", "checked_code", "checked_codes", "parse_code"]

_LARGEST = 1e3  # number of a code: what a network hears of larger ones is noise
_MOST = 1024  # numbers of a code


@dataclass(frozen=True, eq=False)
class Album:
    """What one network learns as f(x, y, code): `pictures`, and `codes`, float32 (pictures, k).

    Between the codes, and beyond them, lies what nobody has painted.

    Raises:
        UsageError: there are fewer than two pictures, their sizes differ, or two have one code.
    """

    pictures: Sequence[Picture]
    codes: NDArray[np.float32]

    def __post_init__(self) -> None:
        pictures = tuple(self.pictures)
        if len(pictures) < 2:
            raise UsageError("an album has at least two pictures: give another one")
        first = pictures[0]
        for picture in pictures[1:]:
            if picture.canvas != first.canvas:
                raise UsageError(
                    f"{picture.name!r} has {picture.width}x{picture.height} pixels and "
                    f"{first.name!r} {first.width}x{first.height}: an album has one size, use "
                    "Picture.covering"
                )
        codes = checked_codes(self.codes, count=len(pictures))
        for i, code in enumerate(codes):
            for j in range(i):
                if np.array_equal(code, codes[j]):
                    raise UsageError(
                        f"{pictures[j].name!r} and {pictures[i].name!r} have one code: give each "
                        "picture its own"
                    )
        object.__setattr__(self, "pictures", pictures)
        object.__setattr__(self, "codes", codes)

    @property
    def canvas(self) -> Canvas:
        """The canvas that shows a whole picture at its own size."""
        return self.pictures[0].canvas

    @property
    def name(self) -> str:
        """The names of the first picture and the last, for messages."""
        return f"{self.pictures[0].name} ... {self.pictures[-1].name}"


Subject = Picture | Album
"""What can be learned: both have `pictures`, `codes`, a `canvas` and a `name`."""


def checked_codes(codes: ArrayLike, *, count: int) -> NDArray[np.float32]:
    """Return the codes of so many pictures as float32 (count, k).

    Raises:
        UsageError: they are not that, or no numbers that can be learned.
    """
    numbers = _numbers(codes)
    if numbers.ndim != 2 or len(numbers) != count or not 1 <= numbers.shape[1] <= _MOST:
        raise UsageError(
            f"the codes of {count} pictures are ({count}, k), with k from 1 to {_MOST}, not "
            f"{numbers.shape}"
        )
    return numbers


def checked_code(code: ArrayLike, length: int) -> NDArray[np.float32]:
    """Return one code as float32 (length,).

    Raises:
        UsageError: it is not that, or no numbers that can be used.
    """
    numbers = _numbers(code)
    if numbers.shape != (length,):
        given = f"{numbers.size} numbers" if numbers.ndim == 1 else f"numbers {numbers.shape}"
        raise UsageError(f"a code has {length} numbers here, not {given}")
    return numbers


def parse_code(text: str, length: int) -> NDArray[np.float32]:
    """Return the code that text says: numbers such as `0.3,0.7`, or buttons such as `1011`.

    Raises:
        UsageError: it says none of so many numbers.
    """
    digits = text.strip()
    words = list(digits) if set(digits) <= {"0", "1"} and len(digits) > 1 else digits.split(",")
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        raise UsageError(
            f"--code must be numbers such as 0.3,0.7 or buttons such as 1011, not {text!r}"
        ) from None
    return checked_code(numbers, length)


def _numbers(values: ArrayLike) -> NDArray[np.float32]:
    try:
        numbers = np.array(values, np.float32)
    except (TypeError, ValueError, OverflowError):
        raise UsageError(f"a code is made of numbers, not {values!r}") from None
    if not (np.abs(numbers) <= _LARGEST).all():  # false for NaN too
        raise UsageError(f"the numbers of a code are between -{_LARGEST:g} and {_LARGEST:g}")
    return numbers
