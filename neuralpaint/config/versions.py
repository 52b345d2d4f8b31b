"""Settings that an earlier version has saved, rewritten so that they mean the same in this one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["rewritten"]

# The defaults of 0.1 that have changed, for each model that had them.
_MODELS_OF_0_1 = {"fourier": "mirror=false,anneal=0,decay=0,strength=8,factors=1"}


def rewritten(values: Mapping[str, Any], version: object) -> dict[str, Any]:
    """Return the settings of a command or a training that `version` of this package has saved."""
    values = dict(values)
    if not str(version).startswith("0.1."):
        return values
    name, _, rest = str(values.get("model")).partition(":")
    if name in _MODELS_OF_0_1:
        values["model"] = f"{name}:{','.join(filter(None, (rest, _MODELS_OF_0_1[name])))}"
    return values
