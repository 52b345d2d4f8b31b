"""Settings that an earlier version has saved, rewritten so that they mean the same in this one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neuralpaint.config.registry import extended

__all__ = ["rewritten"]

# The defaults of 0.1 that have changed, for each model that had them.
_MODELS_OF_0_1 = {"fourier": "mirror=false,anneal=0,decay=0,strength=8,factors=1"}


def rewritten(values: Mapping[str, Any], version: object) -> dict[str, Any]:
    """Return the settings of a command or a training that `version` of this package has saved."""
    values = dict(values)
    if not str(version).startswith("0.1."):
        return values
    model = str(values.get("model"))
    defaults = _MODELS_OF_0_1.get(model.partition(":")[0])
    if defaults is not None:
        values["model"] = extended(model, defaults)
    if values.get("duration") or values.get("frames"):
        values.pop("seconds_each", None)  # it had no effect
    if values.get("boomerang"):  # it began with the untrained network
        values["reverse"] = not values.get("reverse")
    if values.get("aspect") or values.get("fit") == "cover":  # they kept the middle
        values["aspect"] = ":".join(filter(None, (values.get("aspect"), "x=0.5,y=0.5")))
    return values
