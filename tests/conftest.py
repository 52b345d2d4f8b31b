"""What several test files need."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import kill_children

if "PYTEST_XDIST_WORKER" in os.environ:
    # As many processes as cores test side by side: none of them is to wait with threads that spin.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a GPU where there is none."""
    wants_gpu = [item for item in items if item.get_closest_marker("gpu")]
    if not wants_gpu:
        return
    import torch

    if not torch.cuda.is_available():
        for item in wants_gpu:
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


@pytest.fixture(autouse=True)
def no_child_survives() -> Iterator[None]:
    """Kill the children that a test has left."""
    yield
    kill_children()


@pytest.fixture
def nobodys() -> Iterator[Path]:
    """A folder in which permissions hold, because the test that uses it is not run by root."""
    if os.name == "nt":
        pytest.skip("needs POSIX permissions")
    root = os.geteuid() == 0
    # Not in tmp_path, into which only its owner may look.
    with tempfile.TemporaryDirectory() as folder:
        if root:
            os.chown(folder, 65534, -1)
            os.seteuid(65534)
        try:
            yield Path(folder)
        finally:
            if root:
                os.seteuid(0)
            Path(folder).chmod(0o700)
