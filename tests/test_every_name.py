"""Checks of every entry of every registry."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import pytest
from learners import small

import neuralpaint
from neuralpaint.config.registry import CATALOGUE, Registry, load_registry
from neuralpaint.config.settings import options
from neuralpaint.errors import UnknownNameError
from neuralpaint.export.formats import export_formats

REGISTRIES = [*map(load_registry, CATALOGUE), export_formats]
ENTRIES = [(registry, name) for registry in REGISTRIES for name in registry]
every = pytest.mark.parametrize(
    ("registry", "name"), ENTRIES, ids=[f"{registry.kind}-{name}" for registry, name in ENTRIES]
)


def test_every_registry_is_listed_in_the_catalogue() -> None:
    for module in pkgutil.walk_packages(neuralpaint.__path__, "neuralpaint."):
        if not module.name.endswith("__main__"):
            for name, value in vars(importlib.import_module(module.name)).items():
                if isinstance(value, Registry):
                    assert any(value is listed for listed in REGISTRIES), f"{module.name}.{name}"


@every
def test_an_entry_is_converted_to_text_and_back(registry: Registry[Any], name: str) -> None:
    entry = registry.parse(name)
    assert registry.spec(entry) == name
    assert type(entry).from_dict(entry.to_dict()) == entry


@every
def test_an_unknown_setting_is_reported_with_the_known_ones(
    registry: Registry[Any], name: str
) -> None:
    with pytest.raises(UnknownNameError) as caught:
        registry.parse(f"{name}:sigmo=1")
    assert "\n" not in str(caught.value)
    for word in (registry.kind, name, "sigmo", *options(registry[name])):
        assert word in str(caught.value)


@every
def test_entries_and_settings_have_help(registry: Registry[Any], name: str) -> None:
    entry = registry[name]
    assert (entry.__doc__ or "").strip().partition("\n")[0].endswith((".", ";", ":"))
    assert all(option.help for option in options(entry).values())


@pytest.mark.parametrize(
    "choice",
    [{"loss": name} for name in load_registry("losses")]
    + [{"schedule": name} for name in load_registry("schedules")],
    ids=str,
)
def test_it_trains(choice: dict[str, str]) -> None:
    learner = small(batch=864, ema=0, **choice)
    learner.advance(1)
    first = learner.loss
    learner.advance(100)
    learner.advance(5)
    assert learner.loss < 0.8 * first
