"""Painting files: the weights in a file, and the model that is built from them.

The settings in a file are not trusted. They are compared with the weights before a model is built,
so that a file of a kilobyte cannot allocate a network of gigabytes.
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
from neuralpaint.config.versions import rewritten
from neuralpaint.errors import DeviceError, SavedError, UsageError
from neuralpaint.image.canvas import Canvas
from neuralpaint.models.codes import checked_codes
from neuralpaint.runtime.devices import explain_out_of_memory, find_device
from neuralpaint.runtime.files import check_output
from neuralpaint.storage.tensors import load_tensors, open_saved, save_tensors
from neuralpaint.training.settings import Plan, TrainingSettings

if TYPE_CHECKING:
    import torch

    from neuralpaint.models.painting import Painting

__all__ = [
    "ModelFacts",
    "build_painting",
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
    """Write a painting, complete or not at all; see `Painting.save`."""
    path = check_output(path, overwrite=overwrite)
    facts = {
        **model_facts(painting.settings, painting.canvas, painting.codes),
        "neuralpaint": __version__,
        "note": dict(note),
    }
    save_tensors(path, painting.weights, kind=_KIND, facts=facts)
    return path


def load_painting(path: str | Path, *, device: str = "cpu") -> Painting:
    """Return the painting that `Painting.save` wrote, to be rendered on `device`.

    Raises:
        UsageError: the file does not exist.
        SavedError: it is damaged, not a painting, or was made by a newer neuralpaint.
        DeviceError: the device does not exist or has too little memory.
    """
    from neuralpaint.storage.take.records import has_magic

    path = Path(path)
    name = f"{str(path)!r}"
    with open_saved(path) as file:
        is_take = has_magic(file, name=name)
    if is_take:
        raise SavedError(f"{name} is a take, not a painting: use load_take")
    weights, facts = load_tensors(path, kind=_KIND)
    model = read_model_facts(facts, name=name)
    painting = build_painting(weights, model=model, device=device, name=name)
    note = facts.get("note")
    painting.note = note if isinstance(note, dict) else {}
    return painting


class ModelFacts(NamedTuple):
    """Everything that a model is built from, except its weights."""

    settings: TrainingSettings
    canvas: Canvas
    """The canvas of the picture at its own size."""
    codes: NDArray[np.float32] | None
    """The codes (pictures, k) of an album."""


def model_facts(
    settings: TrainingSettings, canvas: Canvas, codes: NDArray[np.float32] | None = None
) -> dict[str, Any]:
    """Return everything that a model is built from, as JSON values."""
    more: dict[str, Any] = {} if codes is None else {"codes": codes.tolist()}
    if canvas.channels != 3:
        more["channels"] = canvas.channels
    return {"settings": settings.to_dict(), "height": canvas.height, "width": canvas.width, **more}


def read_model_facts(facts: Mapping[str, Any], *, name: str) -> ModelFacts:
    """Check facts from `model_facts` that were read from the file `name`, and parse them.

    Raises:
        SavedError: the facts cannot be used.
    """
    values, height, width = (facts.get(key) for key in ("settings", "height", "width"))
    if not isinstance(values, dict):
        raise SavedError(f"{name} is damaged (it has no settings): make it again")
    if not (_is_side(height) and _is_side(width)):
        raise SavedError(f"{name} is damaged (its picture has no size): make it again")
    channels = facts.get("channels", 3)
    if channels not in (3, 4):
        raise SavedError(f"{name} is damaged (its picture has no colours): make it again")
    try:
        settings = TrainingSettings.from_dict(rewritten(values, facts.get("neuralpaint")))
        canvas = Canvas.of(height=height, width=width, channels=channels)
        return ModelFacts(settings, canvas, _codes(facts.get("codes")))
    except (ValueError, TypeError, OverflowError) as error:  # the file may contain anything
        raise SavedError(
            f"{name} has settings that cannot be used ({error}): update neuralpaint, or make it "
            "again"
        ) from error


def _codes(values: object) -> NDArray[np.float32] | None:
    if values is None:
        return None
    if not isinstance(values, list):
        raise TypeError("its codes are not a list")
    return checked_codes(values, count=len(values))


def _is_side(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 < value <= _LONGEST_SIDE


def build_painting(
    weights: Mapping[str, NDArray[Any]], *, model: ModelFacts, device: str, name: str
) -> Painting:
    """Return the painting with these weights, from the file `name`; build its model.

    Raises:
        SavedError: the settings do not fit the weights.
        DeviceError: the device does not exist or has too little memory.
    """
    build = _scratch if model.settings.engine == "numpy" else _torch
    try:
        with explain_out_of_memory("choose another --device, or free memory"):
            return build(weights, model, device)
    except UsageError as error:
        raise SavedError(
            f"{name} is damaged (its weights do not fit its model: {error}): make it again"
        ) from error


def _torch(weights: Mapping[str, NDArray[Any]], facts: ModelFacts, device: str) -> Painting:
    import torch

    from neuralpaint.models.painting import TorchPainting

    where = find_device(device)
    settings, canvas, codes = facts
    generator = torch.Generator().manual_seed(settings.optimization.seed)
    with _at_most(sum(weight.size for weight in weights.values())):
        plan = Plan(settings)
        model = plan.model.build(plan.canvas(canvas), generator, codes)
    model.to(where)
    blank = TorchPainting(model, model.state_dict(), canvas=canvas, settings=settings, codes=codes)
    return blank.with_weights(weights)


def _scratch(weights: Mapping[str, NDArray[Any]], facts: ModelFacts, device: str) -> Painting:
    from neuralpaint.scratch.network import count_weights, supported_model
    from neuralpaint.scratch.painting import ScratchPainting, build_renderer

    if device not in ("auto", "cpu"):
        raise DeviceError(f"--engine numpy paints on the CPU, not on {device}: use --device cpu")
    settings, canvas, codes = facts
    plan = Plan(settings)
    model, learned = supported_model(plan.model), plan.canvas(canvas)
    if count_weights(model, learned, codes) > sum(weight.size for weight in weights.values()):
        raise UsageError("there are too few")
    renderer = build_renderer(model, learned, seed=settings.optimization.seed, codes=codes)
    blank = ScratchPainting(
        renderer, renderer.weights, canvas=canvas, settings=settings, codes=codes
    )
    return blank.with_weights(weights)


@contextlib.contextmanager
def _at_most(numbers: int) -> Iterator[None]:
    """Prevent a torch module from being built with more than `numbers` weights.

    A layer is registered before its memory is allocated.

    Raises:
        UsageError: the module has more weights.
    """
    from torch.nn.modules.module import register_module_parameter_registration_hook

    thread = threading.get_ident()
    seen: dict[tuple[int, str], int] = {}

    def count(module: torch.nn.Module, name: str, weight: torch.nn.Parameter | None) -> None:
        if weight is not None and threading.get_ident() == thread:
            seen[id(module), name] = math.prod(weight.shape)  # once: `*=` registers it again
        if sum(seen.values()) > numbers:
            raise UsageError("there are too few")

    handle = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        handle.remove()
