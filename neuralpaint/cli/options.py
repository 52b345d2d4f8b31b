"""Click options derived from settings, and the groups of options that several commands share."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

from neuralpaint.config.presets import LOOKS, PLACES, PRESETS, Preset, chosen_values, combined
from neuralpaint.config.settings import Option, Settings, options
from neuralpaint.errors import UsageError

__all__ = [
    "SectionedCommand",
    "SectionedOption",
    "audio_option",
    "chosen_presets",
    "common_options",
    "live_option",
    "output_option",
    "place_option",
    "preset_options",
    "settings_from",
    "settings_options",
    "several_looks_of",
    "training_options",
    "typed_options",
]

F = TypeVar("F", bound=Callable[..., Any])
S = TypeVar("S", bound=Settings)

_SECTIONS = (
    "Output", "Path", "Clip", "Still", "Size", "Training", "Mask", "Input that moves", "Upscaling",
    "Super-resolution", "Device", "Picture", "Other",
)  # fmt: skip


class SectionedOption(click.Option):
    """An option with the heading under which the help lists it."""

    def __init__(self, *args: Any, section: str = "Output", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.section = section


class SectionedCommand(click.Command):
    """A command whose help lists the options under headings, the most needed first."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, section by section."""
        rows: dict[str, list[tuple[str, str]]] = {section: [] for section in _SECTIONS}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if isinstance(parameter, click.Option) and record is not None:
                rows.setdefault(getattr(parameter, "section", "Other"), []).append(record)
        for section, records in rows.items():
            if records:
                with formatter.section(section):
                    formatter.write_dl(records)


_SEVERAL_LOOKS = f"{__name__}.looks"

_option = partial(click.option, cls=SectionedOption)
_file = partial(_option, type=click.Path(path_type=Path))


def _stack(*decorators: Callable[[F], F]) -> Callable[[F], F]:
    """Return one decorator for several; the help lists their options in this order."""

    def decorate(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


def training_options(
    settings: type[Settings], *, output: str, audio: bool = True
) -> Callable[[F], F]:
    """Add every option of a command that trains: its files, its preset and its settings."""
    return _stack(
        output_option(output),
        *([audio_option] if audio else []),
        _file(
            "--record",
            callback=_no_stdout,
            metavar="TAKE",
            help="record the training into this file, which `render` films again at any size",
        ),
        _file(
            "--save",
            callback=_no_stdout,
            metavar="PAINTING",
            help="save the finished network into this file, for `render` and `export`",
        ),
        _option(
            "--resume",
            is_flag=True,
            help="continue the interrupted run for OUT, with its settings, if there is one",
        ),
        preset_options(settings),
        settings_options(settings),
        live_option,
        common_options,
    )


def output_option(
    help_text: str, *, metavar: str = "OUT", required: bool = True
) -> Callable[[F], F]:
    """Add `-o`."""
    return _option(
        "-o",
        "--output",
        required=required,
        type=click.Path(),
        callback=_no_stdout,
        metavar=metavar,
        help=help_text,
    )


def _no_stdout(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    """Return the name of a file to write."""
    if str(value) == "-":
        raise click.UsageError(f"{param.opts[-1]} - : files are not written to stdout; name one")
    return value


def audio_option(function: F) -> F:
    """Add `--audio`."""
    return _file(
        "--audio",
        metavar="FILE",
        help="add this sound to the clip, cut or padded to its length",
    )(function)


def live_option(function: F) -> F:
    """Add `--live`."""
    return _option(
        "--live",
        type=click.IntRange(0, 65_535),
        is_flag=False,
        flag_value=0,
        metavar="[PORT]",
        help="print an address of this machine where the training can be watched in a browser; "
        "without PORT, at a free one",
    )(function)


def common_options(function: F) -> F:
    """Add the options of every command that writes a file."""
    flag = partial(_option, is_flag=True)
    return _stack(
        flag("-y", "--overwrite", help="replace the output if it exists"),
        flag("-q", "--quiet", callback=_set_log_level, help="print nothing but errors"),
        flag("--json", "as_json", help="print one JSON object per line"),
        flag(
            "--dry-run",
            help="check everything, print what would be done and how long a clip or still takes, "
            "and stop",
        ),
    )(function)


def _set_log_level(ctx: click.Context, param: click.Parameter, quiet: bool) -> bool:
    if quiet:
        logging.getLogger("neuralpaint").setLevel(logging.ERROR)
    return quiet


def preset_options(settings: type[Settings], *, several_looks: bool = False) -> Callable[[F], F]:
    """Add `--look`, `--for` and `--preset`, which change the defaults of the other options.

    `--for` is added where a clip can be made. With `several_looks`, more than one look is kept for
    `several_looks_of`, and changes nothing.
    """
    return _stack(
        _preset_option("look", LOOKS, settings, what="a kind of film", several=several_looks),
        *([place_option(settings)] if "fps" in options(settings) else []),
        _preset_option("preset", PRESETS, settings, what="a group of options"),
    )


def place_option(settings: type[Settings]) -> Callable[[F], F]:
    """Add `--for`, which changes the defaults of the options for size, rate and length."""
    return _preset_option(
        "place", PLACES, settings, flag="--for", what="where the clip will be shown"
    )


def _preset_option(
    kind: str,
    presets: Mapping[str, Preset],
    settings: type[Settings],
    *,
    what: str,
    flag: str | None = None,
    several: bool = False,
) -> Callable[[F], F]:
    def apply(
        ctx: click.Context, param: click.Parameter, given: str | tuple[str, ...] | None
    ) -> None:
        values = given if isinstance(given, tuple) else (given,)
        if len(values) > 1:
            ctx.meta[_SEVERAL_LOOKS] = values
            return
        value = values[0] if values else None
        if value is None:
            return
        names = ctx.meta.setdefault(__name__, {})
        names[kind] = value
        try:
            chosen = chosen_values(settings, names)
        except UsageError as error:
            raise click.UsageError(str(error), ctx) from None
        known = options(settings)
        # click expects a list for an option that can be repeated.
        ctx.default_map = {k: [v] if known[k].repeatable else v for k, v in chosen.items()}

    changes = "" if kind == "place" else "KEY is a setting of its model; "
    return _option(
        flag or f"--{kind}",
        kind,
        metavar="NAME[:KEY=VALUE,...]" if changes else "NAME",
        is_eager=True,
        expose_value=False,
        multiple=several,
        callback=apply,
        shell_complete=lambda ctx, param, typed: [n for n in presets if n.startswith(typed)],
        help=f"{what}: {', '.join(presets)}; {changes}options on the command line override it",
    )


def several_looks_of(ctx: click.Context) -> tuple[str, ...]:
    """Return the looks that were given to `--look`, if there are several."""
    looks: tuple[str, ...] = ctx.meta.get(_SEVERAL_LOOKS, ())
    return looks


def chosen_presets(ctx: click.Context) -> Mapping[str, str]:
    """Return the names that were given to `--look`, `--for` and `--preset`, by setting."""
    names: Mapping[str, str] = ctx.meta.get(__name__, {})
    return names


def settings_options(settings: type[Settings]) -> Callable[[F], F]:
    """Add one option for each field of a settings class."""
    return _stack(*map(_setting_option, options(settings).values()))


def _setting_option(option: Option) -> Callable[[F], F]:
    declare = partial(_option, section=option.section, help=option.help)
    if option.type is bool:
        name = option.flag.removeprefix("--")
        flags = option.flag if name.startswith("no-") else f"{option.flag}/--no-{name}"
        return declare(flags, option.name, is_flag=True, default=option.default)
    default = option.default
    if option.repeatable:
        default = [part for part in [default] if part]
    if option.bare is not None:
        declare = partial(declare, is_flag=False, flag_value=option.bare)
    return declare(
        option.flag,
        option.name,
        type=_SettingType(option),
        default=default,
        multiple=option.repeatable,
        show_default=not option.optional and not option.repeatable,
    )


class _SettingType(click.ParamType):  # type: ignore[type-arg]  # older click is not generic
    """Converts and checks a value with the rules of its setting."""

    def __init__(self, option: Option) -> None:
        self._option = option
        self.name = option.unit or {int: "integer", float: "number"}.get(option.type, "text")

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Return the choices, or the unit or the kind of value."""
        choices = "|".join(self._choices())
        if self._option.entries is not None:
            file = "FILE|" if self._option.unit == "FILE" else ""
            return f"{file}[{choices}][:KEY=VALUE,...]"
        if choices:
            return f"[{choices}]"
        return self.name.upper() if self.name.islower() else self.name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the checked value, read from a TOML file where the setting allows one."""
        try:
            if self._option.read is not None and str(value).lower().endswith(".toml"):
                value = self._option.read(value)
            return self._option.convert(value, label=self._option.flag)
        except UsageError as error:
            raise click.UsageError(str(error), ctx) from None

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[click.shell_completion.CompletionItem]:
        """Return the choices that begin with what was typed."""
        return [
            click.shell_completion.CompletionItem(choice)
            for choice in self._choices()
            if choice.startswith(incomplete)
        ]

    def _choices(self) -> tuple[str, ...]:
        return self._option.choices or tuple(self._option.entries or ())


def settings_from(
    settings: type[S],
    ctx: click.Context,
    *,
    earlier: Mapping[str, Any] | None = None,
    unused: Collection[str] = (),
) -> S:
    """Return the settings of a command line; settings of an `earlier` run replace the defaults.

    A preset does not set the `unused` options; see also `combined`.
    """
    known = options(settings)
    values = {
        name: ",".join(ctx.params[name]) if option.repeatable else ctx.params[name]
        for name, option in known.items()
        if name in ctx.params
    }
    given = typed_options(ctx)
    typed = {name: value for name, value in values.items() if name in given}
    plain = click.core.ParameterSource.DEFAULT
    preset = {
        name: value
        for name, value in values.items()
        if ctx.get_parameter_source(name) is not plain and name not in unused
    }
    return combined(settings, preset=preset, typed=typed, earlier=earlier)


def typed_options(ctx: click.Context) -> set[str]:
    """Return the names of the options that were given on the command line."""
    typed = click.core.ParameterSource.COMMANDLINE
    return {name for name in ctx.params if ctx.get_parameter_source(name) is typed}
