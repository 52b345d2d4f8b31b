from __future__ import annotations

import pytest

from neuralpaint.config.versions import rewritten
from neuralpaint.image.framing import CanvasSettings
from neuralpaint.models import FourierModel, models
from neuralpaint.video.playback import PlaybackSettings


@pytest.mark.parametrize("spec", ["fourier", "fourier:order=9,hidden_size=24"])
def test_a_model_saved_by_0_1_keeps_the_defaults_that_it_had(spec: str) -> None:
    model = models.parse(rewritten({"model": spec, "steps": 5}, "0.1.0")["model"])
    assert isinstance(model, FourierModel)
    assert model.replaced(hidden_size=None, order=None) == FourierModel(
        mirror=False, anneal=0, decay=0, strength=8, factors=1
    )
    assert model.order == (9 if "order" in spec else None)


@pytest.mark.parametrize("version", ["0.2.0", "1.0", None])
def test_settings_of_another_version_are_unchanged(version: str | None) -> None:
    values = {"model": "fourier", "steps": 5}
    assert rewritten(values, version) == values


@pytest.mark.parametrize("reverse", [True, False])
def test_a_boomerang_of_0_1_keeps_its_order(reverse: bool) -> None:
    values = rewritten({"boomerang": True, "reverse": reverse}, "0.1.0")
    settings = PlaybackSettings.from_dict(values | {"duration": 2.0, "fps": 4.0, "hold": 0.0})
    shown = settings.playback().order()
    finished = max(shown)
    assert shown[0] == (finished if reverse else 0)
    assert (0 if reverse else finished) in shown[3:5]


def test_a_clip_of_0_1_that_is_no_boomerang_keeps_its_order() -> None:
    values = {"boomerang": False, "reverse": True}
    assert rewritten(values, "0.1.0") == values


def test_other_models_of_0_1_are_unchanged() -> None:
    assert rewritten({"model": "siren:omega=20"}, "0.1.0") == {"model": "siren:omega=20"}


@pytest.mark.parametrize(
    ("saved", "aspect"),
    [
        ({"aspect": "9:16", "fit": "contain"}, "9:16:x=0.5,y=0.5"),
        ({"aspect": None, "fit": "cover", "size": "9x16"}, "x=0.5,y=0.5"),
        ({"aspect": None, "fit": "contain"}, None),
    ],
    ids=str,
)
def test_a_crop_of_0_1_keeps_the_middle(saved: dict[str, str], aspect: str | None) -> None:
    view = CanvasSettings.from_dict(rewritten(saved, "0.1.0"))
    assert view.aspect == aspect
    assert not view.cuts
