"""Reading a take: a sequence of snapshots, each loaded when it is used."""

from __future__ import annotations

import base64
import bisect
import html
import importlib
import io
import math
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from neuralpaint.errors import PictureError, SavedError, UsageError
from neuralpaint.image.canvas import Canvas
from neuralpaint.image.pictures import Picture, PictureSettings, load_picture
from neuralpaint.models.painting import Painting
from neuralpaint.storage.painting_file import build_painting, read_model_facts
from neuralpaint.storage.take.contents import (
    Weights,
    unpack_alpha,
    unpack_mask,
    unpack_sketch,
    unpack_weights,
    widen,
)
from neuralpaint.storage.take.records import Place, has_magic, read_places, read_record
from neuralpaint.storage.tensors import open_saved
from neuralpaint.training.learning import Snapshot
from neuralpaint.training.settings import TrainingSettings

__all__ = ["Take", "is_take_file", "load_take"]

_MOMENTS = 6  # of the strip in a notebook
_STRIP = 160  # pixels of the longer side of each
_CACHED = 2  # paintings: interpolation needs two
_DENSEST = 20  # pixels per byte of PNG, for pictures over the usual limit


def load_take(path: str | Path, *, device: str = "cpu") -> Take:
    """Return the take in a file, to be rendered on `device`; the take can still be growing.

    Only the list of its snapshots is read.

    Raises:
        UsageError: the file does not exist.
        SavedError: it is damaged, not a take, or was made by a newer neuralpaint.
    """
    return Take(Path(path), device=device)


def is_take_file(path: str | Path) -> bool:
    """Return whether a file is a take; only its first bytes are read.

    Raises:
        UsageError: the file does not exist.
        SavedError: it cannot be read, or is a take made by a newer neuralpaint.
    """
    with open_saved(Path(path)) as file:
        return has_magic(file, name=f"{str(path)!r}")


class Take(Sequence[Snapshot]):
    """A recorded training."""

    settings: TrainingSettings
    """How the network was trained."""
    canvas: Canvas
    """The canvas of the picture at its own size."""
    codes: NDArray[np.float32] | None
    """The codes (pictures, k) of an album; None for a single picture."""
    steps: int
    """The planned number of steps."""
    note: dict[str, Any]
    """How the take was made."""
    finished: bool
    """Whether the whole training was recorded."""
    shown: list[int] | None
    """Index of the snapshot for each shot of the clip that was filmed during the training."""

    def __init__(self, path: Path, *, device: str) -> None:
        """Read the list of snapshots; see `load_take`."""
        self.path = path
        self._name = f"{str(path)!r}"
        self._device = device
        self._cached: dict[int, Painting] = {}
        with open_saved(path) as file:
            found = read_places(file, name=self._name)
            facts = read_record(file, found[0], name=self._name)[1]
            self.finished = found[-1].mark == b"DONE"
            ending = read_record(file, found[-1], name=self._name)[1] if self.finished else {}
        self._pictures = [place for place in found if place.mark == b"PICT"]
        self._places = [place for place in found if place.mark == b"SNAP"]
        self._steps = [place.step for place in self._places]
        self._model = read_model_facts(facts, name=self._name)
        self.settings, self.canvas, self.codes = self._model
        if len(self._pictures) != (1 if self.codes is None else len(self.codes)):
            raise SavedError(f"{self._name} is damaged (a picture is missing): copy it again")
        note, steps = facts.get("note"), facts.get("steps")
        in_order = self._steps == sorted(self._steps)
        if not isinstance(note, dict) or type(steps) is not int or not in_order:
            raise SavedError(f"{self._name} is damaged (its head is incomplete): copy it again")
        self.note, self.steps = note, steps
        self.shown = self._checked(ending.get("shown"))

    def _checked(self, shown: Any) -> list[int] | None:
        if shown is None:
            return None
        known = range(len(self._places))
        if not isinstance(shown, list) or not all(type(i) is int and i in known for i in shown):
            raise self._damaged("its clip has snapshots that are missing")
        return shown

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> Snapshot: ...

    @overload
    def __getitem__(self, index: slice) -> list[Snapshot]: ...

    def __getitem__(self, index: int | slice) -> Snapshot | list[Snapshot]:
        """Return a snapshot; its painting is loaded when it is used."""
        chosen = range(len(self))[index]
        if isinstance(chosen, range):
            return [self._snapshot(i) for i in chosen]
        return self._snapshot(chosen)

    def at(self, step: float) -> Snapshot:
        """Return the snapshot at a step, interpolated between its neighbours.

        A step before the first snapshot gives the first; a step after the last gives the last.

        Raises:
            UsageError: the take has no snapshots yet.
            SavedError: one of the snapshots is damaged.
        """
        if not self._places:
            raise UsageError(f"{self._name} has no snapshots yet: wait, or record it again")
        left = max(0, bisect.bisect_right(self._steps, step) - 1)
        right = min(left + 1, len(self) - 1)
        apart = self._steps[right] - self._steps[left]
        amount = (step - self._steps[left]) / apart if apart else 0.0
        return self[left].blend(self[right], amount)

    @cached_property
    def picture(self) -> Picture:
        """The picture that was learned; for an album, the first one.

        Raises:
            SavedError: the picture is damaged.
        """
        return self._load_picture(self._pictures[0])

    @cached_property
    def pictures(self) -> list[Picture]:
        """All pictures that were learned.

        Raises:
            SavedError: one of the pictures is damaged.
        """
        return [self.picture, *(self._load_picture(place) for place in self._pictures[1:])]

    def _load_picture(self, place: Place) -> Picture:
        tensors, facts = self._read(place)
        encoded, name = tensors.get("png"), facts.get("name")
        if encoded is None or encoded.dtype != np.uint8 or not isinstance(name, str):
            raise self._damaged("the picture is missing")
        usual = max(PictureSettings.max_pixels, _DENSEST * encoded.size)
        limit = min(usual, self.canvas.height * self.canvas.width)
        try:
            picture = load_picture(io.BytesIO(encoded.tobytes()), max_pixels=limit)
        except PictureError as error:
            raise self._damaged("the picture cannot be read") from error
        picture = unpack_alpha(Picture(picture.pixels, name=name), tensors, name=self._name)
        if picture.canvas != self.canvas:
            raise self._damaged("the picture has the wrong size")
        return unpack_mask(picture, tensors, name=self._name)

    def sketch(self, index: int) -> NDArray[np.uint8] | None:
        """Return the sketch of a snapshot, at the picture's size; None if it has none.

        Raises:
            SavedError: the frame is damaged.
        """
        tensors, _ = self._read(self._places[index])
        return unpack_sketch(tensors, canvas=self.canvas, name=self._name)

    def _repr_html_(self) -> str:
        """Return a player of the training for a notebook.

        Where no script runs, moments are seen side by side, with their numbers.

        Raises:
            SavedError: a snapshot is damaged.
        """
        # Imported by name when called: export is built on this module, not the reverse.
        notebook = importlib.import_module("neuralpaint.export.html.notebook")
        cell: str = notebook.take_cell(self, still=self._strip())
        return cell

    def _strip(self) -> str:
        """Return moments of the training side by side as HTML."""
        count = len(self)
        size = f"{self.canvas.width}x{self.canvas.height}"
        state = "" if self.finished else ", not finished"
        facts = f"{self.path.name}: {self.settings.model}, {size}, {count} snapshots{state}"
        last = max(1, min(_MOMENTS, count) - 1)
        chosen = dict.fromkeys(round(k * (count - 1) / last) for k in range(min(_MOMENTS, count)))
        moments = "".join(self._moment(index) for index in chosen)
        return (
            f"<div>{html.escape(facts)}</div>"
            f'<div style="display:flex;flex-wrap:wrap;gap:8px;margin-top:6px">{moments}</div>'
        )

    def _moment(self, index: int) -> str:
        """Return the picture and the numbers of a snapshot as HTML."""
        # Imported by name when called: rendering is built on this module, not the reverse.
        rendering = importlib.import_module("neuralpaint.rendering.render")
        scale = _STRIP / max(self.canvas.height, self.canvas.width)
        frame = rendering.render(self.painting(index), self.canvas.scaled(scale))
        png = base64.b64encode(Picture(frame)._repr_png_()).decode()
        place = self._places[index]
        loss = "" if math.isnan(place.loss) else f"<br>loss {place.loss:.3g}"
        caption = f"step {place.step:,}<br>{place.seconds:.1f} s{loss}"
        return (
            f'<figure style="margin:0"><img src="data:image/png;base64,{png}" '
            f'alt="step {place.step}"><figcaption>{caption}</figcaption></figure>'
        )

    def _snapshot(self, index: int) -> Snapshot:
        """Return a snapshot whose painting is loaded at each access."""
        place = self._places[index]
        return Snapshot.lazy(
            place.step,
            seconds=lambda: place.seconds,
            loss=lambda: place.loss,
            painting=lambda: self.painting(index),
        )

    def place(self, index: int) -> Place:
        """Return the place of a snapshot in the file, and its step, seconds and loss."""
        return self._places[index]

    def painting(self, index: int) -> Painting:
        """Return the painting of a snapshot; the last two that were used are cached.

        Raises:
            SavedError: its weights are damaged.
            DeviceError: the device does not exist or has too little memory.
        """
        painting = self._cached.pop(index, None)
        if painting is None:
            painting = self._first_painting if index == 0 else self._load(index)
        self._cached[index] = painting  # the last entry is the most recently used
        while len(self._cached) > _CACHED:
            del self._cached[next(iter(self._cached))]
        return painting

    def _load(self, index: int) -> Painting:
        tensors, _ = self._read(self._places[index])
        weights = self._first_weights | widen(unpack_weights(tensors), self._first_weights)
        try:
            return self._first_painting.with_weights(weights)
        except UsageError as error:
            raise self._damaged(str(error)) from error

    @cached_property
    def _first_weights(self) -> Weights:
        return unpack_weights(self._read(self._places[0])[0])

    @cached_property
    def _first_painting(self) -> Painting:
        return build_painting(
            self._first_weights, model=self._model, device=self._device, name=self._name
        )

    def _read(self, place: Place) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        with open_saved(self.path) as file:
            return read_record(file, place, name=self._name)

    def _damaged(self, reason: str) -> SavedError:
        return SavedError(f"{self._name} is damaged ({reason}): copy it again")
