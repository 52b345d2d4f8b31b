"""Make a timelapse with a loop over snapshots: train, render, write."""

from pathlib import Path

import neuralpaint as npaint

ROOT = Path(__file__).resolve().parent.parent

picture = npaint.load_picture(ROOT / "examples" / "cat.jpg")
canvas = npaint.Canvas.of(height=picture.height, width=picture.width)
learner = npaint.learner(picture, model="fourier:order=64", steps=200)

clip = npaint.ClipWriter(
    ROOT / "outputs" / "loop.mp4",
    height=canvas.height,
    width=canvas.width,
    fps=20,
    overwrite=True,
)
with clip:
    for snapshot in npaint.learn(learner, stops=range(0, 201, 5)):
        frame = npaint.render(snapshot.painting, canvas)
        clip.write(frame)
        print(f"step {snapshot.step:3d}  {npaint.psnr(frame, picture.pixels):.1f} dB")
