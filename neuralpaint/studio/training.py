"""A training of the studio: a sub-folder with its picture, what was made of it, and its facts."""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neuralpaint.errors import UnknownNameError, UsageError
from neuralpaint.runtime.files import FolderLock, write_file
from neuralpaint.studio.choices import suffixes

__all__ = ["Training", "is_plain_file"]

_FACTS = "training.json"
_MOST_FACTS = 2**20  # bytes of it
_MOST_TEXT = 200  # characters of a fact


class Training:
    """The sub-folder of one training. While it is open, no other process can open it."""

    def __init__(
        self, path: Path, facts: Mapping[str, Any], lock: FolderLock | None = None
    ) -> None:
        """Use a sub-folder; it is open with a `lock` that is held."""
        self.path = path
        self._facts, self._lock = dict(facts), lock

    @classmethod
    def begin(cls, path: Path, **facts: Any) -> Training:
        """Return the open training of a new sub-folder; write its facts with `update`."""
        return cls(path, facts, FolderLock.acquire(path))

    @classmethod
    def read(cls, path: Path) -> Training | None:
        """Return the training in a sub-folder, which anybody may have changed; None for others."""
        file = path / _FACTS
        try:
            if not is_plain_file(file) or file.stat().st_size > _MOST_FACTS:
                return None
            facts = json.loads(file.read_text("utf-8"))
        except (OSError, ValueError, RecursionError):
            return None
        return cls(path, facts) if isinstance(facts, dict) else None

    def open(self) -> Training:
        """Return the training, open.

        Raises:
            UsageError: it is open already, here or elsewhere.
        """
        lock = FolderLock.acquire(self.path)
        if not lock.held:
            raise UsageError(f"{self.id} is open in another studio: close it there first")
        return Training(self.path, self._facts, lock)

    @property
    def id(self) -> str:
        """The name of the sub-folder, by which a page calls it."""
        return self.path.name

    @property
    def title(self) -> str:
        """The name of the picture's file."""
        return self._text("title") or self.id

    @property
    def when(self) -> str:
        """When it began, in ISO 8601."""
        return self._text("when")

    @property
    def steps(self) -> float | None:
        """Its length, if it has ended."""
        return self._number("steps")

    @property
    def psnr(self) -> float | None:
        """PSNR in dB at its end, if that is known."""
        return self._number("psnr")

    @property
    def settings(self) -> dict[str, str]:
        """The settings with which it was started, as the page has sent them."""
        given = self._facts.get("settings")
        return {str(k): str(v) for k, v in given.items()} if isinstance(given, dict) else {}

    @property
    def picture(self) -> Path | None:
        """The picture that is learned."""
        return _only(self.path, "picture")

    @property
    def sound(self) -> Path | None:
        """The sound of its clip."""
        return _only(self.path, "sound")

    @property
    def clip(self) -> Path:
        """The clip that its training makes."""
        return self.path / "film.mp4"

    @property
    def take(self) -> Path:
        """The take that its training records."""
        return self.path / "film.take"

    @property
    def painting(self) -> Path:
        """The network at the end of its training."""
        return self.path / "film.painting"

    def output(self, suffix: str, *, still: bool = False) -> Path:
        """Return the path of a file that does not exist yet: `film-2.mp4`, `still.png`.

        Raises:
            UnknownNameError: there are no clips, pages or stills of this suffix.
        """
        known = suffixes()["still"] if still else [*suffixes()["clip"], ".html"]
        if suffix not in known:  # it comes from a page, and must not become a path
            raise UnknownNameError("suffix", suffix, known)
        stem = "still" if still else "film"
        names = (stem if n == 1 else f"{stem}-{n}" for n in range(1, 1_000_000))
        return next(p for name in names if not (p := self.path / f"{name}{suffix}").exists())

    @property
    def rate(self) -> float:
        """The factor by which its learning rate was changed on the way."""
        return self._number("rate") or 1.0

    @property
    def changes(self) -> list[str]:
        """What was changed on the way, a sentence each."""
        given = self._facts.get("changes")
        return [str(each) for each in given] if isinstance(given, list) else []

    def add_change(self, rate: float, sentence: str) -> None:
        """Keep what was changed on the way.

        Raises:
            EncodingError: it cannot be written.
        """
        self.update(rate=rate, changes=[*self.changes, sentence])

    def update(self, **facts: Any) -> None:
        """Change some facts: `steps`, `psnr`.

        Raises:
            EncodingError: they cannot be written.
        """
        self._facts |= facts
        write_file(self.path / _FACTS, json.dumps(self._facts, indent=2))

    def close(self) -> None:
        """Let others open this training."""
        if self._lock is not None:
            self._lock.release()

    def _text(self, name: str) -> str:
        value = self._facts.get(name)
        return value[:_MOST_TEXT] if isinstance(value, str) else ""

    def _number(self, name: str) -> float | None:
        value = self._facts.get(name)
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def is_plain_file(path: Path) -> bool:
    """Return whether a path is a file, and not a link to one."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):
        return False


def _only(path: Path, stem: str) -> Path | None:
    """Return the file of a folder with this stem, if there is one."""
    return next((p for p in sorted(path.glob(f"{stem}*")) if p.stem == stem), None)
