"""Makes the gallery of the README and the guide: python .ci/gallery.py [NAME...]

A strip shows moments of a clip, evenly spaced from its first frame to its last. It takes about
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

BEYOND = ("focus", "brush", "fold", "kaleidoscope")
SHORT = ("--size", "300x200", "--duration", "3")
WIDE = ("--size", "600x200")
STRIPS = {
    "default": (ROCKET, ()),
    "fixed": (CAT, ("--pacing", "fixed")),
    "steps_curve": (CAT, ("--overlay", "steps", "--overlay", "curve")),
    "side": (CAT, ("--overlay", "side", *WIDE)),
    "wipe": (CAT, ("--overlay", "wipe")),
    "heatmap": (CAT, ("--overlay", "heatmap", *WIDE)),
    "camera": (CAT, ("--camera", "zoom-in:x=0.6,y=0.45")),
    **{f"look_{name}": (CAT, ("--look", name)) for name in LOOKS if name != "original"},
    **{f"beyond_{name}": (CAT, ("--look", name, "--camera", "beyond")) for name in BEYOND},
}


def film(picture: Path, clip: str, *options: str) -> None:
    """Make a clip."""
    command = [sys.executable, "-m", "neuralpaint", "video", str(picture), "-o", clip]
    subprocess.run([*command, *options, "--overwrite"], check=True)


def strip(frames: list[Path]) -> Image.Image:
    """Return six of the frames side by side, or three if they are wide; 900 pixels in all."""
    wide, tall = Image.open(frames[0]).size
    moments = 3 if wide > 2 * tall else 6
    width = 900 // moments
    height = round(width * tall / wide)
    row = Image.new("RGB", (900, height), "white")
    for i, at in enumerate(np.linspace(0, len(frames) - 1, moments).round().astype(int)):
        image = Image.open(frames[at]).convert("RGB")
        image = image.resize((width - 2, height), Image.Resampling.LANCZOS)
        row.paste(image, (i * width, 0))
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
        options = ("--look", "bloom", "--size", "450x300", "--duration", "7", "--fps", "15")
        film(CAT, str(GALLERY / "cat.webp"), *options, "--boomerang")


if __name__ == "__main__":
    main(sys.argv[1:])
