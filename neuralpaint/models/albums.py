"""An album: several pictures of one size, and the code under which each is learned."""

from __future__ import annotations

from collections.abc import Sequence

from numpy.typing import ArrayLike

from neuralpaint.errors import UsageError
from neuralpaint.image.canvas import Canvas
from neuralpaint.image.pictures import Picture
from neuralpaint.models.codes import Codes, checked_codes

__all__ = ["Album", "Subject"]


class Album:
    """What one network learns as f(x, y, code).

    Between the codes, and beyond them, lies what nobody has painted.
    """

    def __init__(self, pictures: Sequence[Picture], codes: ArrayLike) -> None:
        """Take pictures of one size, and a code for each, (pictures, k).

        Raises:
            UsageError: there are fewer than two pictures, their sizes differ, or two have one code.
        """
        self.pictures: tuple[Picture, ...] = tuple(pictures)
        if len(self.pictures) < 2:
            raise UsageError("an album has at least two pictures: give another one")
        self.codes: Codes = checked_codes(codes, count=len(self.pictures))
        """Float32 (pictures, k)."""
        self._check_sizes()
        self._check_codes()

    def _check_sizes(self) -> None:
        first = self.pictures[0]
        for picture in self.pictures[1:]:
            if picture.canvas != first.canvas:
                raise UsageError(
                    f"{picture.name!r} has {picture.width}x{picture.height} pixels and "
                    f"{first.name!r} {first.width}x{first.height}: an album has one size, use "
                    "Picture.covering"
                )

    def _check_codes(self) -> None:
        owners: dict[bytes, Picture] = {}
        for picture, code in zip(self.pictures, self.codes, strict=True):
            other = owners.setdefault(code.tobytes(), picture)
            if other is not picture:
                raise UsageError(
                    f"{other.name!r} and {picture.name!r} have one code: give each picture its own"
                )

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
