"""`neuralpaint gradcheck`."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from neuralpaint.cli import gradcheck
from neuralpaint.errors import NeuralPaintError
from neuralpaint.scratch.activations import Tanh
from neuralpaint.scratch.layers import Array


def run(*words: str) -> Result:
    return CliRunner().invoke(gradcheck.command, list(words))


def test_the_table_names_every_gradient_and_fits_a_terminal() -> None:
    result = run()
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert all(len(line) <= 80 for line in lines)
    starts = [line[:22].strip() for line in lines]
    assert {"linear", "relu", "batch norm", "dropout", "huber", "network, sine"} <= set(starts)
    assert "allowed 1e-06" in lines[-1]
    assert "wrong" not in result.output


def test_json_is_one_object_with_every_error() -> None:
    result = run("--json", "--seed", "5")
    facts = json.loads(result.output)
    assert (result.exit_code, facts["seed"], facts["tolerance"]) == (0, 5, 1e-6)
    assert facts["passes"] is True
    assert list(facts["checks"][0]) == ["name", "what", "differences", "torch", "passes"]
    assert max(check["differences"] for check in facts["checks"]) < 1e-6


def test_a_wrong_gradient_is_one_line_and_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(self: Tanh, gradient: Array) -> Array:
        return gradient

    monkeypatch.setattr(Tanh, "input_gradient", wrong)
    result = run()
    assert isinstance(result.exception, NeuralPaintError)
    assert result.exception.exit_status == 1
    message = str(result.exception)
    assert "gradients are wrong" in message
    assert "above 1e-06" in message
    assert "\n" not in message
    (row,) = [line for line in result.output.splitlines() if line.startswith("tanh")]
    assert row.endswith("wrong")
    json_result = run("--json")
    assert json.loads(json_result.output)["passes"] is False
    assert isinstance(json_result.exception, NeuralPaintError)


def test_an_invalid_seed_is_refused() -> None:
    result = run("--seed", "-1")
    assert result.exit_code == 2
    assert "--seed" in result.output
