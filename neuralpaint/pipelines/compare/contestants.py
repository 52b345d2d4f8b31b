"""Contestants: every combination of what is to be tried, each named by what sets it apart."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neuralpaint.config.registry import Registry
from neuralpaint.config.settings import options
from neuralpaint.errors import UnknownNameError, UsageError
from neuralpaint.pipelines.compare.names import named, shown
from neuralpaint.pipelines.compare.settings import AXES, FIXED, NAMED, CompareSettings
from neuralpaint.training.settings import TrainingSettings

__all__ = ["MOST", "Contestant", "Variant", "check_key", "contestants_of"]

MOST = 64
"""Contestants at most: with more, a race shows nothing."""

Variant = Mapping[str, Any]
"""Settings that one contestant has of its own, by name; `model.sigma` is one inside its model."""


@dataclass(frozen=True)
class Contestant:
    """One way to learn the picture."""

    name: str
    """Short, unique among the contestants, one line."""
    slug: str
    """The name as that of a file: lower-case ASCII, unique too."""
    settings: TrainingSettings


def contestants_of(
    settings: CompareSettings,
    *,
    axes: Mapping[str, Sequence[Any]] | None = None,
    singles: Sequence[Variant] = (),
) -> tuple[Contestant, ...]:
    """Return every combination of the axes, then the singles.

    Args:
        settings: what they share; its lists are axes too.
        axes: the values of other settings, or of settings inside an entry (`model.sigma`), of which
            every combination is a contestant; they go before the lists of `settings`.
        singles: contestants on their own, with an optional `name`. Where there are some, and
            nothing else has more than one value, they are all there is.

    Raises:
        UsageError: a key or value cannot be used, two have one name, or there are more than `MOST`.
    """
    lists: dict[str, Sequence[Any]] = {
        name: values for name in AXES if len(values := settings.axis(name)) > 1
    }
    lists.update(axes or {})
    variants: list[Variant] = list(singles)
    combined = _product(lists) if lists or not singles else 0
    if (count := combined + len(singles)) > MOST:
        raise UsageError(
            f"{count} contestants are too many: at most {MOST}, so shorten a list, or compare in "
            "two rounds"
        )
    if combined:
        combinations = itertools.product(*lists.values())
        variants = [dict(zip(lists, each, strict=True)) for each in combinations] + variants
    given = [_given_name(variant) for variant in variants]
    trainings = []
    for number, variant in enumerate(variants, 1):
        where = f"contestant {number - combined}: " if number > combined else "[sweep] "
        trainings.append(_training(settings, variant, where=where))
    kept: dict[tuple[TrainingSettings, str | None], None] = dict.fromkeys(
        zip(trainings, given, strict=True)
    )
    pairs = named([training for training, _ in kept], [name for _, name in kept])
    return tuple(
        Contestant(name, slug, training)
        for (training, _), (name, slug) in zip(kept, pairs, strict=True)
    )


def check_key(key: str) -> None:
    """Check the name of a setting in which contestants may differ.

    Raises:
        UsageError: there is none, or it has to be the same for all.
    """
    entry, dot, inner = key.partition(".")
    if entry in FIXED:
        raise UsageError(f"{key} must be the same for all contestants: give it once, for all")
    known = [name for name in options(TrainingSettings) if name not in FIXED]
    if dot and entry in NAMED and inner:
        return  # whether the entry knows it is found out when it is made
    if dot or key not in known:
        raise UnknownNameError("setting", key, [*known, *(f"{name}.KEY" for name in NAMED)])


def _product(lists: Mapping[str, Sequence[Any]]) -> int:
    count = 1
    for values in lists.values():
        count *= len(values)
    return count


def _given_name(variant: Variant) -> str | None:
    if "name" not in variant:
        return None
    name = shown(str(variant["name"]))
    if not name:
        raise UsageError("the name of a contestant is empty: give it one, or leave it out")
    return name


def _training(settings: CompareSettings, variant: Variant, *, where: str) -> TrainingSettings:
    """Return the settings of a variant: first the entries, then what is inside them.

    What is wrong inside an entry is said to be at its key, after `where`.
    """
    outer: dict[str, Any] = {}
    inner: dict[str, dict[str, Any]] = {}
    for key, value in variant.items():
        if key == "name":
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
            outer[entry] = _with_settings(NAMED[entry], text, values)
        except UsageError as error:
            keys = ", ".join(f"{entry}.{name}" for name in _wrong_ones(NAMED[entry], text, values))
            raise UsageError(f"{where}{keys}: {error}") from None
    return settings.training(**outer)


def _wrong_ones(registry: Registry[Any], text: str, changes: Mapping[str, Any]) -> list[str]:
    """Return those without any one of which the others would do; where there is none, all."""
    wrong = []
    for name in changes:
        others = {key: value for key, value in changes.items() if key != name}
        with contextlib.suppress(UsageError):
            _with_settings(registry, text, others)
            wrong.append(name)
    return wrong or list(changes)


def _with_settings(registry: Registry[Any], text: str, changes: Mapping[str, Any]) -> str:
    """Return the text of an entry with some of its settings changed, or of an entry inside it."""
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
        if mine := {key: left.pop(key) for key in list(left) if key in within}:
            values[name] = _with_settings(option.entries, values[name], mine)
    for key in left:
        name = registry.name_of(entry)
        raise UnknownNameError(f"setting of {registry.kind} {name!r}", key, reachable)
    return registry.spec(type(entry)(**values))
