"""The page that explains a network: its pictures and its sentences, from a Jinja template."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from neuralpaint.errors import UsageError
from neuralpaint.export.html.page import image_uri, render_page
from neuralpaint.image.canvas import View
from neuralpaint.image.metrics import format_psnr, psnr
from neuralpaint.image.pictures import Frame
from neuralpaint.pipelines.explain.anatomy import Anatomy, noisy
from neuralpaint.pipelines.saved_networks import is_take, load_saved
from neuralpaint.rendering.render import painting_psnr
from neuralpaint.rendering.visible_change import Octaves
from neuralpaint.runtime.files import check_output, write_file
from neuralpaint.video.drawing import signed_scale
from neuralpaint.video.units import differing_units, typical_largest, unit_colours

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting
    from neuralpaint.storage.take import Take
    from neuralpaint.training.learning import Snapshot

__all__ = ["Explain", "Explained"]

_PIXELS = 320  # of the longer side of a picture on the page
_UNITS = 12  # of each layer, and as many features
_MOMENTS = 8
_CANDIDATES = 40  # snapshots of which the moments are chosen
_LEAST_WAVE = 8  # pixels: the shortest wave that is drawn
_CLOSER = 8
_NOISE = 0.01, 0.03, 0.1, 0.3, 1.0
_SUFFIXES = ".html", ".htm"


@dataclass(frozen=True)
class Explained:
    """The page that was written."""

    output: str
    model: str
    weights: int
    bytes: int
    interrupted: bool = False


class Figure(NamedTuple):
    """An image on the page with its caption."""

    source: str
    """A data URI."""
    caption: str
    note: str = ""


class Explain:
    """The explanation of one painting or take in one file."""

    def __init__(
        self, saved: str | Path, output: str | Path, *, seed: int = 0, overwrite: bool = False
    ) -> None:
        """Load the network.

        Raises:
            UsageError: the model has no layers to explain, or the output cannot be written there.
            SavedError: the saved file is damaged, or written by a newer neuralpaint.
        """
        self._output, self._seed = Path(output), seed
        if self._output.suffix.lower() not in _SUFFIXES:
            raise UsageError(f"{str(output)!r}: the page is an HTML file: choose a name with .html")
        check_output(self._output, overwrite=overwrite)
        loaded = load_saved(saved, "cpu")
        self._saved, self._take = saved, loaded if is_take(loaded) else None
        self._painting: Painting = loaded.at(math.inf).painting if is_take(loaded) else loaded
        canvas = self._painting.canvas
        if canvas.channels == 4:
            raise UsageError(
                f"{str(saved)!r} has learned alpha, which the page does not show: train it with "
                "--background"
            )
        factor = min(1.0, _PIXELS / max(canvas.height, canvas.width))
        self._canvas = canvas.scaled(factor)
        self._anatomy = Anatomy(self._painting, self._canvas.grid())

    def facts(self) -> dict[str, Any]:
        """Return the plan, for --dry-run and --json."""
        canvas = self._painting.canvas
        return {
            "input": str(self._saved),
            "output": str(self._output),
            "model": self._painting.settings.model,
            "input_width": canvas.width,
            "input_height": canvas.height,
        }

    def run(self, report: Callable[[Any], None]) -> Explained:
        """Write the page. `report` is not called, because this takes a few seconds."""
        page = self._page().encode()
        write_file(self._output, page)
        return Explained(
            output=str(self._output),
            model=self._painting.settings.model,
            weights=self._count,
            bytes=len(page),
        )

    @property
    def _count(self) -> int:
        weights = self._painting.read_weights()
        return sum(weights[name].size for name in self._painting.trained)

    def _page(self) -> str:
        anatomy, canvas = self._anatomy, self._painting.canvas
        numbers = 3 * canvas.width * canvas.height
        return render_page(
            __package__,
            "page.html",
            title=f"Inside a network that learned {self._name()}",
            model=self._painting.settings.model,
            width=canvas.width,
            height=canvas.height,
            numbers=numbers,
            weights=self._count,
            share=_share(self._count, numbers),
            pictures=1 if self._painting.codes is None else len(self._painting.codes),
            multiplies=anatomy.multiplies,
            layers=[values.shape[-1] for values in anatomy.hidden],
            features=anatomy.feature_count,
            feeds_every_layer=anatomy.feeds_every_layer,
            series=anatomy.series_size,
            picture=_painted(anatomy.colours, "what the network paints"),
            original=self._original(),
            place=list(self._place()),
            feature_figures=list(self._features()),
            units=[list(row) for row in self._units()],
            stages=[_painted(stage.colours, stage.name) for stage in anatomy.stages()],
            silenced=[self._compared(each.name, each.colours) for each in anatomy.silenced()],
            noise=[
                self._compared(
                    f"{100 * amount:g} % noise",
                    noisy(self._painting, amount, seed=self._seed)(self._canvas.grid()),
                )
                for amount in _NOISE
            ],
            moments=[self._moment(each) for each in self._moments()],
            scale="linear-gradient(90deg, "
            + ", ".join("#{:02x}{:02x}{:02x}".format(*c) for c in signed_scale(9).tolist())
            + ")",
        )

    def _name(self) -> str:
        source = self._painting.note.get("input") or self._painting.note.get("source")
        if self._take is not None:
            source = self._take.note.get("input") or self._take.note.get("source") or source
        return Path(source).name if isinstance(source, str) and source else "a picture"

    def _original(self) -> Figure | None:
        if self._take is None:
            return None
        picture = self._take.picture
        off = painting_psnr(self._painting, picture)
        image = Image.fromarray(picture.pixels)
        image.thumbnail((_PIXELS, _PIXELS), Image.Resampling.LANCZOS)
        note = f"{format_psnr(off, digits=1)} dB from what the network paints"
        return Figure(image_uri(np.asarray(image)), "the picture it learned from:", note)

    def _place(self) -> Iterator[Figure]:
        grid = self._anatomy.grid
        for name, axis in (("x", grid.x), ("y", grid.y)):
            values = np.broadcast_to(axis, grid.shape).astype(np.float32)
            yield Figure(image_uri(unit_colours(values, 1.0)), name)

    def _features(self) -> Iterator[Figure]:
        """Yield some features, if they are more than the coordinates."""
        shape = self._anatomy.grid.shape
        parts = self._anatomy.features
        if self._anatomy.feature_count <= len(shape):
            return
        each = max(1, _UNITS // len(parts))
        window = self._canvas.seen(View(zoom=8 * _CLOSER)).scaled(1 / 8)
        close = self._painting.features(window.grid())
        for part, near, name in zip(parts, close, _part_names(parts), strict=True):
            drawable = _drawable(part, near)
            for index in (drawable[i] for i in _spread(len(drawable), each)):
                values = np.broadcast_to(part[..., index], shape).astype(np.float32)
                largest = max(1e-6, float(np.abs(values).max()))
                yield Figure(image_uri(unit_colours(values, largest)), f"{name} {index + 1}")

    def _units(self) -> Iterator[Iterator[Figure]]:
        for layer, order in enumerate(differing_units(self._painting)):
            values = self._anatomy.hidden[layer]
            scale = typical_largest(values)
            yield (
                Figure(image_uri(unit_colours(values[..., unit], scale)), f"unit {unit + 1}")
                for unit in order[:_UNITS]
            )

    def _compared(self, caption: str, colours: npt.NDArray[np.float32]) -> Figure:
        """Return a picture with its PSNR to that of the whole network."""
        frame = _levels(colours)
        off = psnr(frame, _levels(self._anatomy.colours))
        note = "no difference" if math.isinf(off) else f"{format_psnr(off, digits=0)} dB"
        return Figure(image_uri(frame), caption, note)

    def _moments(self) -> list[Snapshot]:
        """Return moments of a take between which the picture visibly changes by equal amounts."""
        if self._take is None or len(self._take) < _MOMENTS:
            return []
        return _evenly_changing(self._take)

    def _moment(self, snapshot: Snapshot) -> tuple[Figure, list[Figure]]:
        grid = self._anatomy.grid
        picture = _painted(snapshot.painting(grid), f"step {snapshot.step:,}")
        *hidden, _ = snapshot.painting.layer_values(grid)
        units = []
        for layer, order in enumerate(differing_units(self._painting)):
            scale = typical_largest(hidden[layer])
            tile = unit_colours(hidden[layer][..., order[0]], scale)
            units.append(Figure(image_uri(tile), f"layer {layer + 1}, unit {order[0] + 1}"))
        return picture, units


def _evenly_changing(take: Take) -> list[Snapshot]:
    """Return snapshots at equal distances along the sum of the visible change."""
    last = len(take) - 1
    indices = sorted({round(last * (math.expm1(4 * i / (_CANDIDATES - 1)) / math.expm1(4)))
                      for i in range(_CANDIDATES)})  # fmt: skip
    canvas = take[last].painting.canvas
    small = canvas.scaled(min(1.0, 64 / max(canvas.height, canvas.width))).grid()
    octaves = [Octaves(take[i].painting(small)) for i in indices]
    steps = [
        (now.change(before) / octaves[-1].contrast).mean() for before, now in pairwise(octaves)
    ]
    along = np.append(0, np.cumsum(steps))
    wanted = np.linspace(0, along[-1], _MOMENTS)
    chosen = sorted({int(np.abs(along - each).argmin()) for each in wanted})
    return [take[indices[i]] for i in chosen]


def _drawable(part: npt.NDArray[np.float32], close: npt.NDArray[np.float32]) -> list[int]:
    """Return the features of a part whose waves are at least eight pixels long on the page.

    `close` is the part on pixels of a page that is `_CLOSER` times as large: there no wave is
    sampled so rarely that it looks like a longer one.
    """
    largest = np.maximum(np.abs(part).max(axis=(0, 1)), 1e-6)
    changes = [
        np.abs(np.diff(close, axis=axis)).mean(axis=(0, 1)) * _CLOSER / largest
        for axis in (0, 1)
        if close.shape[axis] > 1
    ]
    is_fine = np.max(changes, axis=0, initial=0.0) > 1
    return [
        int(i) for i in (np.arange(len(is_fine)) if is_fine.all() else np.flatnonzero(~is_fine))
    ]


def _share(weights: int, numbers: int) -> str:
    """Return how many weights there are for the numbers of the picture, in words."""
    picture = f"The picture itself is {numbers:,} numbers"
    if weights > 2 * numbers:
        return f"{picture}: the network has {weights / numbers:,.0f} times as many weights."
    share = f"{100 * weights / numbers:.2g}"
    return f"{picture}: the network has {share} weights for every 100 of them."


def _part_names(parts: list[npt.NDArray[np.float32]]) -> list[str]:
    names = []
    for part in parts:
        height, width = part.shape[:2]
        names.append(
            "of x:" if height == 1 < width else "of y:" if width == 1 < height else "feature"
        )
    return names


def _spread(count: int, most: int) -> list[int]:
    """Return at most `most` of `count` indices, from the first to the last in equal ratios."""
    if count <= most:
        return [*range(count)]
    return sorted({round(math.expm1(math.log(count) * i / (most - 1))) for i in range(most)})


def _painted(colours: npt.NDArray[np.float32], caption: str) -> Figure:
    return Figure(image_uri(_levels(colours)), caption)


def _levels(colours: npt.NDArray[np.float32]) -> Frame:
    levels: Frame = np.rint(255 * np.clip(colours, 0, 1)).astype(np.uint8)
    return levels
