"""`neuralpaint render`: render a painting or a take again."""

from __future__ import annotations

from pathlib import Path

import click

from neuralpaint.cli.display import FileDisplay
from neuralpaint.cli.forecasts import Forecaster
from neuralpaint.cli.jobs import confirm_overwrite, run
from neuralpaint.cli.options import (
    SectionedCommand,
    audio_option,
    chosen_presets,
    common_options,
    output_option,
    place_option,
    settings_from,
    settings_options,
    typed_options,
)
from neuralpaint.config.presets import chosen_values
from neuralpaint.pipelines.executors import PlacementSettings
from neuralpaint.pipelines.parts import RenderInParts
from neuralpaint.pipelines.render import (
    RenderSettings,
    prepare_render,
    renders_still,
    unused_options,
)
from neuralpaint.pipelines.saved_networks import load_saved, recorded_settings

__all__ = ["command"]


@click.command("render", cls=SectionedCommand)
@click.argument("saved", metavar="SAVED", type=click.Path())
@output_option(
    "its suffix chooses: a still (.png, .tiff, .jpg, ...) or a clip (.mp4, .webm, .gif, ...)"
)
@audio_option
@place_option(RenderSettings)
@settings_options(RenderSettings)
@settings_options(PlacementSettings)
@common_options
@click.pass_context
def command(
    ctx: click.Context, /, saved: str, output: str, audio: Path | None, overwrite: bool, **_: object
) -> int:
    """Render SAVED, a painting or a take, without the original picture and without training.

    A take is rendered as the clip that was filmed when it was recorded, except for the options
    given here: another size, speed, pacing, framing or format. An option that is not given keeps
    its recorded value, not the default printed below; --camera none, --overlay none, --crop none
    and --no-boomerang remove the recorded one. Between two snapshots, the weights are interpolated.
    For a still, the recorded options are not used: it shows the whole picture unless --crop or
    --aspect is given.

    \b
    neuralpaint render clip.take -o 4k.mp4 --size 3840x2560
    neuralpaint render clip.take -o reel.mp4 --for reel --overlay steps
    neuralpaint render clip.take -o tall.mp4 --aspect 9:16 --camera zoom-in:factor=4 --duration 20
    neuralpaint render photo.painting -o poster.png --scale 16

    With --jobs or --on, several processes or machines render one file: a clip in parts of two
    seconds, which are joined without encoding them again, a still in strips. The frames and the
    strips are the same.

    \b
    neuralpaint render clip.take -o 8k.mp4 --size 7680x4320 --jobs 8
    neuralpaint render photo.painting -o wall.tif --size 40000x25000 --on ray
    """
    allowed = confirm_overwrite(output, overwrite=overwrite)
    loaded = load_saved(saved, ctx.params["device"])
    still = renders_still(loaded, output, ctx.params["at"], ctx.params["camera"])
    unused = unused_options(output, still=still)
    place = chosen_values(RenderSettings, chosen_presets(ctx)).keys() - unused
    typed = typed_options(ctx) | place
    recorded = {} if still else recorded_settings(loaded, output, typed=typed, audio=audio)
    settings = settings_from(RenderSettings, ctx, earlier=recorded, unused=unused)
    job = prepare_render(
        loaded,
        output,
        settings=settings,
        source=saved,
        audio=audio,
        overwrite=allowed,
        began=ctx.obj,
    )
    placement = settings_from(PlacementSettings, ctx)
    if not placement.divides:
        return run(job, ctx, FileDisplay, forecaster=Forecaster(job))
    divided = RenderInParts(job, saved=saved, settings=settings, audio=audio, placement=placement)
    return run(divided, ctx, FileDisplay)
