"""`neuralpaint list`: everything that can be chosen by name."""

from __future__ import annotations

import json
from typing import Any

import click

from neuralpaint.cli.display import print_table, print_text
from neuralpaint.config.presets import LOOKS, PLACES, PRESETS
from neuralpaint.config.registry import CATALOGUE, load_registry
from neuralpaint.config.settings import Option, options
from neuralpaint.errors import UnknownNameError

__all__ = ["command"]

_PRESETS = {"looks": LOOKS, "places": PLACES, "presets": PRESETS}
_KINDS = (*CATALOGUE, *_PRESETS)
_HELP = f"""\
List everything that can be chosen by name, or one KIND of it, with settings and defaults.

KIND is {", ".join(_KINDS[:-1])} or {_KINDS[-1]}. Settings are written after the name:
--model fourier:order=64,hidden_size=96.
A model also accepts those of its encoding: --model mlp:encoding=hash,levels=12,hidden_size=64.
A value with a comma is quoted: --overlay "title:text='One, two'".
"""


@click.command("list", help=_HELP)
@click.argument("kind", required=False)
@click.option("--json", "as_json", is_flag=True, help="print one JSON object")
def command(kind: str | None, as_json: bool) -> None:
    """Print the registries, looks, places and presets; see `_HELP`."""
    kind = "walks" if kind == "paths" else kind  # the name of their option is --path
    if kind is not None and kind not in _KINDS:
        raise UnknownNameError("kind", kind, _KINDS)
    listing = {k: _entries(k) for k in _KINDS if kind in (None, k)}
    if as_json:
        click.echo(json.dumps(listing, indent=2))
        return
    for number, (title, entries) in enumerate(listing.items()):
        if number:
            print_text()
        print_text(title, style="bold")
        width = max(11, *map(len, entries))
        for name, entry in entries.items():
            print_table([(name, entry["summary"])], widths=(width,), indent=2, style="cyan")
            settings = entry["settings"].items()
            rows = [(f"{key}={facts['default']}", facts["help"]) for key, facts in settings]
            print_table(rows, widths=(22,), indent=6, style="dim")


def _entries(kind: str) -> dict[str, Any]:
    if kind in _PRESETS:
        return {
            name: {
                "summary": preset.summary,
                "settings": {
                    key: {"default": str(value), "help": ""} for key, value in preset.values.items()
                },
            }
            for name, preset in _PRESETS[kind].items()
        }
    registry = load_registry(kind)
    return {
        name: {
            "summary": registry.summary(name),
            "settings": {key: _facts(option) for key, option in options(registry[name]).items()},
        }
        for name in registry
    }


def _facts(option: Option) -> dict[str, str]:
    text = option.help
    choices = option.choices or tuple(option.entries or ())
    if choices:
        text += f" ({', '.join(choices)})"
    if option.unit:
        text += f" [{option.unit}]"
    return {"default": "unset" if option.default is None else str(option.default), "help": text}
