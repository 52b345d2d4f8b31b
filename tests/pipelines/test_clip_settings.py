"""Settings that several commands share."""

from __future__ import annotations

from typing import Any

import pytest

from neuralpaint.config.presets import PRESETS
from neuralpaint.pipelines.video import VideoSettings
from neuralpaint.rendering.pacing import pacings


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "even"),
        ({"seconds": 3, "steps": None}, "even"),
        ({"frames": 20}, "even"),
        (dict(PRESETS["draft"].values), "even"),
        (dict(PRESETS["original"].values), "fixed"),
        ({"every": 5}, "fixed"),
        ({"frames_from": "training"}, "fixed"),
        ({"every": 5, "pacing": "even"}, "even"),
        ({"frames_from": "training", "pacing": "log"}, "log"),
        ({"pacing": "fixed"}, "fixed"),
    ],
)
def test_the_pacing_is_even_unless_frames_at_intervals_of_steps_are_asked_for(
    options: dict[str, Any], expected: str
) -> None:
    settings = VideoSettings(**options)
    assert settings.video.paced(settings.timelapse) == pacings.parse(expected)
