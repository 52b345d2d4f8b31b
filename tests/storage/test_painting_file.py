from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contract import WITHOUT_CODES
from damage import damaged
from processes import run

from neuralpaint.errors import DeviceError, SavedError, UsageError
from neuralpaint.image.pictures import Picture
from neuralpaint.models.encodings import encodings
from neuralpaint.models.painting import Painting
from neuralpaint.pipelines.make_learner import learner
from neuralpaint.storage.painting_file import load_painting
from neuralpaint.storage.tensors import load_tensors, save_tensors
from neuralpaint.training.settings import Engine, TrainingSettings

KIND = "neuralpaint painting"
SMALL = {
    "fourier": "fourier:hidden_size=8",
    "skipconn": "skipconn:hidden_size=8",
    "mlp": "mlp:hidden_size=8,features=16",
    "siren": "siren:hidden_size=8",
}
EVERY = [
    *[(SMALL.get(name, name), "torch") for name in WITHOUT_CODES],
    *[(f"mlp:hidden_size=8,encoding={name}", "torch") for name in encodings],
    ("skipconn:hidden_size=8,encoding=gaussian", "torch"),
    ("mlp:hidden_size=8,norm=batch,dropout=0.2", "torch"),
    ("mlp:hidden_size=8", "numpy"),
    ("mlp:hidden_size=8,encoding=harmonic,norm=batch", "numpy"),
]


def picture() -> Picture:
    return Picture(np.random.default_rng(1).integers(0, 256, (18, 26, 3), dtype=np.uint8))


def trained(model: str = SMALL["fourier"], engine: Engine = "torch", *, steps: int = 3) -> Painting:
    settings = TrainingSettings(model=model, engine=engine, seed=4, steps=steps, batch=60)
    training = learner(picture(), settings)
    training.advance(steps)
    return training.painting()


@pytest.mark.parametrize(("model", "engine"), EVERY)
def test_a_saved_painting_is_loaded_unchanged(model: str, engine: Engine, tmp_path: Path) -> None:
    painting = trained(model, engine)
    path = painting.save(tmp_path / "a.painting", note={"psnr": 30.5})
    again = load_painting(path)
    assert again.settings == painting.settings
    assert again.canvas == picture().canvas
    assert again.note == {"psnr": 30.5}
    grid = painting.canvas.grid()
    np.testing.assert_array_equal(again(grid), painting(grid))


def test_an_existing_file_is_replaced_only_with_overwrite(tmp_path: Path) -> None:
    path = tmp_path / "a.painting"
    path.write_text("mine")
    with pytest.raises(UsageError, match="exists"):
        trained().save(path)
    assert path.read_text() == "mine"
    trained().save(path, overwrite=True)
    assert load_painting(path).canvas == picture().canvas


def test_a_numpy_painting_renders_on_the_cpu_only(tmp_path: Path) -> None:
    path = trained("mlp:hidden_size=8", "numpy").save(tmp_path / "a")
    with pytest.raises(DeviceError, match="CPU"):
        load_painting(path, device="cuda")


@pytest.mark.parametrize(
    ("engine", "model"),
    [
        ("torch", "mlp:hidden_size=8192,hidden_layers=512"),
        ("numpy", "mlp:hidden_size=8192,hidden_layers=512"),
        ("torch", "skipconn:hidden_size=8192,hidden_layers=512"),
        ("torch", "siren:hidden_size=8192,hidden_layers=512"),
        ("torch", "mlp:encoding=hash:levels=32,channels=16,table_size=24"),
        ("numpy", "mlp:encoding=gaussian:features=65536,hidden_size=8192"),
        ("torch", "mlp:hidden_size=9"),
        ("torch", "no-such-model"),
        ("torch", "fourier:order=" + "9" * 5000),
        ("numpy", "fourier"),
    ],
)
def test_settings_in_a_file_are_checked(engine: Engine, model: str, tmp_path: Path) -> None:
    path = trained("mlp:hidden_size=8").save(tmp_path / "a")
    weights, facts = load_tensors(path, kind=KIND)
    facts["settings"] |= {"model": model, "engine": engine}
    save_tensors(path, weights, kind=KIND, facts=facts)
    with pytest.raises(SavedError):
        load_painting(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"settings": None},
        {"settings": {"no": 1}},
        {"settings": {"model": {"a": [1]}}},
        {"settings": {"steps": 10**400}},
        {"height": 0},
        {"height": True},
        {"width": 10**30},
        {"width": "26"},
    ],
    ids=str,
)
def test_facts_that_cannot_be_used_are_refused(changes: dict[str, Any], tmp_path: Path) -> None:
    path = trained().save(tmp_path / "a")
    weights, facts = load_tensors(path, kind=KIND)
    save_tensors(path, weights, kind=KIND, facts=facts | changes)
    with pytest.raises(SavedError):
        load_painting(path)


def test_a_damaged_painting_is_refused(tmp_path: Path) -> None:
    good = trained().save(tmp_path / "a").read_bytes()
    path = tmp_path / "b"
    for raw in damaged(good, count=300):
        path.write_bytes(raw)
        with contextlib.suppress(SavedError):  # or it was where it does not matter
            load_painting(path)(0.0, 0.0)


@pytest.mark.slow
def test_a_malicious_header_allocates_no_memory(tmp_path: Path) -> None:
    path = trained("mlp:hidden_size=8").save(tmp_path / "a")
    weights, facts = load_tensors(path, kind=KIND)
    facts["settings"]["model"] = "mlp:hidden_size=8192,hidden_layers=512"
    save_tensors(path, weights, kind=KIND, facts=facts)
    code = f"""
import resource, sys
from neuralpaint.errors import SavedError
from neuralpaint.storage.painting_file import load_painting
load_painting({str(tmp_path / "good")!r})
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    load_painting({str(path)!r})
except SavedError:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    trained("mlp:hidden_size=8").save(tmp_path / "good")
    done = run([sys.executable, "-c", code], check=True)
    assert int(done.stdout) < 50_000  # KB


def test_a_changed_weight_is_detected(tmp_path: Path) -> None:
    path = trained().save(tmp_path / "a")
    raw = bytearray(path.read_bytes())
    for place in range(len(raw) - 400, len(raw), 37):  # the weights are at the end
        raw[place] ^= 0x40
        path.write_bytes(raw)
        with pytest.raises(SavedError, match="damaged"):
            load_painting(path)
        raw[place] ^= 0x40
