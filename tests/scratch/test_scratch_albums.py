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
from neuralpaint.models.codes import Album
from neuralpaint.pipelines.make_learner import learner
from neuralpaint.scratch.learner import ScratchLearner
from neuralpaint.scratch.network import build_network, count_weights
from neuralpaint.scratch.samples import PictureSamples

CODES = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]], np.float32)


def album() -> Album:
    rng = np.random.default_rng(2)
    pixels = rng.integers(0, 256, (3, 4, 6, 3), dtype=np.uint8)
    return Album([Picture(each) for each in pixels], CODES)


def small(**options: Any) -> ScratchLearner:
    usual: dict[str, Any] = {"model": "buttons:hidden_size=8", "engine": "numpy", "steps": 50}
    trained = learner(album(), **usual | options)
    assert isinstance(trained, ScratchLearner)
    return trained


def test_a_sample_is_a_picture_under_its_code() -> None:
    samples = PictureSamples(
        np.concatenate([picture.pixels for picture in album().pictures]), CODES
    )
    which = np.array([2, 0])
    np.testing.assert_array_equal(samples.inputs(which), CODES[which])
    expected = [album().pictures[i].pixels.reshape(-1) / 255 for i in which]
    np.testing.assert_allclose(samples.colours(which), expected, atol=1e-6)


@pytest.mark.parametrize(("batch", "steps"), [(None, 1), (72, 1), (48, 2), (24, 3), (1, 3)])
def test_a_batch_consists_of_whole_pictures(batch: int | None, steps: int) -> None:
    trained = small(batch=batch)
    assert trained.epoch_steps == steps
    trained.advance(2 * steps)
    assert 0 < trained.loss < 0.2


@pytest.mark.slow
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


def test_weights_are_counted_without_a_network() -> None:
    model, canvas = ButtonsModel(hidden_size=5, hidden_layers=1), album().canvas
    network = build_network(model, canvas, seed=0, codes=CODES)
    assert count_weights(model, canvas, CODES) == network.weights.size == 3 * 5 + 5 * 72


@pytest.mark.parametrize("codes", ["one", "each"])
def test_a_painting_renders_the_output_of_the_network(codes: str) -> None:
    trained = small()
    trained.advance(20)
    painting, canvas = trained.painting(), album().canvas
    trained._network.load(painting.weights)
    code = np.array([0.2, 0.7, 0.4], np.float32)
    expected = trained._network.forward(code[None]).reshape(4, 6, 3).copy()
    at_code = painting.at(
        code if codes == "one" else lambda x, y: torch.from_numpy(code) + 0 * x[..., None]
    )
    np.testing.assert_allclose(at_code(canvas.grid()), expected, atol=1e-6)
    np.testing.assert_allclose(at_code.blend(painting, 0.2)(canvas.grid()), expected, atol=1e-6)
    nearer = at_code.blend(painting, 0.8)(canvas.grid())
    np.testing.assert_allclose(nearer, painting(canvas.grid()), atol=1e-6)
    np.testing.assert_array_equal(painting(canvas.grid()), painting.at(CODES[0])(canvas.grid()))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "mlp:hidden_size=8"}, "several pictures with --model buttons only"),
        ({"train_on": "every-other"}, "learns all pixels of an album, not --train-on"),
    ],
)
def test_unsupported_options_of_an_album_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message) as refusal:
        small(**options)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("plane", ["weights", "order", "unknown"])
def test_weights_of_pixels_are_refused(plane: str) -> None:
    planes: dict[str, Any] = {plane: np.eye(4, 6, dtype=np.float32)}
    first, *others = album().pictures
    subject = Album([replace(first, fills=False, **planes), *others], CODES)
    with pytest.raises(UsageError, match="the same weight"):
        learner(subject, model="buttons", engine="numpy")
