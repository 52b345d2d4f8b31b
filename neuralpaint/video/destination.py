"""Where a clip goes: everything that can be known about it before training starts."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from neuralpaint.errors import EncodingError, UsageError
from neuralpaint.outputs import check_folder, check_target, writing_failed
from neuralpaint.video.ffmpeg import find_ffmpeg, list_encoders
from neuralpaint.video.formats import Format
from neuralpaint.video.parts import is_frame_name
from neuralpaint.video.sound import check_audio

__all__ = ["check_clip"]

_LEAST_ROOM = 64 * 2**10  # bytes: no clip is smaller than a few blocks


def check_clip(
    path: str | Path,
    format: Format,  # noqa: A002 - the user's word for it
    *,
    audio: str | Path | None = None,
    overwrite: bool = False,
) -> Path:
    """Return the real path that a clip for `path` will have, or say why it cannot be made.

    Links are followed, so that a link stays a link.

    Raises:
        UsageError: the folder is missing, the target exists and `overwrite` is not set or it must
            not be replaced, or the audio cannot be used with this format.
        EncodingError: the folder cannot be written to, or ffmpeg or its encoder is missing.
    """
    if format.muxer:
        check_target(path, overwrite=overwrite)
        _check_encoder(format)
    else:
        _check_frame_folder(Path(path), overwrite=overwrite)
    if audio is not None:
        check_audio(audio, format)
    target = Path(os.path.realpath(path))
    _check_room(target)
    return target


def _check_frame_folder(path: Path, *, overwrite: bool) -> None:
    if not os.path.isdir(path):  # unlike Path.is_dir, false for an impossible name
        # The name is checked as that of a new file is; a file must not become a folder.
        check_target(path, overwrite=False)
        return
    names = os.listdir(path)
    if not all(is_frame_name(name) for name in names):
        raise UsageError(
            f"output {str(path)!r} holds more than frames: choose a new or an empty folder"
        )
    if names and not overwrite:
        raise UsageError(f"output {str(path)!r} exists: add -y to replace it, or rename it")
    check_folder(Path(os.path.realpath(path)).parent)


def _check_room(target: Path) -> None:
    try:
        # A full disk lets files be made; only a write finds out.
        with tempfile.TemporaryFile(dir=target.parent) as trial:
            trial.write(bytes(_LEAST_ROOM))
    except OSError as error:
        raise writing_failed(target, error) from error


def _check_encoder(format: Format) -> None:  # noqa: A002
    find_ffmpeg()
    encoder = format.encoder(height=1080, width=1920)
    if encoder not in list_encoders():
        raise EncodingError(
            f"this ffmpeg has no encoder {encoder}: run pip install -U imageio-ffmpeg"
        )
