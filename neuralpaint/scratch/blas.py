"""Matrix products on several threads.

BLAS, the library behind NumPy's products, has threads of its own. They meet at the end of every
product and spin while they wait: where another program wants one of the cores, a step took ten
times as long. So BLAS is told to keep to the thread that calls it, and the workers of this package
share out the rows. All else in NumPy runs on the calling thread anyway.
"""

from __future__ import annotations

import ctypes
import logging
import sys
from itertools import pairwise

import numpy as np

from neuralpaint.runtime.threads import parallel_map, set_threads, thread_count
from neuralpaint.scratch.layers import Array

__all__ = ["hire", "multiply"]

_log = logging.getLogger(__name__)

# By prefix and suffix these are OpenBLAS as NumPy's own packages bring it, and as a system has it.
_SETTERS = (
    "scipy_openblas_set_num_threads64_",
    "scipy_openblas_set_num_threads",
    "openblas_set_num_threads64_",
    "openblas_set_num_threads",
    "MKL_Set_Num_Threads",
)
_SMALL = 8e6  # operations: with fewer, threads wait for each other more than they work
_SHARES = 2  # of each thread: whoever is held up leaves the next one to others


def hire(threads: int | None) -> None:
    """Let products use so many threads, in this process; None: as many as it may run on.

    Where BLAS does not listen, its own threads do the work, and a warning says how to set them.
    """
    set_threads(threads)
    if not _is_quiet() and threads is not None:
        _log.warning(
            "--threads %d does not reach this NumPy's BLAS: set OPENBLAS_NUM_THREADS, "
            "MKL_NUM_THREADS or VECLIB_MAXIMUM_THREADS to it before the command", threads,
        )  # fmt: skip


def multiply(a: Array, b: Array, *, out: Array) -> Array:
    """Write a @ b of a (m, k) and b (k, n) to out (m, n), and return it."""
    shares = min(_SHARES * thread_count(), len(a))
    if thread_count() == 1 or 2 * a.size * b.shape[1] < _SMALL or not _is_quiet():
        return np.matmul(a, b, out=out)
    cuts = [len(a) * i // shares for i in range(shares + 1)]
    rows = [slice(*cut) for cut in pairwise(cuts)]
    parallel_map(lambda part: np.matmul(a[part], b, out=out[part]), rows)
    return out


def _is_quiet() -> bool:
    """Say whether BLAS keeps to the thread that calls it, having told it to."""
    global _quiet
    if _quiet is None:
        library = _library()
        setters = (getattr(library, name, None) for name in _SETTERS)
        setter = next((setter for setter in setters if setter is not None), None)
        if setter is not None:
            setter(ctypes.c_int(1))
        _quiet = setter is not None
    return _quiet


_quiet: bool | None = None  # not known yet


def _library() -> ctypes.CDLL | None:
    """Return NumPy's linear algebra and with it all that it was linked with."""
    module = sys.modules[f"{np.linalg.__name__}._umath_linalg"]
    try:
        return ctypes.CDLL(str(module.__file__))
    except OSError:
        return None
