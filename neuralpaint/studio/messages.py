"""Messages of the page: JSON texts that become commands whose fields have the right types."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from neuralpaint.errors import UnknownNameError, UsageError
from neuralpaint.studio.view import View

__all__ = ["WATCHING", "parse_message", "plain", "view_of"]

WATCHING = frozenset({"view", "seen"})
"""The commands that change nothing but what a tab shows."""

_MOST_TEXT, _MOST_SETTINGS = 10_000, 500
_MOST_SIDE = 16_384  # pixels of a stage
_FARTHEST = 1e6  # pictures that a region may be away, or large
_DEEPEST = 1e-12  # of the picture: about the precision of float64


def parse_message(text: str | None) -> dict[str, Any]:
    """Return the command in a message.

    Raises:
        UsageError: it is not JSON, there is no such command, or a field is missing or wrong.
    """
    try:
        message = json.loads(text or "")
    except (ValueError, RecursionError):
        raise UsageError("a message that is not JSON: reload the page") from None
    if not isinstance(message, dict) or not isinstance(message.get("do"), str):
        raise UsageError("a message without a command: reload the page")
    name = message["do"]
    if name not in _FIELDS:
        raise UnknownNameError("command", name[:40], _FIELDS)
    fields = _FIELDS[name]
    for key, accepts in fields.items():
        if key not in message or not accepts(message[key]):
            raise UsageError(f"command {name}: its {key} is missing or wrong; reload the page")
    return {"do": name, **{key: message[key] for key in fields}}


def view_of(message: Mapping[str, Any]) -> View:
    """Return the view in a command `view`."""
    left, top, width, height = map(float, message["region"])
    return View((left, top, width, height), message["width"], message["height"], message["visible"])


def plain(value: Any) -> Any:
    """Return a value for JSON, which has no NaN and no infinity: they become None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


def _text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _MOST_TEXT


def _text_or_null(value: object) -> bool:
    return value is None or _text(value)


def _flag(value: object) -> bool:
    return isinstance(value, bool)


def _number(smallest: float, largest: float) -> Callable[[object], bool]:
    def accepts(value: object) -> bool:
        known = isinstance(value, int | float) and not isinstance(value, bool)
        # NaN is in no range.
        return known and smallest <= value <= largest  # type: ignore[operator]

    return accepts


def _whole(smallest: int, largest: int) -> Callable[[object], bool]:
    within = _number(smallest, largest)
    return lambda value: isinstance(value, int) and within(value)


def _region(value: object) -> bool:
    where, extent = _number(-_FARTHEST, _FARTHEST), _number(_DEEPEST, _FARTHEST)
    if not isinstance(value, list) or len(value) != 4:
        return False
    return all(map(where, value[:2])) and all(map(extent, value[2:]))


def _settings(value: object) -> bool:
    if not isinstance(value, dict) or len(value) > _MOST_SETTINGS:
        return False
    return all(_text(name) and _text(text) for name, text in value.items())


def _which(*choices: str) -> Callable[[object], bool]:
    return lambda value: value in choices


_SIDE = _whole(1, _MOST_SIDE)
_COUNT = _whole(0, 2**53)

# The fields of each command, and what they accept.
_FIELDS: dict[str, dict[str, Callable[[object], bool]]] = {
    "view": {"region": _region, "width": _SIDE, "height": _SIDE, "visible": _flag},
    "seen": {"frame": _COUNT},
    "start": {"picture": _text, "settings": _settings, "sound": _text_or_null},
    "pause": {},
    "go": {},
    "stop": {},
    "rate": {"factor": _number(1e-3, 1e3)},
    "steps": {"steps": _whole(1, 10**9)},
    "open": {"made": _text},
    "moment": {"fraction": _number(0, 1)},
    "resume": {"made": _text},
    "close": {},
    "film": {"made": _text, "suffix": _text, "settings": _settings, "sound": _text_or_null},
    "still": {"made": _text, "suffix": _text, "settings": _settings},
    "page": {"made": _text},
    "cancel": {},
    "check": {
        "command": _which("video", "film", "still", "page"),
        "settings": _settings,
        "picture": _text_or_null,
        "sound": _text_or_null,
        "made": _text_or_null,
        "suffix": _text_or_null,
    },
}
