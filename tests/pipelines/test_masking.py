from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import save_photo
from PIL import Image

from neuralpaint.errors import NeuralPaintError, PictureError, UsageError
from neuralpaint.image.pictures import Picture, PictureSettings, Source
from neuralpaint.pipelines.masking import MaskSettings, PictureReader
from neuralpaint.pipelines.paint import PaintSettings


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a photo of 36x24 pixels and files for masks of it."""
    monkeypatch.chdir(tmp_path)
    save_photo(tmp_path / "photo.png")
    left = np.zeros((24, 36), np.uint8)
    left[:, :12] = 255
    Image.fromarray(left).save(tmp_path / "left.png")
    Image.fromarray(np.repeat(left[..., None], 3, 2)[::2, ::2]).save(tmp_path / "small.png")
    Image.fromarray(np.zeros((24, 36), np.uint8)).save(tmp_path / "black.png")
    Image.fromarray(left[:, :20]).save(tmp_path / "square.png")
    (tmp_path / "text.png").write_text("no picture")
    return tmp_path


def load(source: Source, **options: Any) -> Picture:
    settings = PaintSettings(**options)
    return PictureReader(settings.picture, settings.masking, settings.reference).load(source)


def refusal(**options: Any) -> str:
    with pytest.raises(NeuralPaintError) as caught:
        load("photo.png", **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_without_a_mask_all_is_known_and_counts_alike(folder: Path) -> None:
    picture = load("photo.png")
    assert picture.planes == {}
    assert picture.truth is None
    assert picture.reference is picture


@pytest.mark.parametrize("mask", ["left.png", "small.png", "./left.png"])
def test_a_mask_of_any_size_says_what_is_unknown(mask: str, folder: Path) -> None:
    picture = load("photo.png", mask=mask)
    assert picture.unknown is not None
    assert picture.unknown[:, :11].min() == 1
    assert picture.unknown[:, 13:].max() == 0
    inverted = load("photo.png", mask=mask, invert=True)
    np.testing.assert_array_equal(inverted.unknown, 1 - picture.unknown)


def test_a_mask_is_of_the_picture_as_it_is_learned(folder: Path) -> None:
    picture = load("photo.png", mask="centre:fraction=0.5", input_size="12x12")
    assert picture.unknown is not None
    assert picture.unknown.shape == (12, 12)
    assert picture.unknown[6, 6] == 1
    assert picture.truth is not None
    assert picture.truth.shape == (12, 12, 3)


def test_what_is_hidden_by_a_drawn_mask_is_known_and_by_a_file_not(folder: Path) -> None:
    drawn = load("photo.png", mask="random")
    assert drawn.truth is drawn.pixels
    assert drawn.reference.unknown is None
    read = load("photo.png", mask="left.png")
    assert read.truth is None
    assert read.reference.known is not None
    assert read.reference.known.mean() == pytest.approx(2 / 3)


def test_the_truth_may_be_given(folder: Path) -> None:
    damaged = np.array(Image.open("photo.png"))
    damaged[:, :12] = 0
    Image.fromarray(damaged).save("damaged.png")
    picture = load("damaged.png", mask="left.png", truth="photo.png")
    np.testing.assert_array_equal(picture.truth, np.array(Image.open("photo.png")))
    np.testing.assert_array_equal(picture.reference.pixels, picture.truth)


def test_what_is_transparent_is_unknown(folder: Path) -> None:
    pixels = np.dstack([np.array(Image.open("photo.png")), np.full((24, 36), 255, np.uint8)])
    pixels[5:9, 5:9, 3] = 0
    Image.fromarray(pixels).save("cut.png")
    picture = load("cut.png", mask="alpha")
    assert picture.truth is None
    assert picture.unknown is not None
    assert np.argwhere(picture.unknown).min(0).tolist() == [5, 5]
    assert "no transparent parts" in refusal(mask="alpha")
    with pytest.raises(UsageError, match="give its name"):
        load(BytesIO(Path("cut.png").read_bytes()), mask="alpha")


def test_focus_and_order_are_planes(folder: Path) -> None:
    picture = load("photo.png", focus="left.png", focus_weight=3, order="centre-out")
    assert picture.weights is not None
    assert np.unique(picture.weights).tolist() == [1, 3]
    assert picture.order is not None
    assert picture.order.max() == pytest.approx(0.7)
    assert picture.unknown is None
    later = load("photo.png", order="left.png", order_until=0.5)
    assert later.order is not None
    assert (later.order[0, 0], later.order[0, -1]) == (0.5, 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"invert": True}, "--invert has no effect without --mask"),
        ({"truth": "photo.png"}, "--truth has no effect without --mask"),
        ({"focus_weight": 3}, "--focus-weight has no effect without --focus"),
        ({"order_until": 0.3}, "--order-until has no effect without --order"),
        ({"mask": "rondom"}, "did you mean 'random'?"),
        ({"mask": "random:fraction=2"}, "fraction must be at most"),
        ({"mask": "no.png"}, "no mask file 'no.png'"),
        ({"mask": "text.png"}, "'text.png' is not a picture"),
        ({"mask": "black.png"}, "hides nothing of 36x24 pixels"),
        ({"mask": "black.png", "invert": True}, "hides all of 36x24 pixels"),
        ({"mask": "square.png"}, "is 20x24 and the picture 36x24"),
        ({"mask": "left.png", "truth": "square.png"}, "--truth 'square.png' is 20x24"),
        ({"mask": "left.png", "truth": "no.png"}, "no file 'no.png'"),
        ({"focus": "face"}, "no mask, and no file, named 'face'"),
        ({"focus": "face.png"}, "no focus file 'face.png'"),
        ({"focus": "black.png"}, "the focus 'black.png' is the same everywhere"),
        ({"order": "middle-out"}, "no order, and no mask, named 'middle-out'"),
        ({"order": "when.png"}, "no order file 'when.png'"),
        ({"order": "black.png"}, "the order 'black.png' is the same everywhere"),
    ],
    ids=str,
)
def test_what_cannot_be_is_told_in_a_line(
    options: dict[str, Any], message: str, folder: Path
) -> None:
    assert message in refusal(**options)


def test_others_are_told_names_and_no_folders(folder: Path) -> None:
    (folder / "in" / "there").mkdir(parents=True)
    bare = folder / "in" / "random"
    (folder / "left.png").rename(bare)
    settings = PaintSettings(
        mask=str(bare), truth=str(folder / "photo.png"), focus="centre", order="in/there/when.png"
    )
    told = settings.without_folders()
    assert (
        told.masking.mask,
        told.reference.truth,
        told.masking.focus,
        told.masking.order,
    ) == (
        "./random", "photo.png", "centre", "when.png",
    )  # fmt: skip
    assert set(told.files()) == {"mask", "truth", "order"}
    assert MaskSettings(mask="random").without_folders().mask == "random"


def test_a_file_is_read_when_the_picture_is_and_not_before(folder: Path) -> None:
    reader = PictureReader(PictureSettings(), MaskSettings(mask="later.png"))
    (folder / "left.png").rename(folder / "later.png")
    assert reader.load("photo.png").unknown is not None
    (folder / "later.png").write_bytes(b"x")
    with pytest.raises(PictureError):
        reader.load("photo.png")


def test_a_file_is_of_the_picture_as_it_was_given(folder: Path) -> None:
    picture = load("photo.png", mask="left.png", focus="left.png", input_size="12x12")
    assert picture.unknown is not None
    assert picture.weights is not None
    # The middle of 36x24 is left, where the mask covers the left sixth.
    assert picture.unknown[:, 0].min() > 0.9
    assert picture.unknown[:, 4:].max() == 0
    assert picture.weights[:, 0].min() > 7


def test_a_large_mask_is_read_where_large_files_are(folder: Path) -> None:
    Image.new("L", (1200, 800), 255).save("large.png")
    with pytest.raises(PictureError, match="over the limit of 900"):
        load("photo.png", mask="large.png", max_pixels=900)
