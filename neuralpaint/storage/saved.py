"""Saved paintings: weights in a file, and the model built anew around them.

What a file says of its model is a claim. It is held against the weights that are there before
anything is built: a file of a kilobyte does not get a network of gigabytes.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

import numpy as np
from numpy.typing import NDArray

from neuralpaint._version import __version__
from neuralpaint.errors import DeviceError, SavedError, UsageError
from neuralpaint.image.canvas import Canvas
from neuralpaint.models.codes import checked_codes
from neuralpaint.runtime.devices import DeviceName, explain_out_of_memory, find_device
from neuralpaint.runtime.files import check_output
from neuralpaint.storage.sealed import load_sealed, save_sealed
from neuralpaint.training.settings import Plan, TrainingSettings

if TYPE_CHECKING:
    import torch

    from neuralpaint.models.painting import Painting

__all__ = [
    "ModelFacts",
    "built",
    "load_painting",
    "model_facts",
    "read_model_facts",
    "save_painting",
]

_KIND = "neuralpaint painting"
_LONGEST_SIDE = 2**31 - 1


def save_painting(
    painting: Painting, path: str | Path, *, note: Mapping[str, Any], overwrite: bool = False
) -> Path:
    """Save a painting under `path`, complete or not at all; see `Painting.save`."""
    path = check_output(path, overwrite=overwrite)
    facts = {
        **model_facts(painting.settings, painting.canvas, painting.codes),
        "neuralpaint": __version__,
        "note": dict(note),
    }
    save_sealed(path, painting.weights, kind=_KIND, facts=facts)
    return path


def load_painting(path: str | Path, *, device: DeviceName = "cpu") -> Painting:
    """Return the painting that `Painting.save` has saved, to render on `device`.

    Raises:
        UsageError: there is no such file.
        SavedError: it is damaged, no painting, or made by a newer neuralpaint.
        DeviceError: the device is not there or has too little memory.
    """
    from neuralpaint.storage.take import is_take

    path = Path(path)
    name = f"{str(path)!r}"
    if is_take(path):
        raise SavedError(f"{name} is a take, not a painting: load_take loads it")
    weights, facts = load_sealed(path, kind=_KIND)
    model = read_model_facts(facts, name=name)
    painting = built(weights, model=model, device=device, name=name)
    note = facts.get("note")
    painting.note = note if isinstance(note, dict) else {}
    return painting


class ModelFacts(NamedTuple):
    """What a model is built from, beside its weights."""

    settings: TrainingSettings
    canvas: Canvas
    """The picture's own."""
    codes: NDArray[np.float32] | None
    """Those of an album, (pictures, k)."""


def model_facts(
    settings: TrainingSettings, canvas: Canvas, codes: NDArray[np.float32] | None = None
) -> dict[str, Any]:
    """Return what a model is built from, as JSON can hold it."""
    said = settings.to_dict()
    coded = {} if codes is None else {"codes": codes.tolist()}
    return {"settings": said, "height": canvas.height, "width": canvas.width, **coded}


def read_model_facts(facts: Mapping[str, Any], *, name: str) -> ModelFacts:
    """Return what `model_facts` has written, checked as if it were typed.

    Raises:
        SavedError: it cannot be used; `name` is what the message calls the file.
    """
    values, height, width = (facts.get(key) for key in ("settings", "height", "width"))
    if not isinstance(values, dict):
        raise SavedError(f"{name} is damaged (it has no settings): make it again")
    if not (_is_side(height) and _is_side(width)):
        raise SavedError(f"{name} is damaged (its picture has no size): make it again")
    try:
        settings, canvas = TrainingSettings.from_dict(values), Canvas.of(height=height, width=width)
        return ModelFacts(settings, canvas, _codes(facts.get("codes")))
    except (ValueError, TypeError, OverflowError) as error:  # whatever a stranger wrote
        raise SavedError(
            f"{name} has settings that cannot be used ({error}): update neuralpaint, or make it "
            "again"
        ) from error


def _codes(said: object) -> NDArray[np.float32] | None:
    if said is None:
        return None
    if not isinstance(said, list):
        raise TypeError("its codes are no list")
    return checked_codes(said, count=len(said))


def _is_side(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 < value <= _LONGEST_SIDE


def built(
    weights: Mapping[str, NDArray[Any]], *, model: ModelFacts, device: DeviceName, name: str
) -> Painting:
    """Return the painting of these weights, its model built as the training built it.

    Raises:
        SavedError: the settings make no model, or one of other weights; `name` is what the message
            calls the file.
        DeviceError: the device is not there or has too little memory.
    """
    build = _scratch if model.settings.engine == "numpy" else _torch
    try:
        with explain_out_of_memory("choose another --device, or free memory"):
            return build(weights, model, device)
    except UsageError as error:
        raise SavedError(
            f"{name} is damaged (its weights are not of its model: {error}): make it again"
        ) from error


def _torch(weights: Mapping[str, NDArray[Any]], facts: ModelFacts, device: DeviceName) -> Painting:
    import torch

    from neuralpaint.models.painting import TorchPainting

    where = find_device(device)
    settings, canvas, codes = facts
    generator = torch.Generator().manual_seed(settings.optimization.seed)
    with _no_more_than(sum(weight.size for weight in weights.values())):
        plan = Plan(settings)
        model = plan.model.build(plan.canvas(canvas), generator, codes)
    model.to(where)
    blank = TorchPainting(model, model.state_dict(), canvas=canvas, settings=settings, codes=codes)
    return blank.with_weights(weights)


def _scratch(
    weights: Mapping[str, NDArray[Any]], facts: ModelFacts, device: DeviceName
) -> Painting:
    from neuralpaint.scratch.network import count_weights, supported_model
    from neuralpaint.scratch.painting import ScratchPainting, build_renderer

    if device not in ("auto", "cpu"):
        raise DeviceError(f"--engine numpy paints on the CPU, not on {device}: use --device cpu")
    settings, canvas, codes = facts
    plan = Plan(settings)
    model, learned = supported_model(plan.model), plan.canvas(canvas)
    if count_weights(model, learned, codes) > sum(weight.size for weight in weights.values()):
        raise UsageError("there are fewer of them")
    renderer = build_renderer(model, learned, seed=settings.optimization.seed, codes=codes)
    blank = ScratchPainting(
        renderer, renderer.weights, canvas=canvas, settings=settings, codes=codes
    )
    return blank.with_weights(weights)


@contextlib.contextmanager
def _no_more_than(numbers: int) -> Iterator[None]:
    """Stop the building of a torch module that has more weights than so many numbers.

    A layer is registered before its memory is taken, so none is.

    Raises:
        UsageError: it has more.
    """
    from torch.nn.modules.module import register_module_parameter_registration_hook

    thread = threading.get_ident()
    seen: dict[tuple[int, str], int] = {}

    def count(module: torch.nn.Module, name: str, weight: torch.nn.Parameter | None) -> None:
        if weight is not None and threading.get_ident() == thread:
            seen[id(module), name] = math.prod(weight.shape)  # once: `*=` registers it again
        if sum(seen.values()) > numbers:
            raise UsageError("there are fewer of them")

    handle = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        handle.remove()
