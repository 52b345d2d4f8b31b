"""Names: what sets a training apart from the others, in a few words, and as that of a file."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

from neuralpaint.config.registry import Registry
from neuralpaint.config.settings import options
from neuralpaint.errors import UsageError
from neuralpaint.pipelines.compare.settings import AXES, FIXED, NAMED
from neuralpaint.training.settings import TrainingSettings

__all__ = ["named", "shown"]

_LONGEST = 60  # characters
_PLAIN = re.compile(r"[^a-z0-9.]+")


def named(
    trainings: Sequence[TrainingSettings], given: Sequence[str | None]
) -> list[tuple[str, str]]:
    """Return a (name, file name) for every training, each unique; some names are given.

    A name is one line for people. A file name is lower-case ASCII, without a suffix.

    Raises:
        UsageError: two given names are the same, but for upper and lower case.
    """
    taken = [name.casefold() for name in given if name is not None]
    for name in given:
        if name is not None and taken.count(name.casefold()) > 1:
            raise UsageError(f"two contestants are named {name!r}: rename one of them")
    facts = [_facts(training) for training in trainings]
    # Who has a name already needs none, and so sets nobody apart.
    nameless = [own for own, name in zip(facts, given, strict=True) if name is None]
    short = [_name(own, nameless, unset=False) for own in nameless]
    long = iter([_name(own, nameless, unset=True) for own in nameless])
    plain = iter(short)
    names: set[str] = set(taken)
    slugs: set[str] = set()
    pairs = []
    for fixed in given:
        name = fixed
        if name is None:
            brief, full = next(plain), next(long)
            name = _unused(shown(brief if short.count(brief) == 1 else full), names)
        pairs.append((name, _unused(_slug(name), slugs)))
    return pairs


def shown(text: str) -> str:
    """Return text as one line that no terminal obeys, and not too long."""
    plain = "".join(c if c.isprintable() else " " for c in text)
    plain = " ".join(plain.split())
    return plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST - 3].rstrip()}..."


class _EntryName(str):
    """The name of an entry of a registry, or of an engine: it tells what it is by itself."""

    __slots__ = ()


_Facts = dict[str, Any]
"""Every setting of a training by its dotted name, those inside its entries too."""


def _facts(training: TrainingSettings) -> _Facts:
    facts: _Facts = {}
    for key, value in training.to_dict().items():
        if key in NAMED:
            facts.update(_inside(key, NAMED[key], value))
        elif key not in FIXED:
            facts[key] = _EntryName(value) if key in AXES else value
    return facts


def _inside(key: str, registry: Registry[Any], text: str) -> Iterator[tuple[str, Any]]:
    """Yield the name of an entry under `key`, then all that is inside it."""
    entry = registry.parse(text)
    yield key, _EntryName(registry.name_of(entry))
    for name, option in options(type(entry)).items():
        value = getattr(entry, name)
        if isinstance(option.entries, Registry) and value and not option.repeatable:
            yield from _inside(f"{key}.{name}", option.entries, value)
        else:
            yield f"{key}.{name}", value


def _name(own: _Facts, everybody: Sequence[_Facts], *, unset: bool) -> str:
    """Return what sets a training apart from those that are comparable with it.

    What is left to the program is told only if `unset` says so.
    """
    words = []
    for key, value in own.items():
        # The settings of an entry are compared among those who have that entry.
        parent, _, last = key.rpartition(".")
        peers = [each for each in everybody if not parent or _same_branch(own, each, parent)]
        told = unset or value is not None
        if told and any(each.get(key) != value for each in peers):
            words.append(_words(last, value))
    return ", ".join(words) or str(own["model"])


def _same_branch(own: _Facts, other: _Facts, parent: str) -> bool:
    parts = parent.split(".")
    branches = [".".join(parts[: i + 1]) for i in range(len(parts))]
    return all(own.get(branch) == other.get(branch) for branch in branches)


def _words(key: str, value: Any) -> str:
    """Return a setting as a person would say it."""
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
    return _PLAIN.sub("-", plain).strip("-.") or "contestant"


def _unused(text: str, taken: set[str]) -> str:
    """Return the text, with a number after it where it is taken, and take it."""
    for number in itertools.count(1):
        candidate = text if number == 1 else f"{text}-{number}"
        if candidate.casefold() not in taken:
            taken.add(candidate.casefold())
            return candidate
    raise AssertionError  # itertools.count does not end
