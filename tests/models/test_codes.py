from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from neuralpaint.errors import SavedError, UsageError
from neuralpaint.image.metrics import psnr
from neuralpaint.image.pictures import Picture
from neuralpaint.models.codes import Album, checked_code, parse_code
from neuralpaint.models.painting import Painting
from neuralpaint.pipelines.make_learner import learner
from neuralpaint.rendering.render import render
from neuralpaint.storage.painting_file import load_painting
from neuralpaint.storage.take import TakeWriter, load_take
from neuralpaint.training.batches import Lattice, TargetTensors
from neuralpaint.training.learning import learn
from neuralpaint.training.settings import TrainingSettings
from neuralpaint.training.target import Target

MODELS = [
    "fourier:order=6,hidden_size=24,hidden_layers=1", "skipconn:hidden_size=16,hidden_layers=1",
    "mlp:features=8,sigma=2,hidden_size=16", "siren:hidden_size=16", "pyramid:hidden_size=8",
]  # fmt: skip


def sample(seed: int, height: int = 16, width: int = 24) -> Picture:
    y, x = np.mgrid[0:height, 0:width] / width
    waves = [np.sin(3 * (seed + 1) * x + channel + 2 * seed * y) for channel in range(3)]
    levels = (127 + 120 * np.stack(waves, -1)).astype(np.uint8)
    return Picture(levels, name=f"sample-{seed}.png")


def album(count: int = 3) -> Album:
    return Album([sample(i) for i in range(count)], np.eye(count, dtype=np.float32))


def trained(subject: Album, model: str, steps: int = 150) -> Painting:
    training = learner(subject, model=model, steps=steps, batch=1200, device="cpu")
    training.advance(steps)
    return training.painting()


def frame_at(painting: Painting, code: Any) -> NDArray[np.uint8]:
    return render(painting.at(code), painting.canvas)


def test_an_album_needs_pictures_of_one_size_and_different_codes() -> None:
    for pictures, codes, words in (
        ([sample(0)], [[1]], "at least two"),
        ([sample(0), sample(1, height=17)], [[1], [2]], "24x17 pixels and 'sample-0.png' 24x16"),
        (
            [sample(0), sample(1)],
            [[1, 0], [1, 0]],
            "'sample-0.png' and 'sample-1.png' have the same code",
        ),
        ([sample(0), sample(1)], [[1], [2], [3]], r"\(2, k\)"),
        ([sample(0), sample(1)], [[1], [np.nan]], "between"),
        ([sample(0), sample(1)], [["a"], ["b"]], "made of numbers"),
    ):
        with pytest.raises(UsageError, match=words):
            Album(pictures, codes)  # type: ignore[arg-type]


def test_the_target_of_an_album_is_its_pictures_stacked() -> None:
    subject = album()
    target = Target(subject, TrainingSettings())
    assert target.grid.shape == (48, 24)
    assert target.codes is not None
    for i, picture in enumerate(subject.pictures):
        rows = slice(16 * i, 16 * (i + 1))
        np.testing.assert_array_equal(target.colours()[rows], picture.pixels)
        np.testing.assert_array_equal(target.grid.y[rows], picture.canvas.grid().y)
        assert (target.codes[rows] == subject.codes[i]).all()


@pytest.mark.parametrize("options", [{"target_scale": 2}, {"train_on": "every-other"}])
def test_pictures_of_an_album_are_scaled_and_thinned_like_others(
    options: dict[str, Any],
) -> None:
    subject, settings = album(2), TrainingSettings(**options)
    whole = Target(subject, settings)
    targets = [Target(picture, settings) for picture in subject.pictures]
    np.testing.assert_array_equal(whole.colours(), np.concatenate([p.colours() for p in targets]))
    np.testing.assert_array_equal(whole.grid.y, np.concatenate([p.grid.y for p in targets]))


def test_a_batch_has_the_code_of_each_row() -> None:
    target = Target(album(), TrainingSettings())
    tensors = TargetTensors.of(target, target.colours(), device=torch.device("cpu"))
    batch = tensors.batch(Lattice(torch.tensor([0, 15, 16, 47]), torch.tensor([1, 5])))
    assert batch.code is not None
    assert batch.code.shape == (4, 1, 3)
    assert batch.code[:, 0].argmax(1).tolist() == [0, 0, 1, 2]


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_one_network_learns_each_picture_at_its_code(model: str) -> None:
    subject = album()
    painting = trained(subject, model)
    for picture, code in zip(subject.pictures, subject.codes, strict=True):
        own = psnr(frame_at(painting, code), picture.pixels)
        others = [
            psnr(frame_at(painting, other), picture.pixels)
            for other in subject.codes
            if not np.array_equal(other, code)
        ]
        assert own > 15
        assert own > 4 + max(others)


def test_the_default_code_is_that_of_the_first_picture() -> None:
    painting = trained(album(), MODELS[4], steps=3)
    np.testing.assert_array_equal(render(painting, painting.canvas), frame_at(painting, [1, 0, 0]))


def test_a_code_per_point() -> None:
    painting = trained(album(2), MODELS[4], steps=3)

    def field(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        right = torch.broadcast_tensors(x > 0, y)[0].float()
        return torch.stack([1 - right, right], -1)

    both = render(painting.at(field), painting.canvas)
    halves = [frame_at(painting, code) for code in painting.codes]  # type: ignore[union-attr]
    np.testing.assert_array_equal(both[:, :12], halves[0][:, :12])
    np.testing.assert_array_equal(both[:, 12:], halves[1][:, 12:])


def test_blended_weights_keep_their_code() -> None:
    a, b = (trained(album(2), MODELS[4], steps=steps).at([0, 1]) for steps in (2, 4))
    np.testing.assert_array_equal(render(a.blend(b, 1.0), a.canvas), render(b, b.canvas))


def test_a_single_picture_has_no_code() -> None:
    training = learner(sample(0), model=MODELS[4], steps=2, device="cpu")
    with pytest.raises(UsageError, match="learned one picture"):
        training.painting().at([1])


def test_a_code_of_wrong_length_is_an_error() -> None:
    with pytest.raises(UsageError, match="3 numbers here, not 2 numbers"):
        trained(album(), MODELS[4], steps=1).at([1, 0])


@pytest.mark.parametrize("model", MODELS)
def test_a_saved_painting_contains_all_codes(model: str, tmp_path: Path) -> None:
    painting = trained(album(2), model, steps=4)
    loaded = load_painting(painting.save(tmp_path / "a.painting"))
    assert loaded.codes is not None
    np.testing.assert_array_equal(loaded.codes, np.eye(2))
    for code in ([0, 1], [0.3, 0.7]):
        np.testing.assert_array_equal(frame_at(loaded, code), frame_at(painting, code))


def test_a_take_contains_all_pictures_and_codes(tmp_path: Path) -> None:
    subject = album(2)
    settings = TrainingSettings(model=MODELS[4], steps=4, batch=200, device="cpu")
    training = learner(subject, settings)
    with TakeWriter(
        tmp_path / "a.take", settings=settings, subject=subject, steps=4, note={}
    ) as writer:
        shots = [writer.add(snapshot) for snapshot in learn(training, [0, 2, 4])]
        writer.finish()
    take = load_take(tmp_path / "a.take")
    for kept, given in zip(take.pictures, subject.pictures, strict=True):
        np.testing.assert_array_equal(kept.pixels, given.pixels)
        assert kept.name == given.name
    for snapshot, shot in zip(take, shots, strict=True):
        np.testing.assert_array_equal(
            frame_at(snapshot.painting, [0, 1]), frame_at(shot.painting, [0, 1])
        )


def test_a_take_without_one_of_its_pictures_is_damaged(tmp_path: Path) -> None:
    subject = album(2)
    settings = TrainingSettings(model=MODELS[4], steps=1, device="cpu")
    lesser = album(2)
    object.__setattr__(lesser, "pictures", lesser.pictures[:1])
    with TakeWriter(
        tmp_path / "a.take", settings=settings, subject=lesser, steps=1, note={}
    ) as writer:
        writer.add(next(learn(learner(subject, settings), [0])))
    with pytest.raises(SavedError, match="a picture is missing"):
        load_take(tmp_path / "a.take")


def test_training_with_an_album_resumes_exactly() -> None:
    def training() -> Any:
        return learner(album(2), model=MODELS[4], steps=6, batch=200, device="cpu")

    whole, half, again = training(), training(), training()
    whole.advance(6)
    half.advance(3)
    again.restore(half.state())
    again.advance(3)
    for name, weight in whole.painting().weights.items():
        np.testing.assert_array_equal(again.painting().weights[name], weight)


def test_a_masked_picture_of_an_album_is_filled_like_a_single_one() -> None:
    hole = np.zeros((16, 24), np.float32)
    hole[5:8, 9:14] = 1
    masked = replace(sample(1), unknown=hole)
    settings = TrainingSettings()
    whole = Target(Album([sample(0), masked], np.eye(2)), settings)
    assert whole.is_restored
    np.testing.assert_array_equal(whole.colours()[16:], Target(masked, settings).colours())


@pytest.mark.parametrize(
    ("text", "code"),
    [("0.3,0.7", [0.3, 0.7]), ("1011", [1, 0, 1, 1]), ("1, 0", [1, 0]), ("0.5", [0.5])],
)
def test_codes_can_be_parsed(text: str, code: list[float]) -> None:
    np.testing.assert_array_equal(parse_code(text, len(code)), np.array(code, np.float32))


@pytest.mark.parametrize("text", ["", "a,b", "1,,2", "12", "nan,0"])
def test_invalid_text_of_a_code_is_an_error(text: str) -> None:
    with pytest.raises(UsageError):
        parse_code(text, 2)


def test_a_code_is_float32() -> None:
    assert checked_code([0, 1], 2).dtype == np.float32
