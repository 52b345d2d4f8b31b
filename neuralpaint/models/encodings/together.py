"""Several encodings of one place, side by side."""

from __future__ import annotations

from torch import Tensor, nn

from neuralpaint.models.encodings.encoding import Encoding

__all__ = ["Together"]


class Together(Encoding):
    """The parts of all encodings, one after another."""

    def __init__(self, *encodings: Encoding) -> None:
        """Take encodings; the last is the one that learns, if any does."""
        super().__init__()
        self.encodings = nn.ModuleList(encodings)
        self.hears_code = any(encoding.hears_code for encoding in encodings)
        self.rate, self.sine_strengths = encodings[-1].rate, encodings[-1].sine_strengths
        self.widths = tuple(width for encoding in encodings for width in encoding.widths)

    @property
    def spectra(self) -> tuple[Tensor, ...]:
        """Those of each, so that with the strengths of all each has its own in a first layer."""
        own = self.sine_strengths[0]
        return tuple(
            encoding.sine_strengths[0] / own * spectrum
            for encoding in self._each()
            for spectrum in encoding.spectra
        )

    def pace(self, progress: float) -> None:
        """Tell each of them."""
        for encoding in self._each():
            encoding.pace(progress)

    def forward(self, x: Tensor, y: Tensor, code: Tensor | None = None) -> tuple[Tensor, ...]:
        """Return the parts at x and y, and at a code where one of them hears it."""
        return tuple(part for encoding in self._each() for part in encoding.parts(x, y, code))

    def _each(self) -> list[Encoding]:
        return [encoding for encoding in self.encodings if isinstance(encoding, Encoding)]
