"""Registries: `name:key=value,key=value` is parsed into a checked, frozen entry.

Everything with a name (models, losses, optimizers, schedules, pacings, overlays, file formats) is
an entry: a `Settings` dataclass registered under its name. A new entry is one registered class;
the command line, `neuralpaint list` and the tests find it in its registry.

A value with a comma is quoted, and a quote in it is doubled: `title:text='One, two'`. An apostrophe
inside a word needs nothing: `title:text=It's me`.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from neuralpaint.config.settings import Option, Settings, options
from neuralpaint.errors import UnknownNameError, UsageError

__all__ = ["CATALOGUE", "Registry", "extended", "load_registry"]

T = TypeVar("T", bound=Settings)


def extended(spec: str, pairs: str) -> str:
    """Return `name` or `name:key=value,...` with more `key=value` pairs, which override its own."""
    return f"{spec}{',' if ':' in spec else ':'}{pairs}"


CATALOGUE = {
    "models": "models.models",
    "encodings": "models.encodings.encodings",
    "losses": "training.losses.losses",
    "optimizers": "training.optimizers.optimizers",
    "schedules": "training.schedules.schedules",
    "pacings": "rendering.pacing.pacings",
    "cameras": "rendering.camera.cameras",
    "beats": "rendering.rhythm.rhythms",
    "overlays": "video.overlays.overlays",
    "formats": "video.formats.formats",
    "stills": "image.still_files.still_formats",
    "masks": "image.masks.masks",
    "orders": "image.orders.orders",
    "walks": "rendering.paths.code_paths",  # so called in 0.1, and in `list --json`
    "executors": "pipelines.executors.executors",
}
"""The module and name of each registry that `neuralpaint list` shows, by title.

Only `load_registry` imports them, so that `--help` stays fast.
"""


def load_registry(title: str) -> Registry[Any]:
    """Import and return the registry with this title in `CATALOGUE`."""
    module, _, name = CATALOGUE[title].rpartition(".")
    registry: Registry[Any] = getattr(importlib.import_module(f"neuralpaint.{module}"), name)
    return registry


class Registry(Generic[T]):
    """Entries of one kind, by name."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, type[T]] = {}
        self._aliases: dict[str, str] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries or name in self._aliases

    def __getitem__(self, name: str) -> type[T]:
        try:
            return self._entries[self._aliases.get(name, name)]
        except KeyError:
            raise UnknownNameError(self.kind, name, self._entries) from None

    def register(self, name: str, *, aliases: Sequence[str] = ()) -> Callable[[type[T]], type[T]]:
        """Register the decorated `Settings` class under `name`; `aliases` work but are not listed.

        Raises:
            ValueError: one of the names is taken.
        """

        def add(entry: type[T]) -> type[T]:
            for new in (name, *aliases):
                if new in self:
                    raise ValueError(f"{self.kind} {new!r} is registered twice")
            self._entries[name] = entry
            self._aliases |= dict.fromkeys(aliases, name)
            return entry

        return add

    def parse(self, text: str) -> T:
        """Return the entry for `name` or `name:key=value,key=value`; values may be quoted.

        The value of a setting can be an inner entry, such as the encoding of a model. A key that
        only the inner entry has is passed to it: `mlp:encoding=hash,levels=4` is
        `mlp:encoding=hash:levels=4`.

        Raises:
            UsageError: the name, a key or a value is wrong; the message lists the choices.
        """
        name, _, rest = text.strip().partition(":")
        entry = self[name]
        pairs: list[tuple[str, str]] = []
        for pair in _split(rest):
            key, equals, value = (part.strip() for part in pair.partition("="))
            pairs.append((key, value if equals else _MISSING))
        known = options(entry)
        values = {key: _unquoted(value) for key, value in pairs if key in known}
        for key, value in pairs:
            if key not in known:
                outer = next(
                    (o for o, (_, keys) in _inner(known, values).items() if key in keys), None
                )
                if outer is None:
                    raise self._unknown_key(name, key, known=known, values=values)
                pair = key if value is _MISSING else f"{key}={value}"  # the inner entry reports it
                values[outer] = extended(values.get(outer, known[outer].default), pair)
            elif value is _MISSING:
                raise UsageError(f"{self.kind} {text!r}: write {key}=VALUE")
        label = f"{self.kind} {name}"
        return entry(**{k: known[k].convert(v, label=f"{label}: {k}") for k, v in values.items()})

    def _unknown_key(
        self, name: str, key: str, *, known: dict[str, Option], values: dict[str, str]
    ) -> UnknownNameError:
        kind, choices = f"setting of {self.kind} {name!r}", list(known)
        for inner, (spec, keys) in _inner(known, values).items():
            kind += f" with {inner} {spec.partition(':')[0]!r}"
            choices += keys
        return UnknownNameError(kind, key, choices)

    def parse_list(self, text: str) -> list[T]:
        """Return the entries of a comma-separated list; a part without `=` starts a new entry."""
        specs: list[str] = []
        for part in _split(text):
            named = part.partition(":")[0].strip() in self
            if specs and "=" in part and not named:
                specs[-1] += f",{part}"
            elif specs and not named and self._ends_with_text(specs[-1]):
                raise UsageError(
                    f"no {self.kind} named {part!r}: if it is part of the text before it, quote "
                    "that text, as in text='one, two'"
                )
            else:
                specs.append(part)
        return [self.parse(spec) for spec in specs]

    def _ends_with_text(self, spec: str) -> bool:
        """Return whether the last setting of a spec is a free text."""
        name, _, rest = spec.partition(":")
        key = rest.rpartition(",")[2].partition("=")[0].strip()
        option = options(self[name.strip()]).get(key)
        return option is not None and option.type is str and not option.choices

    def summary(self, name: str) -> str:
        """Return the first paragraph of an entry's docstring, in one line."""
        return (inspect.getdoc(self[name]) or "").partition("\n\n")[0].replace("\n", " ")

    def name_of(self, entry: T) -> str:
        """Return the name under which the class of `entry` is registered."""
        return next(name for name, cls in self._entries.items() if cls is type(entry))

    def spec(self, entry: T) -> str:
        """Return the shortest text for which `parse` returns `entry`."""
        known = options(type(entry))
        changes = [_written(known[key], value) for key, value in entry.changes().items()]
        name = self.name_of(entry)
        return f"{name}:{','.join(changes)}" if changes else name


_MISSING = "\0"  # cannot occur in a command-line argument
# A part of a list: `key='value'` with any characters in the quotes, or characters but commas.
_QUOTED = r"""(?:'(?:[^']|'')*'|"(?:[^"]|"")*")"""
_PART = re.compile(rf"[^,=]*=\s*{_QUOTED}\s*(?=,|\Z)|[^,]+")


def _split(text: str) -> list[str]:
    """Return the parts of a comma-separated list, without those that are empty."""
    return [part for found in _PART.findall(text) if (part := found.strip())]


def _unquoted(value: str) -> str:
    if not re.fullmatch(_QUOTED, value):
        return value
    return value[1:-1].replace(2 * value[0], value[0])


def _quoted(value: str) -> str:
    """Return a value in quotes if `parse` would not return it otherwise."""
    if "," not in value and value == value.strip() and not re.fullmatch(_QUOTED, value):
        return value
    quote = '"' if "'" in value and '"' not in value else "'"
    return f"{quote}{value.replace(quote, 2 * quote)}{quote}"


def _inner(known: dict[str, Option], values: dict[str, str]) -> dict[str, tuple[str, list[str]]]:
    """Return (spec, keys) of each inner entry, by the name of its setting."""
    found = {}
    for key, option in known.items():
        if isinstance(option.entries, Registry) and not option.repeatable:
            spec = values.get(key, option.default)
            found[key] = spec, list(options(option.entries[spec.partition(":")[0].strip()]))
    return found


def _written(option: Option, value: Any) -> str:
    """Return a changed setting as text; for an inner entry with its default name, only its keys."""
    if isinstance(option.entries, Registry) and not option.repeatable:
        name, _, rest = value.partition(":")
        if rest and name == option.default:
            return str(rest)
        return f"{option.name}={value}"
    return f"{option.name}={_quoted(str(value))}"
