"""`neuralpaint explain`: write a page that takes a trained network apart."""

from __future__ import annotations

import click

from neuralpaint.cli.display import Display, remark_written
from neuralpaint.cli.jobs import confirm_overwrite, run
from neuralpaint.cli.options import SectionedCommand, common_options, output_option
from neuralpaint.pipelines.explain.explain import Explain, Explained

__all__ = ["command"]


@click.command("explain", cls=SectionedCommand)
@click.argument("saved", metavar="PAINTING", type=click.Path())
@output_option("the page (.html); it needs no other file and no network")
@common_options
@click.pass_context
def command(ctx: click.Context, /, saved: str, output: str, overwrite: bool, **_: object) -> int:
    """Write a page that shows how the network of PAINTING, a painting or a take, works.

    With pictures, layer by layer: what goes in, what its features and its units answer, how the
    last layer adds them up, and what happens without some units or with noise on the weights. For a
    take, also how it got there.

    \b
    neuralpaint explain photo.painting -o photo.html
    neuralpaint explain clip.take -o lesson.html
    """
    job = Explain(saved, output, overwrite=confirm_overwrite(output, overwrite=overwrite))
    return run(job, ctx, _ExplainDisplay)


class _ExplainDisplay(Display[Explained]):
    def show(self, result: Explained) -> None:
        remark_written(result.output, f"  {result.model}, {result.bytes / 1e6:.1f} MB")
