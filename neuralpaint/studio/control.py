"""Control: what tabs can ask for while a network learns: pause, stop, another rate or length."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from neuralpaint.errors import NeuralPaintError, UsageError
from neuralpaint.runtime.progress import Progress
from neuralpaint.studio.requests import Request, Requests
from neuralpaint.studio.stage import Stage
from neuralpaint.training.viewer import Viewer

if TYPE_CHECKING:
    from neuralpaint.training.learner import Learner

__all__ = ["Control"]

_log = logging.getLogger(__name__)

_UNSEEN = 5.0  # seconds without a tab, before that is reported
_TOO_LATE = 0.95  # of a training, after which its length cannot change
_RATES = (1e-3, 1e3)  # of the learning rate, over the one that was chosen
_MOST_STEPS = 10_000_000


class Control(Viewer):
    """Shows one training on a stage, and changes it as the tabs ask for."""

    def __init__(
        self, stage: Stage, requests: Requests, keep: Callable[[float, str], None]
    ) -> None:
        """Begin; the requests are done between two steps.

        `keep` is called after each change, with the factor of the learning rate and a sentence
        about what has changed.
        """
        self._stage, self._requests, self._keep = stage, requests, keep
        self._paused = False
        self._unseen_since: float | None = None
        self.stopped = False
        """Whether a tab has ended the training."""

    def interval(self) -> float:
        """Come as often as the stage needs."""
        return self._stage.interval()

    def visit(self, learner: Learner, *, name: str = "") -> bool:
        """Do what was asked for; render live frames; wait while the training is paused."""
        for request in self._requests:
            self._do(request, learner)
        self._report_unseen(learner)
        stage = self._stage
        if not self._paused:
            return stage.visit(learner, name=name)
        if stage.state()["phase"] != "paused":
            painting = learner.painting()
            stage.live.show(lambda: painting, step=learner.step)
            stage.publish(phase="paused", step=learner.step, left=None)
        stage.rest()
        return True

    def report(self, progress: Progress) -> None:
        """Show the progress of a training; between the frames of its film, do what is asked for."""
        self._stage.report(progress)
        if progress.phase != "train":
            for request in self._requests:
                self._do(request, None)

    def _do(self, request: Request, learner: Learner | None) -> None:
        """Change the running training; `learner` is None when its film is being made."""
        if request.do == "stop":
            if self.stopped:
                return  # a second KeyboardInterrupt would leave no film
            self.stopped = True
            raise KeyboardInterrupt
        change = self._CHANGES.get(request.do)
        if change is None:
            request.refuse("a network is being trained: wait until it is done, or stop it")
        elif learner is None:
            request.refuse("the film of the training is being made: it can only be stopped")
        else:
            try:
                change(self, learner, request.message)
            except NeuralPaintError as error:
                request.refuse(str(error))

    def _pause(self, learner: Learner, message: Mapping[str, Any]) -> None:
        self._paused = True

    def _go(self, learner: Learner, message: Mapping[str, Any]) -> None:
        self._paused = False
        self._stage.publish(phase="training")
        self._stage.restart_clock()

    def _rate(self, learner: Learner, message: Mapping[str, Any]) -> None:
        """Multiply the learning rate."""
        factor = message["factor"]
        rate = factor * self._stage.state()["rate"]
        if not _RATES[0] <= rate <= _RATES[1]:
            raise UsageError("the learning rate can be changed a thousandfold at most")
        learner.scale_rate(factor)
        self._stage.publish(rate=rate)
        self._changed(learner, f"the learning rate is {rate:g} times the chosen one")

    def _steps(self, learner: Learner, message: Mapping[str, Any]) -> None:
        """Change the length of the training."""
        steps = message["steps"]
        if learner.settings.optimization.seconds is not None:
            raise UsageError("this training ends after a time, and not after a number of steps")
        if learner.step > _TOO_LATE * learner.steps:
            raise UsageError("the training is nearly over: its length cannot change any more")
        if not learner.step / _TOO_LATE < steps <= _MOST_STEPS:
            raise UsageError(f"the training is at step {learner.step:,}: choose more steps")
        learner.steps = steps
        self._stage.restart_clock()
        self._stage.publish(steps=learner.steps)
        self._changed(learner, f"the training has {learner.steps:,} steps")

    def _changed(self, learner: Learner, what: str) -> None:
        sentence = f"from step {learner.step:,} on, {what}"
        self._keep(self._stage.state()["rate"], sentence)
        self._stage.publish(message=sentence)

    def _report_unseen(self, learner: Learner) -> None:
        """Say once on the terminal that a training goes on although the page was closed."""
        if self._stage.live.has_tabs:
            self._unseen_since = None
        elif self._unseen_since is None:
            self._unseen_since = time.monotonic()
        elif time.monotonic() - self._unseen_since > _UNSEEN:
            self._unseen_since = math.inf
            _log.info(
                "the page is closed, and the training goes on (step %s of %s): open the address "
                "again to watch, or press Ctrl-C to keep what was learned and end",
                f"{learner.step:,}", f"{learner.steps:,}",
            )  # fmt: skip

    _CHANGES: Mapping[str, Callable[[Control, Learner, Mapping[str, Any]], None]] = {
        "pause": _pause, "go": _go, "rate": _rate, "steps": _steps,
    }  # fmt: skip
