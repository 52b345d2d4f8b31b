"""The record of a variant: its outcome as JSON, so that a resumed race need not train it again."""

from __future__ import annotations

import hashlib
import json
import logging
import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from neuralpaint._version import __version__
from neuralpaint.errors import UsageError
from neuralpaint.image.pictures import Picture
from neuralpaint.pipelines.compare.detail import Places
from neuralpaint.pipelines.compare.folder import json_of
from neuralpaint.pipelines.compare.outcome import CurvePoint, RaceOutcome
from neuralpaint.pipelines.compare.variants import Variant
from neuralpaint.runtime.files import write_file
from neuralpaint.training.settings import TrainingSettings

__all__ = ["digest_of", "fingerprint", "read_record", "write_record"]

_log = logging.getLogger(__name__)


def fingerprint(picture: Picture) -> str:
    """Return a digest of the size and the pixels of a picture."""
    size = f"{picture.height}x{picture.width}".encode()
    return hashlib.sha256(size + picture.pixels.tobytes()).hexdigest()


def digest_of(settings: TrainingSettings, *, picture: str) -> str:
    """Return a digest of a training and of the fingerprint of its picture."""
    content = [__version__, picture, settings.to_dict()]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:20]


def write_record(outcome: RaceOutcome, folder: Path) -> None:
    """Write the record of an outcome into its folder, after all its other files.

    Raises:
        EncodingError: it cannot be written.
    """
    content = outcome.facts() | {
        "curve": [asdict(point) for point in outcome.curve],
        "fractions": outcome.fractions,
        "places": outcome.places and outcome.places._asdict(),
        "settings": outcome.settings.to_dict(),
        "still": outcome.still is not None,
        "film": outcome.film is not None,
    }
    write_file(folder / "record.json", json_of(content))


def read_record(variant: Variant, folder: Path, *, moments: Sequence[float]) -> RaceOutcome | None:
    """Return the outcome that an earlier run has recorded; None if the variant must be trained.

    That is so if it failed, if files are missing or damaged, or if its film has too few frames for
    a race that shows these `moments` of the training, in [0, 1] and rising.
    """
    try:
        content = json.loads((folder / "record.json").read_text("utf-8"))
        outcome = _outcome(content, variant, folder)
    except OSError:
        return None
    except (ValueError, KeyError, TypeError, UsageError) as error:  # damaged content
        _log.warning("the record of %s is damaged: it is trained again (%s)", variant.name, error)
        return None
    still = outcome.still is not None and outcome.still.is_file()
    film = outcome.film is not None and outcome.film.is_file()
    if outcome.status == "failed" or not still or (moments and not film):
        return None
    if not _covers(outcome.fractions, moments):
        _log.warning("%s is trained again: its film has too few frames for this race", variant.name)
        return None
    return outcome


def _covers(filmed: Sequence[float], moments: Sequence[float]) -> bool:
    """Return whether each of the moments, up to the end of the film, has a frame of its own."""
    frames = [
        bisect_right(filmed, moment + 1e-9)
        for moment in moments
        if filmed and moment <= filmed[-1] + 1e-9
    ]
    return len(set(frames)) == len(frames)


def _outcome(content: Mapping[str, Any], variant: Variant, folder: Path) -> RaceOutcome:
    if TrainingSettings.from_dict(content["settings"]) != variant.settings:
        raise ValueError("its settings are different")
    if content["status"] not in ("finished", "diverged", "failed") or not content["curve"]:
        raise ValueError("its status or its curve is missing")
    return RaceOutcome(
        variant,
        status=content["status"],
        message=str(content["message"]),
        weights=int(content["weights"]),
        steps=int(content["steps"]),
        train_seconds=float(content["train_seconds"]),
        curve=tuple(_point(point) for point in content["curve"]),
        fractions=tuple(float(each) for each in content["fractions"]),
        places=Places(**content["places"]) if content.get("places") else None,
        still=folder / "still.png" if content["still"] else None,
        film=folder / "film.mkv" if content["film"] else None,
        resumed=True,
    )


def _point(values: Mapping[str, Any]) -> CurvePoint:
    numbers = {name: _number(values[name]) for name in ("loss", "psnr", "psnr_train")}
    held_out = values["psnr_held_out"]
    held_out = None if held_out is None else _number(held_out)
    # A record of an earlier version has no detail.
    detail = {name: tuple(values.get(name, ())) for name in ("detail", "detail_error")}
    return CurvePoint(**{**values, **numbers, **detail, "psnr_held_out": held_out})


def _number(value: Any) -> float:
    """Return a number that `json_of` has converted."""
    return math.nan if value is None else float(value)
