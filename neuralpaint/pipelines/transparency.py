"""Transparency: whether a training learns the alpha of its picture, decided when it begins."""

from __future__ import annotations

import logging
from pathlib import Path

from neuralpaint.config.settings import flag_of
from neuralpaint.pipelines.masking import MaskSettings
from neuralpaint.pipelines.snapshot_sources import SnapshotSource
from neuralpaint.training.settings import TrainingSettings

__all__ = ["WHITE", "paper_for", "why_opaque"]

logger = logging.getLogger(__name__)

WHITE = 255, 255, 255
"""The colour behind transparent parts where none is chosen and they cannot stay transparent."""


def why_opaque(
    output: str | Path, *, stores_alpha: bool, training: TrainingSettings, masking: MaskSettings
) -> str | None:
    """Return why a training does not learn the alpha of its picture; None if it does.

    `stores_alpha` is whether the format of the output stores transparent pixels.
    """
    for name in masking.chosen():
        return f"{flag_of(name)} is for opaque pictures"
    changed = training.target.changes()
    for name in ("enhance", "denoise"):
        if name in changed:
            return f"{flag_of(name)} is for opaque pictures"
    if training.engine == "numpy":
        return "--engine numpy learns colours only"
    if not stores_alpha:
        return f"{Path(output).suffix or 'this output'} stores no transparency here"
    return None


def paper_for(
    source: SnapshotSource, paper: tuple[int, int, int] | None, *, stores_alpha: bool
) -> tuple[int, int, int] | None:
    """Return the colour on which a network is shown; None if its transparent parts stay so.

    `paper` is the colour that was chosen, if one was.
    """
    if paper is not None or source.canvas.channels == 3 or stores_alpha:
        return paper
    logger.info(
        "the network has transparent parts, which become white because this output stores no "
        "transparency: --background chooses another colour"
    )
    return WHITE
