"""A registry turns `name:key=value,key=value` into a checked, frozen entry.

Everything that is chosen by name (models, losses, optimizers, schedules, pacings, overlays, file
formats) is an entry: a `Settings` dataclass registered under its name. A new one is one class in
one place; the command line, `neuralpaint list` and the tests find it there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from neuralpaint.config.settings import Option, Settings, options
from neuralpaint.errors import UnknownNameError, UsageError

__all__ = ["Registry"]

T = TypeVar("T", bound=Settings)


class Registry(Generic[T]):
    """Entries of one kind, by name."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, type[T]] = {}
        self._also: dict[str, str] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries or name in self._also

    def __getitem__(self, name: str) -> type[T]:
        try:
            return self._entries[self._also.get(name, name)]
        except KeyError:
            raise UnknownNameError(self.kind, name, self._entries) from None

    def register(self, name: str, *, also: Sequence[str] = ()) -> Callable[[type[T]], type[T]]:
        """Register the decorated `Settings` class under `name`.

        The names in `also` are understood too, but nobody is told of them.
        """

        def add(entry: type[T]) -> type[T]:
            for taken in (name, *also):
                if taken in self:
                    raise ValueError(f"{self.kind} {taken!r} is registered twice")
            self._entries[name] = entry
            self._also |= dict.fromkeys(also, name)
            return entry

        return add

    def parse(self, text: str) -> T:
        """Return the entry that `name` or `name:key=value,key=value` describes.

        Where a setting names an entry itself, as a model names its encoding, a key that only that
        inner entry knows goes there: `mlp:encoding=hash,levels=4` is `mlp:encoding=hash:levels=4`.

        Raises:
            UsageError: the name, a key or a value is wrong; the message lists the choices.
        """
        name, _, rest = text.strip().partition(":")
        entry = self[name]
        pairs: list[tuple[str, str]] = []
        for pair in filter(None, rest.split(",")):
            key, equals, value = (part.strip() for part in pair.partition("="))
            pairs.append((key, value if equals else _MISSING))
        known = options(entry)
        values = {key: value for key, value in pairs if key in known}
        for key, value in pairs:
            if key not in known:
                holder = _holder(known, values, key)
                if holder is None:
                    raise self._unknown(name, key, known=known, values=values)
                values[holder] = _extended(values.get(holder, known[holder].default), key, value)
            elif value is _MISSING:
                raise UsageError(f"{self.kind} {text!r}: write {key}=VALUE")
        label = f"{self.kind} {name}"
        return entry(**{k: known[k].convert(v, label=f"{label}: {k}") for k, v in values.items()})

    def _unknown(
        self, name: str, key: str, *, known: dict[str, Option], values: dict[str, str]
    ) -> UnknownNameError:
        kind, choices = f"setting of {self.kind} {name!r}", list(known)
        for inner, (spec, keys) in _inner(known, values).items():
            kind += f" with {inner} {spec.partition(':')[0]!r}"
            choices += keys
        return UnknownNameError(kind, key, choices)

    def parse_list(self, text: str) -> list[T]:
        """Return the entries of a comma-separated list; a part without `=` begins a new one."""
        specs: list[str] = []
        for part in filter(None, (p.strip() for p in text.split(","))):
            continues = specs and "=" in part and part.partition(":")[0] not in self
            if continues:
                specs[-1] += f",{part}"
            else:
                specs.append(part)
        return [self.parse(spec) for spec in specs]

    def name_of(self, entry: T) -> str:
        """Return the name under which the class of `entry` is registered."""
        return next(name for name, cls in self._entries.items() if cls is type(entry))

    def spec(self, entry: T) -> str:
        """Return the shortest text that `parse` turns back into `entry`."""
        known = options(type(entry))
        changes = [_written(known[key], value) for key, value in entry.changes().items()]
        name = self.name_of(entry)
        return f"{name}:{','.join(changes)}" if changes else name


_MISSING = "\0"  # what no user can type


def _inner(known: dict[str, Option], values: dict[str, str]) -> dict[str, tuple[str, list[str]]]:
    """Return, by setting, each entry that an entry names: its spec, and the keys it knows."""
    found = {}
    for key, option in known.items():
        if isinstance(option.entries, Registry) and not option.repeatable:
            spec = values.get(key, option.default)
            found[key] = spec, list(options(option.entries[spec.partition(":")[0].strip()]))
    return found


def _holder(known: dict[str, Option], values: dict[str, str], key: str) -> str | None:
    """Return the setting whose entry knows the key."""
    return next((name for name, (_, keys) in _inner(known, values).items() if key in keys), None)


def _extended(spec: str, key: str, value: str) -> str:
    """Return the spec of an entry with one more setting; a missing value is complained of there."""
    pair = key if value is _MISSING else f"{key}={value}"
    return f"{spec}{',' if ':' in spec else ':'}{pair}"


def _written(option: Option, value: Any) -> str:
    """Return a changed setting as text; of an inner entry with its default name the keys alone."""
    if isinstance(option.entries, Registry) and not option.repeatable:
        name, _, rest = value.partition(":")
        if rest and name == option.default:
            return str(rest)
    return f"{option.name}={value}"
