"""Click options derived from settings, and the options that every command shares."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from neuralpaint.cli.sections import SectionedOption
from neuralpaint.config.presets import PRESETS
from neuralpaint.config.settings import Option, Settings, options
from neuralpaint.errors import UnknownNameError, UsageError

__all__ = [
    "audio_option",
    "common_options",
    "file_options",
    "output_option",
    "preset_option",
    "settings_from",
    "settings_options",
    "typed_options",
]

F = TypeVar("F", bound=Callable[..., Any])
S = TypeVar("S", bound=Settings)


class _SettingType(click.ParamType):  # type: ignore[type-arg]  # older click is not generic
    """Converts and checks as the settings themselves do."""

    def __init__(self, option: Option) -> None:
        self._option = option
        self.name = option.unit or {int: "integer", float: "number"}.get(option.type, "text")

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Return the choices, or the unit or kind of value."""
        choices = "|".join(self._choices())
        if self._option.entries is not None:
            file = "FILE|" if self._option.unit == "FILE" else ""
            return f"{file}[{choices}][:KEY=VALUE,...]"
        if choices:
            return f"[{choices}]"
        return self.name.upper() if self.name.islower() else self.name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the checked value; a file that it may come from is read."""
        try:
            if self._option.read is not None and str(value).lower().endswith(".toml"):
                value = self._option.read(value)
            return self._option.convert(value, label=self._option.flag)
        except UsageError as error:
            raise click.UsageError(str(error), ctx) from None

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[click.shell_completion.CompletionItem]:
        """Complete choices and names."""
        return [
            click.shell_completion.CompletionItem(choice)
            for choice in self._choices()
            if choice.startswith(incomplete)
        ]

    def _choices(self) -> tuple[str, ...]:
        return self._option.choices or tuple(self._option.entries or ())


def settings_options(settings: type[Settings]) -> Callable[[F], F]:
    """Give a command one option for each field of a settings class."""

    def decorate(function: F) -> F:
        for option in reversed(options(settings).values()):
            function = _click_option(option)(function)
        return function

    return decorate


def settings_from(
    settings: type[S], ctx: click.Context, *, remembered: Mapping[str, Any] | None = None
) -> S:
    """Return the settings that a command was given; what was not typed may be `remembered`.

    A preset yields to what the user typed, also where that is another member of an exclusive group:
    `--preset original --steps 100` trains 100 steps and not 20 epochs.
    """
    known = options(settings)
    values = {
        name: ",".join(ctx.params[name]) if option.repeatable else ctx.params[name]
        for name, option in known.items()
        if name in ctx.params
    }
    typed = typed_options(ctx) & set(values)
    values |= {k: v for k, v in (remembered or {}).items() if k in known and k not in typed}
    for group in settings.exclusive_groups():
        if typed.intersection(group):
            values |= {name: None for name in group if name in known and name not in typed}
    return settings.from_dict(values)


def typed_options(ctx: click.Context) -> set[str]:
    """Return the names of the options that stood on the command line."""
    typed = click.core.ParameterSource.COMMANDLINE
    return {name for name in ctx.params if ctx.get_parameter_source(name) is typed}


def output_option(
    help_text: str, *, metavar: str = "OUT", required: bool = True
) -> Callable[[F], F]:
    """Give a command `-o`."""
    return click.option(
        "-o",
        "--output",
        cls=SectionedOption,
        required=required,
        type=click.Path(),
        metavar=metavar,
        help=help_text,
    )


def audio_option(function: F) -> F:
    """Give a command `--audio`."""
    return click.option(
        "--audio",
        cls=SectionedOption,
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="lay this sound under the clip, cut or padded to its length",
    )(function)


def file_options(function: F) -> F:
    """Give a command the options of files that settings may name."""
    for name, what in reversed(
        [
            ("mask", "the file of the mask"),
            ("truth", "the picture without its hole"),
            ("focus", "the file of what counts more"),
            ("order", "the file of what is learned first"),
        ]
    ):
        function = click.option(
            f"--{name}",
            cls=SectionedOption,
            type=click.Path(),
            metavar="FILE",
            help=f"{what}, where it was made with one",
        )(function)
    return function


def preset_option(settings: type[Settings]) -> Callable[[F], F]:
    """Give a command `--preset`, which changes the defaults of the other options."""

    def apply(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
        if value is None:
            return
        if value not in PRESETS:
            raise click.UsageError(str(UnknownNameError("preset", value, PRESETS)), ctx)
        known = options(settings)
        chosen = {
            name: [v] if known[name].repeatable else v
            for name, v in PRESETS[value].values.items()
            if name in known
        }
        ctx.default_map = {**(ctx.default_map or {}), **chosen}

    return click.option(
        "--preset",
        cls=SectionedOption,
        metavar="NAME",
        is_eager=True,
        expose_value=False,
        callback=apply,
        help=f"settings that belong together: {', '.join(PRESETS)}; other options go before",
    )


def _click_option(option: Option) -> Callable[[F], F]:
    if option.type is bool:
        return click.option(
            f"{option.flag}/--no-{option.flag.removeprefix('--')}",
            option.name,
            cls=SectionedOption,
            section=option.section,
            is_flag=True,
            default=option.default,
            help=option.help,
        )
    default = option.default
    if option.repeatable:
        default = [part for part in [default] if part]
    return click.option(
        option.flag,
        option.name,
        cls=SectionedOption,
        section=option.section,
        type=_SettingType(option),
        default=default,
        multiple=option.repeatable,
        show_default=not option.optional and not option.repeatable,
        help=option.help,
    )


def _hush(ctx: click.Context, param: click.Parameter, quiet: bool) -> bool:
    if quiet:
        logging.getLogger("neuralpaint").setLevel(logging.ERROR)
    return quiet


def common_options(function: F) -> F:
    """Give a command the options of everything that writes a file."""
    for names, help_text, callback in reversed(
        [
            (("-y", "--overwrite"), "replace the output if it exists", None),
            (("-q", "--quiet"), "print nothing but errors", _hush),
            (("--json", "as_json"), "print one JSON object per line", None),
            (("--dry-run",), "check everything, say what would be done, and stop", None),
        ]
    ):
        function = click.option(
            *names, cls=SectionedOption, is_flag=True, help=help_text, callback=callback
        )(function)
    return function
