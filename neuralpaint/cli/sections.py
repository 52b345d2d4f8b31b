"""A command whose help puts its options under headings."""

from __future__ import annotations

from typing import Any

import click

__all__ = ["SectionedCommand", "SectionedOption"]

_ORDER = (
    "Output", "Walk", "Clip", "Still", "Size", "Training", "Mask", "Input that moves", "Upscaling",
    "Super-resolution", "Device", "Picture", "Other",
)  # fmt: skip


class SectionedOption(click.Option):
    """An option that says under which heading it stands."""

    def __init__(self, *args: Any, section: str = "Output", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.section = section


class SectionedCommand(click.Command):
    """Writes the options of each section together."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections in the order in which a newcomer needs them."""
        rows: dict[str, list[tuple[str, str]]] = {section: [] for section in _ORDER}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if isinstance(parameter, click.Option) and record is not None:
                rows.setdefault(getattr(parameter, "section", "Other"), []).append(record)
        for section, records in rows.items():
            if records:
                with formatter.section(section):
                    formatter.write_dl(records)
