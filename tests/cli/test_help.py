"""The help of every command: complete, quick to load, and mentioned in the documentation."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import pytest
from processes import run

from neuralpaint.cli import neuralpaint

ROOT = Path(__file__).resolve().parents[2]
CONTEXT = click.Context(neuralpaint)
NAMES = neuralpaint.list_commands(CONTEXT)


def command(name: str) -> click.Command:
    found = neuralpaint.get_command(CONTEXT, name)
    assert found is not None
    return found


def test_the_help_of_the_group_lists_every_command_and_loads_nothing_large() -> None:
    code = (
        "import sys; from neuralpaint.cli import main\n"
        "sys.argv = ['neuralpaint', '--help']\n"
        "try: main()\n"
        "except SystemExit as end:\n"
        "    print(end.code, {'torch', 'numpy', 'PIL', 'rich'} & set(sys.modules))"
    )
    done = run([sys.executable, "-c", code], check=True)
    assert done.stdout.strip().endswith("0 set()")
    for name in NAMES:
        assert f"  {name}" in done.stdout


def test_the_help_of_every_command_loads_without_torch() -> None:
    names = [name for name in NAMES if name != "gradcheck"]  # which compares with torch
    code = (
        "import sys, click; from neuralpaint.cli import neuralpaint\n"
        "context = click.Context(neuralpaint)\n"
        f"for name in {names}:\n"
        "    command = neuralpaint.get_command(context, name)\n"
        "    command.get_help(click.Context(command, info_name=name))\n"
        "    print(name, {'torch', 'rich', 'matplotlib'} & set(sys.modules))"
    )
    done = run([sys.executable, "-c", code], check=True)
    assert done.stdout.splitlines() == [f"{name} set()" for name in names]


def test_every_module_with_a_command_is_listed() -> None:
    modules = (ROOT / "neuralpaint" / "cli").glob("*.py")
    found = {path.stem for path in modules if "\ndef command(" in path.read_text("utf-8")}
    assert found == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_command_and_every_option_has_help(name: str) -> None:
    found = command(name)
    summary, _, rest = (found.help or "").partition("\n")
    assert summary.endswith("."), f"{name} has no summary"
    assert rest
    for parameter in found.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{name} {parameter.opts[0]} has no help"
        else:
            assert parameter.make_metavar(CONTEXT).strip("[].") in rest + summary


@pytest.mark.parametrize("name", NAMES)
def test_every_command_is_in_the_documentation(name: str) -> None:
    pages = [ROOT / "README.md", *(ROOT / "examples" / "guide").glob("*.md")]
    text = "".join(page.read_text(encoding="utf-8") for page in pages if page.exists())
    assert f"neuralpaint {name}" in text


@pytest.mark.parametrize("name", ["video", "paint", "inpaint", "morph", "render", "compare"])
def test_the_sections_of_the_help_are_in_order(name: str) -> None:
    text = command(name).get_help(click.Context(command(name), info_name=name))
    headings = [line for line in text.splitlines() if line.endswith(":") and line[0].isupper()]
    assert headings[0] == "Output:"
    assert headings[-1] in ("Picture:", "Device:", "Other:")
    if name == "morph":
        assert headings[1] == "Path:"
