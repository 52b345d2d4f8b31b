"""Joining: the parts of a clip, made in different processes, become one file.

A part begins with a key frame and refers to no frame of another one, so ffmpeg copies the encoded
frames. Sound, title and tag are added to the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from neuralpaint.errors import EncodingError
from neuralpaint.image.metadata import check_tag
from neuralpaint.runtime.files import part_file, remove_stale_parts
from neuralpaint.video.formats import Format, exact_fps
from neuralpaint.video.sinks import ClipInfo, check_clip, sink_for

__all__ = ["join_clips"]


def join_clips(
    parts: Sequence[tuple[Path, int]],
    path: str | Path,
    *,
    format: Format,  # noqa: A002 - the user's word for it
    height: int,
    width: int,
    fps: float | Fraction,
    alpha: bool = False,
    title: str = "",
    tag: str = "",
    audio: Path | None = None,
    overwrite: bool = False,
) -> Path:
    """Join clips of one size and rate, and return the path of the whole.

    Args:
        parts: the clips, which `ClipWriter` has written with `is_part`, and their numbers of
            frames; in one folder, with names without special characters. They are in the format if
            it `joins`, or else lossless.
        path: the whole clip; it appears when it is complete.
        format: its format.
        height: of the frames that were given to `ClipWriter`.
        width: likewise.
        fps: frames per second.
        alpha: whether the frames have alpha.
        title: as in `ClipWriter`.
        tag: likewise.
        audio: likewise.
        overwrite: whether `path` may exist.

    Raises:
        UsageError: as in `ClipWriter`.
        EncodingError: the clip cannot be written.
    """
    target = check_clip(path, format, audio=audio, overwrite=overwrite)
    height, width = format.padded(height=height, width=width)
    info = ClipInfo(
        height=height,
        width=width,
        fps=exact_fps(fps),
        alpha=alpha,
        tag=check_tag(tag),
        title=check_tag(title),
        audio=audio,
    )
    sink = sink_for(format)
    remove_stale_parts(target)
    with part_file(target, folder=sink.folder) as part:
        try:
            sink.open_joined(part, info, parts)
            sink.finish(sum(frames for _, frames in parts))
            part.publish()
        except EncodingError as error:
            raise EncodingError(f"{str(target)!r} cannot be written: {error}") from error
        finally:
            sink.discard()
    return Path(path)
