"""Devices: a GPU is used only if it works, and what does not work is told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from neuralpaint.errors import DeviceError, UsageError
from neuralpaint.runtime import devices
from neuralpaint.runtime.devices import check_device_name, find_device, is_out_of_memory


@pytest.fixture(autouse=True)
def no_memory_of_faults() -> Iterator[None]:
    for cached in (devices._fault, devices._warn_once):
        cached.cache_clear()
    yield
    devices._fault.cache_clear()


def gpu(
    monkeypatch: pytest.MonkeyPatch, *, kinds: tuple[str, ...] = ("cuda",), fault: str = ""
) -> list[str]:
    """Let torch find GPUs on which every kernel fails, or works; return the devices tried."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: "cuda" in kinds)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in kinds)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: tried.append(f"set {device}"))
    tried: list[str] = []
    real = torch.ones

    def ones(size: int, *, device: str) -> Any:
        tried.append(device)
        if fault:
            raise RuntimeError(fault)
        return real(size)

    monkeypatch.setattr(torch, "ones", ones)
    return tried


@pytest.mark.parametrize(("kinds", "kind"), [
    ((), "cpu"), (("cuda",), "cuda"), (("mps",), "mps"), (("cuda", "mps"), "cuda"),
])  # fmt: skip
def test_auto_is_the_best_device_that_works(
    monkeypatch: pytest.MonkeyPatch, kinds: tuple[str, ...], kind: str
) -> None:
    gpu(monkeypatch, kinds=kinds)
    assert find_device("auto").type == kind


FAULTS = [
    "CUDA error: no kernel image is available for execution on the device\nCUDA kernel errors ...",
    "CUDA out of memory. Tried to allocate 64.00 MiB. GPU 0 has a total capacity of ...",
]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_gpu_that_does_not_work_is_told_once_and_not_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    tried = gpu(monkeypatch, fault=fault)
    assert find_device("auto").type == "cpu"
    (record,) = caplog.records
    first = fault.partition("\n")[0].rstrip(".")
    assert record.message == f"the GPU cannot be used ({first}): the CPU is used"
    find_device("auto")
    assert len(caplog.records) == 1
    assert tried == ["cuda"]
    with pytest.raises(DeviceError, match=r"^device cuda is not available: CUDA .*; use --"):
        find_device("cuda")


def test_a_driver_that_is_too_old_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def is_available() -> bool:
        import warnings

        warnings.warn("The NVIDIA driver on your system is too old.\nUpdate it ...", stacklevel=1)
        return False

    monkeypatch.setattr(torch.cuda, "is_available", is_available)
    with pytest.raises(DeviceError, match=r"available: The NVIDIA driver .* is too old; use"):
        find_device("cuda")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert find_device("auto").type == "cpu"


def test_one_of_several_gpus_becomes_the_current_one(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = gpu(monkeypatch)
    assert find_device("cuda:1") == torch.device("cuda", 1)
    assert tried == ["cuda:1", "set cuda:1"]


@pytest.mark.parametrize("name", ["cuda:", "gpu", "cuda:-1", "cuda:x", "", "mps:0", "CPU"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match=r"no device named .*choose from auto, cpu, cuda, cuda:1"):
        check_device_name(name)


@pytest.mark.parametrize(("error", "expected"), [
    (MemoryError(), True),
    (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`"), True),
    (RuntimeError("CUDNN_STATUS_ALLOC_FAILED"), True),
    (RuntimeError("[enforce fail at alloc_cpu.cpp] can't allocate memory: 9 bytes"), True),
    (RuntimeError("CUDA error: device-side assert triggered"), False),
    (ValueError("no"), False),
])  # fmt: skip
def test_failed_allocations_are_recognised(error: Exception, *, expected: bool) -> None:
    assert is_out_of_memory(error) == expected
