"""Makes the gallery of the README and the guide: python .ci/gallery.py [NAME...]

A strip shows six moments of a clip, evenly spaced from its first frame to its last. It takes about
ten minutes on two CPU cores; with names, only these pictures are made.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from neuralpaint.config.presets import LOOKS

EXAMPLES = Path(__file__).parent.parent / "examples"
GALLERY, CAT, ROCKET = EXAMPLES / "gallery", EXAMPLES / "cat.jpg", EXAMPLES / "rocket.jpg"

BEYOND = ("focus", "brush", "fold", "mandala")
STRIPS = {
    "default": (ROCKET, ()),
    "fixed": (CAT, ("--pacing", "fixed")),
    "steps_curve": (CAT, ("--overlay", "steps", "--overlay", "curve")),
    "side": (CAT, ("--overlay", "side")),
    "wipe": (CAT, ("--overlay", "wipe")),
    "heatmap": (CAT, ("--overlay", "heatmap")),
    "camera": (CAT, ("--camera", "zoom-in:x=0.6,y=0.45")),
    **{f"look_{name}": (CAT, ("--look", name)) for name in LOOKS if name != "original"},
    **{f"beyond_{name}": (CAT, ("--look", name, "--camera", "beyond")) for name in BEYOND},
}
MOMENTS, WIDTH = 6, 150  # of a strip; pixels of a moment
SHORT = ("--size", "300x200", "--duration", "3")


def film(picture: Path, clip: str, *options: str) -> None:
    """Make a clip."""
    command = [sys.executable, "-m", "neuralpaint", "video", str(picture), "-o", clip]
    subprocess.run([*command, *options, "--overwrite"], check=True)


def strip(frames: list[Path]) -> Image.Image:
    """Return some of the frames side by side."""
    chosen = [frames[i] for i in np.linspace(0, len(frames) - 1, MOMENTS).round().astype(int)]
    images = [Image.open(path).convert("RGB") for path in chosen]
    height = round(WIDTH * images[0].height / images[0].width)
    row = Image.new("RGB", (MOMENTS * (WIDTH + 2) - 2, height), "white")
    for i, image in enumerate(images):
        row.paste(image.resize((WIDTH, height), Image.Resampling.LANCZOS), (i * (WIDTH + 2), 0))
    return row


def main(names: list[str]) -> None:
    """Make all pictures, or those with these names."""
    for name, (picture, options) in STRIPS.items():
        if names and name not in names:
            continue
        with tempfile.TemporaryDirectory() as folder:
            film(picture, f"{folder}/", *SHORT, *options)  # as a folder of PNGs
            strip(sorted(Path(folder).glob("*.png"))).save(GALLERY / f"{name}.jpg", quality=88)
    if not names or "cat" in names:
        options = ("--size", "450x300", "--duration", "6", "--fps", "15", "--boomerang")
        film(CAT, str(GALLERY / "cat.webp"), *options)


if __name__ == "__main__":
    main(sys.argv[1:])
