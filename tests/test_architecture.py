"""Architecture: the order of imports, correct `__all__` lists, torch only where it is needed."""

from __future__ import annotations

import ast
import importlib
import sys
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from processes import run

import neuralpaint

ROOT = Path(neuralpaint.__file__).parent

# The subpackages. Each imports only from those before it.
SUBPACKAGES = [
    "runtime",
    "config",
    "image",
    "restoration",
    "models",
    "training",
    "scratch",
    "storage",
    "rendering",
    "video",
    "export",
    "pipelines",
    "studio",
    "cli",
]
FIRST = {"_version", "errors"}
LAST = {"", "__main__"}  # the public names, and `python -m neuralpaint`

MODULES = {
    ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(ROOT.rglob("*.py"))
}


@cache
def imports(module: str) -> frozenset[str]:
    """Return every module that a file imports, including late and type-checking imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in MODULES else node.module)
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
    return frozenset(found)


def subpackage(module: str) -> str:
    return module.removeprefix("neuralpaint").removeprefix(".").partition(".")[0]


def position(module: str) -> int:
    """Return the position of a module's subpackage in `SUBPACKAGES`."""
    name = subpackage(module)
    if name in FIRST:
        return -1
    return len(SUBPACKAGES) if name in LAST else SUBPACKAGES.index(name)


def test_the_root_holds_the_subpackages_and_nothing_else() -> None:
    files = {path.name for path in ROOT.iterdir() if path.is_file()}
    folders = {path.name for path in ROOT.iterdir() if path.is_dir()} - {"__pycache__"}
    assert files == {"__init__.py", "__main__.py", "_version.py", "errors.py", "py.typed"}
    assert folders == set(SUBPACKAGES)


@pytest.mark.parametrize("module", MODULES)
def test_a_subpackage_imports_only_those_before_it(module: str) -> None:
    for name in imports(module):
        if name.startswith("neuralpaint.") and subpackage(name) != subpackage(module):
            assert position(name) < position(module), (
                f"{module} imports {name}, whose subpackage comes later"
            )


def test_no_file_imports_itself_in_a_circle() -> None:
    graph = {module: imports(module) & MODULES.keys() for module in MODULES}
    # The public names are imported from every subpackage; only the package itself is left out.
    del graph["neuralpaint"]
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize("name", SUBPACKAGES)
def test_every_subpackage_has_a_docstring_that_starts_with_a_sentence(name: str) -> None:
    docstring = ast.get_docstring(ast.parse((ROOT / name / "__init__.py").read_text())) or ""
    assert docstring.partition("\n\n")[0].rstrip().endswith(".")


NEEDS_TORCH = {"neuralpaint.image.resampling_kernels"}  # banded matrices on any device


@pytest.mark.parametrize(
    "module",
    [m for m in MODULES if subpackage(m) in ("video", "image", "config") and m not in NEEDS_TORCH],
)
def test_what_needs_no_torch_does_not_import_it(module: str) -> None:
    assert not any(name.split(".")[0] == "torch" for name in imports(module))


@pytest.mark.parametrize("module", [m for m in MODULES if not m.endswith("__main__")])
def test_every_listed_public_name_exists(module: str) -> None:
    loaded = importlib.import_module(module)
    listed = getattr(loaded, "__all__", [])
    assert len(listed) == len(set(listed))
    for name in listed:
        assert getattr(loaded, name) is not None
    assert (loaded.__doc__ or "").strip(), f"{module} has no docstring"


def test_importing_neuralpaint_is_light() -> None:
    code = "import sys, neuralpaint; print({'torch', 'numpy', 'PIL', 'click'} & set(sys.modules))"
    done = run([sys.executable, "-c", code], check=True)
    assert done.stdout.strip() == "set()"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'timelaps'"):
        _ = neuralpaint.timelaps
    assert "timelapse" in dir(neuralpaint)


def test_every_folder_of_modules_is_a_package_that_gets_installed() -> None:
    for module in ROOT.rglob("*.py"):
        assert (module.parent / "__init__.py").exists(), module
