"""The command line in real processes: exit status, stdout and stderr."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete
from PIL import Image
from processes import MODEL, QUICK, Typed, command, neuralpaint, run

from neuralpaint.cli import neuralpaint as group
from neuralpaint.cli.options import settings_from
from neuralpaint.config.registry import CATALOGUE, load_registry
from neuralpaint.pipelines.video import VideoSettings


@pytest.mark.slow
def test_a_clip_is_made_and_replayed(folder: Path, typed: Typed) -> None:
    done = neuralpaint("video", "in.png", "-o", "out.mp4", *QUICK, cwd=folder)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("wrote out.mp4  24x16, 6 frames, 1.0 s")
    assert len(done.stderr.splitlines()) == 1

    printed = typed("replay", "out.mp4")
    assert printed.returncode == 0
    assert printed.stdout.startswith("neuralpaint video in.png -o out.mp4 --")
    assert f" --model {MODEL} --steps 8 " in printed.stdout

    again = typed("replay", "out.mp4", "in.png", "-o", "again.mp4")
    assert (again.returncode, again.stdout) == (0, "")
    assert (folder / "again.mp4").stat().st_size == pytest.approx(
        (folder / "out.mp4").stat().st_size, abs=20
    )


@pytest.mark.slow
def test_json_is_one_object_per_line_and_ends_with_the_result(folder: Path, typed: Typed) -> None:
    done = typed("video", "in.png", "-o", "out.mp4", "--json", *QUICK)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[0]["event"] == "start"
    assert done.stderr == ""
    last = events[-1]
    assert list(last) == [
        "event", "output", "width", "height", "frames", "fps", "steps", "train_seconds",
        "total_seconds", "psnr", "hole_psnr", "device", "seed", "peak_memory_mb",
    ]  # fmt: skip
    assert last["event"] == "done"
    assert (last["output"], last["width"], last["height"]) == ("out.mp4", 24, 16)
    assert (last["frames"], last["fps"], last["steps"], last["seed"]) == (6, 6.0, 8, 0)
    assert last["total_seconds"] > last["train_seconds"] > 0
    assert last["peak_memory_mb"] > 10


@pytest.mark.slow
def test_quiet_prints_nothing(folder: Path, typed: Typed) -> None:
    done = typed("paint", "in.png", "-o", "out.png", "-q", *QUICK[:4])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (folder / "out.png").exists()


def test_a_dry_run_prints_the_plan_and_does_nothing(folder: Path, typed: Typed) -> None:
    done = typed("video", "in.png", "-o", "out.mp4", "--dry-run", *QUICK)
    assert done.returncode == 0
    assert "out.mp4" in done.stdout
    assert "steps         8" in done.stdout
    assert [p.name for p in folder.iterdir()] == ["in.png"]


@pytest.mark.slow
def test_a_picture_from_standard_input(folder: Path) -> None:
    data = (folder / "in.png").read_bytes()
    done = neuralpaint("paint", "-", "-o", "out.png", *QUICK[:4], cwd=folder, stdin=data)
    assert done.returncode == 0, done.stderr
    with Image.open(folder / "out.png") as image:
        assert image.size == (24, 16)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["-o.mp4", "10:30.mp4", 'été "x".mp4', "a%d.mp4", "http:x.mp4"])
def test_names_of_every_kind(folder: Path, name: str, typed: Typed) -> None:
    done = typed("video", "in.png", "-o", name, *QUICK)
    assert done.returncode == 0, done.stderr
    assert sorted(p.name for p in folder.iterdir()) == sorted(["in.png", name])


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["video", "no.jpg", "-o", "o.mp4"], 2, "no file 'no.jpg'"),
        (["video", ".", "-o", "o.mp4"], 2, "is a folder"),
        (["video", "text.jpg", "-o", "o.mp4"], 1, "not a picture"),
        (["video", "cut.png", "-o", "o.mp4"], 1, "cut.png"),
        (["video", "in.png", "-o", "o.mp4", "--max-pixels", "100"], 1, "--max-pixels"),
        (["video", "in.png", "-o", "no/o.mp4"], 2, "does not exist"),
        (["video", "in.png", "-o", "there.mp4"], 2, "-y"),
        (["video", "in.png", "-o", "o.mpeg5"], 2, ".mp4"),
        (["video", "in.png", "-o", "o"], 2, "o"),
        (["video", "in.png"], 2, "-o"),
        (["video", "-o", "o.mp4"], 2, "INPUT"),
        (["video", "in.png", "-o", "o.mp4", "--pacing", "evne"], 2, "did you mean 'even'?"),
        (["video", "in.png", "-o", "o.mp4", "--model", "fourier:ordr=3"], 2, "'order'?"),
        (["video", "in.png", "-o", "o.mp4", "--device", "cdua"], 2, "did you mean 'cuda'?"),
        (["video", "in.png", "-o", "o.mp4", "--steps", "many"], 2, "--steps must be a whole"),
        (["video", "in.png", "-o", "o.mp4", "--fps", "0"], 2, "--fps must be at least 0.1"),
        (["video", "in.png", "-o", "o.mp4", "--stepps", "3"], 2, "--steps"),
        (["video", "in.png", "-o", "o.mp4", "--steps", "3", "--epochs", "3"], 2, "exclude"),
        (["video", "in.png", "-o", "o.mp4", "--hold", "11"], 2, "--hold 11"),
        (["video", "in.png", "-o", "o.mp4", "--preset", "orignal"], 2, "'original'?"),
        (["video", "in.png", "-o", "o.mp4", "--look", "watercolor"], 2, "'watercolour'?"),
        (["video", "in.png", "-o", "o.mp4", "--for", "real"], 2, "'reel'?"),
        (["video", "in.png", "-o", "o.mp4", "--aspect", "9:16:x=7"], 2, "from 0 to 1"),
        (["video", "in.png", "-o", "o.mp4", "--overlay", "title:text=a, b"], 2, "text='one, two'"),
        (["video", "in.png", "-o", "o.mp4", "--background", "blurple"], 2, "blurple"),
        (["video", "in.png", "-o", "o.gif", "--audio", "in.png"], 2, "sound"),
        (
            ["video", "in.png", "-o", "o.mp4", "--audio", "in.png"],
            2,
            "there is no sound in 'in.png'",
        ),
        (["video", "in.png", "-o", "-"], 2, "files are not written to stdout"),
        (["video", "in.png", "-o", "o.jpg"], 2, "use neuralpaint paint, or name a clip"),
        (["paint", "in.png", "-o", "o.mp4"], 2, "use neuralpaint video, or name a still"),
        (["paint", "in.png", "-o", "o.png", "--save", "-"], 2, "--save - : files are not written"),
        (["video", "in.png", "-o", "o.mp4", "--fps", "30/0"], 2, "such as 30, 29.97 or 30000/1001"),
        (["replay", "."], 2, "the folder '.' contains no frames"),
        (["video", "in.png", "-o", "o.mp4", "--audio", "text.jpg"], 2, "text.jpg"),
        (["video", "in.png", "-o", "o.mp4", "--audio", "no.mp3"], 2, "no.mp3"),
        (["replay", "in.png"], 1, "no neuralpaint settings"),
        (["replay", "no.mp4"], 2, "no.mp4"),
        (["replay", "text.jpg"], 1, "no neuralpaint settings"),
        (["list", "modles"], 2, "did you mean 'models'?"),
        (["vdieo"], 2, "did you mean 'video'?"),
    ],
)
def test_an_error_is_one_line_and_leaves_no_file(
    folder: Path, typed: Typed, words: list[str], status: int, message: str
) -> None:
    (folder / "text.jpg").write_text("hello")
    (folder / "cut.png").write_bytes((folder / "in.png").read_bytes()[:500])
    (folder / "there.mp4").write_text("precious")
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    done = typed(*words)
    assert (done.returncode, done.stdout) == (status, "")
    assert message in done.stderr
    assert done.stderr.startswith("neuralpaint: ")
    assert len(done.stderr.splitlines()) == 1
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


@pytest.mark.slow
def test_a_name_that_ends_in_a_slash_is_a_folder_of_frames(folder: Path, typed: Typed) -> None:
    done = typed("video", "in.png", "-o", "frames/", *QUICK)
    assert done.returncode == 0, done.stderr
    names = sorted(p.name for p in (folder / "frames").iterdir())
    assert names == [f"{number:05d}.png" for number in range(1, 7)]


@pytest.mark.slow
def test_an_option_allows_overwriting(folder: Path, typed: Typed) -> None:
    (folder / "out.png").write_text("old")
    done = typed("paint", "in.png", "-o", "out.png", "-y", *QUICK[:4])
    assert done.returncode == 0, done.stderr
    with Image.open(folder / "out.png") as image:
        assert image.size == (24, 16)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX terminal")
def test_on_a_terminal_a_question_names_every_file_that_would_be_lost(folder: Path) -> None:
    import pty

    kept = ["out.mkv", "a.take", "out.mkv.checkpoint"]
    for name in kept:
        (folder / name).write_text("precious")
    words = ("video", "in.png", "-o", "out.mkv", "--record", "a.take", "--save", "a.painting")
    ours, theirs = pty.openpty()
    with open(ours, "r+b", buffering=0) as terminal, open(theirs, "r+b", buffering=0) as other:
        terminal.write(b"n\n")
        done = run(command(*words), cwd=folder, stdin=other, stderr=other)
        text = terminal.read(4096).decode()
    assert done.returncode == 1
    assert (
        "out.mkv and a.take exist, and an interrupted run for out.mkv, which --resume "
        "continues, would be lost. Replace them? [y/N]"
    ) in text
    assert {(folder / name).read_text() for name in kept} == {"precious"}


def test_typed_options_override_a_preset(folder: Path, typed: Typed) -> None:
    def plan(*words: str) -> dict[str, object]:
        command = ("video", "in.png", "-o", "o.mp4", "--dry-run", "--json", *words)
        event: dict[str, object] = json.loads(typed(*command).stdout)
        return event

    original = plan("--preset", "original")
    assert str(original["model"]).startswith("fourier:hidden_size=300,hidden_layers=30,")
    assert original["steps"] == 20  # 20 epochs of one batch: the picture is small
    assert plan("--preset", "original", "--steps", "6")["steps"] == 6
    assert plan("--model", "skipconn", "--preset", "original")["model"] == "skipconn"


@pytest.mark.parametrize("words", [("--look", "original", "--preset", "draft"),
                                   ("--preset", "draft", "--look", "original")])  # fmt: skip
def test_a_preset_overrides_a_look_in_either_order(
    folder: Path, typed: Typed, words: tuple[str, ...]
) -> None:
    command = ("video", "in.png", "-o", "o.mp4", "--dry-run", "--json", *words)
    plan = json.loads(typed(*command).stdout)
    assert str(plan["model"]).startswith("fourier:hidden_size=300,hidden_layers=30,")
    assert (plan["steps"], plan["frames"]) == (400, 75)


@pytest.mark.parametrize("name", ["video", "paint", "inpaint", "morph", "compare"])
def test_a_look_chooses_the_model_unless_one_is_typed(
    folder: Path, typed: Typed, name: str
) -> None:
    mask = ("--mask", "random") if name == "inpaint" else ()
    output = {"video": "o.mp4", "morph": "o.mp4", "compare": "o"}.get(name, "o.png")
    pictures = ("in.png", "in.png") if name == "morph" else ("in.png",)
    command = (name, *pictures, "-o", output, *mask, "--look", "watercolour", "--dry-run")
    done = typed(*command)
    assert (done.returncode, done.stderr) == (0, "")
    assert "  pyramid" in done.stdout
    assert "  siren" in typed(*command, "--model", "siren").stdout


@pytest.mark.slow
def test_a_clip_is_made_again_with_the_options_of_its_look(folder: Path, typed: Typed) -> None:
    words = ("--look", "watercolour", "--steps", "20", "--frames", "3", "--size", "24x16")
    assert typed("video", "in.png", "-o", "o.mp4", *words).returncode == 0
    replayed = typed("replay", "o.mp4").stdout
    assert "--model pyramid" in replayed
    assert "--look" not in replayed  # what a look sets may change in a later version


def test_a_resumed_run_keeps_its_settings_whatever_the_look() -> None:
    context = click.Context(group)
    video = group.get_command(context, "video")
    assert video is not None
    words = ["in.png", "-o", "o.mp4", "--resume", "--look", "watercolour", "--fps", "7"]
    with video.make_context("video", words) as ctx:
        earlier = VideoSettings(model="siren", steps=9, pacing="log", fps=5).to_dict()
        settings = settings_from(VideoSettings, ctx, earlier=earlier)
    assert settings == VideoSettings(model="siren", steps=9, pacing="log", fps=7)


@pytest.mark.parametrize(("option", "start", "found"), [("--look", "wa", ["watercolour"]),
                                                        ("--preset", "o", ["original"]),
                                                        ("--for", "st", ["story"]),
                                                        ("--look", "x", [])])  # fmt: skip
def test_the_shell_completes_looks_and_presets(option: str, start: str, found: list[str]) -> None:
    complete = ShellComplete(group, {}, "neuralpaint", "_NEURALPAINT_COMPLETE")
    items = complete.get_completions(["video", "in.png", option], start)
    assert [item.value for item in items] == found


@pytest.mark.slow
def test_a_take_is_rendered_for_a_place(folder: Path, typed: Typed) -> None:
    words = ("--steps", "5", "--duration", "1", "--size", "30x20", "--hold", "0.5", "--fps", "9")
    assert typed("video", "in.png", "-o", "o.mp4", "--record", "o.take", *words).returncode == 0

    def plan(*words: str) -> tuple[object, ...]:
        done = typed("render", "o.take", "--dry-run", "--json", *words)
        facts = json.loads(done.stdout)
        return facts["width"], facts["height"], facts["fps"], facts["frames"]

    assert plan("-o", "a.mp4") == (30, 20, 9, 9)
    assert plan("-o", "a.mp4", "--for", "reel") == (1080, 1920, 30, 360)
    assert plan("-o", "a.webm", "--for", "square", "--fps", "10") == (1080, 1080, 10, 100)
    assert plan("-o", "a.mp4", "--for", "reel", "--scale", "2", "--fit", "contain")[:2] == (48, 32)


def test_list_prints_every_registry(folder: Path, typed: Typed) -> None:
    listing = json.loads(typed("list", "--json").stdout)
    assert {"models", "encodings", "losses", "optimizers", "schedules", "pacings", "cameras",
            "beats", "overlays", "formats", "stills", "masks", "orders", "walks",
            "executors", "looks", "places", "presets"} == set(listing)  # fmt: skip
    assert "order" in listing["models"]["fourier"]["settings"]
    text = typed("list", "models").stdout
    assert text.startswith("models\n  fourier")
    assert "losses" not in text


def test_a_default_can_be_typed_as_it_is_listed(folder: Path, typed: Typed) -> None:
    listing = json.loads(typed("list", "--json").stdout)
    for kind in CATALOGUE:
        registry = load_registry(kind)
        for name, entry in listing[kind].items():
            for key, facts in entry["settings"].items():
                assert registry.parse(f"{name}:{key}={facts['default']}") == registry.parse(name)


def test_debug_shows_the_traceback(folder: Path) -> None:
    done = neuralpaint("video", "no.jpg", "-o", "o.mp4", "--debug", cwd=folder)
    assert "Traceback" in done.stderr


def test_a_closed_pipe_is_no_error(folder: Path) -> None:
    done = run(["bash", "-c", f"{sys.executable} -m neuralpaint list | head -n 1"], check=True)
    assert done.stdout == "models\n"
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


def test_a_rate_can_be_a_fraction(folder: Path, typed: Typed) -> None:
    words = ("video", "in.png", "-o", "out.mov", "--fps", "30000/1001", "--frames", "7")
    plan = json.loads(typed(*words, "--dry-run", "--json").stdout)
    assert plan["fps"] == 30000 / 1001


@pytest.mark.slow
def test_what_a_rendering_leaves_out_of_a_take_is_left_out_again(
    folder: Path, typed: Typed
) -> None:
    film = ("video", "in.png", "-o", "a.mp4", *QUICK, "--camera", "zoom-in", "--boomerang")
    assert typed(*film, "--overlay", "side", "--record", "a.take").returncode == 0
    none = ("--camera", "none", "--overlay", "none", "--no-boomerang")
    assert typed("render", "a.take", "-o", "b.mp4", "--size", "30x20", *none).returncode == 0
    printed = typed("replay", "b.mp4").stdout.split()
    for words in (["--camera", "none"], ["--overlay", "none"], ["--no-boomerang"]):
        assert " ".join(words) in " ".join(printed)
    again = typed(*printed[1:], "-y")
    assert (again.returncode, "30x20" in again.stderr) == (0, True)


def test_a_name_that_ends_in_a_slash_is_a_folder_of_pngs(folder: Path, typed: Typed) -> None:
    words = ("video", "in.png", "-o", "frames.png/", "--dry-run", "--json", "--frames", "3")
    plan = json.loads(typed(*words).stdout)
    assert (plan["output"], plan["frames"]) == ("frames.png", 3)
