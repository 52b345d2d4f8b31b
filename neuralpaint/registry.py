"""A registry turns `name:key=value,key=value` into a checked, frozen entry.

Everything that is chosen by name (models, losses, optimizers, schedules, pacings, overlays, file
formats) is an entry: a `Settings` dataclass registered under its name. A new one is one class in
one place; the command line, `neuralpaint list` and the tests find it there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from neuralpaint.errors import UnknownNameError, UsageError
from neuralpaint.settings import Settings, options

__all__ = ["Registry"]

T = TypeVar("T", bound=Settings)


class Registry(Generic[T]):
    """Entries of one kind, by name."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, type[T]] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __getitem__(self, name: str) -> type[T]:
        try:
            return self._entries[name]
        except KeyError:
            raise UnknownNameError(self.kind, name, self._entries) from None

    def register(self, name: str) -> Callable[[type[T]], type[T]]:
        """Register the decorated `Settings` class under `name`."""

        def add(entry: type[T]) -> type[T]:
            if name in self._entries:
                raise ValueError(f"{self.kind} {name!r} is registered twice")
            self._entries[name] = entry
            return entry

        return add

    def parse(self, text: str) -> T:
        """Return the entry that `name` or `name:key=value,key=value` describes.

        Raises:
            UsageError: the name, a key or a value is wrong; the message lists the choices.
        """
        name, _, rest = text.strip().partition(":")
        entry = self[name]
        known = options(entry)
        values: dict[str, Any] = {}
        for pair in filter(None, rest.split(",")):
            key, equals, value = (part.strip() for part in pair.partition("="))
            if key not in known:
                raise UnknownNameError(f"setting of {self.kind} {name!r}", key, known)
            if not equals:
                raise UsageError(f"{self.kind} {text!r}: write {key}=VALUE")
            values[key] = known[key].convert(value, label=f"{self.kind} {name}: {key}")
        return entry(**values)

    def parse_list(self, text: str) -> list[T]:
        """Return the entries of a comma-separated list; a part without `=` begins a new one."""
        specs: list[str] = []
        for part in filter(None, (p.strip() for p in text.split(","))):
            continues = specs and "=" in part and part.partition(":")[0] not in self._entries
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
        changes = ",".join(f"{key}={value}" for key, value in entry.changes().items())
        name = self.name_of(entry)
        return f"{name}:{changes}" if changes else name
