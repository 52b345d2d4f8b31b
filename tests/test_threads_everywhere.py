"""Torch's own threads are never started, by no command and no public function.

Each of them waits for all others after every operation, so on a busy machine a second becomes a
minute. A child process counts its threads that are not Python's: only torch can add one.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from processes import MODEL, run

# A fork for each call, so that none finds the threads set by another one.
COUNTED = """
import json, os, sys, threading, time
import numpy as np
import torch
import neuralpaint as npaint
from neuralpaint.cli import main

def native():
    return len(os.listdir("/proc/self/task")) - threading.active_count()

def typed(*words):
    sys.argv = ["neuralpaint", *words, "-q", "-y", "--device", "cpu", "--threads", "1"]
    try:
        main()
    except SystemExit as end:
        assert end.code == 0, end.code

for name, call in json.load(sys.stdin).items():
    if os.fork() == 0:
        before = native()
        exec(call)
        time.sleep(0.1)  # until threads that have ended are gone
        print(json.dumps([name, native() - before, torch.get_num_threads()]), flush=True)
        os._exit(0)
    os.wait()
"""

CALLS = {
    "load_painting": "npaint.load_painting('in.painting')",
    "painting": "npaint.load_painting('in.painting')(np.zeros((1, 900)), np.zeros((900, 1)))",
    "render": "npaint.render(npaint.load_painting('in.painting'), "
    "npaint.Canvas.of(height=900, width=900))",
    "take": "npaint.load_take('in.take').painting(2)(np.zeros((1, 900)), np.zeros((900, 1)))",
    "render_saved": "npaint.render_saved('in.take', 'a.png', scale=3)",
    "learner": "npaint.learner(npaint.load_picture('in.png'), steps=2, device='cpu').advance(1)",
    "compare": "npaint.compare('in.png', 'race', model='fourier,siren', steps=2, no_race=True, "
    "device='cpu')",
}
WORDS = [
    "paint in.png -o b.png --steps 2 --engine numpy --model mlp",
    "paint in.png -o c.png --steps 2 --target-scale 2 --enhance",
    "inpaint in.png -o d.png --steps 2 --mask center",
    "video in.gif -o e.mp4 --steps 2 --frames-in 3 --frames 4",
    "video in.png -o f.mp4 --steps 2 --frames 4 --model pyramid --size 360x240",
    "morph in.png other.png -o g.mp4 --steps 2 --frames 4",
    "render in.painting -o h.png --scale 4",
    "compare in.png -o upscaled --upscale 2 --steps 2",
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with pictures, an animation, a painting and a take."""
    folder = tmp_path_factory.mktemp("threads")
    y, x = np.mgrid[:120, :180] / 20
    pages = [
        Image.fromarray(np.uint8(127 + 120 * np.sin(np.stack([x + i, y - i, x + y], 2) / 2)))
        for i in range(3)
    ]
    pages[0].save(folder / "in.png")
    pages[1].save(folder / "other.png")
    pages[0].save(folder / "in.gif", save_all=True, append_images=pages[1:], duration=100)
    words = ["paint", "in.png", "-o", "saved.png", "--steps", "4", "--model", MODEL, "--save",
             "in.painting", "--record", "in.take", "--device", "cpu", "-q"]  # fmt: skip
    run([sys.executable, "-m", "neuralpaint", *words], cwd=folder, check=True)
    return folder


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="counts the threads as Linux does")
def test_torch_computes_in_one_thread(files: Path) -> None:
    typed = {words: f"typed(*{words.split()})" for words in WORDS}
    calls = {"torch alone": "torch.ones(1 << 20).mul(2)"} | CALLS | typed
    done = run(
        [sys.executable, "-c", COUNTED],
        stdin=json.dumps(calls).encode(),
        cwd=files,
        env=os.environ | {"OMP_NUM_THREADS": "4", "OPENBLAS_NUM_THREADS": "1"},
    )
    (name, added, threads), *found = map(json.loads, done.stdout.splitlines())
    assert (name, added) == ("torch alone", threads - 1)
    assert threads > 1
    assert found == [[name, 0, 1] for name in [*CALLS, *typed]], done.stderr
