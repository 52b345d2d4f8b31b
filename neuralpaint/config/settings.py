"""Settings: frozen dataclasses whose fields have a help text, a unit and a range.

The command line, `neuralpaint list` and the note in a clip are derived from these fields, so each
default, range and help text is written once.
"""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, Self, Union

from neuralpaint.errors import UnknownNameError, UsageError

__all__ = [
    "ComposedSettings",
    "Entries",
    "Option",
    "Settings",
    "flag_of",
    "group",
    "options",
    "setting",
]

_UNSET = ("unset", "auto", "none")
_TRUE = {"true", "yes", "on", "1"}
_FALSE = {"false", "no", "off", "0"}
_HUGE = 10**300
_TIME = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?", re.ASCII)


class Entries(Protocol):
    """The methods of a registry that a setting uses."""

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        ...

    def parse(self, text: str) -> object:
        """Return one entry; raise UsageError if the text is wrong."""
        ...

    def parse_list(self, text: str) -> object:
        """Return a list of entries; raise UsageError if the text is wrong."""
        ...


def setting(
    default: Any,
    help: str,  # noqa: A002 - the name in click
    *,
    unit: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
    above: float | None = None,
    entries: Entries | None = None,
    repeatable: bool = False,
    read: Callable[[str], str] | None = None,
    bare: str | None = None,
) -> Any:
    """Declare a field of a `Settings` dataclass.

    Args:
        default: the value of the field if it is not set.
        help: one sentence for `--help` and `neuralpaint list`.
        unit: for messages; a value in "seconds" can be written as a time such as 90s or 1h30m, one
            in "fps" as a fraction.
        minimum: the smallest allowed number.
        maximum: the largest allowed number.
        above: a lower bound that is not allowed itself.
        entries: the registry that parses the value, `name:key=value,...`.
        repeatable: whether the value is a comma-separated list of entries; on the command line the
            option can be repeated.
        read: reads the value from a TOML file; on the command line, its path is then accepted too.
        bare: on the command line, the value of the option when it is given without one.
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
        "bare": bare,
    }
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Option:
    """One field of a `Settings` class, for the command line and `neuralpaint list`."""

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
    bare: str | None
    section: str

    @property
    def flag(self) -> str:
        """The option's name on the command line."""
        return flag_of(self.name)

    def convert(self, value: Any, *, label: str | None = None) -> Any:
        """Convert a value or its text to the type of this field, and check it.

        `label` is the name of the setting in error messages.

        Raises:
            UsageError: the value has the wrong type, is out of range, or is not one of the choices.
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
            if self.unit == "fps" and isinstance(value, str):
                return float(Fraction(value.replace(" ", "")))
            if self.type is int and isinstance(value, float) and not value.is_integer():
                raise ValueError
            if self.type in (int, float) and isinstance(value, bool):
                raise ValueError
            return self.type(value)
        except (TypeError, ValueError, OverflowError, ZeroDivisionError):
            raise UsageError(f"{label} must be {self._kind}, not {value!r}") from None

    @property
    def _kind(self) -> str:
        if self.unit == "seconds":
            return "a time such as 20, 90s or 1m30s"
        if self.unit == "fps":
            return "a rate such as 30, 29.97 or 30000/1001"
        kinds = {int: "a whole number", float: "a number", bool: "true or false"}
        return kinds.get(self.type, "text")

    def _check_range(self, value: float, label: str) -> None:
        unit = f" {self.unit}" if self.unit else ""
        # A whole number can be larger than any float.
        shown = "so much" if isinstance(value, int) and abs(value) > _HUGE else f"{value:g}"
        if value != value or value in (float("inf"), float("-inf")):
            raise UsageError(f"{label} must be a finite number, not {shown}")
        if self.above is not None and value <= self.above:
            raise UsageError(f"{label} must be above {self.above:g}{unit}, not {shown}")
        if self.minimum is not None and value < self.minimum:
            raise UsageError(f"{label} must be at least {self.minimum:g}{unit}, not {shown}")
        if self.maximum is not None and value > self.maximum:
            raise UsageError(f"{label} must be at most {self.maximum:g}{unit}, not {shown}")


def flag_of(name: str) -> str:
    """Return the command-line option of a setting."""
    return f"--{name.replace('_', '-')}"


def _seconds(text: str) -> float:
    """Convert a number, or a time such as 1h2m3s, to seconds."""
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
    """Base of every settings class; values are converted and checked on construction."""

    section: ClassVar[str] = ""
    """The heading of these settings in a command's help."""
    exclusive: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """Groups of options of which at most one may have a value; unknown names are ignored."""

    def __post_init__(self) -> None:
        for option in _own_options(type(self)).values():
            object.__setattr__(self, option.name, option.convert(getattr(self, option.name)))
        values = self.to_dict()
        for names in self.exclusive_groups():
            given = [flag_of(name) for name in names if values.get(name) is not None]
            if len(given) > 1:
                raise UsageError(f"{' and '.join(given)} exclude each other: give one of them")

    @classmethod
    def exclusive_groups(cls) -> list[tuple[str, ...]]:
        """Return the groups of mutually exclusive options of this class and its bases."""
        return [group for base in cls.__mro__ for group in base.__dict__.get("exclusive", ())]

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as a flat dictionary of JSON values."""
        return {name: getattr(self, name) for name in _own_options(type(self))}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Create the settings from the flat dictionary that `to_dict` returns.

        Raises:
            UsageError: a key is unknown or a value cannot be used.
        """
        for key in values:
            if key not in options(cls):
                raise UnknownNameError("setting", str(key), options(cls))
        return cls(**values)

    @classmethod
    def implied(cls, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """Return the defaults that change because of the options that were chosen."""
        return {}

    @classmethod
    def given(cls, settings: Self | None, values: Mapping[str, Any]) -> Self:
        """Return `settings`, or new settings from `values` if `settings` is None.

        Raises:
            UsageError: both are given, or a value cannot be used.
        """
        if settings is None:
            return cls.from_dict(cls.implied(values) | {**values})
        if values:
            raise UsageError(f"give either settings or {', '.join(values)}, not both")
        return settings

    @classmethod
    def layered(cls, *layers: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of all layers; those of later layers override those of earlier ones.

        An option of a later layer also removes the options that exclude it: after a layer with
        `epochs`, a layer with `steps` leaves no epochs.
        """
        values: dict[str, Any] = {}
        for layer in layers:
            for names in cls.exclusive_groups():
                if not layer.keys().isdisjoint(names):
                    values = {key: v for key, v in values.items() if key not in names}
            values |= layer
        return values

    def replaced(self, **values: Any) -> Self:
        """Return a copy with these values for some options."""
        return type(self).from_dict(self.to_dict() | values)

    def changes(self) -> dict[str, Any]:
        """Return only the values that differ from the defaults."""
        known = options(type(self))
        return {k: v for k, v in self.to_dict().items() if v != known[k].default}

    def files(self) -> dict[str, str]:
        """Return the options whose value is the path of a file to read, by option name."""
        return {}

    def without_folders(self) -> Self:
        """Return a copy in which each path of `files` is reduced to its last part."""
        return self


def group(cls: type[Settings]) -> Any:
    """Declare a field of a `ComposedSettings` class: a group of options with its own class."""
    return dataclasses.field(default_factory=cls, metadata={"group": cls})


@dataclass(frozen=True, init=False)
class ComposedSettings(Settings):
    """Settings that consist of groups, each a `Settings` class, and optionally of other options.

        @dataclass(frozen=True, init=False)
        class PaintSettings(ComposedSettings):
            picture: PictureSettings = group(PictureSettings)
            still: StillSettings = group(StillSettings)

    Code in this package reads `settings.still.depth`. Elsewhere the options are flat: in the
    constructor, `from_dict`, `to_dict`, the command line, saved files, and as `settings.depth`.
    """

    overrides: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """A different `default` or `help` for options of the groups, by option name."""

    def __init__(self, **values: Any) -> None:
        """Create the settings from flat options; a whole group can also be given by its name.

        Raises:
            UsageError: an option is unknown or a value cannot be used.
        """
        known, groups = options(type(self)), _groups(type(self))
        for name in values:
            if name not in known and name not in groups:
                raise UnknownNameError("setting", name, known)
        for name, cls in groups.items():
            base = values[name].to_dict() if name in values else {}
            chosen = {
                option: values.get(option, base.get(option, known[option].default))
                for option in options(cls)
            }
            object.__setattr__(self, name, cls(**chosen))
        for name in _own_options(type(self)):
            object.__setattr__(self, name, values.get(name, known[name].default))
        self.__post_init__()

    if not TYPE_CHECKING:  # this package reads `settings.group.option`, which mypy can check

        def __getattr__(self, name: str) -> Any:
            for group in _groups(type(self)) if not name.startswith("_") else ():
                if name in options(_groups(type(self))[group]):
                    return getattr(self.__dict__[group], name)
            raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")

    @classmethod
    def exclusive_groups(cls) -> list[tuple[str, ...]]:
        """Return the groups of mutually exclusive options of this class and of its groups."""
        own = super().exclusive_groups()
        return own + [names for each in _groups(cls).values() for names in each.exclusive_groups()]

    def to_dict(self) -> dict[str, Any]:
        """Return all options as one flat dictionary of JSON values."""
        values = super().to_dict()
        for each in self._groups():
            values |= each.to_dict()
        return {name: values[name] for name in options(type(self))}

    def files(self) -> dict[str, str]:
        """Return the options of all groups whose value is the path of a file to read."""
        return {name: path for each in self._groups() for name, path in each.files().items()}

    def without_folders(self) -> Self:
        """Return a copy in which each path of `files` is reduced to its last part."""
        names = _groups(type(self))
        groups = zip(names, self._groups(), strict=True)
        changed = {name: each.without_folders() for name, each in groups}
        return type(self)(**super().to_dict(), **changed)

    def _groups(self) -> list[Settings]:
        return [getattr(self, name) for name in _groups(type(self))]


def options(cls: type[Settings]) -> dict[str, Option]:
    """Return the options of a settings class by name, in the order of their declaration."""
    known: dict[str, Option] = {}
    for field in dataclasses.fields(cls):
        inner = field.metadata.get("group")
        known |= {field.name: _own_options(cls)[field.name]} if inner is None else options(inner)
    if issubclass(cls, ComposedSettings):
        for name, changed in cls.overrides.items():
            known[name] = dataclasses.replace(known[name], **changed)
    return known


def _groups(cls: type[Settings]) -> dict[str, type[Settings]]:
    """Return the class of each group of a composed settings class, by field name."""
    fields = dataclasses.fields(cls)
    return {f.name: f.metadata["group"] for f in fields if "group" in f.metadata}


def _own_options(cls: type[Settings]) -> dict[str, Option]:
    """Return the options that are fields of the class or its bases, without the groups."""
    if cls in _OWN_OPTIONS:
        return _OWN_OPTIONS[cls]
    hints = typing.get_type_hints(cls)  # slow, so the result is cached
    section_of = {
        name: base.section
        for base in reversed(cls.__mro__)
        if issubclass(base, Settings)
        for name in base.__annotations__
    }
    _OWN_OPTIONS[cls] = {
        field.name: _option(field, hints[field.name], section_of[field.name])
        for field in dataclasses.fields(cls)
        if "group" not in field.metadata
    }
    return _OWN_OPTIONS[cls]


_OWN_OPTIONS: dict[type[Settings], dict[str, Option]] = {}


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
