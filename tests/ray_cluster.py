"""What the tests of Ray run: a cluster of several nodes on this machine, whose nodes are killed.

    unshare -n sh -c 'ip link set lo up; exec python tests/ray_cluster.py FOLDER'

Ray listens on the machine's address, so this runs in a network namespace with nothing but loopback.
It writes what happened into FOLDER/report.json; the tests look at that and at the files.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import ray
from films import QUICK
from PIL import Image
from ray.cluster_utils import Cluster

import neuralpaint as npaint
from neuralpaint.pipelines.executors import PlacementSettings
from neuralpaint.pipelines.parts import RenderInParts
from neuralpaint.pipelines.render import RenderSettings, prepare_render
from neuralpaint.runtime.progress import Progress

PAINT: dict[str, Any] = {
    "model": "fourier:order=4,hidden_size=8,hidden_layers=1", "steps": 20, "device": "cpu",
    "threads": 1,
}  # fmt: skip
FILM: dict[str, Any] = {"duration": 12.0, "fps": 4.0, "size": "96x64"}  # six parts
RACE: dict[str, Any] = {
    "model": "fourier:order=4,hidden_size=8,hidden_layers=1,siren:hidden_size=8", "steps": 20,
    "duration": 1.0, "fps": 4.0, "device": "cpu", "threads": 1,
}  # fmt: skip
STORE = 100_000_000  # bytes of the object store of a node


class Nodes:
    """A head without cores, and two nodes with one each; killing one adds another."""

    def __init__(self) -> None:
        self.cluster = Cluster(
            initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": STORE}
        )
        self._nodes = [self._add(), self._add()]

    def _add(self) -> Any:
        return self.cluster.add_node(num_cpus=1, object_store_memory=STORE)

    def kill(self) -> None:
        """Kill the older node, as a machine dies, and add one."""
        self.cluster.remove_node(self._nodes.pop(0), allow_graceful=False)
        self._nodes.append(self._add())


def make_inputs(folder: Path) -> None:
    """Write ten pictures and two files that are none, and a take."""
    (folder / "in").mkdir()
    generator = np.random.default_rng(0)
    for number in range(10):
        pixels = generator.integers(0, 256, (32, 48, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "in" / f"{number}.png")
    (folder / "in" / "text.jpg").write_text("hello")
    whole = (folder / "in" / "0.png").read_bytes()
    (folder / "in" / "cut.png").write_bytes(whole[: len(whole) // 2])
    npaint.timelapse(
        folder / "in" / "0.png", folder / "film.mkv", record=folder / "film.take", **QUICK
    )


def batch(folder: Path, nodes: Nodes, on: str) -> dict[str, Any]:
    """Run a batch, in the middle of which a node is killed."""
    tried = 0

    def report(progress: Progress) -> None:
        nonlocal tried
        if progress.phase == "picture":
            tried += 1
            if tried == 4:
                nodes.kill()

    result = npaint.batch(
        [folder / "in"], folder / "out", do="paint", on=on, report=report, **PAINT
    )
    return {"done": result.done, "failed": result.failed}


def film(folder: Path, nodes: Nodes, on: str) -> dict[str, Any]:
    """Film a take in six parts, in the middle of which a node is killed."""
    killed = False

    def report(progress: Progress) -> None:
        nonlocal killed
        if progress.done > 0.3 and not killed:
            killed = True
            nodes.kill()

    saved, settings = folder / "film.take", RenderSettings(device="cpu", **FILM)
    job = prepare_render(saved, folder / "parts.mkv", settings=settings)
    placement = PlacementSettings(on=on)
    parts = RenderInParts(job, saved=saved, settings=settings, audio=None, placement=placement)
    planned = parts.facts()["parts"]
    return {"frames": parts.run(report).frames, "parts": planned, "killed": killed}


def still(folder: Path, nodes: Nodes, on: str) -> dict[str, Any]:
    """Render a still in strips."""
    saved, settings = folder / "film.take", RenderSettings(device="cpu", size="1800x1200")
    job = prepare_render(saved, folder / "parts.png", settings=settings)
    placement = PlacementSettings(on=on)
    parts = RenderInParts(job, saved=saved, settings=settings, audio=None, placement=placement)
    planned = parts.facts()["parts"]
    parts.run()
    return {"parts": planned}


def compare(folder: Path, nodes: Nodes, on: str) -> dict[str, Any]:
    """Train two contestants."""
    result = npaint.compare(
        folder / "in" / "0.png", folder / "race", placement=PlacementSettings(on=on), **RACE
    )
    return {outcome.name: outcome.psnr for outcome in result.outcomes}


def main(folder: Path) -> None:
    """Run all, one after another, on one cluster."""
    logging.getLogger("ray").setLevel(logging.ERROR)
    make_inputs(folder)
    nodes = Nodes()
    runs: list[Callable[[Path, Nodes, str], dict[str, Any]]] = [batch, film, still, compare]
    report: dict[str, Any] = {}
    try:
        for run in runs:
            report[run.__name__] = run(folder, nodes, f"ray:address={nodes.cluster.address}")
    finally:
        ray.shutdown()
        nodes.cluster.shutdown()
    (folder / "report.json").write_text(json.dumps(report))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
