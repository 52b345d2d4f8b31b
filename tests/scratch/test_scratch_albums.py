"""Albums and the network from scratch: buttons, whose samples are whole pictures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from neuralpaint.errors import UsageError
from neuralpaint.image.pictures import Picture
from neuralpaint.models import ButtonsModel
from neuralpaint.models.albums import Album
from neuralpaint.pipelines.learner import learner
from neuralpaint.scratch.choices import build_network, count_weights
from neuralpaint.scratch.learner import ScratchLearner
from neuralpaint.scratch.samples import Pages

CODES = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]], np.float32)


def album() -> Album:
    rng = np.random.default_rng(2)
    pixels = rng.integers(0, 256, (3, 4, 6, 3), dtype=np.uint8)
    return Album([Picture(page) for page in pixels], CODES)


def small(**options: Any) -> ScratchLearner:
    usual: dict[str, Any] = {"model": "buttons:hidden_size=8", "engine": "numpy", "steps": 50}
    student = learner(album(), **usual | options)
    assert isinstance(student, ScratchLearner)
    return student


def test_a_sample_is_a_picture_under_its_code() -> None:
    pages = Pages(np.concatenate([picture.pixels for picture in album().pictures]), CODES)
    which = np.array([2, 0])
    np.testing.assert_array_equal(pages.given(which), CODES[which])
    expected = [album().pictures[i].pixels.reshape(-1) / 255 for i in which]
    np.testing.assert_allclose(pages.colours(which), expected, atol=1e-6)


@pytest.mark.parametrize(("batch", "steps"), [(None, 1), (72, 1), (48, 2), (24, 3), (1, 3)])
def test_a_batch_is_so_many_whole_pictures(batch: int | None, steps: int) -> None:
    student = small(batch=batch)
    assert student.epoch_steps == steps
    student.advance(2 * steps)
    assert 0 < student.loss < 0.2


def test_both_engines_make_the_same_steps() -> None:
    for optimizer in ("sgd", "adam"):
        options: dict[str, Any] = {"optimizer": optimizer, "schedule": "constant", "ema": 0}
        ours = small(**options)
        theirs = learner(album(), model="buttons:hidden_size=8", steps=50, device="cpu", **options)
        for steps in (0, 1, 20):
            ours.advance(steps)
            theirs.advance(steps)
            weights = zip(
                ours.painting().weights.values(), theirs.painting().weights.values(), strict=True
            )
            for own, other in weights:
                np.testing.assert_allclose(own, other, atol=2e-3 if steps > 1 else 1e-6)
        assert ours.loss == pytest.approx(theirs.loss, rel=1e-3)


def test_its_weights_are_counted_before_there_are_any() -> None:
    model, canvas = ButtonsModel(hidden_size=5, hidden_layers=1), album().canvas
    network = build_network(model, canvas, seed=0, codes=CODES)
    assert count_weights(model, canvas, CODES) == network.weights.size == 3 * 5 + 5 * 72


@pytest.mark.parametrize("codes", ["one", "each"])
def test_what_is_seen_is_what_the_network_says(codes: str) -> None:
    student = small()
    student.advance(20)
    painting, canvas = student.painting(), album().canvas
    student._network.load(painting.weights)
    code = np.array([0.2, 0.7, 0.4], np.float32)
    expected = student._network.forward(code[None]).reshape(4, 6, 3).copy()
    seen = painting.at(
        code if codes == "one" else lambda x, y: torch.from_numpy(code) + 0 * x[..., None]
    )
    np.testing.assert_allclose(seen(canvas.grid()), expected, atol=1e-6)
    np.testing.assert_allclose(seen.blend(painting, 0.2)(canvas.grid()), expected, atol=1e-6)
    nearer = seen.blend(painting, 0.8)(canvas.grid())
    np.testing.assert_allclose(nearer, painting(canvas.grid()), atol=1e-6)
    np.testing.assert_array_equal(painting(canvas.grid()), painting.at(CODES[0])(canvas.grid()))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "mlp:hidden_size=8"}, "several pictures with --model buttons only"),
        ({"train_on": "every-other"}, "learns whole pictures by their codes, not --train-on"),
    ],
)
def test_what_it_cannot_learn_of_an_album_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message) as refusal:
        small(**options)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("plane", ["weights", "order", "unknown"])
def test_pixels_that_do_not_count_alike_are_refused(plane: str) -> None:
    planes: dict[str, Any] = {plane: np.eye(4, 6, dtype=np.float32)}
    first, *others = album().pictures
    subject = Album([replace(first, fills=False, **planes), *others], CODES)
    with pytest.raises(UsageError, match="all pixels alike and at once"):
        learner(subject, model="buttons", engine="numpy")
