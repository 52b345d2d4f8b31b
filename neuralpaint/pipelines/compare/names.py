"""Names of trainings: the settings in which each differs from the others."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

from neuralpaint.config.registry import Registry
from neuralpaint.config.settings import options
from neuralpaint.errors import UsageError
from neuralpaint.pipelines.compare.settings import AXES, NAMED, varying
from neuralpaint.training.settings import TrainingSettings

__all__ = ["named", "one_line"]

_LONGEST = 60  # characters
_NOT_PLAIN = re.compile(r"[^a-z0-9.]+")


def named(
    trainings: Sequence[TrainingSettings], given: Sequence[str | None]
) -> list[tuple[str, str]]:
    """Return a unique (name, file name) for every training; None in `given` is a missing name.

    A name is one line of text. A file name is lower-case ASCII, without a suffix.

    Raises:
        UsageError: two given names are equal when case is ignored.
    """
    taken = [name.casefold() for name in given if name is not None]
    for name in given:
        if name is not None and taken.count(name.casefold()) > 1:
            raise UsageError(f"two contestants are named {name!r}: rename one of them")
    # Only the trainings without a given name have to be distinguished.
    facts = [_facts(each) for each, name in zip(trainings, given, strict=True) if name is None]
    short = [_differences(each, facts, unset=False) for each in facts]
    long = [_differences(each, facts, unset=True) for each in facts]
    found = iter([a if short.count(a) == 1 else b for a, b in zip(short, long, strict=True)])
    names: set[str] = set(taken)
    slugs: set[str] = set()
    pairs = []
    for fixed in given:
        name = _unused(one_line(next(found)), names) if fixed is None else fixed
        pairs.append((name, _unused(_slug(name), slugs)))
    return pairs


def one_line(text: str) -> str:
    """Return text as one line without control characters, of at most 60 characters."""
    plain = "".join(c if c.isprintable() else " " for c in text)
    plain = " ".join(plain.split())
    return plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST - 3].rstrip()}..."


class _EntryName(str):
    """The name of a registered entry or an engine, which needs no key before it."""

    __slots__ = ()


_Facts = dict[str, Any]
"""Every setting of a training by its dotted name, those inside its entries too."""


def _facts(training: TrainingSettings) -> _Facts:
    facts: _Facts = {}
    for key, value in varying(training).items():
        if key in NAMED:
            facts.update(_entry_settings(key, NAMED[key], value))
        else:
            facts[key] = _EntryName(value) if key in AXES else value
    return facts


def _entry_settings(key: str, registry: Registry[Any], text: str) -> Iterator[tuple[str, Any]]:
    """Yield the name of an entry under `key`, then every setting inside it."""
    entry = registry.parse(text)
    yield key, _EntryName(registry.name_of(entry))
    for name, option in options(type(entry)).items():
        value = getattr(entry, name)
        if isinstance(option.entries, Registry) and value and not option.repeatable:
            yield from _entry_settings(f"{key}.{name}", option.entries, value)
        else:
            yield f"{key}.{name}", value


def _differences(own: _Facts, every: Sequence[_Facts], *, unset: bool) -> str:
    """Return the settings in which a training differs; unset ones only where `unset`."""
    words = []
    for key, value in own.items():
        # The settings of an entry are compared only with trainings that have the same entry.
        parent, _, last = key.rpartition(".")
        peers = [each for each in every if not parent or _same_entries(own, each, parent)]
        if (unset or value is not None) and any(each.get(key) != value for each in peers):
            words.append(_text(last, value))
    return ", ".join(words) or str(own["model"])


def _same_entries(own: _Facts, other: _Facts, key: str) -> bool:
    parts = key.split(".")
    keys = [".".join(parts[: i + 1]) for i in range(len(parts))]
    return all(own.get(each) == other.get(each) for each in keys)


def _text(key: str, value: Any) -> str:
    name = key.replace("_", " ")
    if isinstance(value, bool):
        return name if value else f"no {name}"
    if isinstance(value, _EntryName):
        return str(value)
    if value is None:
        return f"{name} auto"
    return f"{name} {value:.6g}" if isinstance(value, float) else f"{name} {value}"


def _slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return _NOT_PLAIN.sub("-", plain).strip("-.") or "contestant"


def _unused(text: str, taken: set[str]) -> str:
    """Return the text, with a number after it where it is taken, and add it to `taken`."""
    candidates = itertools.chain([text], (f"{text}-{number}" for number in itertools.count(2)))
    unused = next(each for each in candidates if each.casefold() not in taken)
    taken.add(unused.casefold())
    return unused
