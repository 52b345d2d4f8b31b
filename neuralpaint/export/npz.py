"""A painting as plain arrays in an .npz, with the program that reads them: `reader`."""

from __future__ import annotations

import inspect
import io
import json

import numpy as np

from neuralpaint.export import reader
from neuralpaint.export.derivation import derive
from neuralpaint.models.painting import Painting

__all__ = ["write_arrays"]


def write_arrays(painting: Painting) -> bytes:
    """Return the .npz of a painting; `reader` says what is in it, and is in it itself.

    It is loaded with `np.load(path)`: no array needs a pickle.

    Raises:
        UsageError: the painting's model cannot be exported.
    """
    formula, canvas = derive(painting), painting.canvas
    arrays = {f"weights/{name}": value for name, value in painting.weights.items()}
    arrays |= {
        "waves": formula.waves,
        "ramps": formula.ramps,
        "activations": np.array([layer.activation for layer in formula.layers]),
        "settings": np.array(json.dumps(painting.settings.to_dict())),
        "height": np.array(canvas.height),
        "width": np.array(canvas.width),
        "reader": np.array(inspect.getsource(reader)),
    }
    for number, plane in enumerate(formula.planes, start=1):
        arrays[f"plane{number}.nodes"] = plane.nodes
        arrays[f"plane{number}.place"] = np.stack([plane.scale, plane.offset, plane.last])
    for number, layer in enumerate(formula.layers, start=1):
        parts = {"weight": layer.weight, "bias": layer.bias, "sees": np.array(layer.sees)}
        if layer.norm is not None:
            parts |= {"gain": layer.norm.gain, "shift": layer.norm.shift}
        arrays |= {f"layer{number}.{part}": value for part, value in parts.items()}
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    return file.getvalue()
