"""`neuralpaint batch`, with real worker processes."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import frames_of
from PIL import Image
from processes import MODEL, Typed, command, neuralpaint, start

from neuralpaint.video.writer import ClipWriter

QUICK = ("--model", MODEL, "--steps", "8", "--threads", "1", "--device", "cpu")

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with four pictures, and two files that are none."""
    (tmp_path / "in").mkdir()
    generator = np.random.default_rng(0)
    for name in "abcd":
        pixels = generator.integers(0, 256, (16, 24, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "in" / f"{name}.png")
    whole = (tmp_path / "in" / "a.png").read_bytes()
    (tmp_path / "in" / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "in" / "text.jpg").write_text("hello")
    return tmp_path


def entries(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]


def results(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_broken_picture_stops_no_other_one(folder: Path, typed: Typed) -> None:
    done = typed("batch", "in", "-o", "out", "--do", "paint", "--jobs", "2", *QUICK)
    assert (done.returncode, done.stdout) == (1, "")
    lines = done.stderr.splitlines()
    assert len(lines) == 7
    assert lines[-1].startswith("wrote out/manifest.jsonl  4 done, 2 failed of 6")
    assert results(folder / "out") == ["a.png", "b.png", "c.png", "d.png", "manifest.jsonl"]
    found = {entry["input"]: entry for entry in entries(folder / "out")}
    assert len(found) == 6
    assert list(found["in/a.png"])[:7] == [
        "input", "sha256", "output", "status", "psnr", "seconds", "error",
    ]  # fmt: skip
    for name, entry in found.items():
        is_whole = Path(name).stem in "abcd"
        assert entry["status"] == ("done" if is_whole else "failed")
        assert entry["output"] == f"out/{Path(name).stem}.png"
        assert len(entry["sha256"]) == 64
        assert (entry["error"] is None) == is_whole
        assert (entry["psnr"] is not None) == is_whole

    single = typed("paint", "in/b.png", "-o", "b.png", *QUICK)
    assert single.returncode == 0
    assert (folder / "b.png").read_bytes() == (folder / "out" / "b.png").read_bytes()

    def again(*words: str) -> dict[str, Any]:
        batch = ("batch", "in/?.png", "-o", "out", "--do", "paint", *QUICK, "--json", *words)
        done = typed(*batch)
        assert done.returncode == 0, done.stderr
        last: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return last

    assert again("--resume")["skipped"] == 4
    (folder / "out" / "a.png").unlink()
    Image.new("RGB", (24, 16)).save(folder / "in" / "b.png")
    last = again("--resume")
    assert (last["event"], last["done"], last["skipped"]) == ("done", 2, 2)
    assert {entry["name"] for entry in entries(folder / "out")[-2:]} == {"a.png", "b.png"}
    assert again("--resume", "--steps", "9")["done"] == 4
    assert again("-y")["done"] == 4
    assert len(entries(folder / "out")) == 4


def test_each_row_of_a_table_has_its_options(folder: Path, typed: Typed) -> None:
    (folder / "list.csv").write_text(
        "input,output,steps,keep-known,mask\nin/a.png,first.png,3,,\nin/b.png,,,yes,in/mask.png\n"
    )
    mask = np.zeros((16, 24), np.uint8)
    mask[4:8, 4:8] = 255
    Image.fromarray(mask).save(folder / "in" / "mask.png")
    words = ("../list.csv", "-o", "out", "--do", "paint", "--save", "{stem}.painting", *QUICK)
    (folder / "elsewhere").mkdir()
    done = neuralpaint("batch", *words, cwd=folder / "elsewhere")
    assert done.returncode == 0, done.stderr
    made = folder / "elsewhere" / "out"
    assert results(made) == ["a.painting", "b.painting", "b.png", "first.png", "manifest.jsonl"]
    assert {entry["name"]: entry["steps"] for entry in entries(made)} == {
        "first.png": 3, "b.png": 8,
    }  # fmt: skip
    replayed = typed("replay", str(made / "b.png"))
    assert "--mask mask.png" in replayed.stdout
    assert "--keep-known" in replayed.stdout


def test_a_result_of_several_files_is_made_again_if_one_is_missing(
    folder: Path, typed: Typed
) -> None:
    clip = (*QUICK, "--duration", "1", "--fps", "4", "--cover")
    words = ("batch", "in/a.png", "-o", "out", "--jobs", "1", *clip)
    done = typed(*words)
    assert done.returncode == 0, done.stderr
    assert results(folder / "out") == ["a.cover.jpg", "a.mp4", "manifest.jsonl"]

    def again() -> tuple[int, int]:
        last = json.loads(typed(*words, "--resume", "--json").stdout.splitlines()[-1])
        return last["done"], last["skipped"]

    assert again() == (0, 1)
    (folder / "out" / "a.cover.jpg").unlink()
    assert again() == (1, 0)
    (folder / "out" / "a.mp4").write_bytes(b"cut")
    assert again() == (1, 0)


@posix
def test_a_result_can_be_a_folder_of_frames_and_a_name_any_bytes(folder: Path) -> None:
    """The name is not UTF-8; the folder of the results is the one of the pictures."""
    name = os.fsdecode(b"caf\xe9")
    (folder / "in" / "a.png").rename(folder / "in" / f"{name}.png")
    words = ("batch", f"{name}.png", "-o", ".", "--name", "{stem}/", "--jobs", "1", "--quiet")
    for more in ((), ("--resume",)):  # the second run makes nothing
        clip = (*QUICK, "--duration", "1", "--fps", "4")
        done = neuralpaint(*words, *clip, *more, cwd=folder / "in")
        assert done.returncode == 0, done.stderr
    assert results(folder / "in" / name) == [f"{number:05}.png" for number in range(1, 5)]
    assert [entry["name"] for entry in entries(folder / "in")] == [f"{name}/"]


def test_the_last_do_chooses_the_command(folder: Path, typed: Typed) -> None:
    words = ("batch", "in/a.png", "-o", "out", "--dry-run", "--do=paint", "--do", "video")
    done = typed(*words, "--fps", "3")
    assert done.returncode == 0, done.stderr
    assert "out/a.mp4" in done.stdout


def test_a_dry_run_lists_the_results_and_makes_nothing(folder: Path, typed: Typed) -> None:
    done = typed("batch", "in/?.png", "-o", "out", "--dry-run", "--name", "{stem}.gif")
    assert done.returncode == 0
    for name in "abcd":
        assert f"in/{name}.png  out/{name}.gif" in done.stdout
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["in", "in/a.jpg"], "'in/a.jpg' and 'in/a.png' would both become 'out/a.mp4'"),
        (["in/a.png", "--do", "paint", "-o", "in"], "an input would be replaced by the result of"),
        (["in", "-o", "in"], "'in' contains only files in the folder of the results"),
        (["in/no.png"], "no file 'in/no.png'"),
        (["in", "--do", "pait"], "did you mean 'paint'?"),
        (["in", "--stepps", "3"], "--steps"),
        (["in", "--model", "fourer"], "did you mean 'fourier'?"),
        (["in", "--do", "paint", "--fps", "3"], "--fps"),
        (["in", "--steps", "3", "--epochs", "3"], "exclude"),
        (["in", "--name", "{stem}.png"], "use neuralpaint paint"),
        (["in", "--name", "all.mp4"], "would both become 'out/all.mp4'"),
        (["in", "--resume", "-y"], "exclude each other"),
        (["in", "--on", "rya"], "did you mean 'ray'?"),
        (["in", "--jobs", "0"], "--jobs must be at least 1"),
        (["odd.csv"], "odd.csv, line 2: no option of video named 'stps': did you mean 'steps'?"),
        (["wrong.csv"], "wrong.csv, line 2: --steps must be a whole number, not 'many'"),
        (["in", "-o", "old"], "'old' contains a batch: add --resume"),
        (["in", "-o", "full"], "output 'full/a.mp4' exists"),
        (["in", "-o", "no/out"], "does not exist"),
        (["in", "--format", "gif", "--name", "{stem}.gif", "--audio", "in/a.png"], "sound"),
        ([], "PICTURES"),
    ],
)
def test_what_is_wrong_is_reported_before_anything_starts(
    folder: Path, typed: Typed, words: list[str], message: str
) -> None:
    (folder / "in" / "a.jpg").write_text("another a") if "in/a.jpg" in words else None
    (folder / "odd.csv").write_text("input,stps\nin/a.png,3\n")
    (folder / "wrong.csv").write_text("input,steps\nin/a.png,many\n")
    (folder / "old").mkdir()
    (folder / "old" / "manifest.jsonl").touch()
    (folder / "full").mkdir()
    (folder / "full" / "a.mp4").write_text("precious")
    before = sorted(folder.rglob("*"))
    given = [] if "-o" in words else ["-o", "out"]
    done = typed("batch", *words, *given)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert sorted(folder.rglob("*")) == before


@posix
def test_a_batch_that_is_killed_ten_times_ends_with_every_picture_once(folder: Path) -> None:
    """Killed at a random event, seeded; a torn line or a part file of it may be left.

    One part file is left for certain, and can be played.
    """
    (folder / "out").mkdir()
    part = folder / "out" / ".a.4194305.part.mp4"
    with ClipWriter(part, height=16, width=24, fps=8) as writer:
        writer.write(np.zeros((16, 24, 3), np.uint8))
    generator = random.Random(0)
    words = command("batch", "in/?.png", "-o", "out", "--json", "--resume", "--duration", "1",
                    "--fps", "8", *QUICK)  # fmt: skip
    for _ in range(10):
        process = start(words, cwd=folder)
        assert process.stdout is not None
        for _ in zip(range(generator.randint(1, 9)), process.stdout, strict=False):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=60)
    done = neuralpaint(*words[3:], cwd=folder)
    assert done.returncode == 0, done.stderr
    assert results(folder / "out") == ["a.mp4", "b.mp4", "c.mp4", "d.mp4", "manifest.jsonl"]
    newest = {entry["name"]: entry["status"] for entry in entries(folder / "out")}
    assert newest == {f"{name}.mp4": "done" for name in "abcd"}


@posix
def test_ctrl_c_finishes_what_is_nearly_done_and_resume_makes_the_rest(folder: Path) -> None:
    words = ["in/?.png", "-o", "out", "--do", "paint", "--jobs", "1", "--model", MODEL, "--json"]
    process = start(command("batch", *words, "--steps", "100000"), cwd=folder)
    assert process.stdout is not None

    def progressed(lines: Iterator[str]) -> bool:
        return any(any(json.loads(line).get("running", {}).values()) for line in lines)

    assert progressed(iter(process.stdout))
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stderr == ""
    last = json.loads(stdout.splitlines()[-1])
    assert (last["event"], last["done"], last["missing"]) == ("interrupted", 0, 4)
    assert results(folder / "out") == ["manifest.jsonl"]
    done = neuralpaint("batch", *words, "--steps", "8", "--resume", cwd=folder)
    assert done.returncode == 0
    assert len(entries(folder / "out")) == 4


def test_a_take_is_rendered_by_two_processes(folder: Path, typed: Typed) -> None:
    words = (*QUICK, "--duration", "4", "--fps", "5", "--record", "a.take")
    assert typed("video", "in/a.png", "-o", "a.mkv", *words).returncode == 0
    plan = typed("render", "a.take", "-o", "parts.mkv", "--jobs", "2", "--dry-run", "--json")
    assert json.loads(plan.stdout)["parts"] == 2
    done = typed("render", "a.take", "-o", "parts.mkv", "--jobs", "2", "--threads", "1")
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("wrote parts.mkv  24x16, 20 frames, 4.0 s")
    assert typed("render", "a.take", "-o", "whole.mkv", "--threads", "1").returncode == 0
    assert (frames_of(folder / "parts.mkv") == frames_of(folder / "whole.mkv")).all()
    assert not list(folder.glob(".*"))
