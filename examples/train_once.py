"""Record one training and film it twice: as it ran, and slowly, from nearby."""

from pathlib import Path

import neuralpaint as npaint

ROOT = Path(__file__).resolve().parent.parent
TAKE = ROOT / "outputs" / "once.take"

npaint.timelapse(
    ROOT / "examples" / "cat.jpg",
    ROOT / "outputs" / "once.mp4",
    steps=300,
    duration=3,
    pacing="log",
    record=TAKE,
    overwrite=True,
)
result = npaint.render_saved(
    TAKE,
    ROOT / "outputs" / "nearby.mp4",
    duration=6,
    pacing="log",
    camera="zoom-in:x=0.42,y=0.42,factor=4",
    aspect="1:1",
    overwrite=True,
)
snapshots = len(npaint.load_take(TAKE))
print(f"{result.output}: {result.frames} frames of {snapshots} snapshots, {result.psnr:.1f} dB")
