"""Codes: the numbers that a network hears beside coordinates, and that tell pictures apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuralpaint.errors import UsageError

__all__ = [
    "Codes",
    "are_buttons",
    "checked_code",
    "checked_codes",
    "corners",
    "parse_code",
    "random_codes",
]

Codes = NDArray[np.float32]
"""Those of several pictures, (pictures, k), or one, (k,)."""

_LARGEST = 1e3  # number of a code: what a network hears of larger ones is noise
_MOST = 1024  # numbers of a code
_MOST_BITS = 10  # of which all combinations are looked at


def checked_codes(codes: ArrayLike, *, count: int) -> Codes:
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


def checked_code(code: ArrayLike, length: int) -> Codes:
    """Return one code as float32 (length,).

    Raises:
        UsageError: it is not that, or no numbers that can be used.
    """
    numbers = _numbers(code)
    if numbers.shape != (length,):
        given = f"{numbers.size} numbers" if numbers.ndim == 1 else f"numbers {numbers.shape}"
        raise UsageError(f"a code has {length} numbers here, not {given}")
    return numbers


def parse_code(text: str, length: int) -> Codes:
    """Return the code that text says: numbers such as `0.3,0.7`, or buttons such as `1011`.

    Raises:
        UsageError: it says none of so many numbers.
    """
    digits = text.strip()
    pressed = set(digits) <= {"0", "1"} and len(digits) == length > 1
    words = list(digits) if pressed else digits.split(",")
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        raise UsageError(
            f"--code must be numbers such as 0.3,0.7 or buttons such as 1011, not {text!r}"
        ) from None
    return checked_code(numbers, length)


def _numbers(values: ArrayLike) -> Codes:
    try:
        numbers = np.array(values, np.float32)
    except (TypeError, ValueError, OverflowError):
        raise UsageError(f"a code is made of numbers, not {values!r}") from None
    if not (np.abs(numbers) <= _LARGEST).all():  # false for NaN too
        raise UsageError(f"the numbers of a code are between -{_LARGEST:g} and {_LARGEST:g}")
    return numbers


def random_codes(codes: Codes, count: int, draw: np.random.Generator, *, buttons: bool) -> Codes:
    """Return so many different codes (count, k), none of which is a trained one (pictures, k).

    Of `buttons` they are other combinations; else, or where all of these are trained, mixtures of
    the trained codes, uniform over their simplex.

    Raises:
        UsageError: there are not so many combinations.
    """
    bits = codes.shape[1]
    unseen = 2**bits - len(codes) if buttons else 0
    if not unseen:
        return np.asarray(draw.dirichlet(np.ones(len(codes)), count) @ codes, np.float32)
    if count > unseen:
        raise UsageError(
            f"{bits} buttons have {unseen} combinations that were not trained, not {count}: ask "
            "for fewer"
        )
    seen = {code.tobytes() for code in codes}
    found: list[Codes] = []
    while len(found) < count:
        code: Codes = np.asarray(draw.integers(0, 2, bits), np.float32)
        if code.tobytes() not in seen:
            seen.add(code.tobytes())
            found.append(code)
    return np.array(found, np.float32).reshape(count, bits)


def are_buttons(codes: Codes) -> bool:
    """Say whether codes are combinations of 0 and 1, and not merely a number for each picture."""
    on_off = bool(np.isin(codes, (0, 1)).all())
    one_hot = codes.shape[0] == codes.shape[1] and bool((codes.sum(1) == 1).all())
    return on_off and not one_hot


def corners(bits: int) -> Codes:
    """Return the 2^k corners of a cube, (2^k, k), counted in binary: the last number changes first.

    Raises:
        UsageError: there are too many to look at.
    """
    if bits > _MOST_BITS:
        raise UsageError(
            f"codes of {bits} numbers have 2^{bits} corners: at most {_MOST_BITS} numbers are "
            "walked; choose random-walk"
        )
    numbers = np.arange(2**bits)
    return np.asarray(numbers[:, None] >> np.arange(bits)[::-1] & 1, np.float32)
