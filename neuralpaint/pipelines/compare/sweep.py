"""A sweep: variants and their shared settings, in a TOML file.

steps = 500                          # settings that all share
model = "fourier"

[sweep]                              # every combination is a variant
optimizer = ["adam", "sgd"]
"model.order" = [16, 64, 256]        # a setting inside the model

[[contestant]]                       # one more variant
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
from neuralpaint.pipelines.compare.settings import AXES, NAMED, CompareSettings
from neuralpaint.pipelines.compare.variants import Changes, Variant, check_key, variants_of
from neuralpaint.training.settings import TrainingSettings

__all__ = ["Sweep", "read_sweep"]

_TABLES = ("sweep", "contestant")


@dataclass(frozen=True)
class Sweep:
    """The content of a file, checked as far as possible without the command line."""

    base: Mapping[str, Any] = field(default_factory=dict)
    """Settings that all variants share."""
    axes: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    """Settings of which every combination is a variant."""
    singles: tuple[Changes, ...] = ()
    """Further variants."""
    label: str = ""
    """The file, in error messages."""

    def settings(self, chosen: Mapping[str, Any]) -> CompareSettings:
        """Return the shared settings; those that were `chosen` take precedence over the file.

        Raises:
            UsageError: a value cannot be used.
        """
        base = dict(self.base)
        for names in CompareSettings.exclusive_groups():
            if any(chosen.get(name) is not None for name in names):
                base = {name: value for name, value in base.items() if name not in names}
        return CompareSettings.from_dict({**base, **chosen})

    def variants(self, settings: CompareSettings, chosen: Mapping[str, Any]) -> tuple[Variant, ...]:
        """Return the variants; a list that was `chosen` takes precedence over one in the file.

        Raises:
            UsageError: a key or value cannot be used, or there are too many.
        """
        axes = {key: values for key, values in self.axes.items() if key not in chosen}
        with _located(self.label):
            return variants_of(settings, axes=axes, singles=self.singles)


def read_sweep(path: str | Path) -> Sweep:
    """Return the content of a TOML file.

    Raises:
        UsageError: there is no such file, it is not TOML, or a key or value cannot be used; the
            message names the file and the key.
    """
    with _located(str(path)):
        content = _read(Path(path))
        base = {
            key.replace("-", "_"): value for key, value in content.items() if key not in _TABLES
        }
        known = options(CompareSettings)
        for key in base:
            if key not in known:
                raise UnknownNameError("setting", key, [*known, *_TABLES])
            base[key] = _base_value(key, base[key])
        axes, singles = content.get("sweep", {}), content.get("contestant", [])
        return Sweep(base, _axes(axes), _singles(singles), str(path))


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise UsageError("there is no such file: check the name") from None
    except OSError as error:
        raise UsageError(
            f"it cannot be read ({error.strerror}): change its permissions, or give another file"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"it is not TOML ({error}): correct it") from None


def _base_value(key: str, value: Any) -> Any:
    if isinstance(value, list) and key in AXES:
        value = ",".join(map(str, value))
    if isinstance(value, list | dict):
        raise UsageError(f"{key} needs one value: put lists under [sweep]")
    return options(CompareSettings)[key].convert(value, label=key)


def _axes(table: Any) -> dict[str, tuple[Any, ...]]:
    if not isinstance(table, dict):
        raise UsageError("sweep must be a table: write [sweep]")
    axes: dict[str, tuple[Any, ...]] = {}
    for key, values in _flat(table):
        with _located(f"[sweep] {key}"):
            check_key(key)
            if not isinstance(values, list) or not values:
                raise UsageError(f"write a list of values, such as {key} = [1, 2]")
            axes[key] = tuple(_checked(key, value) for value in values)
    return axes


def _singles(tables: Any) -> tuple[Changes, ...]:
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise UsageError("contestant must be a table: write [[contestant]]")
    singles = []
    for number, table in enumerate(tables, 1):
        single: dict[str, Any] = {}
        for key, value in _flat(table):
            with _located(f"[[contestant]] {number}: {key}"):
                if key != "name":
                    check_key(key)
                    value = _checked(key, value)
                single[key] = value
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
    """Return a value of a setting, converted; one inside an entry is checked with its entry."""
    if isinstance(value, list | dict):
        raise UsageError(f"it needs one value, not {value!r}")
    if key == "look" or "." in key:
        return value
    return options(TrainingSettings)[key].convert(value, label=key)


@contextmanager
def _located(where: str) -> Iterator[None]:
    """Begin the messages of UsageErrors with `where`."""
    try:
        yield
    except UsageError as error:
        if not where:
            raise
        raise UsageError(f"{where}: {error}") from None
