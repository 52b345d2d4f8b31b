"""`neuralpaint export`: write a painting or a take as a function for other tools, or as a page."""

from __future__ import annotations

from collections.abc import Callable

import click

from neuralpaint.cli.display import Display, remark_written
from neuralpaint.cli.jobs import confirm_overwrite, run
from neuralpaint.cli.options import (
    SectionedCommand,
    common_options,
    output_option,
    settings_from,
    settings_options,
    typed_options,
)
from neuralpaint.config.settings import options
from neuralpaint.export.formats import export_formats
from neuralpaint.pipelines.export import Export, Exported
from neuralpaint.pipelines.settings import MomentSettings

__all__ = ["command"]

_FORMAT_OPTIONS = {option for name in export_formats for option in options(export_formats[name])}


def _format_options(command: Callable[..., int]) -> Callable[..., int]:
    """Add the options of all formats."""
    for name in export_formats:
        command = settings_options(export_formats[name])(command)
    return command


@click.command("export", cls=SectionedCommand)
@click.argument("saved", metavar="PAINTING", type=click.Path())
@output_option(
    "the file; its suffix chooses: a page that plays (.html), a neural network (.onnx), a shader "
    "(.glsl) or arrays (.npz)"
)
@settings_options(MomentSettings)
@_format_options
@common_options
@click.pass_context
def command(ctx: click.Context, /, saved: str, output: str, overwrite: bool, **_: object) -> int:
    """Write PAINTING, a painting or a take, as the function f(x, y) -> (r, g, b) it has learned.

    x runs right and y runs down; the longer side of the picture spans [-1, 1]. Every model of a
    single picture can be written as .onnx and as .npz. A shader for shadertoy.com has to compile in
    a browser: train a small model for it, such as --model siren:hidden_size=32.

    As .html, a take becomes a page that plays its training: one file for every browser with WebGL
    2, without a network connection. The network itself is evaluated for every pixel, so one can
    zoom in without end. Between some moments of the training, the weights are blended.

    \b
    neuralpaint export clip.take -o film.html
    neuralpaint export photo.painting -o photo.onnx
    neuralpaint export photo.painting -o photo.glsl
    neuralpaint export clip.take -o half.npz --at 50%
    """
    job = Export(
        saved,
        output,
        settings=settings_from(MomentSettings, ctx),
        given={name: ctx.params[name] for name in typed_options(ctx) & _FORMAT_OPTIONS},
        overwrite=confirm_overwrite(output, overwrite=overwrite),
    )
    return run(job, ctx, _ExportDisplay)


class _ExportDisplay(Display[Exported]):
    def show(self, result: Exported) -> None:
        size = f"{result.bytes / 1e6:.1f} MB" if result.bytes > 1e5 else f"{result.bytes:,} bytes"
        remark_written(result.output, f"  {result.model}, {result.weights:,} weights, {size}")
