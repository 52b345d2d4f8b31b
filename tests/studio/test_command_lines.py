"""Command lines: the shown line makes the same, and a page cannot name what it may not."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import pytest
from processes import MODEL
from studios import Studio

from neuralpaint import timelapse
from neuralpaint.cli.render import command as render_command
from neuralpaint.cli.video import command as video_command
from neuralpaint.config.presets import LOOKS, PLACES, PRESETS
from neuralpaint.config.settings import Settings
from neuralpaint.errors import UsageError
from neuralpaint.pipelines.bench.bench import SAMPLE
from neuralpaint.pipelines.saved_networks import load_saved
from neuralpaint.studio.command_lines import (
    as_still,
    render_line,
    render_settings,
    resume_line,
    video_line,
    video_settings,
)


class _Prepared(Exception):  # noqa: N818
    """Ends a command when its settings are known."""


def typed(
    line: str, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> tuple[Settings, Mapping[str, Any]]:
    """Return the settings that a line leads to when it is typed, and its files."""
    found: dict[str, Any] = {}

    def prepare(*sources: object, settings: Settings, **files: object) -> None:
        found.update(files, settings=settings, sources=sources)
        raise _Prepared

    monkeypatch.setattr("neuralpaint.cli.video.prepare_video", prepare)
    monkeypatch.setattr("neuralpaint.cli.render.prepare_render", prepare)
    monkeypatch.chdir(folder)
    program, name, *words = shlex.split(line)
    assert program == "neuralpaint"
    command: click.Command = {"video": video_command, "render": render_command}[name]
    with pytest.raises(_Prepared):
        command.main(words, standalone_mode=False)
    return found.pop("settings"), found


VIDEO: dict[str, dict[str, str]] = {
    "nothing": {},
    "steps": {"steps": "600"},
    "a time": {"seconds": "1m30s", "fps": "30000/1001"},
    "a model": {"model": "fourier:order=16,hidden_size=48"},
    "a model of an encoding": {"model": "mlp:encoding=hash,levels=4,hidden_size=32"},
    "overlays": {"overlay": "steps,curve"},
    "an overlay with words": {"overlay": "title:text='One, two: it''s \"three\" $(rm) `x` \\'"},
    "overlays with settings": {"overlay": "steps,title:text=A & B,neurons,caption:text=50%"},
    "no overlays": {"overlay": "none"},
    "a switch": {"boomerang": "true", "cover": "yes"},
    "a switch that is off": {"boomerang": "false"},
    "a switch off in spite of a place": {"place": "reel", "cover": "false"},
    "a beat": {"beat": "pacing", "beats": "120"},
    "a beat without a camera": {"beats": "93.5"},
    "a camera": {"camera": "zoom-in:factor=4", "pacing": "log"},
    "a negative number": {"lr": "1e-3", "denoise": "0.5"},
    "a mask": {"mask": "random:fraction=0.5,seed=2", "fill": "texture", "invert": "true"},
    "an order": {"order": "centre-out", "order_until": "0.5"},
    "a crop": {"crop": "100x80+10+5", "size": "320x320", "fit": "cover"},
    "a background": {"background": "#ff8000"},
    "a look": {"look": "watercolour"},
    "a look with settings": {"look": "kaleidoscope:mirrors=16"},
    "a look, a place and a preset": {"look": "bloom", "place": "reel", "preset": "draft"},
    "a preset and other steps": {"preset": "original", "steps": "100"},
    "a preset and other epochs": {"preset": "original", "epochs": "3"},
    "a preset and its own steps": {"preset": "draft", "steps": "400"},
    "a preset and another clip": {
        "preset": "draft",
        "fps": "24",
        "duration": "3",
        "frames": "none",
    },
    "a place and the format of another": {"place": "chat", "format": "mp4:crf=30"},
    "unset on purpose": {"steps": "none", "duration": "auto"},
    "defaults": {"steps": "", "fps": "30", "model": "fourier", "overlay": "", "seed": "0"},
    **{f"look {name}": {"look": name, "overlay": "curve"} for name in LOOKS},
    **{f"place {name}": {"place": name, "fps": "24"} for name in PLACES},
    **{f"preset {name}": {"preset": name, "camera": "pan"} for name in PRESETS},
}

PICTURES = [
    "rocket.jpg",
    "my photo (2).jpg",
    "it's.png",
    '"quoted".png',
    "-rf.png",
    "--help.png",
    "$(reboot).png",
    "`ls`;&|.png",
    "été.png",
    "a\\b.png",
    "*.png",
    "#1.png",
    "~.png",
    "!!.png",
]


@pytest.mark.parametrize("case", VIDEO)
def test_a_line_that_is_typed_makes_the_same_film(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = VIDEO[case]
    line = video_line(values, picture="rocket.jpg")
    settings, files = typed(line, monkeypatch, tmp_path)
    assert settings == video_settings(values)
    assert files["sources"] == ("rocket.jpg", "film.mp4")
    assert files["resume"].record == Path("film.take")
    assert files["resume"].save == Path("film.painting")


@pytest.mark.parametrize("name", PICTURES)
def test_names_of_files_are_quoted(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = video_line({"steps": "6"}, picture=name, sound=f"{name}.mp3")
    assert "\n" not in line
    _, files = typed(line, monkeypatch, tmp_path)
    assert Path(files["sources"][0]) == Path(name)
    assert Path(files["audio"]) == Path(f"{name}.mp3")


SHORT = {
    "defaults are left out": (
        {"steps": "", "fps": "30.0", "model": "fourier", "look": "focus", "seed": "0"},
        "",
    ),
    "what a preset says is left out": ({"preset": "draft", "steps": "400"}, "--preset draft"),
    "what it does not say is written": (
        {"preset": "draft", "steps": "401"},
        "--preset draft --steps 401",
    ),
    "a time is written as it was typed": ({"duration": "1m30s"}, "--duration 1m30s"),
    "each overlay is written": (
        {"overlay": "steps, curve"},
        "--overlay steps --overlay curve",
    ),
}


@pytest.mark.parametrize("case", SHORT)
def test_a_line_is_short(case: str) -> None:
    values, words = SHORT[case]
    start = "neuralpaint video a.jpg -o film.mp4 --record film.take --save film.painting"
    assert video_line(values, picture="a.jpg") == f"{start} {words}".strip()


FORBIDDEN: dict[str, dict[str, str]] = {
    "a mask in a file": {"mask": "/etc/passwd"},
    "a mask in a file here": {"mask": "./in.png"},
    "a mask in an unknown file": {"mask": "in.png"},
    "a focus in a file": {"focus": "in.png"},
    "an order in a file": {"order": "in.png"},
    "the truth": {"truth": "in.png"},
    "a camera in a file": {"camera": "in.toml"},
    "a device": {"device": "cuda"},
    "threads": {"threads": "64"},
    "more pixels": {"max_pixels": "1000000000000"},
    "checkpoints": {"checkpoint": "1"},
    "frames of a clip": {"frames_in": "12"},
    "a file to record": {"record": "/tmp/x"},
    "an output": {"output": "/tmp/x"},
    "an unknown option": {"shell": "rm"},
    "a flag": {"--steps": "5"},
    "an attribute": {"__class__": "x"},
    "a wrong value": {"steps": "-5"},
    "a wrong model": {"model": "gpt"},
    "a wrong look": {"look": "noir"},
    "options that exclude each other": {"steps": "5", "seconds": "5"},
}


@pytest.mark.parametrize("case", FORBIDDEN)
def test_a_page_cannot_set_what_names_files_or_the_machine(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.png").write_bytes(SAMPLE.read_bytes())
    (tmp_path / "in.toml").write_text("")
    with pytest.raises(UsageError) as wrong:
        video_settings(FORBIDDEN[case])
    with pytest.raises(UsageError):
        video_line(FORBIDDEN[case], picture="a.jpg")
    assert "\n" not in str(wrong.value)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a take whose clip has options of its own, and with its painting."""
    folder = tmp_path_factory.mktemp("recorded")
    timelapse(
        SAMPLE,
        folder / "film.mp4",
        record=folder / "film.take",
        save=folder / "film.painting",
        model=MODEL,
        steps=8,
        fps=6,
        duration=1,
        overlay="steps",
        boomerang=True,
        input_size="24x16",
        camera="zoom-in:factor=2",
        device="cpu",
        threads=1,
    )
    return folder


RENDER: dict[str, tuple[str, dict[str, str]]] = {
    "as recorded": ("film-2.mp4", {}),
    "another size": ("film-2.mp4", {"size": "64x64", "fit": "cover"}),
    "a default in spite of the take": ("film-2.mp4", {"boomerang": "false", "fps": "30"}),
    "no overlay": ("film-2.mp4", {"overlay": "none", "camera": "none"}),
    "other overlays": ("film-2.webm", {"overlay": "curve,title:text='a, b'"}),
    "a place": ("film-2.mp4", {"place": "reel", "duration": "4"}),
    "a place and another suffix": ("film-2.gif", {"place": "square", "duration": "2"}),
    "another length": ("film-2.mp4", {"frames": "5"}),
    "a beat": ("film-2.mp4", {"beats": "100", "beat": "camera", "camera": "pan"}),
    "a format": ("film-2.mp4", {"format": "mp4:crf=30"}),
    "a still": ("still.png", {"scale": "2", "depth": "16"}),
    "a moment": ("still.png", {"at": "40%", "match_source": "false"}),
    "a step": ("still.jpg", {"at": "4"}),
    "a still that could be a clip": ("still.webp", {"at": "100%"}),
    "a clip that could be a still": ("film.webp", {}),
}


@pytest.mark.parametrize("saved", ["film.take", "film.painting"])
@pytest.mark.parametrize("case", RENDER)
def test_a_line_that_is_typed_renders_the_same(
    case: str, saved: str, recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, values = RENDER[case]
    line = render_line(values, saved=saved, output=output)
    settings, files = typed(line, monkeypatch, recorded)
    loaded = load_saved(recorded / saved, "cpu")
    assert settings == render_settings(loaded, output, values)
    assert files["sources"][1] == output


def test_a_render_keeps_what_was_recorded(recorded: Path) -> None:
    take = load_saved(recorded / "film.take", "cpu")
    kept = render_settings(take, "film-2.mp4", {"fps": "12"})
    assert (kept.timelapse.overlay, kept.playback.boomerang) == ("steps", True)
    assert kept.video.camera == "zoom-in:factor=2"


@pytest.mark.parametrize(
    "values", [{"look": "bloom"}, {"device": "cuda"}, {"path": "loop"}, {"camera": "a.toml"}]
)
def test_a_page_cannot_set_other_options_of_render(values: dict[str, str], recorded: Path) -> None:
    with pytest.raises(UsageError):
        render_settings(load_saved(recorded / "film.take", "cpu"), "film.mp4", values)
    with pytest.raises(UsageError):
        render_line(values, saved="film.take", output="film.mp4")


def test_a_still_of_a_suffix_of_clips_is_a_moment() -> None:
    assert as_still({}, ".webp") == {"at": "100%"}
    assert as_still({"at": "40%"}, ".webp") == {"at": "40%"}
    assert as_still({"scale": "2"}, ".png") == {"scale": "2"}


def test_the_line_that_continues_needs_no_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, files = typed(resume_line(picture="-a.jpg", sound="b.mp3"), monkeypatch, tmp_path)
    assert files["sources"] == ("./-a.jpg", "film.mp4")
    assert files["resume"].record == Path("film.take")
    assert files["audio"] == Path("b.mp3")


def check(studio: Studio, **fields: Any) -> dict[str, Any]:
    """Return the answer to a check of a form."""
    message: dict[str, Any] = {
        "command": "video",
        "settings": {},
        "picture": None,
        "sound": None,
        "made": None,
        "suffix": None,
    }
    with studio.tab() as page:
        page.send("check", **{**message, **fields})
        return page.receive("checked")


def test_a_form_is_checked_as_it_is_filled_in(studio: Studio) -> None:
    answer = check(studio, picture="sample", settings={"steps": "60"})
    assert answer["error"] is None
    (line,) = answer["lines"]
    assert line.startswith("neuralpaint video rocket.jpg -o film.mp4")
    assert line.endswith("--steps 60")
    wrong = check(studio, picture="sample", settings={"fps": "0"})
    assert (wrong["error"], wrong["lines"]) == ("--fps must be at least 0.1 fps, not 0", [])
    assert "drop it again" in check(studio, picture="gone")["error"]
    assert check(studio)["lines"][0].startswith("neuralpaint video PICTURE ")


def test_a_render_is_checked_against_its_take(studio: Studio, recorded: Path) -> None:
    training = studio.made.begin(studio.made.uploads.picture("sample"), {})
    training.take.write_bytes((recorded / "film.take").read_bytes())
    training.close()
    studio.made.refresh()
    fields = {"command": "film", "made": training.id, "suffix": ".mp4"}
    good = check(studio, **fields, settings={"fps": "12"})
    assert good["lines"] == ["neuralpaint render film.take -o film.mp4 --fps 12"]
    # Without the camera that the take has recorded, there would be nothing to move.
    assert check(studio, **fields, settings={"beats": "100", "beat": "camera"})["error"] is None
    assert "not in the folder" in check(studio, **{**fields, "made": None})["error"]
    unknown = check(studio, **{**fields, "suffix": "/../x.mp4"})
    assert "no suffix named '/../x.mp4'" in unknown["error"]
    training.clip.write_bytes(b"")
    assert check(studio, **fields)["lines"] == ["neuralpaint render film.take -o film-2.mp4"]
    still = check(studio, **{**fields, "command": "still", "suffix": ".png"})
    assert still["lines"] == ["neuralpaint render film.take -o still.png"]
    page = check(studio, **{**fields, "command": "page", "suffix": None})
    assert page["lines"] == ["neuralpaint export film.take -o film.html"]
