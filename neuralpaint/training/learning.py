"""Learning: a learner moves a model towards a target; `learn` says when to look at it.

    for snapshot in learn(learner, stops=range(0, 3000, 10)):
        frame = render(snapshot.painting, canvas)

The iterator is pulled: nothing is trained until the next snapshot is asked for, and whoever pulls
decides when to stop.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neuralpaint.runtime.state import State, check_state, state_mismatch
from neuralpaint.training.readings import Reading
from neuralpaint.training.training import TrainingSettings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from neuralpaint.models.albums import Subject
    from neuralpaint.models.painting import Painting

__all__ = [
    "Learner",
    "Reading",
    "Snapshot",
    "Waypoint",
    "between",
    "ignore",
    "learn",
    "learner",
]


_MOMENT = 0.5  # seconds between two looks at a training


def ignore(done: float) -> None:
    """DoneCallback at nothing."""


@dataclass(frozen=True)
class Snapshot:
    """What a learner has come to at one step."""

    step: int
    seconds: float  # of training so far
    loss: float  # mean since the snapshot before, or since `learn` began; NaN of no steps
    painting: Painting


def between(a: Snapshot, b: Snapshot, amount: float) -> Snapshot:
    """Return what lies between two snapshots, its weights blended; at 0 and 1 one of these."""
    if amount <= 0 or a is b:
        return a
    if amount >= 1:
        return b
    return Snapshot(
        step=round(a.step + amount * (b.step - a.step)),
        seconds=a.seconds + amount * (b.seconds - a.seconds),
        loss=(a if amount < 0.5 else b).loss,
        painting=a.painting.blend(b.painting, amount),
    )


class Waypoint(int):
    """A stop on the way to another, which is not known yet: `learn` yields no snapshot there."""


class _Fresh(Snapshot):
    """A snapshot as `learn` takes it: its numbers are asked of the device when they are read."""

    _before: Reading
    _now: Reading

    def __init__(self, painting: Painting, *, before: Reading, now: Reading) -> None:
        # Not through the fields, of which two are properties here.
        self.__dict__.update(step=now.step, painting=painting, _before=before, _now=now)

    @property
    def seconds(self) -> float:
        return self._now.seconds

    @property
    def loss(self) -> float:
        return self._now.mean_since(self._before)


class Learner(ABC):
    """Moves a model towards a target.

    The seam is `advance(n)`, not one step: whatever runs on a device is looked at once per call.
    """

    settings: TrainingSettings
    """How it learns."""
    step: int
    """Steps trained so far, or on their way where a device works on its own."""
    steps: int
    """The step at which the schedule ends. May be moved while training."""
    device: str
    """The kind of device it trains on, such as "cuda"."""
    weights: int
    """How many numbers it learns."""
    epoch_steps: int
    """Steps in which every pixel is seen once."""
    _advancing: bool = False
    """Whether it is in an `advance`, or was when that was cut short."""

    @property
    @abstractmethod
    def seconds(self) -> float:
        """Time that training up to `step` takes; nearly, where a device is still at it."""

    @property
    @abstractmethod
    def loss(self) -> float:
        """Mean loss of the newest `advance`, waited for; NaN before the first.

        Raises:
            DivergedError: the loss is NaN or infinite.
        """

    @abstractmethod
    def prepare(self, look: Callable[[float], None] = ignore) -> None:
        """Make what is learned, where that takes time; `advance` does it if nobody has.

        `look` is called with how much of it is done, in [0, 1].

        Raises:
            DeviceError: the device is out of memory.
        """

    @abstractmethod
    def advance(self, steps: int) -> None:
        """Train for `steps` steps. A device that works on its own may not have begun on return.

        Raises:
            DivergedError: the loss is NaN or infinite; of a device that works on its own that of an
                earlier advance, so read `loss` where it matters.
            DeviceError: the device is out of memory.
        """

    @property
    @abstractmethod
    def newest(self) -> Reading:
        """How far the training has come, the newest steps included."""

    @property
    @abstractmethod
    def known(self) -> Reading:
        """The newest reading that needs no waiting."""

    @abstractmethod
    def painting(self) -> Painting:
        """Return a frozen copy of what the model says now."""

    @abstractmethod
    def begin_sketch(self, frame: NDArray[np.uint8]) -> None:
        """Keep what the model says of each batch: as levels, on a canvas that begins as `frame`.

        `frame` is uint8 (height, width, 3), of the picture's size. To be called before `advance`.
        """

    @abstractmethod
    def sketch(self) -> NDArray[np.uint8]:
        """Return a copy of that canvas. Its pixels are less than 2 `epoch_steps` steps old."""

    def state(self) -> State:
        """Return a copy of all that another learner needs to go on from here, bit for bit.

        A device that works on its own is waited for. Its `step`, `seconds` and `total` are those of
        the `newest` reading.

        Raises:
            DivergedError: a device tells only now that the loss is NaN or infinite.
            RuntimeError: an `advance` was cut short, and what it has left is of no one step.
        """
        if self._advancing:
            raise RuntimeError("an advance was cut short: there is no state between its steps")
        return self._state()

    def restore(self, state: State) -> None:
        """Go on from a `state` of the same picture and settings. To be called before `advance`.

        It holds the sketch too, where one was begun: there is no need to begin it again.

        Raises:
            SavedError: it is another training's; the learner is as it was.
        """
        if self.step > 0:
            raise RuntimeError("a state is restored before the training goes on")
        before = self.state()
        try:
            self._restore(state)
            check_state(state, like=self._state())  # nothing is missing, left over or converted
        except BaseException as error:
            self._restore(before)
            # Whoever takes an array or a name that does not fit complains in a way of its own.
            if isinstance(error, (LookupError, OverflowError, RuntimeError, TypeError, ValueError)):
                raise state_mismatch(" ".join(str(error).split())[:120]) from error
            raise

    @abstractmethod
    def _state(self) -> State:
        """Return what `state` promises."""

    @abstractmethod
    def _restore(self, state: State) -> None:
        """Take a state over, or fail anyhow where it does not fit."""


def learner(
    subject: Subject, settings: TrainingSettings | None = None, **options: object
) -> Learner:
    """Return the learner of a picture, or of an album.

    Args:
        subject: what to learn.
        settings: how to learn it.
        **options: fields of `TrainingSettings`, in place of `settings`: for example
            `model="fourier:order=64", steps=3000`.

    Raises:
        UsageError: an option cannot be used.
        DeviceError: the device is not there.
    """
    chosen = TrainingSettings.given(settings, options)
    if chosen.engine == "numpy":
        from neuralpaint.scratch.learner import ScratchLearner

        return ScratchLearner(subject, chosen)
    from neuralpaint.training.torch_learner import TorchLearner

    return TorchLearner(subject, chosen)


def learn(
    learner: Learner,
    stops: Iterable[int],
    *,
    look: Callable[[float], None] | None = None,
    since: Reading | None = None,
    last: Snapshot | None = None,
) -> Iterator[Snapshot]:
    """Yield a snapshot at each of the stops, which are steps in rising order.

    A stop that is already behind yields the same snapshot again, a `Waypoint` none. At every stop,
    and about twice a second on the way to a distant one, `look` is called with the mean loss since
    the look before.
    Where a device works on its own, a snapshot is taken while it does: reading the snapshot's loss
    or rendering its painting waits for it, and `look` hears what is known by then.

    Where a training goes on, `last` is the snapshot before, which a stop that is behind yields, and
    `since` its reading: the loss of the first new one is the mean since then.

    Raises:
        DivergedError: the loss became NaN or infinite. Where a device works on its own, reading the
            `loss` of a snapshot raises it too: do so before the painting is shown.
    """
    snapshot = last
    before, looked = since or learner.newest, learner.known
    for stop in stops:
        while learner.step < stop:
            learner.advance(min(stop - learner.step, _steps_in_a_moment(learner)))
            known = learner.known
            if look is not None and known.step > looked.step:
                look(known.mean_since(looked))
                looked = known
        if isinstance(stop, Waypoint):
            continue
        if snapshot is None or snapshot.step != learner.step:
            now = learner.newest
            snapshot = _Fresh(learner.painting(), before=before, now=now)
            before = now
        yield snapshot


def _steps_in_a_moment(learner: Learner) -> int:
    if learner.seconds == 0:
        return 1
    return max(1, int(_MOMENT * learner.step / learner.seconds))
