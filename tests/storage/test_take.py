from __future__ import annotations

import base64
import contextlib
import io
import math
import os
import random
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contract import WITHOUT_CODES
from damage import damaged
from PIL import Image
from processes import read_until, start

from neuralpaint.errors import EncodingError, SavedError, UsageError
from neuralpaint.image.pictures import Picture
from neuralpaint.models.encodings import encodings
from neuralpaint.pipelines.make_learner import learner
from neuralpaint.rendering.render import render
from neuralpaint.storage.painting_file import load_painting
from neuralpaint.storage.take import Take, TakeWriter, is_take_file, load_take
from neuralpaint.storage.take.records import MAGIC, pack_record, read_places, read_record
from neuralpaint.training.learning import Snapshot, learn
from neuralpaint.training.settings import Engine, TrainingSettings

SMALL = {
    "fourier": "fourier:hidden_size=8,series=yes",
    "skipconn": "skipconn:hidden_size=8",
    "mlp": "mlp:hidden_size=8,features=16",
    "siren": "siren:hidden_size=8",
}
EVERY = [
    *[(SMALL.get(name, name), "torch") for name in WITHOUT_CODES],
    *[(f"mlp:hidden_size=8,encoding={name}", "torch") for name in encodings],
    ("mlp:hidden_size=8,norm=batch", "torch"),
    ("mlp:hidden_size=8", "numpy"),
    ("mlp:hidden_size=8,norm=batch", "numpy"),
]
STOPS = [0, 2, 5, 9]


def picture() -> Picture:
    pixels = np.random.default_rng(1).integers(0, 256, (18, 26, 3), dtype=np.uint8)
    return Picture(pixels, name="forêt.png")


def settings(model: str = SMALL["fourier"], engine: Engine = "torch") -> TrainingSettings:
    return TrainingSettings(model=model, engine=engine, seed=4, steps=9, batch=60)


def snapshots(chosen: TrainingSettings) -> Iterator[Snapshot]:
    return learn(learner(picture(), chosen), STOPS)


def writer(path: Path, chosen: TrainingSettings | None = None, **options: Any) -> TakeWriter:
    return TakeWriter(
        path,
        settings=chosen or settings(),
        subject=picture(),
        steps=9,
        note={"source": "a"},
        **options,
    )


def record(
    path: Path, chosen: TrainingSettings | None = None, **options: Any
) -> tuple[list[Snapshot], list[Snapshot]]:
    """Record a short training; return the original snapshots and the recorded ones."""
    chosen = chosen or settings()
    true = list(snapshots(chosen))
    with writer(path, chosen, **options) as take:
        recorded = [take.add(snapshot) for snapshot in true]
        take.finish()
    return true, recorded


def assert_same(a: Snapshot, b: Snapshot) -> None:
    assert (a.step, a.seconds) == (b.step, b.seconds)
    assert a.loss == b.loss or (math.isnan(a.loss) and math.isnan(b.loss))
    left, right = a.painting.weights, b.painting.weights
    assert left.keys() == right.keys()
    for name, value in left.items():
        np.testing.assert_array_equal(value, right[name])


@pytest.mark.parametrize("precision", ["half", "full"])
@pytest.mark.parametrize(("model", "engine"), EVERY)
def test_a_recorded_take_is_loaded_unchanged(
    model: str, engine: Engine, precision: str, tmp_path: Path
) -> None:
    chosen = settings(model, engine)
    true, recorded = record(tmp_path / "a.take", chosen, precision=precision)
    take = load_take(tmp_path / "a.take")
    assert (len(take), take.finished, take.steps) == (4, True, 9)
    assert take.settings == chosen
    assert take.note == {"source": "a"}
    assert take.canvas == picture().canvas
    for original, kept, found in zip(true, recorded, take, strict=True):
        assert_same(kept, found)
        grid = take.canvas.grid()
        levels = 255 * np.abs(original.painting(grid) - found.painting(grid))
        assert levels.max() <= (0.6 if precision == "half" else 0)


def test_the_picture_is_kept_recorded_settings(tmp_path: Path) -> None:
    record(tmp_path / "a")
    found = load_take(tmp_path / "a").picture
    np.testing.assert_array_equal(found.pixels, picture().pixels)
    assert found.name == "forêt.png"


def test_a_notebook_shows_moments_of_a_take_with_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "<b>&.take"
    record(path)
    take = load_take(path)
    shown = take._repr_html_()
    assert "&lt;b&gt;&amp;.take" in shown
    assert "26x18, 4 snapshots" in shown
    assert re.findall(r'alt="step (\d+)"', shown) == ["0", "2", "5", "9"]
    assert f"<br>loss {take[3].loss:.3g}</figcaption>" in shown
    frames = [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(png))))
        for png in re.findall(r"base64,([^\"]+)\" alt=", shown)
    ]
    view = take.canvas.scaled(160 / 26)
    for frame, snapshot in zip(frames, take, strict=True):
        np.testing.assert_array_equal(frame, render(snapshot.painting, view))


def test_a_notebook_shows_the_first_and_the_last_of_many_snapshots(tmp_path: Path) -> None:
    trained = learner(picture(), settings())
    with writer(tmp_path / "a") as unfinished:
        assert "0 snapshots, not finished" in load_take(tmp_path / "a")._repr_html_()
        for snapshot in learn(trained, range(9)):
            unfinished.add(snapshot)
            if snapshot.step == 0:
                assert load_take(tmp_path / "a")._repr_html_().count("<img") == 1
    steps = re.findall(r'alt="step (\d+)"', load_take(tmp_path / "a")._repr_html_())
    assert (steps[0], steps[-1], len(steps)) == ("0", "8", 6)


def test_half_precision_halves_the_file(tmp_path: Path) -> None:
    chosen = settings("pyramid")
    for precision in ("half", "full"):
        record(tmp_path / precision, chosen, precision=precision)
    half, full = ((tmp_path / name).stat().st_size for name in ("half", "full"))
    assert half < 0.75 * full  # the first snapshot and the names are the same in both


def test_weights_are_stored_in_full_where_half_precision_would_be_visible(tmp_path: Path) -> None:
    true = list(snapshots(settings()))
    weights = true[1].painting.weights
    name = "network.layers.0.bias"
    for turns in (300, 20_000):  # of a sine: visible if rounded; too large for half precision
        weights[name] = weights[name] + np.float32(2 * math.pi * turns)
        odd = Snapshot(3, 0.0, 0.1, true[1].painting.with_weights(weights))
        with writer(tmp_path / "a", overwrite=True) as take:
            take.add(true[0])
            assert_same(take.add(odd), odd)
        assert_same(load_take(tmp_path / "a")[1], odd)


def test_constant_arrays_are_stored_once(tmp_path: Path) -> None:
    chosen = settings("mlp:hidden_size=1,hidden_layers=1,encoding=gaussian:features=4096")
    path, sizes = tmp_path / "a", []
    with writer(path, chosen, precision="full") as take:
        for snapshot in snapshots(chosen):
            before = take.position
            take.add(snapshot)
            sizes.append(take.position - before)
    assert sizes[1] == sizes[2] < sizes[0] - 4096 * 2 * 4 + 500


def test_a_position_between_two_snapshots_is_their_blend(tmp_path: Path) -> None:
    record(tmp_path / "a")
    take = load_take(tmp_path / "a")
    a, b = take[1], take[2]
    found = take.at(3.5)
    expected = a.painting.blend(b.painting, 0.5).weights
    for name, value in found.painting.weights.items():
        np.testing.assert_array_equal(value, expected[name])
    assert found.step == 4
    assert found.seconds == pytest.approx((a.seconds + b.seconds) / 2)
    assert found.loss == b.loss


@pytest.mark.parametrize(("step", "index"), [(-3, 0), (0, 0), (2, 1), (9, 3), (99, 3)])
def test_at_a_snapshot_and_beyond_the_ends_nothing_is_blended(
    step: float, index: int, tmp_path: Path
) -> None:
    record(tmp_path / "a")
    take = load_take(tmp_path / "a")
    assert_same(take.at(step), take[index])


def test_two_snapshots_at_one_step(tmp_path: Path) -> None:
    (first, *_) = snapshots(settings())
    with writer(tmp_path / "a") as take:
        take.add(first)
        take.add(first)
    assert_same(load_take(tmp_path / "a").at(0), first)


def test_a_take_is_a_sequence(tmp_path: Path) -> None:
    record(tmp_path / "a")
    take = load_take(tmp_path / "a")
    assert [snapshot.step for snapshot in take] == STOPS
    assert [snapshot.step for snapshot in take[1:3]] == [2, 5]
    assert take[-1].step == 9
    with pytest.raises(IndexError):
        take[4]


def test_a_sketch_is_kept_with_its_snapshot(tmp_path: Path) -> None:
    sketch = picture().pixels[::-1]
    first, second, *_ = snapshots(settings())
    with writer(tmp_path / "a") as take:
        take.add(first)
        take.add(second, sketch=sketch)
        with pytest.raises(UsageError, match="a sketch is uint8"):
            take.add(second, sketch=sketch[1:])
    found = load_take(tmp_path / "a")
    assert found.sketch(0) is None
    np.testing.assert_array_equal(found.sketch(1), sketch)


def test_a_take_is_read_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with writer(path) as take:
        assert len(load_take(path)) == 0
        with pytest.raises(UsageError, match="no snapshots yet"):
            load_take(path).at(1)
        for count, snapshot in enumerate(snapshots(settings()), 1):
            kept = take.add(snapshot)
            found = load_take(path)
            assert (len(found), take.count, found.finished) == (count, count, False)
            assert_same(found[-1], kept)


def test_one_process_at_a_time_writes(tmp_path: Path) -> None:
    first, *_ = snapshots(settings())
    with writer(tmp_path / "a") as take:
        take.add(first)
        with pytest.raises(EncodingError, match="being written already"):
            writer(tmp_path / "a", overwrite=True)
        with pytest.raises(EncodingError, match="being written already"):
            TakeWriter.resumed(tmp_path / "a", position=take.position)
        assert len(load_take(tmp_path / "a")) == 1


def test_an_existing_file_is_replaced_only_with_overwrite(tmp_path: Path) -> None:
    record(tmp_path / "a")
    with pytest.raises(UsageError, match="exists"):
        writer(tmp_path / "a")
    record(tmp_path / "a", settings("siren:hidden_size=4"), overwrite=True)
    assert load_take(tmp_path / "a").settings.model == "siren:hidden_size=4"


def test_an_empty_recording_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), writer(tmp_path / "a"):
        raise KeyboardInterrupt
    assert not (tmp_path / "a").exists()


def test_snapshots_come_in_order_and_of_one_training(tmp_path: Path) -> None:
    first, second, *_ = snapshots(settings())
    stranger = next(snapshots(settings("siren:hidden_size=4")))
    with writer(tmp_path / "a") as take:
        take.add(second)
        with pytest.raises(UsageError, match="cannot follow"):
            take.add(first)
        with pytest.raises(UsageError, match="weights"):
            take.add(Snapshot(7, 0.0, 0.0, stranger.painting))
        take.add(second)
    assert len(load_take(tmp_path / "a")) == 2


def test_a_resumed_take_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    true, _ = record(tmp_path / "whole")
    path = tmp_path / "a"
    with writer(path) as take:
        take.add(true[0])
        take.add(true[1])
        position = take.position
        take.sync()
        take.add(true[3])
    with TakeWriter.resumed(path, position=position) as take:
        assert (take.count, take.position) == (2, position)
        take.add(true[2])
        take.add(true[3])
        take.finish()
    assert path.read_bytes() == (tmp_path / "whole").read_bytes()


def test_a_take_is_resumed_only_at_its_last_snapshot(tmp_path: Path) -> None:
    path = tmp_path / "a"
    record(path)
    size = path.stat().st_size
    for position in (0, 5, size - 1, size, size + 1):
        with pytest.raises(SavedError, match="lacks snapshots"):
            TakeWriter.resumed(path, position=position)
    assert path.stat().st_size == size
    with pytest.raises(UsageError, match="no file"):
        TakeWriter.resumed(tmp_path / "b", position=9)


def test_a_truncated_end_loses_only_the_last_snapshot(tmp_path: Path) -> None:
    path = tmp_path / "a"
    chosen = settings(SMALL["skipconn"])  # its last weights are not 0, as lost bytes are
    record(path, chosen)
    whole, ends = path.read_bytes(), []
    with writer(tmp_path / "b", chosen) as recording:
        for snapshot in snapshots(chosen):
            recording.add(snapshot)
            ends.append(recording.position)
    for count, (end, following) in enumerate(pairwise(ends), 1):
        for cut in (end, end + 1, end + 50, following - 1):
            path.write_bytes(whole[:cut])
            take = load_take(path)
            assert (len(take), take.finished) == (count, False)
            take[-1].painting(0.0, 0.0)
            path.write_bytes(whole[:cut] + bytes(following - cut))  # as after a power cut
            assert len(load_take(path)) == count


def test_a_damaged_snapshot_does_not_affect_the_others(tmp_path: Path) -> None:
    path = tmp_path / "a"
    first, second, *others = snapshots(settings())
    with writer(path) as take:
        take.add(first)
        take.add(second)
        position = take.position
        for snapshot in others:
            take.add(snapshot)
        take.finish()
    raw = bytearray(path.read_bytes())
    raw[position - 9] ^= 1
    path.write_bytes(raw)
    found = load_take(path)
    with pytest.raises(SavedError, match="the snapshot at step 2 does not match its checksum"):
        found[1].painting(0.0, 0.0)
    assert found[3].painting(0.0, 0.0).shape == (3,)


def test_a_take_is_distinguished_from_other_files(tmp_path: Path) -> None:
    record(tmp_path / "a")
    assert is_take_file(tmp_path / "a")
    (tmp_path / "b").write_bytes(b"something else")
    assert not is_take_file(tmp_path / "b")
    with pytest.raises(SavedError, match="is not a take"):
        load_take(tmp_path / "b")
    (tmp_path / "c").write_bytes(b"neuralpaint take 2\n")
    with pytest.raises(SavedError, match="newer neuralpaint"):
        load_take(tmp_path / "c")


def use(take: Take) -> None:
    """Read every snapshot, sketch and picture."""
    for i in range(len(take)):
        take[i].painting(0.0, 0.0)
        take.sketch(i)
    _ = take.picture


def test_a_damaged_take_is_refused(tmp_path: Path) -> None:
    record(tmp_path / "a")
    path = tmp_path / "b"
    for raw in damaged((tmp_path / "a").read_bytes(), count=300):
        path.write_bytes(raw)
        with contextlib.suppress(SavedError):  # or it was where it does not matter
            use(load_take(path))


Contents = tuple[dict[str, Any], dict[str, Any], dict[str, Any]]


def forge(path: Path, number: int, forgery: Callable[[*Contents], object]) -> None:
    """Change a record of a take and recompute its checksums."""
    parts = [MAGIC]
    with path.open("rb") as file:
        for i, place in enumerate(read_places(file, name="a take")):
            tensors, facts = read_record(file, place, name="a take")
            label: dict[str, Any] = {
                "step": place.step, "seconds": place.seconds, "loss": place.loss
            }  # fmt: skip
            if i == number:
                forgery(tensors, facts, label)
            parts += pack_record(place.mark, tensors, facts, **label)
    path.write_bytes(b"".join(parts))


@pytest.mark.parametrize(
    ("number", "forgery"),
    [
        (0, lambda tensors, facts, label: facts["settings"].update(model="mlp:hidden_size=8192")),
        (0, lambda tensors, facts, label: facts["settings"].update(steps=10**400)),
        (0, lambda tensors, facts, label: facts.update(height=2**31 - 1, width=2**31 - 1)),
        (0, lambda tensors, facts, label: facts.update(note=1)),
        (1, lambda tensors, facts, label: tensors.update(png=np.zeros(9, np.uint8))),
        (1, lambda tensors, facts, label: tensors.clear()),
        (1, lambda tensors, facts, label: facts.update(name=[1])),
        (2, lambda tensors, facts, label: tensors.clear()),
        (3, lambda tensors, facts, label: label.update(step=10)),
        (3, lambda tensors, facts, label: tensors.update({"weight/more": np.ones(3)})),
        (3, lambda tensors, facts, label: tensors.update(sketch=np.zeros(9, np.uint8))),
    ],
)
def test_a_forged_take_is_refused(
    number: int, forgery: Callable[[*Contents], object], tmp_path: Path
) -> None:
    record(tmp_path / "a", settings("mlp:hidden_size=8,encoding=none"))
    forge(tmp_path / "a", number, forgery)
    with pytest.raises(SavedError):
        use(load_take(tmp_path / "a"))


def test_a_film_of_a_take_is_the_film_made_while_recording(tmp_path: Path) -> None:
    _, recorded = record(tmp_path / "a")
    take = load_take(tmp_path / "a")
    for kept, found in zip(recorded, take, strict=True):
        filmed, again = (render(each.painting, take.canvas) for each in (kept, found))
        np.testing.assert_array_equal(filmed, again)


RECORDING = """
import sys
from test_take import snapshots, settings, writer
from pathlib import Path
from neuralpaint.training.learning import Snapshot
kept = list(snapshots(settings()))
with writer(Path(sys.argv[1])) as take:
    for step in range(2000):
        take.add(Snapshot(step, 0.0, 0.5, kept[step % 4].painting))
        if step == 0:
            print("recording", flush=True)
"""


@pytest.mark.slow
def test_the_recording_of_a_killed_process_can_be_loaded(tmp_path: Path) -> None:
    """The take can be loaded while it is written, and after the process is killed."""
    path, rng = tmp_path / "a", random.Random(3)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", RECORDING, str(path)]
    process = start(command, cwd=Path(__file__).parent, env=environment)
    read_until(process, bool)
    for _ in range(20):
        time.sleep(rng.uniform(0, 0.02))
        load_take(path).at(10**9)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=60)
    take = load_take(path)
    assert not take.finished
    take.at(10**9).painting(0.0, 0.0)


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Limit the size of files in bytes, so that writing fails as on a full disk."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


def test_a_full_disk_leaves_a_take_of_the_snapshots_so_far(tmp_path: Path) -> None:
    path = tmp_path / "a"
    true = list(snapshots(settings()))
    with writer(path) as take:
        take.add(true[0])
        take.add(true[1])
        position = take.position
        with (
            file_size_limit(position + 700),
            pytest.raises(EncodingError, match="free some space"),
        ):
            take.add(true[2])
        assert take.position == path.stat().st_size == position
        take.add(true[2])  # without the limit
    assert [snapshot.step for snapshot in load_take(path)] == [0, 2, 5]


@pytest.mark.skipif(os.name == "nt", reason="a file in use cannot be replaced")
def test_a_take_that_cannot_be_started_leaves_no_file(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    large = Picture(pixels)
    with file_size_limit(70_000), pytest.raises(EncodingError, match="free some space"):
        TakeWriter(tmp_path / "a", settings=settings(), subject=large, steps=9, note={})
    assert not (tmp_path / "a").exists()


def test_the_error_for_a_take_in_place_of_a_painting_names_it(tmp_path: Path) -> None:
    record(tmp_path / "a")
    with pytest.raises(SavedError, match="is a take, not a painting"):
        load_painting(tmp_path / "a")


@pytest.mark.parametrize("truth", ["own", "other", None])
def test_a_take_contains_the_hole_of_its_picture(truth: str | None, tmp_path: Path) -> None:
    unknown = np.zeros((18, 26), np.float32)
    unknown[3:9, 4:20], unknown[10] = 1, 0.5
    whole = picture()
    other = (255 - whole.pixels).astype(np.uint8)
    real = {"own": whole.pixels, "other": other, None: None}[truth]
    subject = replace(whole, unknown=unknown, truth=real)
    path = tmp_path / "hole.take"
    with TakeWriter(path, settings=settings(), subject=subject, steps=9, note={}) as take:
        for snapshot in snapshots(settings()):
            take.add(snapshot)
        take.finish()
    found = load_take(path).picture
    assert found.unknown is not None
    np.testing.assert_allclose(found.unknown, unknown, atol=0.002)
    np.testing.assert_array_equal(found.known, subject.known)
    np.testing.assert_array_equal(found.pixels, whole.pixels)
    assert (found.truth is None) == (truth is None)
    if real is not None:
        np.testing.assert_array_equal(found.truth, real)


def test_a_take_of_a_picture_without_a_hole_contains_none(tmp_path: Path) -> None:
    with TakeWriter(tmp_path / "a", settings=settings(), subject=picture(), steps=9, note={}) as t:
        for snapshot in snapshots(settings()):
            t.add(snapshot)
    found = load_take(tmp_path / "a").picture
    assert (found.unknown, found.truth) == (None, None)
