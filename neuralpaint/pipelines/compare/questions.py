"""Questions for a class about a comparison, with answers from its own numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from neuralpaint.pipelines.compare.evidence import Course, Evidence, brief, levels_of, noise
from neuralpaint.pipelines.compare.result import CompareResult

__all__ = ["Question", "questions_of"]

_COUNT = 3
_TWICE = 1.5  # ratio of two speeds that counts as a difference: other work slows a machine too


class Question(NamedTuple):
    """A question and its answer; names of variants are in backticks."""

    text: str
    answer: str


def questions_of(result: CompareResult) -> list[Question]:
    """Return up to three questions, those that only this comparison can pose first."""
    evidence = result.evidence
    if not evidence.courses:
        return []
    kinds = (_ratio, _stopping, _edges, _weights, _fairness, _seed, _progress)
    return [each for kind in kinds for each in kind(result, evidence)][:_COUNT]


def _ratio(result: CompareResult, evidence: Evidence) -> Iterator[Question]:
    best, last = evidence.courses[0], evidence.courses[-1]
    gap = best.score - last.score
    if gap <= noise(best, last):
        yield Question(
            f"{best.name} has {best.score:.1f} dB. What would it have if each of its errors were "
            "half as large?",
            f"20 log10(2) = 6.0 dB more: {best.score + 6.02:.1f} dB. Halving all errors always "
            "adds 6 dB, whatever they were.",
        )
        return
    yield Question(
        f"{best.name} has {best.score:.1f} dB and {last.name} {last.score:.1f} dB. How many times "
        f"larger is the typical error of {last.name}?",
        f"{gap:.1f} dB are a factor of 10^({gap:.1f}/20) = {brief(10 ** (gap / 20))}: "
        f"{brief(levels_of(last.score))} instead of {brief(levels_of(best.score))} of 255 "
        "levels. 6 dB are a factor of 2, 20 dB a factor of 10.",
    )


def _stopping(result: CompareResult, evidence: Evidence) -> Iterator[Question]:
    best = evidence.courses[0]
    leads = [(0.0, 0.0, best)]
    for other in evidence.courses[1:]:
        if best.score - other.score > noise(best, other):
            for time in other.times[other.times >= 0.01].tolist():
                lead = other.score_at(time) - best.score_at(time)
                leads.append((lead - noise(best, other, time=time), time, other))
    beyond_noise, time, other = max(leads, key=lambda each: each[0])
    if beyond_noise <= 0:
        return
    now, then = other.score_at(time), best.score_at(time)
    yield Question(
        f"You may train only until {result.moment(time)}. Do you choose {best.name}, the winner?",
        f"Better {other.name}: at that moment it has {now:.1f} dB, {best.name} {then:.1f} dB. "
        "Which is best depends on how long one can wait.",
    )


def _edges(result: CompareResult, evidence: Evidence) -> Iterator[Question]:
    known = [(each, each.outcome.places) for each in evidence.courses]
    found = [(p.edge_error, p.edge_area, course) for course, p in known if p and p.edge_area]
    share, area, course = max(
        found, key=lambda each: each[0], default=(0.0, 1.0, evidence.courses[0])
    )
    if share < max(0.5, 2 * area):
        return
    yield Question(
        f"Edges are {100 * area:.0f}% of the picture, but they have {100 * share:.0f}% of the "
        f"squared error of {course.name}. Why there?",
        "At an edge the colour jumps from one pixel to the next. A jump is a sum of waves of "
        "every length: if the short ones are missing or wrong, it is blurred. Where the picture is "
        "smooth, long waves are enough.",
    )


def _weights(result: CompareResult, evidence: Evidence) -> Iterator[Question]:
    course = evidence.courses[0]
    values, weights = 3 * result.height * result.width, course.outcome.weights
    ratio = weights / values
    stored = (
        f"There are {brief(ratio)} weights for each number, so it could. A "
        "better test of what it has understood are pixels that it was never trained on."
        if ratio >= 1
        else f"There are {brief(ratio)} weights for each number, so it cannot. It must use that "
        "neighbouring pixels are alike: it compresses the picture."
    )
    yield Question(
        f"The picture has {result.width} x {result.height} x 3 = {values:,} numbers, {course.name} "
        f"has {weights:,} weights. Could it store one number in each weight?",
        stored,
    )


def _fairness(result: CompareResult, evidence: Evidence) -> Iterator[Question]:
    timed = sorted(evidence.courses, key=lambda each: each.outcome.ms_per_step)
    fast, slow = timed[0].outcome, timed[-1].outcome
    if not 0 < _TWICE * fast.ms_per_step <= slow.ms_per_step:
        return
    by_clock = result.settings.budget[0] == "seconds"
    speeds = (
        f"{brief(slow.ms_per_step)} ms for {timed[-1].name}, {brief(fast.ms_per_step)} ms for "
        f"{timed[0].name}"
    )
    yield Question(
        f"All had the same {'time' if by_clock else 'number of steps'}. Is that fair?",
        f"It depends on the question. A step took {speeds}, on this machine. So with the same time "
        f"{timed[0].name} makes {brief(slow.ms_per_step / fast.ms_per_step)} times as many steps.",
    )


def _seed(result: CompareResult, evidence: Evidence) -> Iterator[Question]:
    if len(evidence.courses) < 2:
        return
    first, second = evidence.courses[:2]
    gap, chance = first.score - second.score, noise(first, second)
    sure = "so the order is likely to stay" if gap > chance else "so the order may change"
    yield Question(
        "Every training began with the same random seed. Would another seed change who wins?",
        f"{first.name} is {gap:.1f} dB ahead of {second.name}. Here a difference of up to "
        f"{chance:.1f} dB counts as chance, {sure}. To be sure, repeat it with --seed 1, 2, 3.",
    )


def _progress(result: CompareResult, evidence: Evidence) -> Iterator[Question]:
    course: Course = evidence.courses[0]
    gain = course.score - float(course.scores[0])
    if gain < 1 or not np.isfinite(gain):
        return
    yield Question(
        f"{course.name} began with {course.scores[0]:.1f} dB and ended with {course.score:.1f} dB. "
        "By which factor did its typical error shrink?",
        f"By 10^({gain:.1f}/20) = {brief(10 ** (gain / 20))}.",
    )
