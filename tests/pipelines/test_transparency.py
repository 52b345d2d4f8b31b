"""Transparency: a picture with alpha is learned, filmed and written with alpha."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from clip_probe import run_ffmpeg
from numpy.typing import NDArray
from PIL import Image

import neuralpaint as npaint
from neuralpaint.errors import SavedError, UsageError
from neuralpaint.export.formula import derive
from neuralpaint.image.alpha import over, straight
from neuralpaint.image.pictures import Picture
from neuralpaint.models.painting import Painting
from neuralpaint.pipelines.make_learner import learner
from neuralpaint.rendering.render import PendingFrame, render
from neuralpaint.rendering.subsampling import sampling_step
from neuralpaint.storage.painting_file import load_painting, model_facts, read_model_facts
from neuralpaint.storage.take import load_take
from neuralpaint.training.settings import TrainingSettings
from neuralpaint.training.target import Target

HEIGHT, WIDTH = 32, 48
QUICK: dict[str, Any] = {
    "steps": 20, "batch": 400, "device": "cpu", "frames": 4, "fps": 4.0, "pacing": "fixed",
}  # fmt: skip
AGAIN: dict[str, Any] = {"pacing": "fixed", "overwrite": True}  # of a take
STILL: dict[str, Any] = {"steps": 20, "batch": 400, "device": "cpu"}


def logo() -> NDArray[np.uint8]:
    """Return premultiplied pixels: a hard disc and a soft spot on a transparent ground."""
    y, x = np.mgrid[0.5:HEIGHT, 0.5:WIDTH]
    hard = (np.hypot(x - 14, y - 14) < 10).astype(float)
    soft = 0.8 * np.exp(-((x - 33) ** 2 + (y - 18) ** 2) / 60) * (1 - hard)
    colours = hard[..., None] * [230, 60, 40] + soft[..., None] * [40, 120, 220]
    levels = np.dstack([colours, 255 * (hard + soft)])
    pixels: NDArray[np.uint8] = np.rint(levels).astype(np.uint8)
    return pixels


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("alpha")
    Image.fromarray(straight(logo())).save(path / "logo.png")
    return path


class Trained(NamedTuple):
    take: Path
    painting: Path
    frame: NDArray[np.uint8]  # what the trained network renders


@pytest.fixture(scope="module")
def trained(folder: Path) -> Trained:
    """The take and the painting of a training that has converged."""
    take, painting = folder / "logo.take", folder / "logo.painting"
    options = {**QUICK, "steps": 400, "record": take, "save": painting}
    result = npaint.timelapse(folder / "logo.png", folder / "film.apng", **options)
    assert result.psnr > 38
    last = load_take(take)[-1].painting
    return Trained(take, painting, render(last, last.canvas))


def last_frame(path: Path) -> NDArray[np.uint8]:
    """Return the last frame of a clip or a still as other programs decode it, with alpha."""
    if path.is_dir():
        path = max(path.iterdir())
    if path.suffix in (".png", ".tiff", ".avif", ".webp", ".apng"):
        with Image.open(path) as image:
            assert image.has_transparency_data
            image.seek(getattr(image, "n_frames", 1) - 1)
            return np.asarray(image.convert("RGBA"))
    decoder = ["-c:v", "libvpx-vp9"] if path.suffix == ".webm" else []
    exact = "scale=in_color_matrix=bt709:flags=accurate_rnd+full_chroma_int+bicubic"
    raw, log = run_ffmpeg(
        *decoder, "-i", f"file:{path}", "-vf", exact, "-f", "rawvideo", "-pix_fmt", "rgba", "-"
    )
    assert "yuva" in log or "bgra" in log, log
    last: NDArray[np.uint8] = np.frombuffer(raw, np.uint8).reshape(-1, HEIGHT, WIDTH, 4)[-1]
    return last


def errors(decoded: NDArray[np.uint8], frame: NDArray[np.uint8]) -> list[NDArray[np.float64]]:
    """Return the differences over black, over white, and of alpha."""
    alpha = decoded[..., 3:] / 255
    found = [
        np.rint(decoded[..., :3] * alpha + (1 - alpha) * ground) - over(frame, (ground,) * 3)
        for ground in (0, 255)
    ]
    return [*map(np.abs, found), np.abs(decoded[..., 3] - frame[..., 3].astype(float))]


CLIPS = ["clip.apng", "clip.mov", "clip.webp", "clip.mkv", "clip/"]
STILLS = ["still.png", "still.webp", "still.tiff"]


@pytest.mark.parametrize("name", CLIPS)
def test_a_clip_shows_what_the_network_renders(folder: Path, trained: Trained, name: str) -> None:
    output = f"{folder}/{name}"
    npaint.render_saved(trained.take, output, **AGAIN)
    assert max(each.max() for each in errors(last_frame(Path(output)), trained.frame)) <= 2


@pytest.mark.parametrize("name", STILLS)
def test_a_still_shows_what_the_network_renders(folder: Path, trained: Trained, name: str) -> None:
    painting = load_painting(trained.painting)
    npaint.render_saved(trained.painting, folder / name, overwrite=True)
    frame = render(painting, painting.canvas)
    assert max(each.max() for each in errors(last_frame(folder / name), frame)) <= 2


def test_a_lossy_clip_is_near_what_the_network_renders(folder: Path, trained: Trained) -> None:
    npaint.render_saved(trained.take, folder / "clip.webm", **AGAIN)
    black, white, alpha = errors(last_frame(folder / "clip.webm"), trained.frame)
    assert max(black.mean(), white.mean()) < 4  # its colours have half the resolution
    assert alpha.max() <= 3


def test_16_bits_of_alpha_are_written(folder: Path, trained: Trained) -> None:
    npaint.render_saved(trained.painting, folder / "deep.png", depth="16", overwrite=True)
    raw, _ = run_ffmpeg(
        "-i", f"file:{folder / 'deep.png'}", "-f", "rawvideo", "-pix_fmt", "rgba64le", "-"
    )
    alpha = np.frombuffer(raw, "<u2").reshape(HEIGHT, WIDTH, 4)[..., 3]
    assert len(np.unique(alpha)) > 256
    painting = load_painting(trained.painting)
    expected = painting(painting.canvas.grid())[..., 3] * 65535
    assert np.abs(alpha - expected).max() <= 1


@pytest.mark.parametrize(
    "options", [{}, {"size": "96x32"}, {"size": "20x40", "fit": "extend", "edge": "black"}]
)
def test_bars_are_transparent(folder: Path, trained: Trained, options: dict[str, Any]) -> None:
    output = folder / "bars.png"
    for chosen in (options, options | {"background": "#102030"}):
        npaint.render_saved(trained.painting, output, overwrite=True, **chosen)
        with Image.open(output) as image:
            pixels = np.asarray(image)
        if "background" in chosen:
            assert pixels.shape[2] == 3
        elif options:
            assert pixels[0, 0].tolist() == [0, 0, 0, 0]
        if "background" in chosen and options.get("size") == "96x32":
            assert pixels[0, 0].tolist() == [16, 32, 48]


def test_a_magnified_edge_has_the_colour_of_the_picture() -> None:
    settings = TrainingSettings().replaced(target_scale=3.0)
    pixels = Target(Picture(logo()), settings).colours()
    assert pixels.shape == (3 * HEIGHT, 3 * WIDTH, 4)
    y, x = np.mgrid[0.5 : 3 * HEIGHT, 0.5 : 3 * WIDTH] / 3
    edge = (pixels[..., 3] > 60) & (np.abs(np.hypot(x - 14, y - 14) - 10) < 1) & (x < 14)
    assert np.abs(straight(pixels)[edge][:, :3] - [230.0, 60, 40]).max() < 12


@pytest.mark.parametrize("camera", ["zoom-in", "orbit"])
def test_a_camera_moves_over_a_transparent_picture(
    folder: Path, trained: Trained, camera: str
) -> None:
    output = folder / "camera.apng"
    view: dict[str, Any] = {"camera": camera, "frames": 3, "size": f"{WIDTH}x{HEIGHT}"}
    npaint.render_saved(trained.painting, output, overwrite=True, **view)
    assert 0 <= last_frame(output)[..., 3].min() < 30


def remarks(caplog: pytest.LogCaptureFixture) -> str:
    return "\n".join(record.getMessage() for record in caplog.records)


@pytest.mark.parametrize(
    ("name", "options", "why"),
    [
        ("out.jpg", {}, ".jpg stores no transparency"),
        ("out.png", {"engine": "numpy", "model": "mlp", "batch": None}, "--engine numpy"),
        ("out.png", {"enhance": True, "scale": 2}, "--enhance"),
        ("out.png", {"mask": "random:fraction=0.3", "fill": "none"}, "--mask"),
    ],
)
def test_elsewhere_transparent_parts_become_white(
    folder: Path,
    caplog: pytest.LogCaptureFixture,
    name: str,
    options: dict[str, Any],
    why: str,
) -> None:
    caplog.set_level(logging.INFO)
    npaint.paint(
        folder / "logo.png", folder / name, overwrite=True, save=folder / "flat",
        **(STILL | {"steps": 2} | options),
    )  # fmt: skip
    assert load_painting(folder / "flat").canvas.channels == 3
    assert f"'{folder / 'logo.png'}' has transparent parts, which become white" in remarks(caplog)
    assert why in remarks(caplog)


def test_a_chosen_background_needs_no_remark(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    output = folder / "ground.png"
    npaint.paint(folder / "logo.png", output, background="black", save=folder / "grounded", **STILL)
    assert load_painting(folder / "grounded").canvas.channels == 3
    with Image.open(output) as image:
        assert image.mode == "RGB"
    assert "transparent" not in remarks(caplog)


def test_a_clip_without_alpha_is_shown_on_white(
    folder: Path, trained: Trained, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    npaint.render_saved(trained.take, folder / "clip.mov", format="mov", **AGAIN)
    _, log = run_ffmpeg("-i", f"file:{folder / 'clip.mov'}", "-f", "null", "-")
    assert "yuva" not in log
    assert "become white because this output stores no transparency" in remarks(caplog)


def test_a_picture_that_is_transparent_all_over_is_learned(folder: Path) -> None:
    Image.new("RGBA", (24, 16), (200, 0, 0, 0)).save(folder / "clear.png")
    options: dict[str, Any] = STILL | {"steps": 60, "overwrite": True}
    npaint.paint(folder / "clear.png", folder / "out.png", **options)
    assert last_frame(folder / "out.png")[..., 3].max() <= 3


def test_frames_of_the_training_have_alpha(folder: Path) -> None:
    options = QUICK | {"frames_from": "training", "record": folder / "sketch.take", "steps": 40}
    npaint.timelapse(folder / "logo.png", folder / "sketch.apng", overwrite=True, **options)
    sketch = load_take(folder / "sketch.take").sketch(2)
    assert sketch is not None
    assert sketch.shape == (HEIGHT, WIDTH, 4)
    npaint.render_saved(folder / "sketch.take", folder / "again.apng", frames_from="training")
    assert last_frame(folder / "again.apng")[0, -1, 3] < 200


def test_a_take_stores_the_premultiplied_picture(trained: Trained) -> None:
    take = load_take(trained.take)
    pixels = take.picture.pixels
    assert np.abs(pixels.astype(int) - logo()).max() <= 1
    assert take.picture.canvas == take.canvas


@pytest.mark.parametrize("overlay", ["steps", "caption:text=Hello", "curve"])
def test_an_overlay_is_opaque_where_it_covers(folder: Path, trained: Trained, overlay: str) -> None:
    output = folder / "overlay.apng"
    view = AGAIN | {"scale": 5, "frames": 2}
    npaint.render_saved(trained.take, output, overlay=overlay, **view)
    covered = last_frame(output)
    npaint.render_saved(trained.take, output, **view)
    plain = last_frame(output)
    corners = covered[-60:, :, 3]
    assert (covered[..., 3] == 255).sum() > 100 + (plain[..., 3] == 255).sum()
    assert corners.min() < 30
    assert covered[0, WIDTH // 2, 3] < 30


@pytest.mark.parametrize("overlay", ["side", "heatmap", "wipe", "neurons", "network"])
def test_panels_are_opaque(folder: Path, trained: Trained, overlay: str) -> None:
    output = folder / "panels.apng"
    npaint.render_saved(
        trained.take, output, overlay=overlay, scale=3, frames=5, panel="right", **AGAIN
    )
    with Image.open(output) as image:
        image.seek(1)
        alpha = np.asarray(image.convert("RGBA"))[..., 3]
    if overlay == "wipe":
        assert alpha[:, -2].min() == 255
    else:
        assert alpha[:, -3 * WIDTH :].min() == 255
    assert alpha[:, : 3 * WIDTH].min() < 60


def test_the_still_beside_a_clip_is_on_white(folder: Path) -> None:
    npaint.timelapse(folder / "logo.png", folder / "covered.apng", cover=True, **QUICK)
    with Image.open(folder / "covered.cover.jpg") as image:
        assert np.asarray(image)[0, -1].min() > 60


MODELS = [
    "fourier", "fourier:series=no", "skipconn:hidden_size=32", "mlp:hidden_size=32",
    "siren:hidden_size=32", "pyramid", "morph",
]  # fmt: skip


@pytest.mark.parametrize("model", MODELS)
def test_every_model_learns_alpha(model: str) -> None:
    trains = learner(Picture(logo()), model=model, steps=100, batch=400, device="cpu")
    trains.advance(100)
    painting: Painting = trains.painting()
    frame = render(painting, painting.canvas)
    assert (frame[..., :3] <= frame[..., 3:]).all()
    assert np.abs(frame.astype(int) - logo()).mean() < 20
    points = painting(np.array([0.1, -0.4]), np.array([0.2, 0.0]))
    assert points.shape == (2, 4)


def test_interpolated_frames_have_valid_alpha(trained: Trained) -> None:
    painting = load_painting(trained.painting)
    canvas = painting.canvas.scaled(24)
    assert sampling_step(painting, canvas) > 1
    frame = PendingFrame(painting, canvas, may_interpolate=True).frame()
    assert (frame[..., :3] <= frame[..., 3:]).all()
    assert np.abs(frame.astype(int) - render(painting, canvas)).max() <= 3


def test_what_learns_no_alpha_says_so() -> None:
    with pytest.raises(UsageError, match="--engine numpy"):
        learner(Picture(logo()), engine="numpy", model="mlp")


def test_alpha_is_not_exported(trained: Trained) -> None:
    with pytest.raises(UsageError, match="--background"):
        derive(load_painting(trained.painting))


def test_a_restored_training_continues_bit_for_bit() -> None:
    options: dict[str, Any] = {"model": "fourier:order=6", "steps": 9, "batch": 400}
    whole, restored = (learner(Picture(logo()), device="cpu", **options) for _ in range(2))
    painting = whole.painting()
    whole.begin_sketch(render(painting, painting.canvas))
    whole.advance(4)
    restored.restore(whole.state())
    whole.advance(5)
    restored.advance(5)
    assert np.array_equal(whole.sketch(), restored.sketch())
    first, second = whole.painting().weights, restored.painting().weights
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_damaged_channels_are_refused(folder: Path, trained: Trained) -> None:
    painting = load_painting(trained.painting)
    facts = model_facts(painting.settings, painting.canvas) | {"channels": 5}
    with pytest.raises(SavedError, match="no colours"):
        read_model_facts(facts, name="file")
