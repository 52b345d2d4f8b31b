"""A contestant's result in a file, and back: what a resumed comparison need not train again."""

from __future__ import annotations

import hashlib
import json
import logging
import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from neuralpaint._version import __version__
from neuralpaint.errors import UsageError
from neuralpaint.image.pictures import Picture
from neuralpaint.pipelines.compare.contestants import Contestant
from neuralpaint.pipelines.compare.folder import write_file
from neuralpaint.pipelines.compare.result import CurvePoint, Outcome
from neuralpaint.training.settings import TrainingSettings

__all__ = ["digest_of", "fingerprint", "plain", "read_record", "write_record"]

_log = logging.getLogger(__name__)


def fingerprint(picture: Picture) -> str:
    """Return what tells one picture from another: a digest of its size and pixels."""
    size = f"{picture.height}x{picture.width}".encode()
    return hashlib.sha256(size + picture.pixels.tobytes()).hexdigest()


def digest_of(settings: TrainingSettings, *, picture: str) -> str:
    """Return what tells a training of a picture, by its fingerprint, from every other."""
    content = [__version__, picture, settings.to_dict()]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:20]


def write_record(outcome: Outcome, folder: Path) -> None:
    """Write what became of a contestant into its folder: the last file of all, and so the seal.

    Raises:
        EncodingError: it cannot be written.
    """
    facts = {k: v for k, v in asdict(outcome).items() if k not in ("settings", "still", "film")}
    content = {
        **facts,
        "settings": outcome.settings.to_dict(),
        "still": outcome.still is not None,
        "film": outcome.film is not None,
    }
    write_file(folder / "record.json", json.dumps(plain(content), allow_nan=False))


def read_record(
    contestant: Contestant, folder: Path, *, moments: Sequence[float]
) -> Outcome | None:
    """Return what an earlier run has left of a contestant; None where it is to be trained.

    That is so where it has not come to an end, failed, was not filmed often enough for a race that
    shows the `moments` of the training, in [0, 1] and rising, or where the files are damaged.
    """
    try:
        content = json.loads((folder / "record.json").read_text("utf-8"))
        outcome = _outcome(content, contestant, folder)
    except OSError:
        return None
    except (ValueError, KeyError, TypeError, UsageError) as error:
        _log.warning("%s is damaged and is trained again (%s)", contestant.name, error)
        return None
    there = outcome.still is not None and outcome.still.is_file()
    film = outcome.film is not None and outcome.film.is_file()
    if outcome.status == "failed" or not there or (moments and not film):
        return None
    if not _covers(outcome.fractions, moments):
        _log.warning(
            "%s is trained again: its film has too few frames for this race", contestant.name
        )
        return None
    return outcome


def _covers(filmed: Sequence[float], moments: Sequence[float]) -> bool:
    """Say whether each of the moments, as far as the film goes, has a frame of its own."""
    frames = [
        bisect_right(filmed, moment + 1e-9)
        for moment in moments
        if filmed and moment <= filmed[-1] + 1e-9
    ]
    return len(set(frames)) == len(frames)


def _outcome(content: Mapping[str, Any], contestant: Contestant, folder: Path) -> Outcome:
    if TrainingSettings.from_dict(content["settings"]) != contestant.settings:
        raise ValueError("its settings are others")
    outcome = Outcome(
        name=contestant.name,
        slug=contestant.slug,
        settings=contestant.settings,
        status=content["status"],
        message=str(content["message"]),
        weights=int(content["weights"]),
        steps=int(content["steps"]),
        train_seconds=float(content["train_seconds"]),
        curve=tuple(_point(point) for point in content["curve"]),
        fractions=tuple(float(each) for each in content["fractions"]),
        still=folder / "still.png" if content["still"] else None,
        film=folder / "film.mkv" if content["film"] else None,
    )
    if outcome.status not in ("finished", "diverged", "failed") or not outcome.curve:
        raise ValueError("it says nothing of how it ended")
    return replace(outcome, resumed=True)


def _point(values: Mapping[str, Any]) -> CurvePoint:
    point = CurvePoint(**values)
    held_out = point.psnr_held_out
    return replace(
        point,
        loss=_number(point.loss),
        psnr=_number(point.psnr),
        psnr_train=_number(point.psnr_train),
        psnr_held_out=None if held_out is None else _number(held_out),
    )


def _number(value: Any) -> float:
    """Return a number as `plain` has left it."""
    return math.nan if value is None else float(value)


def plain(value: Any) -> Any:
    """Return a value that JSON can hold: no paths, and for NaN nothing; infinity is text."""
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return str(value) if isinstance(value, Path) else value
