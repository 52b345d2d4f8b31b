"""Variants: the trainings and methods that are compared, each named by its difference."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from neuralpaint.config.presets import chosen_values
from neuralpaint.config.registry import Registry
from neuralpaint.config.settings import options
from neuralpaint.errors import UnknownNameError, UsageError
from neuralpaint.pipelines.compare.names import named, one_line
from neuralpaint.pipelines.compare.settings import (
    AXES,
    FIXED,
    NAMED,
    CompareSettings,
    UpscaleSettings,
)
from neuralpaint.training.settings import TrainingSettings

__all__ = [
    "BASELINE",
    "MOST",
    "RESAMPLERS",
    "Changes",
    "Kind",
    "Variant",
    "check_key",
    "methods_of",
    "variants_of",
]

MOST = 64
"""The largest number of variants in a race: more cells would be too small."""

Changes = Mapping[str, Any]
"""The settings of one variant by name; `model.sigma` is a setting of its model."""

Kind = Literal["resampler", "plain", "enhanced"]


@dataclass(frozen=True)
class Variant:
    """One training or resampler that is compared."""

    name: str
    """Short, unique, one line."""
    slug: str
    """The name of its files: lower-case ASCII, unique."""
    training: TrainingSettings | None = None
    """How a network is trained; None for a resampler."""
    kind: Kind = "plain"

    @property
    def settings(self) -> TrainingSettings:
        """The settings of a network's training. Raises TypeError for a resampler."""
        if self.training is None:
            raise TypeError(f"{self.name} is not trained")
        return self.training


BASELINE = Variant("Lanczos", "lanczos", kind="resampler")
"""The method to which all others are compared."""

RESAMPLERS = (
    Variant("nearest", "nearest", kind="resampler"),
    Variant("bicubic", "bicubic", kind="resampler"),
    BASELINE,
)


def methods_of(settings: UpscaleSettings) -> tuple[Variant, ...]:
    """Return the resamplers, then each network plain and enhanced.

    Raises:
        UsageError: the settings of a training cannot be used together.
    """
    plain = [settings.training(model, enhance=False) for model in settings.models]
    networks = []
    for training, (name, slug) in zip(plain, named(plain, [None] * len(plain)), strict=True):
        enhanced = settings.training(training.model, enhance=True)
        networks.append(Variant(name, slug, training, "plain"))
        networks.append(Variant(f"{name} enhanced", f"{slug}-enhanced", enhanced, "enhanced"))
    return (*RESAMPLERS, *networks)


def variants_of(
    settings: CompareSettings,
    *,
    axes: Mapping[str, Sequence[Any]] | None = None,
    singles: Sequence[Changes] = (),
) -> tuple[Variant, ...]:
    """Return every combination of the axes, then the singles.

    Args:
        settings: the shared settings; its lists are axes too.
        axes: the values of other settings, or of settings inside an entry (`model.sigma`), of which
            every combination is a variant; they come before the lists of `settings`.
        singles: further variants, with an optional `name`. If there are some, and no setting has
            several values, they are the only variants.

    Raises:
        UsageError: a key or value cannot be used, two names are the same, or there are more than
            `MOST`.
    """
    lists: dict[str, Sequence[Any]] = {
        name: values for name in AXES if len(values := settings.axis(name)) > 1
    }
    lists.update(axes or {})
    combined = math.prod(map(len, lists.values())) if lists or not singles else 0
    if (count := combined + len(singles)) > MOST:
        raise UsageError(
            f"{count} contestants are too many: at most {MOST}, so shorten a list, or compare in "
            "two rounds"
        )
    changes: list[Changes] = list(singles)
    if combined:
        combinations = itertools.product(*lists.values())
        changes = [dict(zip(lists, each, strict=True)) for each in combinations] + changes
    given = [_given_name(each) for each in changes]
    trainings = [
        _training(settings, each, where=f"contestant {i}: " if i > 0 else "[sweep] ")
        for i, each in enumerate(changes, 1 - combined)
    ]
    kept = dict.fromkeys(zip(trainings, given, strict=True))  # each once
    pairs = named([training for training, _ in kept], [name for _, name in kept])
    return tuple(
        Variant(name, slug, training)
        for (training, _), (name, slug) in zip(kept, pairs, strict=True)
    )


def check_key(key: str) -> None:
    """Check the name of a setting in which variants may differ.

    Raises:
        UsageError: there is no such setting, or it must be the same for all.
    """
    entry, dot, inner = key.partition(".")
    if key == "look":
        return  # checked with the settings that it stands for
    if entry in FIXED:
        raise UsageError(f"{key} must be the same for all contestants: give it once, for all")
    known = [name for name in options(TrainingSettings) if name not in FIXED]
    if dot and entry in NAMED and inner:
        return  # it is checked later, with the entry
    if dot or key not in known:
        choices = ["look", *known, *(f"{name}.KEY" for name in NAMED)]
        raise UnknownNameError("setting", key, choices)


def _given_name(changes: Changes) -> str | None:
    if "name" not in changes:
        return one_line(str(changes["look"])) if changes.keys() == {"look"} else None
    name = one_line(str(changes["name"]))
    if not name:
        raise UsageError("the name of a contestant is empty: give it one, or leave it out")
    return name


def _training(settings: CompareSettings, changes: Changes, *, where: str) -> TrainingSettings:
    """Return the settings of a variant: its look, then its entries, then the settings inside them.

    An error message begins with `where` and the key.
    """
    outer: dict[str, Any] = {}
    inner: dict[str, dict[str, Any]] = {}
    if "look" in changes:
        look = chosen_values(TrainingSettings, {"look": str(changes["look"])})
        outer = {key: value for key, value in look.items() if key not in FIXED}
    for key, value in changes.items():
        if key in ("name", "look"):
            continue
        check_key(key)
        entry, dot, name = key.partition(".")
        if dot:
            inner.setdefault(entry, {})[name] = value
        else:
            outer[key] = value
    for entry, values in inner.items():
        text = str(outer.get(entry, settings.axis(entry)[0]))
        try:
            outer[entry] = _with_changes(NAMED[entry], text, values)
        except UsageError as error:
            keys = ", ".join(f"{entry}.{name}" for name in _wrong_keys(NAMED[entry], text, values))
            raise UsageError(f"{where}{keys}: {error}") from None
    return settings.training(**outer)


def _wrong_keys(registry: Registry[Any], text: str, changes: Changes) -> list[str]:
    """Return each key without which the other changes are valid; if there is none, all keys."""
    wrong = []
    for name in changes:
        with contextlib.suppress(UsageError):
            _with_changes(registry, text, {k: value for k, value in changes.items() if k != name})
            wrong.append(name)
    return wrong or list(changes)


def _with_changes(registry: Registry[Any], text: str, changes: Changes) -> str:
    """Return the text of an entry with changed settings, its own or those of an entry inside it."""
    entry = registry.parse(text)
    known = options(type(entry))
    values = entry.to_dict() | {key: value for key, value in changes.items() if key in known}
    left = {key: value for key, value in changes.items() if key not in known}
    reachable = set(known)
    for name, option in known.items():
        if not isinstance(option.entries, Registry) or option.repeatable:
            continue
        within = options(type(option.entries.parse(values[name])))
        reachable.update(within)
        if own := {key: left.pop(key) for key in list(left) if key in within}:
            values[name] = _with_changes(option.entries, values[name], own)
    for key in left:
        name = registry.name_of(entry)
        raise UnknownNameError(f"setting of {registry.kind} {name!r}", key, reachable)
    return registry.spec(type(entry)(**values))
