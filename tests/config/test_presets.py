"""Looks and presets: every one can be used, alone, together, and with options that override it."""

from __future__ import annotations

from itertools import product

import pytest

from neuralpaint.config.presets import LOOKS, PRESETS, Preset, chosen_values, expanded
from neuralpaint.config.settings import options
from neuralpaint.errors import UnknownNameError, UsageError
from neuralpaint.models import models
from neuralpaint.pipelines.compare.settings import CompareSettings
from neuralpaint.pipelines.paint import PaintSettings
from neuralpaint.pipelines.video import VideoSettings
from neuralpaint.rendering.pacing import pacings


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
