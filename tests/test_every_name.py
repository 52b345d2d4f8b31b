"""What holds for everything that can be chosen by name, whatever it is."""

from __future__ import annotations

from typing import Any

import pytest
from learners import small

from neuralpaint.config.registry import Registry
from neuralpaint.config.settings import options
from neuralpaint.errors import UnknownNameError
from neuralpaint.image.masks import masks
from neuralpaint.image.orders import orders
from neuralpaint.image.stills import still_formats
from neuralpaint.models import models
from neuralpaint.models.encodings import encodings
from neuralpaint.rendering.pacing import pacings
from neuralpaint.rendering.paths import code_paths
from neuralpaint.training.losses import losses
from neuralpaint.training.optimizers import optimizers
from neuralpaint.training.schedules import schedules
from neuralpaint.video.formats import formats
from neuralpaint.video.overlays import overlays

REGISTRIES: list[Registry[Any]] = [
    models, encodings, losses, optimizers, schedules, pacings, overlays, formats, still_formats,
    masks, orders, code_paths,
]  # fmt: skip
ENTRIES = [(registry, name) for registry in REGISTRIES for name in registry]
every = pytest.mark.parametrize(
    ("registry", "name"), ENTRIES, ids=[f"{registry.kind}-{name}" for registry, name in ENTRIES]
)


@every
def test_its_settings_go_into_text_and_back(registry: Registry[Any], name: str) -> None:
    entry = registry.parse(name)
    assert registry.spec(entry) == name
    assert type(entry).from_dict(entry.to_dict()) == entry


@every
def test_a_setting_that_it_has_not_is_named_beside_those_that_it_has(
    registry: Registry[Any], name: str
) -> None:
    with pytest.raises(UnknownNameError) as caught:
        registry.parse(f"{name}:sigmo=1")
    assert "\n" not in str(caught.value)
    for word in (registry.kind, name, "sigmo", *options(registry[name])):
        assert word in str(caught.value)


@every
def test_it_and_its_settings_say_what_they_are(registry: Registry[Any], name: str) -> None:
    entry = registry[name]
    assert (entry.__doc__ or "").strip().partition("\n")[0].endswith((".", ";", ":"))
    assert all(option.help for option in options(entry).values())


@pytest.mark.parametrize(
    "choice",
    [{"loss": name} for name in losses] + [{"schedule": name} for name in schedules],
    ids=str,
)
def test_it_trains(choice: dict[str, str]) -> None:
    student = small(batch=864, ema=0, **choice)
    student.advance(1)
    first = student.loss
    student.advance(100)
    student.advance(5)
    assert student.loss < 0.8 * first
