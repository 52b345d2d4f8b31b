"""Creates the learner of a picture: with torch, or written from scratch in NumPy."""

from __future__ import annotations

from neuralpaint.config.presets import expanded
from neuralpaint.models import models
from neuralpaint.models.codes import Subject
from neuralpaint.training.learner import Learner
from neuralpaint.training.settings import TrainingSettings

__all__ = ["learner"]


def learner(
    subject: Subject, settings: TrainingSettings | None = None, **options: object
) -> Learner:
    """Return the learner of a picture or an album, for `learn`.

    Args:
        subject: the picture or album to learn.
        settings: how to learn it.
        **options: fields of `TrainingSettings`, instead of `settings`: for example
            `model="fourier:order=64", steps=3000`.

    Raises:
        UsageError: an option is not valid.
        DeviceError: the device does not exist.
    """
    chosen = TrainingSettings.given(settings, expanded(TrainingSettings, options))
    model = models.parse(chosen.model)
    placed = model.placed(subject)
    if placed != model:
        chosen = chosen.replaced(model=models.spec(placed))
    if chosen.engine == "numpy":
        from neuralpaint.scratch.learner import ScratchLearner

        return ScratchLearner(subject, chosen)
    from neuralpaint.training.torch_learner import TorchLearner

    return TorchLearner(subject, chosen)
