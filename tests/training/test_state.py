"""A resumed training has the same result as an uninterrupted one, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from contract import SPECS

from neuralpaint.errors import SavedError
from neuralpaint.image.pictures import Picture
from neuralpaint.models.networks import ParameterGroup
from neuralpaint.pipelines.make_learner import learner
from neuralpaint.runtime.state import State, generator_state, set_generator_state
from neuralpaint.storage.checkpoint import load_checkpoint, save_checkpoint
from neuralpaint.training.learner import Learner
from neuralpaint.training.learning import learn
from neuralpaint.training.losses import losses
from neuralpaint.training.optimizers import optimizers
from neuralpaint.training.schedules import schedules
from neuralpaint.training.settings import TrainingSettings
from neuralpaint.training.torch_learner import TorchLearner

SMALL = "mlp:hidden_size=16,hidden_layers=2,encoding=basic"
SCRATCH: dict[str, Any] = {"engine": "numpy"}
ENGINES: list[dict[str, Any]] = [{}, SCRATCH]
EPOCH = 9  # steps of 100 pixels in an epoch of the picture below

# Schedules that reduce the rate after nearly every epoch.
REACTIVE = {
    "plateau": "plateau:patience=1,threshold=0.5",
    "adaptive-halving": "adaptive-halving:window=1",
}
SCHEDULES = [REACTIVE.get(name, name) for name in schedules]


def learner_of(height: int = 24, width: int = 36, **options: Any) -> Learner:
    """Return the learner of a smooth picture."""
    y, x = np.mgrid[0:height, 0:width] / 36
    colours = np.stack([x, y, 0.5 + 0.5 * np.sin(6 * x + 4 * y)], axis=-1)
    picture = Picture.from_array(colours.clip(0, 1))
    usual = {"model": SMALL, "steps": 40, "batch": 100, "device": "cpu"}
    return learner(picture, TrainingSettings.from_dict(usual | options))


def resumed(state: State, **options: Any) -> Learner:
    """Return a new learner, restored from a state."""
    trained = learner_of(**options)
    trained.restore(state)
    return trained


def assert_same(found: Learner, expected: Learner) -> None:
    """Compare two learners bit by bit, except for their duration."""
    assert_equal(found.state(), expected.state())
    assert found.painting().weights.keys() == expected.painting().weights.keys()
    for name, weight in found.painting().weights.items():
        np.testing.assert_array_equal(weight, expected.painting().weights[name])


def assert_equal(found: State, expected: State) -> None:
    assert found.keys() == expected.keys()
    for name in found.keys() - {"seconds"}:
        assert found[name].dtype == expected[name].dtype, name
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


def assert_resumes(before: int = 5, after: int = 7, **options: Any) -> State:
    """Compare a training that is resumed after some steps; return the state between."""
    whole = learner_of(**options)
    whole.advance(before)
    state = whole.state()
    copy = {name: array.copy() for name, array in state.items()}
    whole.advance(after)
    assert_equal(state, copy)  # a state is a copy
    cut = resumed(state, **options)
    assert_equal(cut.state(), state)
    cut.advance(after)
    assert_same(cut, whole)
    return state


@pytest.mark.parametrize("model", SPECS)
def test_every_model_and_encoding_resumes(model: str) -> None:
    state = assert_resumes(model=model)
    assert 0 < state["step"] % EPOCH < EPOCH


@pytest.mark.parametrize(
    "model",
    [
        *(f"encoding={name}" for name in ("none", "basic", "harmonic,order=3")),
        *(f"encoding={name},features=16" for name in ("positional", "gaussian")),
        *(f"encoding=basic,norm={norm},dropout=0.3" for norm in ("none", "layer", "batch")),
    ],
)
def test_every_network_from_scratch_resumes(model: str) -> None:
    assert_resumes(model=f"mlp:hidden_size=16,hidden_layers=2,{model}", **SCRATCH)


@pytest.mark.parametrize(
    "optimizer", [*optimizers, "sgd:nesterov=yes", "sgd:momentum=0", "lbfgs:history=3"]
)
def test_every_optimizer_resumes(optimizer: str) -> None:
    state = assert_resumes(optimizer=optimizer, batch=864, after=9)
    assert state["optimizer.0.moved"] == ("=0" not in optimizer)


@pytest.mark.parametrize("optimizer", ["sgd", "sgd:nesterov=yes", "adam", "adamw"])
def test_every_optimizer_from_scratch_resumes(optimizer: str) -> None:
    assert_resumes(optimizer=optimizer, **SCRATCH)


@pytest.mark.parametrize("loss", list(losses))
def test_every_loss_resumes(loss: str) -> None:
    assert_resumes(loss=loss)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule_resumes(schedule: str, engine: dict[str, Any]) -> None:
    state = assert_resumes(before=9, after=9, schedule=schedule, batch=432, **engine)
    if schedule in REACTIVE.values():
        assert state["epoch_loss"] > 0  # resumed within an epoch


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("schedule", REACTIVE.values())
def test_a_reactive_schedule_reduces_the_rate_before_and_after(
    schedule: str, engine: dict[str, Any]
) -> None:
    restless = {"model": f"{SMALL},dropout=0.5", "lr": 0.3, "batch": 432}
    options = restless | {"schedule": schedule} | engine
    state = assert_resumes(before=27, after=18, **options)
    later = resumed(state, **options)
    later.advance(18)
    reductions = [s["annealing.reduction"].item() for s in (state, later.state())]
    assert 1 > reductions[0] > reductions[1]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "options",
    [{"train_on": "every-other"}, {"clip": 0.01, "l1": 1e-5, "l2": 1e-5}, {"ema": 0}, {"seed": 7}],
    ids=str,
)
def test_other_options_resume(options: dict[str, Any], engine: dict[str, Any]) -> None:
    assert_resumes(**options, **engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_training_can_be_resumed_anywhere_and_repeatedly(engine: dict[str, Any]) -> None:
    whole, cut = learner_of(**engine), learner_of(**engine)
    for steps in (0, 1, EPOCH - 1, 1, EPOCH, 3, EPOCH):
        whole.advance(steps)
        cut.advance(steps)
        cut = resumed(cut.state(), **engine)
        assert cut.epoch_steps == EPOCH
    assert_same(cut, whole)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_first_new_snapshot_has_the_same_loss(engine: dict[str, Any]) -> None:
    expected = [snapshot.loss for snapshot in learn(learner_of(**engine), [4, 12, 20])]
    trained = learner_of(**engine)
    first = next(learn(trained, [4]))
    since = trained.newest
    trained.advance(5)
    later = list(learn(resumed(trained.state(), **engine), [12, 20], since=since))
    assert [snapshot.loss for snapshot in [first, *later]] == expected
    assert all(b.seconds > a.seconds for a, b in zip([first, *later], later, strict=False))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_sketch_resumes(engine: dict[str, Any]) -> None:
    frame = np.full((24, 36, 3), 255, np.uint8)
    whole = learner_of(**engine)
    whole.begin_sketch(frame)
    whole.advance(4)
    state = whole.state()
    whole.advance(2)
    cut = resumed(state, **engine)
    assert 0 < (cut.sketch() == 255).mean() < 1
    cut.advance(2)
    np.testing.assert_array_equal(cut.sketch(), whole.sketch())
    with pytest.raises(SavedError, match="does not fit"):
        learner_of(**engine).restore(state | {"sketch": frame[:5]})


@pytest.mark.parametrize("engine", ENGINES)
def test_changed_steps_are_restored(engine: dict[str, Any]) -> None:
    trained = learner_of(**engine)
    trained.advance(3)
    trained.steps = 77
    assert resumed(trained.state(), **engine).steps == 77


@pytest.mark.parametrize("options", [{"optimizer": "lbfgs"}, {}, SCRATCH], ids=str)
def test_a_state_can_be_saved_to_a_file(tmp_path: Path, options: dict[str, Any]) -> None:
    whole = learner_of(**options)
    whole.advance(5)
    save_checkpoint(tmp_path / "state", whole.state(), facts={})
    whole.advance(5)
    cut = resumed(load_checkpoint(tmp_path / "state")[0], **options)
    cut.advance(5)
    assert_same(cut, whole)


@pytest.mark.parametrize(
    "options",
    [{}, {"optimizer": "muon"}, {"optimizer": "lbfgs"}, {"optimizer": "sgd"}, SCRATCH,
     SCRATCH | {"model": f"{SMALL},norm=batch,dropout=0.3", "optimizer": "sgd"}],
    ids=str,
)  # fmt: skip
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(options: dict[str, Any]) -> None:
    trained = learner_of(**options)
    trained.advance(3)
    state = trained.state()
    fresh = learner_of(**options)
    for name, array in state.items():
        others = [array.astype(np.int8), array[None], np.zeros((2, 5), array.dtype)]
        if array.ndim:
            others.append(np.zeros((), array.dtype))
        misfits = [state | {name: other} for other in others]
        misfits.append({other: state[other] for other in state if other != name})
        for misfit in [*misfits, state | {f"{name}.more": array}]:
            with pytest.raises(SavedError, match="does not fit this training") as caught:
                fresh.restore(misfit)
            assert "\n" not in str(caught.value)
    fresh.advance(3)
    assert_same(fresh, trained)


@pytest.mark.parametrize(
    ("options", "others"),
    [
        ({}, {"model": SMALL.replace("16", "17")}),
        ({}, {"model": "siren:hidden_size=16,hidden_layers=2"}),
        ({}, {"optimizer": "sgd"}),
        ({}, SCRATCH),
        (SCRATCH, SCRATCH | {"optimizer": "sgd"}),
        (SCRATCH, SCRATCH | {"model": f"{SMALL},dropout=0.3"}),
        ({}, {"batch": 864}),
    ],
    ids=str,
)
def test_the_state_of_another_training_is_refused(
    options: dict[str, Any], others: dict[str, Any]
) -> None:
    trained = learner_of(**options)
    trained.advance(5)
    with pytest.raises(SavedError, match="resume with the same picture"):
        resumed(trained.state(), **others)


def test_an_invalid_generator_state_is_refused() -> None:
    trained = learner_of()
    trained.advance(1)
    state = trained.state()
    with pytest.raises(SavedError):
        resumed(state | {"lattices.generator": np.zeros_like(state["lattices.generator"])})


@pytest.mark.parametrize("engine", ENGINES)
def test_a_learner_that_has_made_steps_cannot_be_restored(engine: dict[str, Any]) -> None:
    trained = learner_of(**engine)
    state = trained.state()
    trained.advance(1)
    with pytest.raises(RuntimeError, match="before the first advance"):
        trained.restore(state)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_interrupted_advance_leaves_no_state(
    engine: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = learner_of(**engine)
    trained.advance(2)

    def interrupt(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(trained._plan.schedule, "multiplier", interrupt)
    with pytest.raises(KeyboardInterrupt):
        trained.advance(2)
    with pytest.raises(RuntimeError, match="interrupted"):
        trained.state()


def test_tensors_are_restored_in_place() -> None:
    trained = learner_of()
    trained.advance(2)
    fresh = learner_of()
    assert isinstance(fresh, TorchLearner)
    kept = [*fresh.model.parameters(), *fresh._average, fresh._epoch_loss]
    places = [tensor.data_ptr() for tensor in kept]
    fresh.restore(trained.state())
    assert [tensor.data_ptr() for tensor in kept] == places


@pytest.mark.parametrize("name", list(optimizers))
def test_the_state_of_an_optimizer_is_empty_before_its_first_step(name: str) -> None:
    parameters = [torch.zeros(9, 9, requires_grad=True), torch.zeros(4, requires_grad=True)]
    optimizer = optimizers.parse(name).build([ParameterGroup(parameters)])
    state = optimizer.state()
    assert not any(state.values())
    optimizer.restore(state)
    assert optimizer.state() == state


def test_the_state_of_a_generator_can_be_copied() -> None:
    rng, other = np.random.default_rng(3), np.random.default_rng(4)
    rng.random(dtype=np.float32)  # half of a number is kept for the next
    state = generator_state(rng)
    expected = rng.random(5, dtype=np.float32)
    set_generator_state(other, state)
    np.testing.assert_array_equal(other.random(5, dtype=np.float32), expected)
