"""Questions for a class: their answers are right for the comparison that they are about."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuralpaint.pipelines.compare.detail import Original, Places
from neuralpaint.pipelines.compare.evidence import levels_of
from neuralpaint.pipelines.compare.outcome import CurvePoint, RaceOutcome
from neuralpaint.pipelines.compare.questions import Question, questions_of
from neuralpaint.pipelines.compare.result import CompareResult
from neuralpaint.pipelines.compare.settings import CompareSettings
from neuralpaint.pipelines.compare.variants import Variant
from neuralpaint.runtime.devices import Machine
from neuralpaint.training.settings import TrainingSettings


def outcome(name: str, scores: Sequence[float], **facts: Any) -> RaceOutcome:
    times = np.linspace(0, 1, len(scores)).tolist()
    curve = [CurvePoint(t, round(100 * t), t, 0.1, s, s, None)
             for t, s in zip(times, scores, strict=True)]  # fmt: skip
    variant = Variant(name, name, TrainingSettings())
    made = RaceOutcome(variant, "finished", weights=100, steps=100, curve=tuple(curve))
    return replace(made, **facts)


def posed(*outcomes: RaceOutcome) -> list[Question]:
    machine = Machine(cpu="a", threads=1, device="cpu", gpu=None, torch="2")
    result = CompareResult(
        folder=Path(), picture="a.png", height=10, width=20, settings=CompareSettings(steps=100),
        original=Original((0.0, 1.0), (9.0, 9.0), 20), outcomes=outcomes, machine=machine,
    )  # fmt: skip
    return questions_of(result)


def test_the_ratio_of_two_errors() -> None:
    question = posed(outcome("a", [9, 40.0]), outcome("b", [9, 20.0]))[0]
    assert "How many times larger is the typical error of `b`?" in question.text
    assert "10^(20.0/20) = 10: 26 instead of 2.6 of 255 levels" in question.answer
    assert levels_of(20) == pytest.approx(25.5)


def test_equal_variants_are_not_asked_for_their_ratio() -> None:
    question = posed(outcome("a", [9, 30.1]), outcome("b", [9, 30.0]))[0]
    assert "half as large" in question.text
    assert "36.1 dB" in question.answer


def test_stopping_earlier_is_asked_only_if_another_was_ahead() -> None:
    early = outcome("early", [9, *[25.0] * 20])
    late = [9, *[15 + k for k in range(18)], 33, 33.0]
    second = posed(outcome("late", late), early)[1]
    assert "only until step 10. Do you choose `late`" in second.text
    assert "`early`: at that moment it has 25.0 dB, `late` 16.0 dB" in second.answer
    questions = posed(outcome("ahead", [9, *[33.0] * 20]), early)
    assert not any("Do you choose" in each.text for each in questions)


def test_the_weights_are_counted_against_the_numbers_of_the_picture() -> None:
    (question,) = [each for each in posed(outcome("a", [9, 30.0])) if "weights" in each.text]
    assert "20 x 10 x 3 = 600 numbers, `a` has 100 weights" in question.text
    assert "0.17 weights for each number, so it cannot" in question.answer
    large = posed(outcome("a", [9, 30.0], weights=1200))
    assert any("2 weights for each number, so it could" in each.answer for each in large)


def test_the_most_wrong_edges_are_asked_about() -> None:
    edges = Places(edge_area=0.2, edge_error=0.7, smooth_area=0.5, smooth_error=0.1)
    asked = posed(outcome("a", [9, 30.0]), outcome("b", [9, 25.0], places=edges))
    (question,) = [each for each in asked if "Edges" in each.text]
    assert "Edges are 20% of the picture, but they have 70% of the squared error of `b`" in (
        question.text
    )


def test_there_are_always_some_and_never_more_than_three() -> None:
    assert posed() == []
    assert len(posed(outcome("a", [9, 30.0]))) == 3
    many = posed(*(outcome(f"v{k}", [9, 30.0 - k], train_seconds=float(k)) for k in range(9)))
    assert len(many) == 3
    for each in many:
        assert re.search(r"\d", each.answer)
