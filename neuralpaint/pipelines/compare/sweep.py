"""A sweep: contestants and what they share, in a TOML file.

steps = 500                          # what all share
model = "fourier"

[sweep]                              # every combination is a contestant
optimizer = ["adam", "sgd"]
"model.order" = [16, 64, 256]        # a setting inside the model

[[contestant]]                       # and one more
name = "the old one"
model = "skipconn"
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from neuralpaint.config.settings import options
from neuralpaint.errors import UnknownNameError, UsageError
from neuralpaint.pipelines.compare.contestants import Contestant, Variant, check_key, contestants_of
from neuralpaint.pipelines.compare.settings import AXES, NAMED, CompareSettings

__all__ = ["Sweep", "read_sweep"]

_TABLES = ("sweep", "contestant")


@dataclass(frozen=True)
class Sweep:
    """What a file says, checked as far as it can be without the command line."""

    base: Mapping[str, Any] = field(default_factory=dict)
    """Settings that all share."""
    axes: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    """Settings of which every combination is a contestant."""
    singles: tuple[Variant, ...] = ()
    """Contestants on their own."""
    label: str = ""
    """What to call the file in a message."""

    def settings(self, chosen: Mapping[str, Any]) -> CompareSettings:
        """Return the settings that all share; what was `chosen` goes before what the file says.

        Raises:
            UsageError: a value cannot be used.
        """
        base = dict(self.base)
        for group in CompareSettings.exclusive_groups():
            if any(chosen.get(name) is not None for name in group):
                base = {name: value for name, value in base.items() if name not in group}
        return CompareSettings.from_dict({**base, **chosen})

    def contestants(
        self, settings: CompareSettings, chosen: Mapping[str, Any]
    ) -> tuple[Contestant, ...]:
        """Return the contestants; a list that was `chosen` goes before one in the file.

        Raises:
            UsageError: a key or value cannot be used, or there are too many.
        """
        axes = {key: values for key, values in self.axes.items() if key not in chosen}
        with _telling(self.label):
            return contestants_of(settings, axes=axes, singles=self.singles)


def read_sweep(path: str | Path) -> Sweep:
    """Return what a TOML file says.

    Raises:
        UsageError: there is no such file, it is not TOML, or a key or value cannot be used; the
            message names the file and the key.
    """
    label = str(path)
    with _telling(label):
        content = _read(Path(path))
        base = {
            key.replace("-", "_"): value for key, value in content.items() if key not in _TABLES
        }
        known = options(CompareSettings)
        for key in base:
            if key not in known:
                raise UnknownNameError("setting", key, [*known, *_TABLES])
            base[key] = _base_value(key, base[key])
        axes = _axes(content.get("sweep", {}))
        singles = _singles(content.get("contestant", []))
        return Sweep(base, axes, singles, label)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError("there is no such file: check the name") from None
    except OSError as error:
        raise UsageError(f"it cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"it is not TOML ({error})") from None


def _base_value(key: str, value: Any) -> Any:
    """Return a setting that all share, converted and checked."""
    option = options(CompareSettings)[key]
    if isinstance(value, list) and key in AXES:
        value = ",".join(map(str, value))
    if isinstance(value, list | dict):
        raise UsageError(f"{key} needs one value; lists stand under [sweep]")
    return option.convert(value, label=key)


def _axes(table: Any) -> dict[str, tuple[Any, ...]]:
    if not isinstance(table, dict):
        raise UsageError("sweep must be a table: write [sweep]")
    axes: dict[str, tuple[Any, ...]] = {}
    for key, values in _flat(table):
        with _telling(f"[sweep] {key}"):
            check_key(key)
            if not isinstance(values, list) or not values:
                raise UsageError(f"write a list of values, such as {key} = [1, 2]")
            axes[key] = tuple(_checked(key, value) for value in values)
    return axes


def _singles(tables: Any) -> tuple[Variant, ...]:
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise UsageError("contestant must be a table: write [[contestant]]")
    singles = []
    for number, table in enumerate(tables, 1):
        single: dict[str, Any] = {}
        for key, value in _flat(table):
            with _telling(f"[[contestant]] {number}: {key}"):
                if key == "name":
                    single[key] = value
                    continue
                check_key(key)
                single[key] = _checked(key, value)
        singles.append(single)
    return tuple(singles)


def _flat(table: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield keys and values; `model.sigma` may be written with quotation marks or without."""
    for key, value in table.items():
        key = key.replace("-", "_")
        if isinstance(value, dict) and key in NAMED:
            yield from ((f"{key}.{inner}", each) for inner, each in value.items())
        else:
            yield key, value


def _checked(key: str, value: Any) -> Any:
    """Return one value of a setting, converted where the setting is known by itself."""
    if isinstance(value, list | dict):
        raise UsageError(f"it needs one value, not {value!r}")
    if "." in key:
        return value
    from neuralpaint.training.settings import TrainingSettings

    return options(TrainingSettings)[key].convert(value, label=key)


@contextmanager
def _telling(where: str) -> Iterator[None]:
    """Say in a message where the mistake is."""
    try:
        yield
    except UsageError as error:
        if not where:
            raise
        raise UsageError(f"{where}: {error}") from None
