"""Why one variant is better than another: sentences that follow from what was measured.

Each function compares the courses in one respect, and returns nothing where they do not differ by
more than noise. Names of variants are in backticks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, groupby
from typing import NamedTuple

import numpy as np

from neuralpaint.pipelines.compare.evidence import (
    MOST,
    Course,
    Evidence,
    brief,
    levels_of,
    noise,
    part_of,
)

__all__ = ["Reason", "reasons_of"]

_CLEAR = 0.05  # how far from one half the right part of an octave must be, to count
_DARK, _BRIGHT = 0.1, 0.3  # of the strength of the original's detail
_EARLY, _LATE_START = 0.05, 0.15  # fractions of the training that are its start
_QUALITIES = (  # how much of the early fine detail is right
    ("and much of it is right", _BRIGHT, np.inf),
    ("but little of it is right", 0.1, _BRIGHT),
    ("but most of it is a pattern of its own", -np.inf, 0.1),
)
_WORSE = 1.2  # times the error of showing nothing
_HEART = 3.0  # dB between learned and held-out pixels
_CAREFUL = 50.0  # dB: above it, most errors are those of rounding
_MOST_NAMES = 4
_MOST_CROSSINGS = 3


class Reason(NamedTuple):
    """A claim about the variants."""

    about: str
    """Its heading, in few words."""
    text: str


def reasons_of(evidence: Evidence) -> list[Reason]:
    """Return what can be said about the variants, the most important first."""
    kinds = (
        _result, _lead, _sharpness, _dark, _start, _speed, _crossings, _places, _held_out, _settled,
    )  # fmt: skip
    return [reason for kind in kinds for reason in kind(evidence)] if evidence.courses else []


def _joined(words: Sequence[str], *, most: int = 1 << 30) -> str:
    """Return words as a list in a sentence."""
    if len(words) > most + 1:
        words = [*words[:most], f"{len(words) - most} others"]
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _names(courses: Sequence[Course]) -> str:
    return _joined([course.name for course in courses], most=_MOST_NAMES)


def _have(courses: Sequence[object]) -> str:
    return "have" if len(courses) > 1 else "has"


def _percent(share: float) -> str:
    return "nearly all" if share >= 0.95 else f"{100 * share:.0f}%"


def _result(evidence: Evidence) -> Iterator[Reason]:
    best, *others = evidence.courses
    near = [k for k, each in enumerate(others, 1) if best.score - each.score <= noise(best, each)]
    equal = others[: max(near, default=0)]
    off = f"typically {brief(levels_of(best.score))} of 255 levels off"
    if best.outcome.last.psnr_held_out is not None:
        off += " at the held-out pixels"
    if np.isinf(best.outcome.score):
        off = "exactly those of the original"
    text = f"The colours of {best.name} are {off}."
    if equal:
        gap = best.score - equal[-1].score
        text = (
            f"{_names([best, *equal])} are close: {gap:.1f} dB apart, so the order is not "
            f"settled: another seed may change it. The colours of {best.name} are {off}."
        )
    elif others:
        text = f"{best.name} is the best: its colours are {off}."
    if others and others[-1] not in equal:
        worst = levels_of(others[-1].score)
        times = brief(worst / levels_of(best.score))
        text += f" Those of {others[-1].name}, the last, are {brief(worst)} levels off"
        text += "." if np.isinf(best.outcome.score) else f": {times} times as much."
    yield Reason("The result", text)


def _lead(evidence: Evidence) -> Iterator[Reason]:
    if not evidence.detailed or evidence.detailed[0] is not evidence.courses[0]:
        return
    best, *others = evidence.detailed
    behind = [each for each in others if best.score - each.score > noise(best, each)]
    if behind and (part := part_of(behind[0].wrong[-1] - best.wrong[-1])):
        yield Reason(
            "The lead",
            f"{best.name} is ahead of {behind[0].name} because of {evidence.waves(part)}: "
            f"{_percent(part.share)} of its advantage, in squared errors, is there.",
        )


def _sharpness(evidence: Evidence) -> Iterator[Reason]:
    """Up to which frequency more than half of every octave is right."""
    limits = []
    for course in evidence.detailed:
        right = course.right[-1]
        end = next((k for k, each in enumerate(right) if each < 0.5), len(right))
        clear = all(right[:end] >= 0.5 + _CLEAR) and all(right[end : end + 1] <= 0.5 - _CLEAR)
        if clear and len(right):
            limits.append((end, course))
    limits.sort(key=lambda each: -each[0])
    groups = [(end, [course for _, course in group])
              for end, group in groupby(limits, key=lambda each: each[0])]  # fmt: skip
    if len(groups) < min(2, len(evidence.detailed)) or not groups:
        return
    phrases = []
    for end, courses in groups:
        octaves = courses[0].octaves
        words = f"those down to {evidence.length(int(octaves[min(end, len(octaves) - 1)]))}"
        words = "those of every length" if end == len(octaves) else words if end else "none"
        phrases.append(f"in {_names(courses)}, {words}")
    yield Reason("How fine", f"Which waves are more right than wrong: {'; '.join(phrases)}.")


def _dark(evidence: Evidence) -> Iterator[Reason]:
    """Beyond which frequency a variant never shows anything."""
    courses = evidence.detailed
    starts = []
    for course in courses:
        dark = np.all(course.strength < _DARK, axis=0)
        start = len(dark) - int(np.cumprod(dark[::-1]).sum())
        if course.has_own_pattern:
            continue
        shown = [each for each in courses if (each.strength[-1][start:] >= _BRIGHT).any()]
        if start < len(dark) and (shown or len(courses) == 1):
            starts.append((int(course.octaves[start]), course))
    starts.sort(key=lambda each: each[0])
    for octave, group in groupby(starts, key=lambda each: each[0]):
        dark_ones = [course for _, course in group]
        spectra = "their spectra stay" if len(dark_ones) > 1 else "its spectrum stays"
        yield Reason(
            "What is missing",
            f"{_names(dark_ones)} never {_have(dark_ones)} fine detail: {spectra} dark beyond "
            f"{evidence.cycles(octave)} (waves shorter than {evidence.length(octave)}), with less "
            "than a tenth of the original's strength.",
        )


def _start(evidence: Evidence) -> Iterator[Reason]:
    """Which variants show fine detail early, and whether it is that of the picture."""
    found: list[tuple[Course, int, float, float]] = []
    for course in evidence.detailed:
        index = _early_point(course)
        if index is None or len(course.octaves) < 3:
            continue
        fine = course.octaves[-2:]
        own = np.square(evidence.original.detail)[fine].sum()
        strength = float(np.sqrt(course.shown[index, fine].sum() / own))
        right = 1 - float(course.wrong[index, fine].sum() / own)
        found.append((course, index, strength, right))
    eager = [each for each in found if each[2] >= _BRIGHT]
    if not eager:
        return
    phrases = []
    for words, low, high in _QUALITIES:
        group = [each for each in eager if low <= each[3] < high]
        if group:
            first, index, *_ = group[0]
            shares = list(dict.fromkeys(f"{100 * strength:.0f}%" for *_, strength, _ in group))
            phrases.append(
                f"{_names([course for course, *_ in group])} {_have(group)} fine detail (waves "
                f"shorter than {evidence.length(int(first.octaves[-2]))}) from the start: at "
                f"{evidence.moment(first.times[index])} it is {_joined(shares, most=3)} as strong "
                f"as in the original, {words}."
            )
    if late := [course for course, _, strength, _ in found if strength < _DARK]:
        phrases.append(f"{_names(late)} {_have(late)} hardly any then.")
    yield Reason("The start", " ".join(phrases))


def _early_point(course: Course) -> int | None:
    """Return the index of the point that shows how a training starts."""
    trained = [k for k, step in enumerate(course.steps) if step > 0]
    early = [k for k in trained if course.times[k] <= _EARLY]
    late = [k for k in trained if course.times[k] <= _LATE_START]
    return early[-1] if early else late[0] if late else None


def _speed(evidence: Evidence) -> Iterator[Reason]:
    """When half of an octave is right: the finest one that two variants have learned."""
    courses = evidence.detailed
    for column in reversed(range(len(courses[0].octaves) if courses else 0)):
        learned = [each for each in courses if each.right[-1][column] >= 0.5 + 2 * _CLEAR]
        if len(learned) < 2:
            continue
        times = sorted(((_half_right(each, column), each) for each in learned), key=lambda t: t[0])
        (first, fast), (last, slow) = times[0], times[-1]
        if last < 2 * first or last - first < 0.02:
            return
        octave = int(fast.octaves[column])
        yield Reason(
            "How fast",
            f"More than half of the waves of {evidence.lengths(octave)} pixels is right in "
            f"{fast.name} from {evidence.moment(first)} on, in {slow.name} only from "
            f"{evidence.moment(last)} on.",
        )
        return


def _half_right(course: Course, column: int) -> float:
    """Return the time from which at least half of an octave stays right."""
    right, times = course.right[:, column], course.times
    last = max((k for k, each in enumerate(right) if each < 0.5), default=-1)
    if last < 0:
        return float(times[0])
    share = (0.5 - right[last]) / (right[last + 1] - right[last])
    return float(times[last] + share * (times[last + 1] - times[last]))


def _crossings(evidence: Evidence) -> Iterator[Reason]:
    found = []
    for better, worse in combinations(evidence.courses, 2):
        times = np.union1d(better.times, worse.times)
        times = times[times >= 0.01]
        leads = np.array([worse.score_at(t) - better.score_at(t) for t in times])
        clear = leads > [noise(better, worse, time=time) for time in times]
        if clear.sum() < 2 or -leads[-1] <= noise(better, worse):
            continue
        last = int(np.flatnonzero(leads > 0)[-1])
        crossing = times[last] + (times[last + 1] - times[last]) * leads[last] / (
            leads[last] - leads[last + 1]
        )
        widest = int(np.where(clear, leads, -np.inf).argmax())
        found.append((float(leads[widest]), float(times[widest]), crossing, better, worse))
    found.sort(key=lambda each: -each[0])
    for lead, time, crossing, better, worse in found[:_MOST_CROSSINGS]:
        when = evidence.moment(crossing)
        text = (
            f"{worse.name} was ahead of {better.name} until {when}, by up to {lead:.1f} dB; then "
            f"{better.name} overtook it."
        )
        yield Reason("Overtaking", text + _why_overtaken(evidence, better, worse, time))


def _why_overtaken(evidence: Evidence, better: Course, worse: Course, time: float) -> str:
    if not better.has_detail or not worse.has_detail:
        return ""
    early = part_of(better.wrong_at(time) - worse.wrong_at(time))
    final = part_of(worse.wrong[-1] - better.wrong[-1])
    if early is None or final is None:
        return ""
    first, second = evidence.waves(early), evidence.waves(final)
    there = slice(early.octave, None) if early.finer else slice(early.octave)
    own = np.square(evidence.original.detail)[there].sum()
    worse_than_none = better.wrong_at(time)[there].sum() > _WORSE * own
    why = f": at first, those of {better.name} were more wrong than none at all"
    why = why if worse_than_none else ""
    if first == second:
        return f" Both leads came from {first}{why}."
    return (
        f" The early lead came from {first} ({_percent(early.share)} of it){why}. The final one "
        f"comes from {second} ({_percent(final.share)} of it)."
    )


def _places(evidence: Evidence) -> Iterator[Reason]:
    measured = [(each, each.outcome.places) for each in evidence.courses if each.score < _CAREFUL]
    known = [(course, places) for course, places in measured if places is not None]
    edges = [
        (course, places.edge_error, places.edge_area) for course, places in known
        if places.edge_error >= max(0.5, 2 * places.edge_area)
    ]  # fmt: skip
    smooth = [
        (course, places.smooth_error, places.smooth_area) for course, places in known
        if places.smooth_error >= max(0.55, 1.15 * places.smooth_area) and places.smooth_area < 0.8
    ]  # fmt: skip
    kinds = ((edges, "along edges"), (smooth, "in the smooth parts, where there are no edges"))
    for group, where in kinds:
        if not group:
            continue
        shares = [f"{100 * share:.0f}%" for _, share, _ in group]
        low, high = (f"{100 * f(share for _, share, _ in group):.0f}" for f in (min, max))
        much = shares[0] if low == high else f"{low} to {high}%"
        yield Reason(
            "Where it is wrong",
            f"Most of the error of {_names([course for course, _, _ in group])} lies {where}: "
            f"{much} of it, on {100 * group[0][2]:.0f}% of the area.",
        )


def _held_out(evidence: Evidence) -> Iterator[Reason]:
    gaps = []
    for course in evidence.courses:
        last = course.outcome.last
        if last.psnr_held_out is None:
            return
        gaps.append((min(last.psnr_train, MOST) - course.score, course))
    gaps = sorted((each for each in gaps if each[0] > _HEART), key=lambda each: -each[0])
    if gaps:
        shown = [f"{gap:.1f} dB in {course.name}" for gap, course in gaps]
        yield Reason(
            "Learned by heart",
            "The learned pixels are much better than the held-out ones between them, by "
            f"{_joined(shown, most=_MOST_NAMES)}. That is overfitting.",
        )
    for course in evidence.courses:
        peak = int(course.scores.argmax())
        if (lost := float(course.scores[peak]) - course.score) > noise(course):
            yield Reason(
                "Learned by heart",
                f"{course.name} was best on the held-out pixels at "
                f"{evidence.moment(course.times[peak])}, and has lost {lost:.1f} dB since.",
            )


def _settled(evidence: Evidence) -> Iterator[Reason]:
    """Which variants still improve at the end, and which have long stopped."""
    rising, settled = [], []
    for course in evidence.courses:
        if len(course.times) < 4 or course.score > _CAREFUL:
            continue
        if (late := course.score - course.score_at(0.75)) > max(0.5, 2 * course.wobble):
            rising.append((course, late))
        elif abs(course.score - course.score_at(0.33)) <= 0.3 and np.ptp(course.scores) > 3:
            settled.append(course)
    words = []
    if settled:
        words.append(
            f"{_names(settled)} {_have(settled)} hardly changed since "
            f"{evidence.moment(0.33)}: less than 0.3 dB."
        )
    if rising:
        course, late = max(rising, key=lambda each: each[1])
        others = [each for each, _ in rising if each is not course]
        more = (
            f", and {_names(others)} {'were' if len(others) > 1 else 'was'} too" if others else ""
        )
        words.append(
            f"{course.name} was still improving at the end, by {late:.1f} dB in the last quarter"
            f"{more}."
        )
    if words:
        yield Reason("The end", " ".join(words))
