"""`neuralpaint export`: write a painting as a function for other tools."""

from __future__ import annotations

import click

from neuralpaint.cli.display import Display, remark_written
from neuralpaint.cli.jobs import confirm_overwrite, run
from neuralpaint.cli.options import (
    SectionedCommand,
    common_options,
    output_option,
    settings_from,
    settings_options,
)
from neuralpaint.pipelines.export import Export, Exported
from neuralpaint.pipelines.settings import MomentSettings

__all__ = ["command"]


@click.command("export", cls=SectionedCommand)
@click.argument("saved", metavar="PAINTING", type=click.Path())
@output_option(
    "the file; its suffix chooses: a neural network (.onnx), a shader (.glsl) or arrays (.npz)"
)
@settings_options(MomentSettings)
@common_options
@click.pass_context
def command(ctx: click.Context, /, saved: str, output: str, overwrite: bool, **_: object) -> int:
    """Write PAINTING, a painting or a take, as the function f(x, y) -> (r, g, b) it has learned.

    x runs right and y runs down; the longer side of the picture spans [-1, 1]. Every model of a
    single picture can be written as .onnx and as .npz. A shader for shadertoy.com has to compile in
    a browser: train a small model for it, such as --model siren:hidden_size=32.

    \b
    neuralpaint export photo.painting -o photo.onnx
    neuralpaint export photo.painting -o photo.glsl
    neuralpaint export clip.take -o half.npz --at 50%
    """
    job = Export(
        saved,
        output,
        settings=settings_from(MomentSettings, ctx),
        overwrite=confirm_overwrite(output, overwrite=overwrite),
    )
    return run(job, ctx, _ExportDisplay)


class _ExportDisplay(Display[Exported]):
    def show(self, result: Exported) -> None:
        size = f"{result.bytes / 1e6:.1f} MB" if result.bytes > 1e5 else f"{result.bytes:,} bytes"
        remark_written(result.output, f"  {result.model}, {result.weights:,} weights, {size}")
