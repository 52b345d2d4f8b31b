"""The checkpoint: the state of a learner in a file, and the facts about its run."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from neuralpaint.config.settings import Settings, options
from neuralpaint.errors import SavedError, UsageError
from neuralpaint.runtime.state import State
from neuralpaint.storage.tensors import load_tensors, save_tensors
from neuralpaint.training.timing import Measurement

__all__ = ["RunFacts", "load_checkpoint", "save_checkpoint"]

_log = logging.getLogger(__name__)

_KIND = "neuralpaint checkpoint"
_MAY_DIFFER = {"checkpoint", "device", "threads"}  # settings that a resumed run may change


def save_checkpoint(path: str | Path, state: State, *, facts: Mapping[str, Any]) -> None:
    """Write the state of a learner, replacing the file at `path`.

    Raises:
        EncodingError: see `save_tensors`.
    """
    save_tensors(Path(path), state, kind=_KIND, facts=facts)


def load_checkpoint(path: str | Path) -> tuple[State, dict[str, Any]]:
    """Return the state and the facts that `save_checkpoint` wrote.

    Raises:
        UsageError: the file does not exist.
        SavedError: it is damaged, not a checkpoint, or was made by a newer neuralpaint.
    """
    return load_tensors(Path(path), kind=_KIND)


@dataclass(frozen=True)
class RunFacts:
    """The facts in a checkpoint, next to the state of the learner; the fields are its keys."""

    settings: dict[str, Any]
    picture: str
    """Digest of the pictures that are learned."""
    record: str | None
    """File name of the take of --record."""
    save: str | None
    """File name of the painting of --save."""
    passed: int
    """Number of moments that have been shown."""
    since: tuple[int, float, float]
    """Step, seconds and sum of losses at the newest moment."""
    elapsed: float
    """Seconds of the run so far."""
    shown: list[int]
    """For each moment, the index of the stored snapshot that it showed."""
    position: int
    """Number of valid bytes in the file of snapshots."""

    @property
    def measurement(self) -> Measurement:
        """The measurement at the newest moment."""
        step, seconds, total = self.since
        return Measurement(step, seconds=seconds, total=total)

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Self:
        """Return the run that a checkpoint describes.

        Raises:
            SavedError: a fact is missing or has the wrong type.
        """
        try:
            step, seconds, total = facts["since"]
            return cls(
                settings=dict(facts["settings"]),
                picture=str(facts["picture"]),
                record=facts["record"],
                save=facts["save"],
                passed=int(facts["passed"]),
                since=(int(step), float(seconds), float(total)),
                elapsed=float(facts["elapsed"]),
                shown=[int(index) for index in facts["shown"]],
                position=int(facts["position"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise SavedError("the checkpoint is incomplete") from error

    def check(self, settings: Settings, *, record: Path | None, save: Path | None) -> None:
        """Check that these settings are the settings of this run.

        Raises:
            UsageError: they differ; the message names the difference.
        """
        ours, known = settings.to_dict(), options(type(settings))
        differing = [
            name
            for name in ours
            if name not in _MAY_DIFFER and self.settings.get(name) != ours[name]
        ]
        # If two options exclude each other, name the option that the user typed.
        differing.sort(key=lambda name: ours[name] == known[name].default)
        for name in differing[:1]:
            flag, was = known[name].flag, self.settings.get(name)
            before = f"without {flag}" if was in (None, "") else f"with {flag} {was}"
            now = "" if ours[name] in (None, "") else f", not {ours[name]}"
            raise UsageError(
                f"--resume: the run was started {before}{now}: repeat that, or start over with -y"
            )
        for flag, was, path in (("--record", self.record, record), ("--save", self.save, save)):
            if was != (path.name if path else None):
                raise UsageError(
                    f"--resume: the run was started with {flag} {was}: give it again"
                    if was
                    else f"--resume: the run was started without {flag}: omit it"
                )
        if any(ours[name] != self.settings.get(name) for name in ("device", "threads")):
            _log.warning("resuming with a different device or number of threads: frames may differ")
