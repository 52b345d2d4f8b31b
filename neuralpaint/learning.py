"""Learning: a learner moves a model towards a target; `learn` says when to look at it.

    for snapshot in learn(learner, stops=range(0, 3000, 10)):
        frame = render(snapshot.painting, canvas)

The iterator is pulled: nothing is trained until the next snapshot is asked for, and whoever pulls
decides when to stop.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from neuralpaint.devices import DeviceName
from neuralpaint.losses import losses
from neuralpaint.models import models
from neuralpaint.optimizers import optimizers
from neuralpaint.schedules import schedules
from neuralpaint.settings import Settings, setting

if TYPE_CHECKING:
    from neuralpaint.painting import Painting
    from neuralpaint.pictures import Picture

__all__ = [
    "Learner",
    "Snapshot",
    "TrainingSettings",
    "learn",
    "learner",
    "stops_at",
    "stops_by_clock",
]


_MOMENT = 0.5  # seconds between two looks at a training


@dataclass(frozen=True)
class TrainingSettings(Settings):
    """What is trained, how, for how long and where."""

    section: ClassVar[str] = "Training"
    exclusive: ClassVar[tuple[tuple[str, ...], ...]] = (("steps", "seconds", "epochs"),)

    model: str = setting("fourier", "what is trained", entries=models)
    loss: str = setting("mse", "what it minimises", entries=losses)
    optimizer: str = setting("adam", "how the weights follow the gradient", entries=optimizers)
    schedule: str = setting("cosine", "the learning rate over time", entries=schedules)
    lr: float | None = setting(
        None, "initial learning rate; unset, the optimizer's, and else the model's own",
        above=0.0, maximum=100,
    )  # fmt: skip
    steps: int | None = setting(
        None, "train this many steps; unset, as many as suit the device", minimum=0, maximum=10**9
    )
    seconds: float | None = setting(
        None, "train this long instead; filming is not counted", unit="seconds", above=0.0
    )
    epochs: float | None = setting(
        None, "train this many passes over the picture instead", above=0.0
    )
    batch: int | None = setting(
        None, "pixels per step; unset, as many as suit the device", unit="pixels", minimum=1
    )
    clip: float | None = setting(None, "clip the gradient to this norm", above=0.0)
    ema: float = setting(
        0.99, "decay of the moving average of the weights, which is what is shown; 0 shows the "
        "weights themselves", minimum=0, maximum=0.99999,
    )  # fmt: skip
    seed: int = setting(0, "same seed, same machine: same result", minimum=0, maximum=2**63 - 1)
    device: DeviceName = setting("auto", "where to train; auto takes CUDA, then MPS, then the CPU")
    threads: int | None = setting(
        None, "CPU threads; unset, as many as this process may run on", minimum=1, maximum=1024
    )


@dataclass(frozen=True)
class Snapshot:
    """What a learner has come to at one step."""

    step: int
    seconds: float  # of training so far
    loss: float  # mean since the snapshot before; NaN before the first step
    painting: Painting


class Learner(ABC):
    """Moves a model towards a target.

    The seam is `advance(n)`, not one step: whatever runs on a device is looked at once per call.
    """

    step: int
    """Steps trained so far."""
    steps: int
    """The step at which the schedule ends. May be moved while training."""
    seconds: float
    """Time spent in `advance` so far."""
    loss: float
    """Mean loss of the newest `advance`; NaN before the first."""
    device: str
    """The kind of device it trains on, such as "cuda"."""
    weights: int
    """How many numbers it learns."""

    @abstractmethod
    def advance(self, steps: int) -> float:
        """Train for `steps` steps and return their mean loss, with one synchronisation at the end.

        Raises:
            DivergedError: the loss is NaN or infinite.
            DeviceError: the device is out of memory.
        """

    @abstractmethod
    def painting(self) -> Painting:
        """Return a frozen copy of what the model says now."""


def learner(
    picture: Picture, settings: TrainingSettings | None = None, **options: object
) -> Learner:
    """Return the learner of a picture.

    Args:
        picture: what to learn.
        settings: how to learn it.
        **options: fields of `TrainingSettings`, in place of `settings`: for example
            `model="fourier:order=64", steps=3000`.

    Raises:
        UsageError: an option cannot be used.
        DeviceError: the device is not there.
    """
    from neuralpaint.torch_learner import TorchLearner

    return TorchLearner(picture, TrainingSettings.given(settings, options))


def learn(
    learner: Learner, stops: Iterable[int], *, look: Callable[[float], None] | None = None
) -> Iterator[Snapshot]:
    """Yield a snapshot at each of the stops, which are steps in rising order.

    A stop that is already behind yields the same snapshot again. On the way to a distant stop,
    `look` is called about twice a second with the loss so far.

    Raises:
        DivergedError: the loss became NaN or infinite.
    """
    snapshot: Snapshot | None = None
    for stop in stops:
        began, total, loss = learner.step, 0.0, learner.loss
        while learner.step < stop:
            steps = min(stop - learner.step, _steps_in_a_moment(learner))
            total += steps * learner.advance(steps)
            loss = total / (learner.step - began)
            if look is not None:
                look(loss)
        if snapshot is None or snapshot.step != learner.step:
            snapshot = Snapshot(learner.step, learner.seconds, loss, learner.painting())
        yield snapshot


def _steps_in_a_moment(learner: Learner) -> int:
    if learner.seconds == 0:
        return 1
    return max(1, int(_MOMENT * learner.step / learner.seconds))


def stops_at(fractions: Sequence[float], *, steps: int, every: int = 1) -> list[int]:
    """Return the step of each fraction of `steps`, at a multiple of `every` or at the last step."""
    intervals = -(-steps // every)
    return [min(steps, every * round(fraction * intervals)) for fraction in fractions]


def stops_by_clock(
    learner: Learner, fractions: Sequence[float], *, seconds: float
) -> Iterator[int]:
    """Yield stops that reach each fraction of `seconds` of training time.

    The speed is measured while training goes on; every stop is planned from the newest
    measurement, and the learner's schedule is stretched to end when the time does.
    """
    for fraction in fractions:
        steps = 0
        while (left := fraction * seconds - learner.seconds) > 0:
            if learner.step > 0:
                rate = learner.step / learner.seconds
                learner.steps = learner.step + round(rate * (seconds - learner.seconds))
                steps = round(rate * left)
                if steps <= learner.step:
                    break
            # The speed of so few steps is not to be trusted with more than as many again.
            learner.advance(max(1, learner.step))
            steps = 0
        yield learner.step + steps
