"""Learning: `learn` trains a learner and yields snapshots at given steps.

    for snapshot in learn(learner, stops=range(0, 3000, 10)):
        frame = render(snapshot.painting, canvas)

`learn` is a generator: the next training steps run when the next snapshot is requested, so the
caller ends the training by leaving the loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Self

from neuralpaint.training.learner import Learner
from neuralpaint.training.timing import Measurement

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting

__all__ = ["Snapshot", "Waypoint", "learn", "stops_at", "stops_by_clock", "stops_by_step"]


class Snapshot:
    """One moment of a training: the step, the seconds so far, the loss and the painting."""

    _seconds: Callable[[], float]
    _loss: Callable[[], float]
    _painting: Callable[[], Painting]

    def __init__(self, step: int, seconds: float, loss: float, painting: Painting) -> None:
        self.step = step
        self._seconds = lambda: seconds
        self._loss = lambda: loss
        self._painting = lambda: painting

    @classmethod
    def lazy(
        cls,
        step: int,
        *,
        seconds: Callable[[], float],
        loss: Callable[[], float],
        painting: Callable[[], Painting],
    ) -> Self:
        """Return a snapshot that calls these functions each time its attributes are read."""
        snapshot = cls.__new__(cls)
        snapshot.step = step
        snapshot._seconds, snapshot._loss, snapshot._painting = seconds, loss, painting
        return snapshot

    @property
    def seconds(self) -> float:
        """Seconds of training so far."""
        return self._seconds()

    @property
    def loss(self) -> float:
        """Mean loss since the previous snapshot or since `learn` began; NaN without steps.

        Raises:
            DivergedError: the loss is NaN or infinite.
        """
        return self._loss()

    @property
    def painting(self) -> Painting:
        """The model with its weights at this step."""
        return self._painting()

    def blend(self, later: Snapshot, amount: float) -> Snapshot:
        """Return the snapshot at `amount` of the way to a later one, with blended weights.

        Returns this snapshot itself if `amount` is at most 0, and `later` if it is at least 1.
        """
        if amount <= 0 or later is self:
            return self
        if amount >= 1:
            return later
        return Snapshot(
            step=round(self.step + amount * (later.step - self.step)),
            seconds=self.seconds + amount * (later.seconds - self.seconds),
            loss=(self if amount < 0.5 else later).loss,
            painting=self.painting.blend(later.painting, amount),
        )

    def __repr__(self) -> str:
        return f"Snapshot(step={self.step})"


class Waypoint(int):
    """A stop at which `learn` yields no snapshot; it only advances to measure the speed."""


def learn(
    learner: Learner,
    stops: Iterable[int],
    *,
    look: Callable[[float], None] | None = None,
    interval: Callable[[], float] = lambda: 0.5,
    since: Measurement | None = None,
    last: Snapshot | None = None,
) -> Iterator[Snapshot]:
    """Yield a snapshot at each of the stops, which are steps in ascending order.

    A stop that the learner has passed already yields the previous snapshot again. A GPU may still
    be computing a snapshot when it is yielded: reading its loss or rendering its painting waits.

    Args:
        learner: trains between the stops.
        stops: steps; a `Waypoint` among them yields no snapshot.
        look: called between two steps, about every `interval` and at every stop, with the mean
            loss since the previous call. On a GPU, only finished steps are included.
        interval: returns the seconds of training until the next call of `look`.
        since: in a resumed training, the measurement at the last snapshot: the loss of the first
            new snapshot is the mean since then.
        last: in a resumed training, the last snapshot, for stops that have been passed.

    Raises:
        DivergedError: the loss became NaN or infinite. On a GPU, reading the `loss` of a snapshot
            raises it too, so read it before showing the painting.
    """
    snapshot = last
    before, reported = since or learner.newest, learner.finished
    for stop in stops:
        while learner.step < stop:
            learner.advance(min(stop - learner.step, _steps_in(interval(), learner)))
            finished = learner.finished
            if look is not None and finished.step > reported.step:
                look(finished.mean_since(reported))
                reported = finished
        if isinstance(stop, Waypoint):
            continue
        if snapshot is None or snapshot.step != learner.step:
            snapshot = _snapshot(learner.painting(), before=before, now=learner.newest)
            before = learner.newest
        yield snapshot


def _snapshot(painting: Painting, *, before: Measurement, now: Measurement) -> Snapshot:
    return Snapshot.lazy(
        now.step,
        seconds=lambda: now.seconds,
        loss=lambda: now.mean_since(before),
        painting=lambda: painting,
    )


def _steps_in(seconds: float, learner: Learner) -> int:
    """Return how many steps a learner makes in so many seconds, at least 1."""
    if learner.seconds == 0:
        return 1
    return max(1, int(seconds * learner.step / learner.seconds))


def stops_at(fractions: Sequence[float], *, steps: int, every: int = 1) -> list[int]:
    """Return the step of each fraction of `steps`, at a multiple of `every` or at the last step."""
    return [_stop_at(fraction, steps, every) for fraction in fractions]


def stops_by_step(learner: Learner, fractions: Sequence[float], *, every: int = 1) -> Iterator[int]:
    """Yield the stops of `stops_at` for a `learn` of the same learner, whose length may change."""
    for fraction in fractions:
        yield _stop_at(fraction, learner.steps, every)


def _stop_at(fraction: float, steps: int, every: int) -> int:
    return min(steps, every * round(fraction * -(-steps // every)))


def stops_by_clock(
    learner: Learner, fractions: Sequence[float], *, left: Callable[[], float]
) -> Iterator[int]:
    """Yield the stops at fractions of the training time, for a `learn` of the same learner.

    Every stop is planned from the speed measured so far; waypoints in between update the plan.
    `learner.steps` is adjusted so that the schedule ends when the time is over. After that, every
    stop is the step that the learner has reached.

    Args:
        learner: the learner whose speed is measured.
        fractions: of the training time, ascending.
        left: returns the remaining seconds of training; the estimate may change.
    """
    for fraction in fractions:
        steps = 0
        while (wait := fraction * (learner.seconds + left()) - learner.seconds) > 0:
            if learner.step > 0:
                rate = learner.step / max(learner.seconds, 1e-9)
                learner.steps = learner.step + round(rate * left())
                steps = round(rate * wait)
                if steps <= learner.step:
                    break
            # The measured speed is too uncertain to plan beyond twice the steps done so far.
            yield Waypoint(learner.step + max(1, learner.step))
            steps = 0
        yield learner.step + steps
