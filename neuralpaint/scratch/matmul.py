"""Matrix products on several threads.

BLAS, the library behind NumPy's products, has its own threads, which synchronise at the end of
every product and spin while they wait. With another program on the same cores a step took ten times
as long. So BLAS is limited to the calling thread, and the threads of this package divide the rows.
Everything else in NumPy runs on the calling thread anyway.
"""

from __future__ import annotations

import ctypes
import functools
import logging
import sys
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralpaint.runtime import threads as runtime_threads
from neuralpaint.runtime.threads import parallel_map, thread_count

__all__ = ["matmul", "set_threads"]

_log = logging.getLogger(__name__)

# The prefixes and suffixes are those of the OpenBLAS in NumPy's wheels and of system packages.
_SETTERS = (
    "scipy_openblas_set_num_threads64_",
    "scipy_openblas_set_num_threads",
    "openblas_set_num_threads64_",
    "openblas_set_num_threads",
    "MKL_Set_Num_Threads",
)
_SMALL = 8e6  # operations: with fewer, threads spend more time waiting than computing
_SHARES = 2  # per thread: while one thread is delayed, the others take its next share


def set_threads(threads: int | None) -> None:
    """Set the number of threads of `matmul` in this process; None means all available cores.

    If BLAS has no known function for this, it keeps its own threads, and a warning names the
    environment variables to set.
    """
    runtime_threads.set_threads(threads)
    if not _limit_blas() and threads is not None:
        _log.warning(
            "--threads %d does not reach this NumPy's BLAS: set OPENBLAS_NUM_THREADS, "
            "MKL_NUM_THREADS or VECLIB_MAXIMUM_THREADS to it before the command", threads,
        )  # fmt: skip


def matmul(
    a: NDArray[np.floating[Any]],
    b: NDArray[np.floating[Any]],
    *,
    out: NDArray[np.floating[Any]],
) -> NDArray[np.floating[Any]]:
    """Write a @ b of a (m, k) and b (k, n) to out (m, n), and return it."""
    shares = min(_SHARES * thread_count(), len(a))
    if thread_count() == 1 or 2 * a.size * b.shape[1] < _SMALL or not _limit_blas():
        return np.matmul(a, b, out=out)
    cuts = [len(a) * i // shares for i in range(shares + 1)]
    rows = [slice(*cut) for cut in pairwise(cuts)]
    parallel_map(lambda part: np.matmul(a[part], b, out=out[part]), rows)
    return out


@functools.cache
def _limit_blas() -> bool:
    """Limit BLAS to the calling thread; return whether that was possible."""
    library = _library()
    for name in _SETTERS:
        if setter := getattr(library, name, None):
            setter(ctypes.c_int(1))
            return True
    return False


def _library() -> ctypes.CDLL | None:
    """Return NumPy's linear algebra module, which is linked with BLAS."""
    module = sys.modules[f"{np.linalg.__name__}._umath_linalg"]
    try:
        return ctypes.CDLL(str(module.__file__))
    except OSError:
        return None
