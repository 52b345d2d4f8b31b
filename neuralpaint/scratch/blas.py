"""BLAS, the library behind NumPy's matrix products, has threads of its own.

NumPy cannot be asked how many. The library itself can, where it is OpenBLAS or MKL and the system
finds its functions through the module that was linked with it; otherwise its environment variable
must be set before Python starts. All else in NumPy runs on the thread that calls it.
"""

from __future__ import annotations

import ctypes
import logging
import sys

import numpy as np

from neuralpaint.devices import usual_threads

__all__ = ["set_threads"]

_log = logging.getLogger(__name__)

# By prefix and suffix these are OpenBLAS as NumPy's own packages bring it, and as a system has it.
_SETTERS = (
    "scipy_openblas_set_num_threads64_",
    "scipy_openblas_set_num_threads",
    "openblas_set_num_threads64_",
    "openblas_set_num_threads",
    "MKL_Set_Num_Threads",
)


def set_threads(threads: int | None) -> bool:
    """Have matrix products done by so many threads, in this process; say whether that is possible.

    None is as many as the process may run on. Where a number was wanted that cannot be had, a
    warning tells what can be done instead.
    """
    library = _library()
    for name in _SETTERS:
        setter = getattr(library, name, None)
        if setter is not None:
            setter(ctypes.c_int(threads or usual_threads()))
            return True
    if threads is not None:
        _log.warning(
            "--threads %d does not reach this NumPy's BLAS: set OPENBLAS_NUM_THREADS, "
            "MKL_NUM_THREADS or VECLIB_MAXIMUM_THREADS to it before the command", threads,
        )  # fmt: skip
    return False


def _library() -> ctypes.CDLL | None:
    """Return NumPy's linear algebra and with it all that it was linked with."""
    module = sys.modules[f"{np.linalg.__name__}._umath_linalg"]
    try:
        return ctypes.CDLL(str(module.__file__))
    except OSError:
        return None
