"""Hooks and fixtures for all tests."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import browser, open_page
from processes import kill_children

__all__ = ["browser", "open_page"]  # fixtures

if "PYTEST_XDIST_WORKER" in os.environ:
    # One process per core runs tests, so further threads would only wait for a core.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests marked `gpu` on machines without a CUDA device."""
    wants_gpu = [item for item in items if item.get_closest_marker("gpu")]
    if not wants_gpu:
        return
    import torch

    if not torch.cuda.is_available():
        for item in wants_gpu:
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


@pytest.fixture(autouse=True)
def no_child_survives() -> Iterator[None]:
    """Kill the child processes that a test has left running."""
    yield
    kill_children()


@pytest.fixture
def unprivileged_folder() -> Iterator[Path]:
    """A folder for tests of permissions; a test run by root becomes an unprivileged user."""
    if os.name == "nt":
        pytest.skip("needs POSIX permissions")
    root = os.geteuid() == 0
    # Not in tmp_path, which only its owner can access.
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
