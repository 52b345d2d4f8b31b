"""The memory that is available to new processes."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from neuralpaint.runtime import memory


def test_cached_files_of_a_container_are_available(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "memory.max").write_text("4000\n")
    (tmp_path / "memory.current").write_text("3500\n")
    (tmp_path / "memory.stat").write_text("anon 1000\nactive_file 500\ninactive_file 2000\n")
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    monkeypatch.setattr(memory, "_of_machine", lambda: math.inf)
    assert memory.available_memory() == 4000 - 3500 + 2000
