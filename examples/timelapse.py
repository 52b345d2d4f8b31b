"""Make a clip of a network learning a photograph."""

from pathlib import Path

import neuralpaint as npaint

ROOT = Path(__file__).resolve().parent.parent

result = npaint.timelapse(
    ROOT / "examples" / "cat.jpg",
    ROOT / "outputs" / "cat.mp4",
    steps=300,
    duration=4,
    pacing="log",
    overlay="steps,curve",
    overwrite=True,
)
print(f"{result.output}: {result.frames} frames, {result.psnr:.1f} dB")
