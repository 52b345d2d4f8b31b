"""Albums: several pictures learned by one model, and the code of each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuralpaint.errors import UsageError
from neuralpaint.image.canvas import Canvas
from neuralpaint.image.pictures import Picture

__all__ = [
    "Album",
    "Codes",
    "Subject",
    "are_buttons",
    "checked_code",
    "checked_codes",
    "corners",
    "parse_code",
    "random_codes",
]

Codes = NDArray[np.float32]
"""The codes of several pictures, (pictures, k), or a single one, (k,)."""

_MAX_VALUE = 1e3  # largest absolute value of a number in a code
_MAX_LENGTH = 1024  # numbers in a code
_MAX_CORNER_BITS = 10  # numbers in a code for which `corners` is supported


class Album:
    """Pictures of one size that a model learns as f(x, y, code)."""

    def __init__(self, pictures: Sequence[Picture], codes: ArrayLike) -> None:
        """Take the pictures and a code for each, (pictures, k).

        Raises:
            UsageError: there are fewer than two pictures, their sizes differ, or codes are equal.
        """
        self.pictures: tuple[Picture, ...] = tuple(pictures)
        if len(self.pictures) < 2:
            raise UsageError("an album has at least two pictures: give another one")
        self.codes: Codes = checked_codes(codes, count=len(self.pictures))
        """Float32 (pictures, k)."""
        first = self.pictures[0]
        for picture in self.pictures[1:]:
            if picture.canvas != first.canvas:
                raise UsageError(
                    f"{picture.name!r} has {picture.width}x{picture.height} pixels and "
                    f"{first.name!r} {first.width}x{first.height}: an album has one size, use "
                    "Picture.covering"
                )
        owners: dict[bytes, Picture] = {}
        for picture, code in zip(self.pictures, self.codes, strict=True):
            other = owners.setdefault(code.tobytes(), picture)
            if other is not picture:
                raise UsageError(
                    f"{other.name!r} and {picture.name!r} have the same code: give each picture "
                    "its own"
                )

    @property
    def canvas(self) -> Canvas:
        """The whole picture at its original size."""
        return self.pictures[0].canvas

    @property
    def name(self) -> str:
        """The names of the first picture and the last, for messages."""
        return f"{self.pictures[0].name} ... {self.pictures[-1].name}"


Subject = Picture | Album
"""What can be learned: both have `pictures`, `codes`, a `canvas` and a `name`."""


def checked_codes(codes: ArrayLike, *, count: int) -> Codes:
    """Return the codes of `count` pictures as float32 (count, k).

    Raises:
        UsageError: the shape or a number is invalid.
    """
    numbers = _numbers(codes)
    if numbers.ndim != 2 or len(numbers) != count or not 1 <= numbers.shape[1] <= _MAX_LENGTH:
        raise UsageError(
            f"the codes of {count} pictures are ({count}, k), with k from 1 to {_MAX_LENGTH}, not "
            f"{numbers.shape}"
        )
    return numbers


def checked_code(code: ArrayLike, length: int) -> Codes:
    """Return one code as float32 (length,).

    Raises:
        UsageError: the shape or a number is invalid.
    """
    numbers = _numbers(code)
    if numbers.shape != (length,):
        given = f"{numbers.size} numbers" if numbers.ndim == 1 else f"numbers {numbers.shape}"
        raise UsageError(f"a code has {length} numbers here, not {given}")
    return numbers


def _numbers(values: ArrayLike) -> Codes:
    try:
        numbers = np.array(values, np.float32)
    except (TypeError, ValueError, OverflowError):
        raise UsageError(f"a code is made of numbers, not {values!r}") from None
    if not (np.abs(numbers) <= _MAX_VALUE).all():  # false for NaN
        raise UsageError(f"the numbers of a code are between -{_MAX_VALUE:g} and {_MAX_VALUE:g}")
    return numbers


def parse_code(text: str, length: int) -> Codes:
    """Return the code written as numbers such as `0.3,0.7`, or as buttons such as `1011`.

    Raises:
        UsageError: the text is neither, or the length differs.
    """
    digits = text.strip()
    are_digits = set(digits) <= {"0", "1"} and len(digits) == length > 1
    words = list(digits) if are_digits else digits.split(",")
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        raise UsageError(
            f"--code must be numbers such as 0.3,0.7 or buttons such as 1011, not {text!r}"
        ) from None
    return checked_code(numbers, length)


def random_codes(codes: Codes, count: int, draw: np.random.Generator, *, buttons: bool) -> Codes:
    """Return `count` codes (count, k) that differ from the trained codes (pictures, k).

    With `buttons`, distinct untrained combinations of 0 and 1 are drawn. Otherwise, or if every
    combination was trained, mixtures of the trained codes are drawn, uniform over their simplex.

    Raises:
        UsageError: there are fewer than `count` untrained combinations.
    """
    bits = codes.shape[1]
    untrained = 2**bits - len(codes) if buttons else 0
    if not untrained:
        return np.asarray(draw.dirichlet(np.ones(len(codes)), count) @ codes, np.float32)
    if count > untrained:
        raise UsageError(
            f"{bits} buttons have {untrained} combinations that were not trained, not {count}: "
            "choose a smaller number"
        )
    used = {code.tobytes() for code in codes}
    found: list[Codes] = []
    while len(found) < count:
        code: Codes = np.asarray(draw.integers(0, 2, bits), np.float32)
        if code.tobytes() not in used:
            used.add(code.tobytes())
            found.append(code)
    return np.array(found, np.float32).reshape(count, bits)


def are_buttons(codes: Codes) -> bool:
    """Return whether the codes consist of 0 and 1 and are not just one-hot."""
    on_off = bool(np.isin(codes, (0, 1)).all())
    one_hot = codes.shape[0] == codes.shape[1] and bool((codes.sum(1) == 1).all())
    return on_off and not one_hot


def corners(bits: int) -> Codes:
    """Return all codes of `bits` numbers that are 0 or 1, (2^bits, bits), in binary order.

    Raises:
        UsageError: `bits` is above 10.
    """
    if bits > _MAX_CORNER_BITS:
        raise UsageError(
            f"codes of {bits} numbers have 2^{bits} corners, and at most {_MAX_CORNER_BITS} "
            "numbers are supported: choose random-walk"
        )
    numbers = np.arange(2**bits)
    return np.asarray(numbers[:, None] >> np.arange(bits)[::-1] & 1, np.float32)
