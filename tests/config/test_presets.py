"""Looks and presets: every one can be used, alone, together, and with options that override it."""

from __future__ import annotations

from itertools import product

import pytest

from neuralpaint.config.presets import LOOKS, PLACES, PRESETS, Preset, chosen_values, expanded
from neuralpaint.config.settings import options
from neuralpaint.errors import UnknownNameError, UsageError
from neuralpaint.image.canvas import Canvas
from neuralpaint.models import models
from neuralpaint.pipelines.compare.settings import CompareSettings
from neuralpaint.pipelines.inpaint import InpaintSettings
from neuralpaint.pipelines.morph import MorphSettings
from neuralpaint.pipelines.paint import PaintSettings
from neuralpaint.pipelines.render import RenderSettings
from neuralpaint.pipelines.video import VideoSettings
from neuralpaint.rendering.pacing import pacings
from neuralpaint.video.formats import format_for, formats


@pytest.mark.parametrize("preset", [*LOOKS.values(), *PRESETS.values()], ids=lambda p: p.summary)
def test_it_sets_options_of_a_clip_and_is_described_in_a_sentence(preset: Preset) -> None:
    assert preset.values.keys() <= options(VideoSettings).keys()
    VideoSettings.from_dict(preset.values)
    assert preset.summary.endswith(".")


@pytest.mark.parametrize("name", LOOKS)
def test_a_look_sets_the_model_and_the_pacing(name: str) -> None:
    models.parse(LOOKS[name].values["model"])
    pacing = LOOKS[name].values.get("pacing")
    assert pacing is None or pacings.parse(pacing) != pacings.parse("even")


@pytest.mark.parametrize("look", [name for name in LOOKS if "pacing" not in LOOKS[name].values])
def test_frames_at_intervals_of_steps_can_be_asked_for_with_a_look(look: str) -> None:
    values = expanded(VideoSettings, {"look": look, "every": 5})
    settings = VideoSettings.from_dict(values)
    assert settings.video.paced(settings.timelapse) == pacings.parse("fixed")
    VideoSettings.from_dict(expanded(VideoSettings, {"look": look, "frames_from": "training"}))


@pytest.mark.parametrize(("look", "preset"), [*product(LOOKS, PRESETS)])
def test_a_look_and_a_preset_can_be_chosen_together(look: str, preset: str) -> None:
    settings = VideoSettings.from_dict(expanded(VideoSettings, {"look": look, "preset": preset}))
    both = {**LOOKS[look].values, **PRESETS[preset].values}  # the preset overrides the look
    for name in ("model", "pacing", *PRESETS[preset].values):
        assert settings.to_dict()[name] == both.get(name)


def test_an_own_value_overrides_a_look_and_a_preset_and_what_excludes_it() -> None:
    values = expanded(VideoSettings, {"look": "original", "preset": "draft", "seconds": 3.0})
    assert values["seconds"] == 3.0
    assert "epochs" not in values  # of the look
    assert "steps" not in values  # of the preset
    assert values["frames"] == 75
    assert "every" not in values  # of the look, excluded by the preset
    assert expanded(VideoSettings, {"model": "siren", "look": "focus"})["model"] == "siren"


def test_what_a_command_does_not_have_is_ignored() -> None:
    assert "pacing" not in chosen_values(PaintSettings, {"look": "weave"})
    assert chosen_values(CompareSettings, {"look": "weave"})["pacing"] == "fixed"


@pytest.mark.parametrize("look", [name for name in LOOKS if name != "original"])
def test_settings_of_the_model_of_a_look_can_be_changed(look: str) -> None:
    values = chosen_values(VideoSettings, {"look": f"{look}:hidden_size=7,hidden_layers=2"})
    changed = models.parse(values["model"])
    assert changed == models.parse(LOOKS[look].values["model"]).replaced(
        hidden_size=7, hidden_layers=2
    )
    assert {**values, "model": None} == {**LOOKS[look].values, "model": None}


def test_settings_of_the_encoding_of_a_look_can_be_changed() -> None:
    values = expanded(VideoSettings, {"look": "kaleidoscope:mirrors=16,unfold=0.9"})
    changed, own = (
        models.parse(spec) for spec in (values["model"], LOOKS["kaleidoscope"].values["model"])
    )
    assert changed == own.replaced(encoding="polar:mirrors=16,unfold=0.9")


def test_a_wrong_setting_of_the_model_of_a_look_is_reported() -> None:
    with pytest.raises(UnknownNameError, match="named 'mirors': did you mean 'mirrors'"):
        expanded(VideoSettings, {"look": "kaleidoscope:mirors=16"})
    with pytest.raises(UsageError, match="preset 'draft' has no model: leave out 'order=3'"):
        expanded(VideoSettings, {"preset": "draft:order=3"})


def test_the_first_experiment_has_its_values_in_one_place() -> None:
    assert LOOKS["original"] is PRESETS["original"]


def test_an_unknown_name_is_reported_with_the_closest() -> None:
    with pytest.raises(UnknownNameError, match="no look named 'watercolor': did you mean 'waterc"):
        expanded(VideoSettings, {"look": "watercolor"})
    with pytest.raises(UnknownNameError, match="no preset named 'drft': did you mean 'draft'"):
        expanded(VideoSettings, {"preset": "drft"})


@pytest.mark.parametrize("place", PLACES)
def test_a_place_sets_what_a_clip_there_needs(place: str) -> None:
    preset = PLACES[place]
    assert preset.summary.endswith(".")
    assert preset.values.keys() <= options(VideoSettings).keys()
    for cls in (VideoSettings, RenderSettings, MorphSettings, InpaintSettings):
        known = {"mask": "random"} if cls is InpaintSettings else {}
        settings = cls.from_dict(known | expanded(cls, {"place": place}))
        assert settings.view.fit == ("contain" if place == "chat" else "cover")
        assert settings.video.cover
        assert settings.playback.fps >= 24
        assert formats.name_of(format_for("clip.mp4", settings.video.format)) == "mp4"
    race = CompareSettings.from_dict(expanded(CompareSettings, {"place": place}))
    assert (race.size, race.cover) == (preset.values.get("size"), True)


@pytest.mark.parametrize(
    ("place", "size"),
    [
        ("reel", (1920, 1080)),
        ("story", (1920, 1080)),
        ("square", (1080, 1080)),
        ("youtube", (1080, 1920)),
        ("4k", (2160, 3840)),
        ("chat", (853, 1280)),
    ],
)
def test_every_place_has_its_size_without_bars(place: str, size: tuple[int, int]) -> None:
    view = VideoSettings.from_dict(expanded(VideoSettings, {"place": place})).view
    canvas, frame = view.views(Canvas.of(height=2000, width=3000), longest=1920)
    assert (canvas.height, canvas.width) == (frame.height, frame.width) == size


def test_a_place_is_overridden_by_a_preset_and_by_options() -> None:
    chosen = {"look": "bloom", "place": "youtube", "preset": "draft", "fit": "contain"}
    values = expanded(VideoSettings, chosen | {"longest": 300})
    assert values["fps"] == PRESETS["draft"].values["fps"]
    assert values["model"] == LOOKS["bloom"].values["model"]
    assert (values["fit"], values["longest"]) == ("contain", 300)
    assert "size" not in values  # excluded by `longest`


def test_a_place_that_does_not_exist_is_reported() -> None:
    with pytest.raises(UnknownNameError, match="no place named 'rel': did you mean 'reel'"):
        expanded(VideoSettings, {"place": "rel"})
