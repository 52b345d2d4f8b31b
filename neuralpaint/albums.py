"""An album: several pictures of one size, and the code under which each is learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neuralpaint.canvas import Canvas
from neuralpaint.codes import Codes, checked_codes
from neuralpaint.errors import UsageError
from neuralpaint.pictures import Picture

__all__ = ["Album", "Subject"]


@dataclass(frozen=True, eq=False)
class Album:
    """What one network learns as f(x, y, code): `pictures`, and `codes`, float32 (pictures, k).

    Between the codes, and beyond them, lies what nobody has painted.

    Raises:
        UsageError: there are fewer than two pictures, their sizes differ, or two have one code.
    """

    pictures: Sequence[Picture]
    codes: Codes

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
