"""A Ray cluster of several nodes on this machine, two of which are killed: see `ray_cluster`."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import processes
import pytest
from films import frames_of
from PIL import Image

import neuralpaint as npaint
from neuralpaint.errors import UsageError
from neuralpaint.runtime import ray_pool

PAINT: dict[str, Any] = {
    "model": "fourier:order=4,hidden_size=8,hidden_layers=1", "steps": 20, "device": "cpu",
    "threads": 1,
}  # fmt: skip
FILM: dict[str, Any] = {"duration": 12.0, "fps": 4.0, "size": "96x64", "device": "cpu"}
RACE: dict[str, Any] = {
    "model": "fourier:order=4,hidden_size=8,hidden_layers=1,siren:hidden_size=8", "steps": 20,
    "duration": 1.0, "fps": 4.0, "device": "cpu", "threads": 1,
}  # fmt: skip

# With a namespace of processes too, nothing survives the test.
NAMESPACE = [
    *("unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"),
    *("sh", "-c", 'ip link set lo up && exec "$@"', "sh"),
]


def why_not() -> str:
    """Return why there can be no cluster; "" if there can."""
    if find_spec("ray") is None:
        return "Ray"
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return "unshare"
    done = subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False, timeout=60)
    return "namespaces" if done.returncode else ""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that a run of `ray_cluster` has filled."""
    if missing := why_not():
        pytest.skip(missing)
    folder = tmp_path_factory.mktemp("ray")
    script = Path(__file__).parents[1] / "ray_cluster.py"
    done = processes.run([*NAMESPACE, sys.executable, script, folder])
    assert (folder / "report.json").exists(), done.stderr[-3000:]
    return folder


def report(folder: Path, run: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "report.json").read_text())[run]
    return found


@pytest.mark.slow
def test_a_batch_survives_the_death_of_a_node(folder: Path, tmp_path: Path) -> None:
    assert report(folder, "batch") == {"done": 10, "failed": 2}
    lines = (folder / "out" / "manifest.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    assert Counter(entry["name"] for entry in entries).most_common(1)[0][1] == 1
    failed = {Path(entry["input"]).name for entry in entries if entry["status"] == "failed"}
    assert failed == {"text.jpg", "cut.png"}
    for number in range(10):
        single = tmp_path / f"{number}.png"
        npaint.paint(folder / "in" / f"{number}.png", single, **PAINT)
        assert single.read_bytes() == (folder / "out" / f"{number}.png").read_bytes()


@pytest.mark.slow
def test_a_film_survives_the_death_of_a_node(folder: Path, tmp_path: Path) -> None:
    assert report(folder, "film") == {"frames": 48, "parts": 6, "killed": True}
    npaint.render_saved(folder / "film.take", tmp_path / "whole.mkv", **FILM)
    assert (frames_of(folder / "parts.mkv") == frames_of(tmp_path / "whole.mkv")).all()


@pytest.mark.slow
def test_a_still_is_rendered_by_several_nodes(folder: Path, tmp_path: Path) -> None:
    assert report(folder, "still") == {"parts": 3}
    npaint.render_saved(folder / "film.take", tmp_path / "whole.png", size="1800x1200")
    whole = np.asarray(Image.open(tmp_path / "whole.png"))
    parts = np.asarray(Image.open(folder / "parts.png"))
    assert (whole == parts).all()


@pytest.mark.slow
def test_contestants_are_trained_by_several_nodes(folder: Path, tmp_path: Path) -> None:
    single = npaint.compare(folder / "in" / "0.png", tmp_path / "race", **RACE)
    assert report(folder, "compare") == {each.name: each.psnr for each in single.outcomes}
    names = sorted(path.name for path in (tmp_path / "race").rglob("*"))
    assert sorted(path.name for path in (folder / "race").rglob("*")) == names


def test_without_ray_one_line_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"pip install '\.\[ray\]'"):
        ray_pool.RayPool("auto", cpus=1, gpus=0, jobs=None, shared=False, retries=0)
