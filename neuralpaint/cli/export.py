"""`neuralpaint export`: write a painting as a function for other tools."""

from __future__ import annotations

from typing import Any

import click

from neuralpaint.cli.options import common_options, output_option, settings_from, settings_options
from neuralpaint.cli.running import confirm_overwrite, run
from neuralpaint.cli.screen import Going, Screen
from neuralpaint.cli.sections import SectionedCommand
from neuralpaint.pipelines.export import Export, Exported
from neuralpaint.pipelines.instant import InstantSettings

__all__ = ["command"]


@click.command("export", cls=SectionedCommand)
@click.argument("saved", metavar="PAINTING", type=click.Path())
@output_option("its suffix chooses: a neural network (.onnx), a shader (.glsl) or arrays (.npz)")
@settings_options(InstantSettings)
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    saved: str,
    output: str,
    overwrite: bool,
    quiet: bool,
    as_json: bool,
    dry_run: bool,
    **_: object,
) -> int:
    """Write PAINTING, a painting or a take, as the function f(x, y) -> (r, g, b) that it is.

    x runs right and y runs down; the longer side of the picture spans [-1, 1]. As .onnx and as .npz
    goes every model. A shader to paste into shadertoy.com must compile while somebody waits: train
    a small model for it, such as --model siren:hidden_size=32.

    \b
    neuralpaint export photo.painting -o photo.onnx
    neuralpaint export photo.painting -o photo.glsl
    neuralpaint export clip.take -o half.npz --at 50%
    """
    job = Export(
        saved,
        output,
        settings=settings_from(InstantSettings, ctx),
        overwrite=confirm_overwrite(output, overwrite=overwrite),
    )
    return run(job, _Display(quiet=quiet, as_json=as_json), dry_run=dry_run)


class _Display(Screen[Going, Exported]):
    """Shows what was written; that takes no time to speak of."""

    def words(self, progress: Any) -> tuple[str, list[str]]:
        return "writing", []

    def summary(self, result: Exported) -> None:
        name = click.style(result.output, bold=True)
        size = f"{result.bytes / 1e6:.1f} MB" if result.bytes > 1e5 else f"{result.bytes:,} bytes"
        click.echo(f"wrote {name}  {result.model}, {result.weights:,} weights, {size}", err=True)
