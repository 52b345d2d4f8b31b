"""Verifies a device in about eight minutes: python tests/verify_device.py --device cuda -o FOLDER

For a machine with a GPU, where the tests alone do not say how fast it is. Each section runs in a
process of its own with a limit of its own, and prints one line of JSON for each result at once; a
table comes last. On the CPU the same programme runs with small pictures: its numbers say nothing
about a GPU. The exit status is 1 if a check failed or a section did not end in time.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from contract import WITHOUT_CODES

import neuralpaint as npaint
from neuralpaint.image.canvas import Canvas
from neuralpaint.image.pictures import Picture
from neuralpaint.pipelines.bench.bench import SAMPLE
from neuralpaint.pipelines.bench.cost import synchronize, training_speed
from neuralpaint.runtime.devices import find_device, this_machine
from neuralpaint.runtime.threads import ensure_threads
from neuralpaint.training.learner import Learner
from neuralpaint.training.losses import losses
from neuralpaint.training.settings import TrainingSettings
from neuralpaint.training.step import StepGraphs
from neuralpaint.training.torch_learner import TorchLearner

_SEED = 3
_PSNR_OF_PEAK = {"cpu": (1,), "cuda": (1, 5, 10, 30)}  # seconds of training by the clock


class Verifier:
    """One section: prints results, and remembers whether a check failed."""

    def __init__(self, section: str, device: str) -> None:
        self.section, self.device = section, device
        self.on_gpu = device.startswith("cuda")
        self.failed = False

    def tell(self, what: str, *, passed: bool | None = None, **facts: Any) -> None:
        """Print a result; `passed` is None for a measurement."""
        self.failed |= passed is False
        print(json.dumps({"section": self.section, "what": what, "passed": passed, **facts}))
        sys.stdout.flush()

    def learner(self, picture: Picture, **options: Any) -> TorchLearner:
        """Return a learner on the device."""
        chosen = {"device": self.device, "seed": _SEED} | options
        made = npaint.learner(picture, TrainingSettings.from_dict(chosen))
        assert isinstance(made, TorchLearner)
        return made


def photo(height: int, width: int) -> Picture:
    """Return the sample photograph, scaled and cropped."""
    return npaint.load_picture(SAMPLE).covering(height=height, width=width)


def weights(trained: Learner) -> dict[str, Any]:
    """Return everything on which the next step depends, without the times."""
    return {name: value for name, value in trained.state().items() if "seconds" not in name}


def equal(a: dict[str, Any], b: dict[str, Any]) -> bool:
    """Return whether two states are equal to the bit."""
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


def models_and_losses(verifier: Verifier) -> None:
    """A recorded step against a plain one, run to run, resumed, and against the CPU."""
    picture = photo(160, 240) if verifier.on_gpu else photo(48, 72)
    batch = picture.height * picture.width // 3
    for model in WITHOUT_CODES:
        for loss in losses if model == "fourier" else ("mse",):
            chosen = {"model": model, "loss": loss, "batch": batch, "steps": 60}
            first, again, resumed, plain = (verifier.learner(picture, **chosen) for _ in range(4))
            first.advance(17)
            resumed.restore(first.state())
            for trained in (first, resumed):
                trained.advance(20)
            again.advance(37)
            what = f"{model} {loss}"
            same = weights(first), weights(again), weights(resumed)
            verifier.tell(f"{what}: the same in every run", passed=equal(same[0], same[1]))
            verifier.tell(f"{what}: resumed to the bit", passed=equal(same[0], same[2]))
            if verifier.on_gpu:
                plain._graphs = None
                verifier.tell(
                    f"{what}: recorded",
                    passed=not StepGraphs.fault,
                    fault=StepGraphs.fault,
                    shapes=0 if first._graphs is None else len(first._graphs._recorded),
                )
            plain.advance(37)
            near = math.isclose(plain.loss, again.loss, rel_tol=0.05)
            verifier.tell(f"{what}: as without recording", passed=near)
            on_cpu = verifier.learner(picture, **chosen, device="cpu")
            on_cpu.advance(20)
            here = verifier.learner(picture, **chosen)
            here.advance(20)
            near = math.isclose(on_cpu.loss, here.loss, rel_tol=0.1)
            verifier.tell(f"{what}: as on the CPU", passed=near, loss=here.loss, cpu=on_cpu.loss)


def failures(verifier: Verifier) -> None:
    """A step that waits for the GPU, many frames, little memory, a large picture."""
    picture = photo(96, 144)
    waiting = verifier.learner(picture, steps=100)
    train_on = waiting._train_on

    def wait(lattice: Any) -> None:
        train_on(lattice)
        float(waiting._epoch_loss)

    waiting._train_on = wait  # type: ignore[method-assign]
    waiting.advance(30)
    trains_on = math.isfinite(waiting.loss)
    verifier.tell("a step that waits trains on", passed=trains_on, fault=StepGraphs.fault)
    if verifier.on_gpu:
        torch.cuda.empty_cache()
    second = verifier.learner(picture, steps=100)
    second.advance(30)
    verifier.tell("a second learner trains", passed=math.isfinite(second.loss))
    painting = second.painting()
    large = (
        Canvas.of(height=2160, width=3840) if verifier.on_gpu else Canvas.of(height=90, width=160)
    )
    used = []
    for _ in range(200 if verifier.on_gpu else 20):
        npaint.render(painting, picture.canvas)
        used.append(torch.cuda.memory_allocated() if verifier.on_gpu else 0)
    verifier.tell("rendering keeps no memory", passed=used[-1] <= used[10], bytes=used[-1])
    if verifier.on_gpu:
        whole = npaint.render(painting, large)
        torch.cuda.empty_cache()
        torch.cuda.set_per_process_memory_fraction(0.03)
        small = npaint.render(painting, large)
        torch.cuda.set_per_process_memory_fraction(1.0)
        verifier.tell("little memory changes no pixel", passed=bool((whole == small).all()))
        torch.cuda.reset_peak_memory_stats()
    many = verifier.learner(photo(4000, 6000) if verifier.on_gpu else photo(200, 300), steps=20)
    many.advance(10)
    peak = torch.cuda.max_memory_allocated() / 2**20 if verifier.on_gpu else None
    verifier.tell("a large picture is learned", passed=math.isfinite(many.loss), peak_mb=peak)


def speed(verifier: Verifier) -> None:
    """Milliseconds per step, megapixels per second and the share of the peak, of every model."""
    picture = photo(1080, 1620) if verifier.on_gpu else photo(256, 384)
    for model in WITHOUT_CODES:
        for batch in (65_536, 262_144) if verifier.on_gpu else (None,):
            chosen = {"model": model, "batch": batch, "device": verifier.device, "steps": 5000}
            measured = training_speed(
                picture, TrainingSettings.from_dict(chosen), threads=ensure_threads()
            )
            verifier.tell(
                f"{model}: training",
                batch=measured.batch,
                ms_per_step=measured.ms_per_step,
                mpx_per_second=measured.mpx_per_second,
                share_of_peak=measured.share,
            )


def frames(verifier: Verifier) -> None:
    """Milliseconds of a frame of every model."""
    picture = photo(256, 384)
    sizes = ((1080, 1920), (2160, 3840)) if verifier.on_gpu else ((180, 320),)
    for model in WITHOUT_CODES:
        painting = verifier.learner(picture, model=model, steps=10).painting()
        for height, width in sizes:
            canvas, seconds = Canvas.of(height=height, width=width), []
            for _ in range(7):
                synchronize(verifier.device)
                began = time.perf_counter()
                npaint.render(painting, canvas)
                seconds.append(time.perf_counter() - began)
            ms = 1e3 * statistics.median(seconds[2:])
            verifier.tell(f"{model}: a frame of {width}x{height}", ms=ms)


def films(verifier: Verifier) -> None:
    """The default clip, from a cold start."""
    sizes = ((512, 768), (1080, 1620)) if verifier.on_gpu else ((96, 144),)
    short = [] if verifier.on_gpu else ["--steps", "50", "--duration", "1"]
    for height, width in sizes:
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "photo.png"
            npaint.save_still(photo(height, width).pixels, source)
            words = ["video", str(source), "-o", f"{folder}/film.mp4", "--json", *short]
            began = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-m", "neuralpaint", *words, "--device", verifier.device],
                capture_output=True,
                text=True,
                check=False,
            )
            seconds = time.perf_counter() - began
        lines = done.stdout.splitlines()
        last = json.loads(lines[-1]) if lines else {}
        verifier.tell(
            f"the default clip at {width}x{height}",
            passed=done.returncode == 0,
            seconds=seconds,
            train_seconds=last.get("train_seconds"),
            psnr=last.get("psnr"),
            error=done.stderr.strip()[-300:] or None,
        )


def by_the_clock(verifier: Verifier) -> None:
    """PSNR after seconds of training."""
    picture = photo(512, 768) if verifier.on_gpu else photo(96, 144)
    for model in ("fourier", "pyramid"):
        for seconds in _PSNR_OF_PEAK["cuda" if verifier.on_gpu else "cpu"]:
            with tempfile.TemporaryDirectory() as folder:
                source = Path(folder) / "photo.png"
                npaint.save_still(picture.pixels, source)
                result = npaint.paint(
                    source,
                    Path(folder) / "still.png",
                    model=model,
                    seconds=float(seconds),
                    device=verifier.device,
                )
            verifier.tell(
                f"{model}: {seconds} s of training",
                passed=result.train_seconds < 1.5 * seconds + 0.5,
                psnr=result.psnr,
                steps=result.steps,
                seconds=result.train_seconds,
            )


# The limit of each section in seconds, on a GPU.
SECTIONS: dict[str, tuple[Callable[[Verifier], None], float]] = {
    "models": (models_and_losses, 120),
    "failures": (failures, 60),
    "speed": (speed, 90),
    "frames": (frames, 45),
    "films": (films, 60),
    "clock": (by_the_clock, 150),
}


def _run_section(name: str, device: str, limit: float) -> tuple[list[dict[str, Any]], bool]:
    """Run a section in a child; return what it told, and whether it ended in time without error."""
    words = [sys.executable, str(Path(__file__)), "--device", device, "--section", name]
    child = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        stdout, stderr = child.communicate(timeout=limit)
        ended = child.returncode in (0, 1)
    except subprocess.TimeoutExpired:
        child.kill()
        stdout, stderr = child.communicate()
        ended = False
    told = [json.loads(line) for line in stdout.splitlines() if line.startswith("{")]
    if not ended:
        reason = stderr.strip().splitlines()[-1:] or [f"not finished after {limit:g} s"]
        told.append({"section": name, "what": "the section", "passed": False, "error": reason[0]})
    return told, ended


def _table(told: list[dict[str, Any]]) -> str:
    lines = []
    for each in told:
        facts = {key: each[key] for key in each.keys() - {"section", "what", "passed"} if each[key]}
        words = [f"{key} {facts[key]:.4g}" if isinstance(facts[key], float)
                 else f"{key} {facts[key]}" for key in each if key in facts]  # fmt: skip
        sign = {True: "ok", False: "FAILED", None: ""}[each["passed"]]
        lines.append(f"{each['section']:9} {sign:6} {each['what']}  {', '.join(words)}".rstrip())
    return "\n".join(lines)


def main() -> int:
    """Run all sections, or one of them in this process."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--device", default="auto")
    parser.add_argument(
        "-o", "--output", type=Path, help="a folder for verify.jsonl and verify.txt"
    )
    parser.add_argument("--section", choices=SECTIONS)
    given = parser.parse_args()
    device = str(find_device(given.device))
    if given.section:
        verifier = Verifier(given.section, device)
        SECTIONS[given.section][0](verifier)
        return int(verifier.failed)
    machine = this_machine(device=device.partition(":")[0], threads=ensure_threads())
    head = f"{machine.gpu or machine.cpu}, {machine.threads} threads, torch {machine.torch}"
    if not device.startswith("cuda"):
        head += ": no CUDA GPU, so this is the small programme"
    print(head)
    told: list[dict[str, Any]] = []
    for name, (_, limit) in SECTIONS.items():
        found, _ = _run_section(name, device, limit)
        told += found
        for each in found:
            print(json.dumps(each), flush=True)
    table = f"{head}\n{_table(told)}\n"
    print(table)
    if given.output is not None:
        given.output.mkdir(parents=True, exist_ok=True)
        (given.output / "verify.jsonl").write_text("".join(f"{json.dumps(t)}\n" for t in told))
        (given.output / "verify.txt").write_text(table)
    return int(any(each["passed"] is False for each in told))


if __name__ == "__main__":
    sys.exit(main())
