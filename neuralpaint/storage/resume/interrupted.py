"""An interrupted run: what its checkpoint tells beside the state of the learner."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from neuralpaint.config.settings import Settings, options
from neuralpaint.errors import SavedError, UsageError
from neuralpaint.runtime.state import State
from neuralpaint.storage.checkpoint import load_checkpoint
from neuralpaint.storage.resume.keeping import checkpoint_of
from neuralpaint.training.timing import Measurement

__all__ = ["Interrupted", "interrupted_settings", "load_interrupted"]

logger = logging.getLogger(__name__)

# What may be said anew: where a run goes on, and what it keeps.
_FREE = {"checkpoint", "device", "threads"}


@dataclass(frozen=True)
class Interrupted:
    """How far a run has come, and which it was."""

    settings: dict[str, Any]
    picture: str
    """The digest of what is learned."""
    record: str | None
    """The name of the take that was asked for."""
    save: str | None
    passed: int
    """Moments that are behind."""
    since: tuple[int, float, float]
    """Step, seconds and sum of losses at the newest of these."""
    elapsed: float
    """Seconds that the run has taken."""
    shown: list[int]
    """Which snapshot of the rushes each moment has shown."""
    position: int
    """Bytes of the rushes that count."""

    @property
    def reading(self) -> Measurement:
        """The reading at the newest moment."""
        step, seconds, total = self.since
        return Measurement(step, seconds=seconds, total=total)

    def facts(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return asdict(self)

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Self:
        """Return what `facts` returned.

        Raises:
            SavedError: it is something else.
        """
        try:
            step, seconds, total = facts["since"]
            told = cls(
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
        return told

    def check(self, settings: Settings, *, record: Path | None, save: Path | None) -> None:
        """Raise if a run with these settings is not this one.

        Raises:
            UsageError: it is not; the message says what differs.
        """
        ours, known = settings.to_dict(), options(type(settings))
        differing = [
            name for name in ours if name not in _FREE and self.settings.get(name) != ours[name]
        ]
        # Of two that exclude each other, the one that the user has given.
        differing.sort(key=lambda name: ours[name] == known[name].default)
        for name in differing[:1]:
            flag, was = known[name].flag, self.settings.get(name)
            before = f"without {flag}" if was is None else f"with {flag} {was}"
            now = "" if ours[name] is None else f", not {ours[name]}"
            raise UsageError(
                f"--resume: the run was begun {before}{now}: say so, or begin anew with -y"
            )
        for flag, was, path in (("--record", self.record, record), ("--save", self.save, save)):
            if was != (path.name if path else None):
                raise UsageError(
                    f"--resume: the run was begun with {flag} {was}: give it again"
                    if was
                    else f"--resume: the run was begun without {flag}: leave it out"
                )
        if any(ours[name] != self.settings.get(name) for name in ("device", "threads")):
            logger.warning("going on with another device or other threads: frames may differ a bit")


def load_interrupted(output: str | Path) -> tuple[State, Interrupted]:
    """Return the state of the learner and the rest of an interrupted run.

    Raises:
        UsageError: there is none.
        SavedError: what it has left is damaged.
    """
    path = checkpoint_of(output)
    try:
        state, facts = load_checkpoint(path)
        return state, Interrupted.of(facts)
    except SavedError as error:
        raise SavedError(f"{error}; with -y instead of --resume it begins anew") from error


def interrupted_settings(output: str | Path) -> dict[str, Any]:
    """Return the settings of an interrupted run for this output; none where there is no such run.

    Raises:
        SavedError: what it has left is damaged.
    """
    if not checkpoint_of(output).exists():
        return {}
    return load_interrupted(output)[1].settings
