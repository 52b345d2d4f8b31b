"""The house: imports go downwards only, every public list is true, torch loads only when used."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import neuralpaint

ROOT = Path(neuralpaint.__file__).parent
MODULES = sorted(
    ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in ROOT.rglob("*.py")
)

# From the ground up. A module may import from its own floor and from those below.
FLOORS = [
    ["_version", "errors", "settings", "registry"],
    [
        "canvas",
        "metrics",
        "outputs",
        "codes",
        "looks",
        "parts",
        "sources",
        "srgb",
        "states",
        "tags",
        "tensors",
        "sealed",
    ],
    ["pictures", "albums", "split", "stills", "devices", "workers"],
    [
        "encodings",
        "networks",
        "models",
        "losses",
        "movers",
        "initialization",
        "optimizers",
        "schedules",
        "presets",
        "super_resolution",
        "motion",
        "inpainting",
    ],
    [
        "target",
        "painting",
        "learning",
        "lesson",
        "stops",
        "meters",
        "cuda_graph",
        "gradients",
        "scratch",
        "training",
        "torch_learner",
        "pacing",
        "camera",
        "front",
        "walks",
        "keyframes",
        "storyboard",
        "rendering",
        "resampling",
        "readings",
        "saved",
        "take",
        "checkpoint",
        "export",
        "video",
        "masks",
    ],
    ["recipes"],
    ["cli"],
    ["", "__main__"],
]
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


def room(module: str) -> str:
    return module.removeprefix("neuralpaint").removeprefix(".").partition(".")[0]


def imports(module: str) -> set[str]:
    path = ROOT.parent / Path(*module.split("."))
    source = path.with_suffix(".py") if path.with_suffix(".py").exists() else path / "__init__.py"
    found = set()
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
    return found


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_downwards(module: str) -> None:
    floor = FLOOR_OF[room(module)]
    for name in imports(module):
        if name.startswith("neuralpaint"):
            assert FLOOR_OF[room(name)] <= floor, f"{module} looks up to {name}"


@pytest.mark.parametrize(
    "module", [m for m in MODULES if room(m) in ("video", "pictures", "canvas")]
)
def test_what_needs_no_torch_does_not_import_it(module: str) -> None:
    assert not any(name.split(".")[0] == "torch" for name in imports(module))


@pytest.mark.parametrize("module", [m for m in MODULES if not m.endswith("__main__")])
def test_public_lists_are_true(module: str) -> None:
    loaded = importlib.import_module(module)
    listed = getattr(loaded, "__all__", [])
    assert len(listed) == len(set(listed))
    for name in listed:
        assert getattr(loaded, name) is not None
    assert (loaded.__doc__ or "").strip(), f"{module} does not say its one idea"


def test_importing_neuralpaint_is_light() -> None:
    code = "import sys, neuralpaint; print({'torch', 'numpy', 'PIL', 'click'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'timelaps'"):
        _ = neuralpaint.timelaps
    assert "timelapse" in dir(neuralpaint)


def test_every_folder_of_modules_is_a_package_that_gets_installed() -> None:
    for module in ROOT.rglob("*.py"):
        assert (module.parent / "__init__.py").exists(), module
