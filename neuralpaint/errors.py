"""The errors that neuralpaint raises on purpose, as one tree.

    NeuralPaintError            the work failed                  exit status 1
    ├── UsageError              an argument is wrong             exit status 2
    │   └── UnknownNameError    no such name, key or choice
    ├── PictureError            the picture cannot be read
    ├── DeviceError             the device does not exist, or is out of memory
    ├── DivergedError           the loss became NaN or infinite
    ├── SavedError              the painting or take cannot be read
    └── EncodingError           the clip or still cannot be written

Each message is one line: what is wrong, which value, and what to do about it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "DeviceError",
    "DivergedError",
    "EncodingError",
    "NeuralPaintError",
    "PictureError",
    "SavedError",
    "UnknownNameError",
    "UsageError",
]


class NeuralPaintError(Exception):
    """Base of every error that neuralpaint raises on purpose."""

    exit_status = 1


class UsageError(NeuralPaintError, ValueError):
    """An argument has a value that cannot be used."""

    exit_status = 2


class UnknownNameError(UsageError):
    """A name that is not registered; the message lists the choices and the closest match."""

    def __init__(self, kind: str, name: str, choices: Iterable[str]) -> None:
        choices = sorted(choices)
        close = difflib.get_close_matches(name, choices, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]!r}? " if close else ""
        super().__init__(f"no {kind} named {name!r}: {hint}choose from {', '.join(choices)}")


class PictureError(NeuralPaintError):
    """A picture that cannot be read: not a picture, truncated, or too large."""


class DeviceError(NeuralPaintError):
    """A device that is absent or has too little memory."""


class DivergedError(NeuralPaintError):
    """The training loss became NaN or infinite."""


class SavedError(NeuralPaintError):
    """A saved painting, take or checkpoint that cannot be read: damaged, foreign, or too new."""


class EncodingError(NeuralPaintError):
    """A file that cannot be written: ffmpeg missing or failed, disk full, no permission."""
