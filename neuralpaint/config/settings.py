"""Settings: frozen dataclasses whose fields carry their help, unit and range.

The command line, `neuralpaint list` and the metadata of a clip are all derived from these fields,
so that a default, a range or a line of help stands in exactly one place.
"""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, Self, Union

from neuralpaint.errors import UnknownNameError, UsageError

__all__ = ["Entries", "Option", "Settings", "options", "setting"]

_UNSET = ("auto", "none")
_TRUE = {"true", "yes", "on", "1"}
_FALSE = {"false", "no", "off", "0"}
_HUGE = 10**300
_TIME = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?", re.ASCII)


class Entries(Protocol):
    """What a setting needs to know of a registry."""

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        ...

    def parse(self, text: str) -> object:
        """Check the text of one entry."""
        ...

    def parse_list(self, text: str) -> object:
        """Check the text of a list of entries."""
        ...


def setting(
    default: Any,
    help: str,  # noqa: A002 - the word click and dataclass metadata use
    *,
    unit: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
    above: float | None = None,
    entries: Entries | None = None,
    repeatable: bool = False,
    read: Callable[[str], str] | None = None,
) -> Any:
    """Declare a field of a `Settings` dataclass.

    `minimum` and `maximum` are allowed values themselves; `above` is not. `entries` is the registry
    that the value, `name:key=value,...`, is looked up in; where the setting is `repeatable`, it is
    a comma-separated list of them, which the command line also takes as several options. A number
    whose `unit` is seconds may be written as a time such as 90s or 1h30m. `read` makes the value of
    a TOML file, for a command line that is given one.
    """
    metadata = {
        "help": help,
        "unit": unit,
        "minimum": minimum,
        "maximum": maximum,
        "above": above,
        "entries": entries,
        "repeatable": repeatable,
        "read": read,
    }
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Option:
    """One field of a `Settings` class, as the command line and `list` see it."""

    name: str
    type: type
    default: Any
    optional: bool
    choices: tuple[str, ...]
    help: str
    unit: str
    minimum: float | None
    maximum: float | None
    above: float | None
    entries: Entries | None
    repeatable: bool
    read: Callable[[str], str] | None
    section: str

    @property
    def flag(self) -> str:
        """The option's name on the command line."""
        return f"--{self.name.replace('_', '-')}"

    def convert(self, value: Any, *, label: str | None = None) -> Any:
        """Return `value` (text or already typed) as this field's type, checked.

        `label` is what an error calls the setting.

        Raises:
            UsageError: the value has the wrong type, is out of range or is not a choice.
        """
        label = label or self.name
        if value is None or (self.optional and value in _UNSET):
            if self.optional:
                return None
            raise UsageError(f"{label} needs a value")
        converted: Any = "" if self.repeatable and value in _UNSET else self._typed(value, label)
        if self.choices and converted not in self.choices:
            raise UnknownNameError(f"value of {label}", str(value), self.choices)
        if self.type in (int, float):
            self._check_range(converted, label)
        if self.entries is not None:
            (self.entries.parse_list if self.repeatable else self.entries.parse)(converted)
        return converted

    def _typed(self, value: Any, label: str) -> Any:
        try:
            if self.type is bool and isinstance(value, str):
                return _truth(value)
            if self.unit == "seconds" and isinstance(value, str):
                return _seconds(value)
            if self.type is int and isinstance(value, float) and not value.is_integer():
                raise ValueError
            if self.type in (int, float) and isinstance(value, bool):
                raise ValueError
            return self.type(value)
        except (TypeError, ValueError, OverflowError):
            raise UsageError(f"{label} must be {self._kind}, not {value!r}") from None

    @property
    def _kind(self) -> str:
        if self.unit == "seconds":
            return "a time such as 20, 90s or 1m30s"
        kinds = {int: "a whole number", float: "a number", bool: "true or false"}
        return kinds.get(self.type, "text")

    def _check_range(self, value: float, label: str) -> None:
        unit = f" {self.unit}" if self.unit else ""
        # A whole number may be larger than any float.
        shown = "so much" if isinstance(value, int) and abs(value) > _HUGE else f"{value:g}"
        if value != value or value in (float("inf"), float("-inf")):
            raise UsageError(f"{label} must be a finite number, not {shown}")
        if self.above is not None and value <= self.above:
            raise UsageError(f"{label} must be above {self.above:g}{unit}, not {shown}")
        if self.minimum is not None and value < self.minimum:
            raise UsageError(f"{label} must be at least {self.minimum:g}{unit}, not {shown}")
        if self.maximum is not None and value > self.maximum:
            raise UsageError(f"{label} must be at most {self.maximum:g}{unit}, not {shown}")


def _seconds(text: str) -> float:
    """Return the seconds of a number, or of hours, minutes and seconds such as 1h2m3s."""
    parts = _TIME.fullmatch(text.strip().lower())
    if parts is None or not any(parts.groups()):
        return float(text)
    hours, minutes, seconds = (float(part or 0) for part in parts.groups())
    return 3600 * hours + 60 * minutes + seconds


def _truth(text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError(text)


@dataclass(frozen=True)
class Settings:
    """Base of every settings class; its values are converted and checked when it is made."""

    section: ClassVar[str] = ""
    """The heading of these settings in a command's help."""
    exclusive: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """Groups of settings of which at most one may have a value."""
    without: ClassVar[tuple[str, ...]] = ()
    """Settings that are inherited and have no meaning here: they keep their defaults."""

    def __post_init__(self) -> None:
        for option in options(type(self)).values():
            value = option.convert(getattr(self, option.name))
            object.__setattr__(self, option.name, value)
        for field in dataclasses.fields(self):
            if field.name in self.without and getattr(self, field.name) != field.default:
                raise UnknownNameError("setting", field.name, options(type(self)))
        for group in self.exclusive_groups():
            given = [f"--{name}" for name in group if getattr(self, name) is not None]
            if len(given) > 1:
                raise UsageError(f"{' and '.join(given)} exclude each other: give one of them")

    @classmethod
    def exclusive_groups(cls) -> list[tuple[str, ...]]:
        """Return the exclusive groups of this class and all that it inherits from."""
        return [group for base in cls.__mro__ for group in base.__dict__.get("exclusive", ())]

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain values that JSON can hold."""
        return {name: getattr(self, name) for name in options(type(self))}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Make the settings from `to_dict`'s plain values.

        Raises:
            UsageError: a key is unknown or a value cannot be used.
        """
        for key in values:
            if key not in options(cls):
                raise UnknownNameError("setting", str(key), options(cls))
        return cls(**values)

    @classmethod
    def given(cls, settings: Self | None, values: Mapping[str, Any]) -> Self:
        """Return `settings`, or those made of `values` where there are none.

        Raises:
            UsageError: both are given, or a value cannot be used.
        """
        if settings is None:
            return cls.from_dict(values)
        if values:
            raise UsageError(f"give either settings or {', '.join(values)}, not both")
        return settings

    def changes(self) -> dict[str, Any]:
        """Return only the values that differ from the defaults."""
        known = options(type(self))
        return {k: v for k, v in self.to_dict().items() if v != known[k].default}


def options(cls: type[Settings]) -> dict[str, Option]:
    """Return the fields of a `Settings` class by name, in the order they are written."""
    hints = typing.get_type_hints(cls)
    section_of = {
        name: base.section
        for base in reversed(cls.__mro__)
        if issubclass(base, Settings)
        for name in base.__annotations__
    }
    return {
        field.name: _option(field, hints[field.name], section_of[field.name])
        for field in dataclasses.fields(cls)
        if field.name not in cls.without
    }


def _option(field: dataclasses.Field[Any], hint: Any, section: str) -> Option:
    optional = typing.get_origin(hint) in (Union, types.UnionType)
    if optional:
        (hint,) = (h for h in typing.get_args(hint) if h is not type(None))
    choices: tuple[str, ...] = ()
    if typing.get_origin(hint) is Literal:
        choices, hint = typing.get_args(hint), str
    return Option(
        name=field.name,
        type=hint,
        default=field.default,
        optional=optional,
        choices=choices,
        section=section,
        **field.metadata,
    )
