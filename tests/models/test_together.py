from __future__ import annotations

import torch

from neuralpaint.image.canvas import Canvas
from neuralpaint.models.encodings import encodings
from neuralpaint.models.encodings.encoding import Concatenation, Encoding

CANVAS = Canvas.of(height=12, width=18)


def build(name: str) -> Encoding:
    return encodings.parse(name).build(CANVAS, torch.Generator().manual_seed(0))


def test_parts_and_spectra_are_those_of_each_in_turn() -> None:
    each = [build("gaussian:features=3"), build("harmonic:order=2"), build("pyramid:fade=0")]
    together = Concatenation(*each)
    x, y = torch.rand(1, 7), torch.rand(5, 1)
    parts = together.parts(x, y)
    assert tuple(part.shape[-1] for part in parts) == together.widths
    wanted = [part for encoding in each for part in encoding.parts(x, y)]
    spectra = [
        encoding.sine_strengths[0] * spectrum for encoding in each for spectrum in encoding.spectra
    ]
    for found, part in zip(parts, wanted, strict=True):
        torch.testing.assert_close(found, part, rtol=0, atol=0)
    for own, spectrum in zip(together.spectra, spectra, strict=True):
        torch.testing.assert_close(together.sine_strengths[0] * own, spectrum)


def test_each_hears_how_far_the_training_has_come() -> None:
    pyramid = build("pyramid:fade=0.5")
    together = Concatenation(build("gaussian:features=3"), pyramid)
    together.set_progress(1.0)
    assert together.parts(torch.rand(4), torch.rand(4))[1].all()
    assert together.rate == pyramid.rate
