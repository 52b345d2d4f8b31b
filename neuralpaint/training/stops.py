"""Stops: the steps at which a training is looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from neuralpaint.training.learning import Learner, Waypoint

__all__ = ["stops_at", "stops_by_clock"]


def stops_at(fractions: Sequence[float], *, steps: int, every: int = 1) -> list[int]:
    """Return the step of each fraction of `steps`, at a multiple of `every` or at the last step."""
    intervals = -(-steps // every)
    return [min(steps, every * round(fraction * intervals)) for fraction in fractions]


def stops_by_clock(
    learner: Learner, fractions: Sequence[float], *, left: Callable[[], float]
) -> Iterator[int]:
    """Yield stops that reach each fraction of the training time, for `learn` to walk to.

    The speed is measured while training goes on, at waypoints too; every stop is planned from the
    newest measurement, and the learner's schedule is stretched to end when the time does. A time
    that is over yields where the learner is.

    Args:
        learner: what trains.
        fractions: of the training time, rising.
        left: asked for the seconds that are left to train; it may change its mind.
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
            # The speed of so few steps is not to be trusted with more than as many again.
            yield Waypoint(learner.step + max(1, learner.step))
            steps = 0
        yield learner.step + steps
