"""The weights of a page: their layout, their rounding, and the choice of moments."""

from __future__ import annotations

import base64
import json
import re
import zlib
from typing import Any

import numpy as np
import pytest
from contract import SPECS

from neuralpaint.errors import UsageError
from neuralpaint.export.formula import derive_with_code
from neuralpaint.export.html.evaluation import GridEvaluation
from neuralpaint.export.html.film import FILE, write_film
from neuralpaint.export.html.layout import Layout
from neuralpaint.export.html.reduction import colours_at, reduce_moments
from neuralpaint.export.moments import Moments
from neuralpaint.image.pictures import Picture
from neuralpaint.models.codes import Album
from neuralpaint.models.painting import Painting
from neuralpaint.pipelines.make_learner import learner
from neuralpaint.training.learning import learn

PIXELS = np.random.default_rng(0).integers(0, 256, (3, 18, 26, 3), np.uint8)
ALBUMS = [
    "morph",
    "pyramid:bloom=yes,hidden_size=5",
    "fourier:order=5",
    "mlp:hidden_size=6,norm=batch,encoding=hash:levels=2,table_size=5",
    "siren:hidden_size=6",
]


def taught(model: str, *, codes: Any = None, steps: int = 12) -> Painting:
    subject: Any = Picture(PIXELS[0])
    if codes is not None:
        subject = Album([Picture(each) for each in PIXELS], codes)
    teacher = learner(subject, model=model, batch=128, steps=60, device="cpu", threads=1)
    teacher.advance(steps)
    return teacher.painting()


def training(count: int = 9) -> Moments:
    teacher = learner(Picture(PIXELS[0]), model="fourier:order=8", steps=80, batch=128, threads=1)
    snapshots = list(learn(teacher, [10 * i for i in range(count)]))
    return Moments(snapshots, range(count), lambda: [Picture(PIXELS[0])])


@pytest.mark.parametrize("model", SPECS)
def test_a_vector_contains_the_whole_function(model: str) -> None:
    painting = taught(model)
    formula, grid = derive_with_code(painting), painting.canvas.grid()
    layout = Layout(formula, span=painting.canvas.extent)
    again = layout.unpack(layout.pack(formula))
    found = GridEvaluation(formula, grid).colours(again)
    np.testing.assert_allclose(found, painting(grid), rtol=0, atol=2e-5)


@pytest.mark.parametrize("codes", [np.eye(3), [[0, 1], [1, 1], [1, 0]]])
@pytest.mark.parametrize("model", ALBUMS)
def test_the_formula_of_several_pictures_is_a_function_of_the_code(model: str, codes: Any) -> None:
    painting = taught(model, codes=codes)
    formula, grid = derive_with_code(painting), painting.canvas.grid()
    layout = Layout(formula, span=painting.canvas.extent)
    formula = layout.unpack(layout.pack(formula))
    a, b, c = np.asarray(codes, np.float32)
    for code in (a, c, 0.3 * a + 0.7 * b):
        found = GridEvaluation(formula, grid).colours(formula.at(code))
        np.testing.assert_allclose(found, painting.at(code)(grid), rtol=0, atol=2e-5)


def test_rounding_moves_no_colour_by_two_levels_and_saves_most_of_the_bytes() -> None:
    moments = training()
    reduction = reduce_moments(moments, most_bytes=10**9, effort=FILE)
    grid = moments.painting.canvas.grid()
    points = GridEvaluation(derive_with_code(moments.painting), grid)
    for number, vector in zip(reduction.numbers, reduction.vectors, strict=True):
        exact = moments.snapshots[number // 10].painting(grid)
        moved = 255 * np.abs(colours_at(points, vector, layout=reduction.layout) - exact)
        assert moved.max() <= 1.9
    assert reduction.moved > 0.5
    assert reduction.packed.size < 0.6 * 2 * reduction.layout.size * len(reduction.vectors)


def test_the_streams_are_the_differences_of_the_rounded_weights() -> None:
    reduction = reduce_moments(training(), most_bytes=10**9, effort=FILE)
    size, total = reduction.layout.size, np.zeros(reduction.layout.size, np.int64)
    step = np.concatenate(
        [
            np.full(part.size, reduction.steps[part.name])
            for part in reduction.layout.sections.values()
        ]
    )
    for stream, vector in zip(reduction.packed.streams, reduction.vectors, strict=True):
        planes = np.frombuffer(zlib.decompress(stream), np.uint8).reshape(-1, size).astype(int)
        folded = sum(plane << 8 * i for i, plane in enumerate(planes))
        total = total + np.where(folded % 2, -(folded + 1) // 2, folded // 2)
        np.testing.assert_allclose(total * step, vector, rtol=1e-6, atol=1e-12)


def test_a_smaller_page_has_fewer_moments_and_at_least_two() -> None:
    moments = training()
    counts = []
    whole = reduce_moments(moments, most_bytes=10**9, effort=FILE).packed.size
    for limit in (whole * 11 // 10, whole * 2 // 3, 1):
        reduction = reduce_moments(moments, most_bytes=limit, effort=FILE)
        counts.append(len(reduction.numbers))
        assert (reduction.numbers[0], reduction.numbers[-1]) == (0, 80)
        assert reduction.places == [number / 80 for number in reduction.numbers]
        assert reduction.packed.size <= limit or counts[-1] == 2
    assert counts[0] == 9 > counts[1] > counts[2] == 2


def test_more_moments_are_closer_to_the_training() -> None:
    moments = training()
    errors = []
    for count in (2, 4, 9):
        effort = FILE._replace(moments=count)
        errors.append(reduce_moments(moments, most_bytes=10**9, effort=effort).blended)
    assert errors[0] > errors[1] > errors[2] == 0


def test_a_painting_becomes_a_page_without_a_timeline() -> None:
    page = write_film(Moments.of_painting(taught("fourier:order=5")))
    assert 'data-part="scrubber"' not in page
    facts = json.loads(re.findall(r'id="film">(.*?)</script>', page)[0])
    assert len(facts["moments"]) == 1
    assert "learned this picture. What you see" in page


def test_the_page_refers_to_nothing_outside(tmp_path: Any) -> None:
    page = write_film(training(), with_original=True)
    visible = re.sub(r'<script type="text/plain".*?</script>', "", page, flags=re.DOTALL)
    assert "default-src 'none'; script-src 'sha256-" in page
    assert "img-src data:; " in page
    assert not re.findall(r'(?:src|href)="(?!data:)', visible)
    assert "http" not in visible.replace('http-equiv="Content-Security-Policy"', "")
    (original,) = re.findall(r'data-part="picture" src="data:image/webp;base64,([^"]+)"', page)
    assert base64.b64decode(original).startswith(b"RIFF")


def test_what_cannot_be_shown_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="--with-original needs a take"):
        write_film(Moments.of_painting(taught("siren:hidden_size=4")), with_original=True)
    buttons = taught("buttons:hidden_size=4", codes=np.eye(3))
    with pytest.raises(UsageError, match="model 'buttons' cannot be exported"):
        write_film(Moments.of_painting(buttons))
    with pytest.raises(UsageError, match="original is for one picture"):
        write_film(
            Moments(
                Moments.of_painting(taught("morph", codes=np.eye(3))).snapshots,
                [0],
                lambda: [Picture(each) for each in PIXELS],
            ),
            with_original=True,
        )
