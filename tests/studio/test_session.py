"""The session of the studio: trainings, and what is made of them, asked for by a real tab."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from clip_probe import decode
from learners import picture
from PIL import Image
from processes import neuralpaint

import neuralpaint as npaint

pytest.importorskip("uvicorn", reason="needs the extra studio")
pytest.importorskip("websockets", reason="needs the extra studio")
from studio_client import Studio, Tab, studio

pytestmark = pytest.mark.slow

QUICK = {"model": "fourier:order=6,hidden_size=8", "duration": "1", "fps": "6", "steps": "60"}
LONG = {**QUICK, "steps": "100000"}  # of a training that is stopped


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    folder = tmp_path_factory.mktemp("studio")
    npaint.save_still(picture().pixels, folder / "soft.png")
    with studio("soft.png", cwd=folder) as running:
        yield running


@pytest.fixture
def tab(running: Studio) -> Iterator[Tab]:
    """A tab of a studio in which nothing runs."""
    tab = running.tab()
    yield tab
    if is_busy(tab):
        tab.do("stop")
        tab.wait(lambda: not is_busy(tab))
    if tab.state["job"]:
        tab.do("cancel")
        tab.wait_for(job=None)
    tab.close()


def is_busy(tab: Tab) -> bool:
    return tab.state["phase"] in ("preparing", "training", "paused", "filming")


def start(tab: Tab, settings: dict[str, str] = QUICK) -> None:
    tab.do("start", picture=tab.state["offered"]["id"], settings=settings, sound=None)


def trained(tab: Tab) -> str:
    """Train, and return the id of what was made."""
    before = tab.state["made"]
    start(tab)
    tab.wait(lambda: tab.state["made"] not in (None, before))
    return str(tab.state["made"])


def begun(tab: Tab) -> None:
    """Begin a long training, and wait until it has made some steps."""
    start(tab, LONG)
    tab.wait(lambda: tab.state["phase"] == "training" and tab.state["step"] > 20)


def files(tab: Tab, made: str) -> dict[str, str]:
    """Return the kinds of the files of a training, by name."""
    files = (item["files"] for item in tab.made if item["id"] == made)
    return {file["name"]: file["kind"] for file in next(files, [])}


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def test_a_training_makes_a_clip_a_take_and_a_painting(running: Studio, tab: Tab) -> None:
    assert {**tab.state["offered"], "id": ""} == {
        "id": "", "name": "soft.png", "width": 36, "height": 24, "alpha": False,
    }  # fmt: skip
    tab.look()
    made = trained(tab)
    tab.wait(lambda: tab.made and tab.made[0]["id"] == made)
    item = tab.made[0]
    assert files(tab, made) == {
        "film.mp4": "clip", "film.take": "take", "film.painting": "painting",
        "picture.png": "picture",
    }  # fmt: skip
    assert (item["title"], item["steps"], item["state"]) == ("soft.png", 60, "done")
    assert len(decode(running.folder / made / "film.mp4")) == 6
    assert running.get(f"made/{made}/film.mp4") == (running.folder / made / "film.mp4").read_bytes()
    assert tab.state["step"] == 60
    (line,) = tab.state["lines"]
    assert line.startswith("neuralpaint video picture.png -o film.mp4")
    assert "--steps 60" in line
    tab.look(width=90, height=60)
    header, frame = tab.frame(lambda header: header["exact"] and header["width"] == 90)
    assert header["step"] == 60
    assert frame.size == (header["width"], header["height"]) == (90, 60)


def test_the_same_command_line_makes_the_same_network(running: Studio, tab: Tab) -> None:
    made = trained(tab)
    folder = running.folder / made
    words = shlex.split(tab.state["lines"][0])
    assert words[:2] == ["neuralpaint", "video"]
    done = neuralpaint(*words[1:], "-y", cwd=copied(folder))
    assert done.returncode == 0, done.stderr
    again = npaint.load_painting(folder.with_name("again") / "film.painting").weights
    for name, weight in npaint.load_painting(folder / "film.painting").weights.items():
        assert np.array_equal(weight, again[name]), name


def copied(folder: Path) -> Path:
    """Return a folder beside it with its picture only."""
    again = folder.with_name("again")
    again.mkdir()
    shutil.copy(folder / "picture.png", again)
    return again


def test_a_moment_of_the_take_is_shown(tab: Tab) -> None:
    trained(tab)
    tab.look()
    _, last = tab.frame(lambda header: header["exact"] and header["step"] == 60)
    tab.do("moment", fraction=0)
    _, first = tab.frame(lambda header: header["exact"] and header["step"] == 0)
    assert first.tobytes() != last.tobytes()
    tab.wait(lambda: tab.curve and tab.curve[-1][0] == 60)
    tab.do("close")
    tab.wait_for(phase="empty")
    tab.do("moment", fraction=0)
    assert "no training is open" in tab.refusal()


def test_clips_stills_and_pages_are_made_of_a_take(running: Studio, tab: Tab) -> None:
    made = trained(tab)
    folder = running.folder / made
    values = {"size": "30x20", "camera": "zoom-in", "duration": "0.5"}
    tab.do("film", made=made, suffix=".gif", settings=values, sound=None)
    tab.wait(lambda: "film.gif" in files(tab, made))
    assert size_of(folder / "film.gif") == (30, 20)
    tab.do("film", made=made, suffix=".mp4", settings=values, sound=None)
    tab.wait(lambda: "film-2.mp4" in files(tab, made))
    tab.do("still", made=made, suffix=".png", settings={"at": "50%", "scale": "2"})
    tab.wait(lambda: "still.png" in files(tab, made))
    assert size_of(folder / "still.png") == (72, 48)
    tab.do("page", made=made)
    tab.wait(lambda: "film.html" in files(tab, made))
    assert b"<canvas" in running.get(f"made/{made}/film.html")
    assert tab.state["phase"] == "done"  # the stage has not changed


def test_a_clip_that_is_cancelled_leaves_nothing(running: Studio, tab: Tab) -> None:
    made = trained(tab)
    before = {path.name for path in (running.folder / made).iterdir()}
    values = {"duration": "60", "fps": "60", "size": "1200x800"}
    tab.do("film", made=made, suffix=".mp4", settings=values, sound=None)
    tab.wait(lambda: tab.state["job"] and tab.state["job"]["done"] > 0)
    tab.do("rate", factor=2)
    assert "a file is being made" in tab.refusal()
    tab.do("cancel")
    tab.wait_for(job=None)
    assert {path.name for path in (running.folder / made).iterdir()} == before


def test_a_paused_training_waits(tab: Tab) -> None:
    begun(tab)
    tab.do("pause")
    tab.wait_for(phase="paused")
    step = tab.state["step"]
    tab.look(0.25, 0.25, 0.5, 0.5)
    assert tab.frame(lambda header: header["exact"])[0]["step"] == step
    tab.look()
    assert tab.frame(lambda header: header["exact"])[0]["step"] == step
    tab.do("go")
    tab.wait(lambda: tab.state["phase"] == "training" and tab.state["step"] > step)


def test_a_stopped_training_is_kept_and_can_be_watched_again(running: Studio, tab: Tab) -> None:
    begun(tab)
    tab.do("stop")
    tab.wait(lambda: tab.state["made"])
    made = tab.state["made"]
    assert tab.state["phase"] == "interrupted", tab.state
    assert 20 < tab.state["step"] < 100_000
    assert len(decode(running.folder / made / "film.mp4"))
    other = running.tab()
    assert other.state["made"] == made
    other.close()


def test_a_second_stop_changes_nothing(running: Studio, tab: Tab) -> None:
    begun(tab)
    tab.do("stop")
    tab.do("stop")
    tab.wait(lambda: tab.state["made"])
    assert len(decode(running.folder / tab.state["made"] / "film.mp4"))


def test_a_training_that_is_stopped_before_it_learns_leaves_nothing(
    running: Studio, tab: Tab
) -> None:
    before = {*running.folder.iterdir()}
    start(tab, QUICK | {"target_scale": "8", "enhance": "true", "steps": "100000"})
    tab.wait_for(phase="preparing")
    tab.do("stop")
    tab.wait_for(phase="empty")
    assert {*running.folder.iterdir()} == before


def test_a_training_without_its_picture_can_be_watched(running: Studio, tab: Tab) -> None:
    begun(tab)
    tab.do("stop")
    tab.wait(lambda: tab.state["made"])
    made = tab.state["made"]
    (running.folder / made / "picture.png").unlink()
    tab.do("open", made=made)
    tab.wait(lambda: "PICTURE" in str(tab.state["lines"]))
    tab.do("resume", made=made)
    assert "has lost its picture" in tab.refusal()


def test_a_stopped_training_can_be_continued(tab: Tab) -> None:
    begun(tab)
    tab.do("stop")
    tab.wait(lambda: tab.state["made"])
    made, step = tab.state["made"], tab.state["step"]
    tab.do("resume", made=made)
    tab.wait_for(phase="training")
    tab.wait(lambda: tab.state["step"] > step)
    tab.do("steps", steps=2 * tab.state["step"] + 1000)
    tab.wait_for(phase="done", made=made)
    tab.do("resume", made=made)
    assert "was not interrupted" in tab.refusal()


def test_rate_and_length_can_be_changed(tab: Tab) -> None:
    begun(tab)
    tab.do("rate", factor=0.5)
    tab.wait_for(rate=0.5)
    tab.do("steps", steps=1)
    assert "choose more steps" in tab.refusal()
    tab.do("rate", factor=0.001)
    assert "a thousandfold at most" in tab.refusal()
    steps = 2 * tab.state["step"] + 1000
    tab.do("steps", steps=steps)
    tab.wait_for(phase="done", step=steps)
    tab.wait(lambda: tab.made and tab.made[0]["steps"] == steps)
    rate, length = tab.state["lines"][1:]
    assert rate.startswith("# from step ")
    assert rate.endswith(", the learning rate is 0.5 times the chosen one")
    assert length.endswith(f", the training has {steps:,} steps")


def test_a_training_is_not_disturbed(tab: Tab) -> None:
    begun(tab)
    start(tab)
    assert "wait until it is done, or stop it" in tab.refusal()
    tab.do("open", made="2026-01-01-other")
    assert "wait until it is done, or stop it" in tab.refusal()


def test_wrong_settings_start_nothing(running: Studio, tab: Tab) -> None:
    before = {*running.folder.iterdir()}
    for settings, message in [
        ({"steps": "-1"}, "steps must be at least"),
        ({"model": "fuorier"}, "did you mean 'fourier'"),
        ({"device": "cpu"}, "device"),  # not offered
        ({"overlay": "mask"}, "all pixels of the picture are known"),
    ]:
        start(tab, settings)
        assert message in tab.refusal()
    assert tab.state["phase"] in ("empty", "done", "interrupted", "failed")
    assert {*running.folder.iterdir()} == before


def test_hidden_tabs_get_no_frames(tab: Tab) -> None:
    tab.look(visible=False)
    begun(tab)
    tab.do("pause")
    tab.wait_for(phase="paused")
    step = tab.state["step"]
    tab.look()
    assert tab.frame()[0]["step"] == step  # the first frame of all


def test_ctrl_c_ends_an_idle_studio(tmp_path: Path) -> None:
    with studio(cwd=tmp_path) as running:
        running.get("")
        status, out, err = running.end()
    assert (status, out) == (0, "")
    assert "made" in err


def test_ctrl_c_keeps_what_was_learned(tmp_path: Path) -> None:
    npaint.save_still(picture().pixels, tmp_path / "soft.png")
    with studio("soft.png", cwd=tmp_path) as running:
        tab = running.tab()
        begun(tab)
        status, out, _ = running.end()
        assert (status, out) == (130, "")
        (made,) = (path for path in running.folder.iterdir() if path.is_dir())
        assert npaint.load_take(made / "film.take").steps == 100_000
        assert (made / "film.painting").exists()
        assert (made / "film.mp4.checkpoint").exists()
        assert len(decode(made / "film.mp4"))


def test_a_command_can_be_watched(tmp_path: Path) -> None:
    npaint.save_still(picture().pixels, tmp_path / "soft.png")
    words = ["paint", "soft.png", "-o", "a.png", "--steps", "100000", "--json", "--live"]
    words += ["--model", "fourier:order=6,hidden_size=8"]

    def address(line: str) -> str:
        return str(json.loads(line).get("address", ""))

    running = Studio(*words, address=address, cwd=tmp_path)
    try:
        tab = running.tab()
        tab.look(0, 0, 0.5, 0.5)
        header, _ = tab.frame(lambda header: header["step"] > 20)
        assert header["region"] == [0, 0, 0.5, 0.5]
        assert tab.state["mode"] == "watch"
        tab.do("stop")
        assert "only watches" in tab.refusal()
        status, out, _ = running.end()
    finally:
        running.process.kill()
    assert status == 130
    assert '"event": "interrupted"' in out
    assert (tmp_path / "a.png").exists()


def test_the_psnr_of_a_watched_morph_is_measured_whatever_the_loss(tmp_path: Path) -> None:
    for name in ("a", "b"):
        npaint.save_still(picture().pixels, tmp_path / f"{name}.png")
    words = ["morph", "a.png", "b.png", "-o", "m.mp4", "--steps", "100000", "--loss", "l1"]
    running = Studio(
        *words,
        "--json",
        "--live",
        address=lambda line: str(json.loads(line).get("address", "")),
        cwd=tmp_path,
    )
    try:
        tab = running.tab()
        tab.look()
        tab.wait(lambda: tab.curve and tab.curve[-1][1] > 25)
        assert tab.state["loss"] > 0.004  # as an MSE, this would be less than 24 dB
        running.end()
    finally:
        running.process.kill()
