"""Uploads: what is read, under which name, what is refused and how, and what is left of it."""

from __future__ import annotations

import io
import json
import os
import socket
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sounds import clicks, save_wav
from studios import Studio

from neuralpaint.pipelines.bench.bench import SAMPLE
from neuralpaint.studio.folder import MadeFolder
from neuralpaint.studio.uploads import Uploads, shown_name


def picture(kind: str = "PNG", *, mode: str = "RGB", size: tuple[int, int] = (24, 16)) -> bytes:
    """Return a picture as a file."""
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 4), dtype=np.uint8)
    encoded = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(encoded, kind)
    return encoded.getvalue()


def bomb(side: int) -> bytes:
    """Return a PNG of a few bytes that says it has side x side pixels."""

    def chunk(name: bytes, content: bytes) -> bytes:
        check = zlib.crc32(name + content).to_bytes(4)
        return len(content).to_bytes(4) + name + content + check

    header = side.to_bytes(4) * 2 + bytes((8, 2, 0, 0, 0))
    pixels = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def left(studio: Studio) -> list[Path]:
    """Return what lies in the temporary folder."""
    return [*studio.made.path.glob(".uploads*/*")]


def test_a_picture_is_read_and_shown(studio: Studio) -> None:
    answer = studio.upload("picture", "my%20photo.jpg", picture("JPEG", size=(2000, 30)))
    assert answer.status == 200
    found = json.loads(answer.body)
    assert found == {
        "id": found["id"],
        "name": "my photo.jpg",
        "width": 2000,
        "height": 30,
        "alpha": False,
    }
    preview = studio.ask(f"picture/{found['id']}")
    assert preview.headers["content-type"] == "image/webp"
    assert Image.open(io.BytesIO(preview.body)).size == (1024, 15)


def test_transparent_parts_are_told_and_previewed(studio: Studio) -> None:
    found = json.loads(studio.upload("picture", "a.png", picture(mode="RGBA")).body)
    assert found["alpha"]
    preview = Image.open(io.BytesIO(studio.ask(f"picture/{found['id']}").body))
    assert preview.mode == "RGBA"


def test_the_sample_is_a_picture_like_others(studio: Studio) -> None:
    assert studio.ask("sample").body == SAMPLE.read_bytes()
    assert studio.ask("picture/sample").status == 200
    upload = studio.made.uploads.picture("sample")
    assert (upload.name, upload.path) == ("rocket.jpg", SAMPLE)


REFUSED: dict[str, tuple[str, bytes, int, str]] = {
    "a text": ("notes.jpg", b"Dear diary,\n", 415, "'notes.jpg' is not a picture"),
    "an SVG": (
        "a.svg",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        415,
        "'a.svg' is not a picture",
    ),
    "an SVG named PNG": ("a.png", b"<svg onload='alert(1)'/>", 415, "'a.png' is not a picture"),
    "a page": ("a.html", b"<!doctype html><script>1</script>", 415, "'a.html' is not a picture"),
    "nothing": ("a.png", b"", 415, "'a.png' is empty"),
    "half a picture": ("half.png", picture()[:200], 415, "'half.png' is damaged"),
    "a bomb": ("bomb.png", bomb(100_000), 415, "'bomb.png' is 100000x100000, 10,000,000,000"),
    "a clip": ("a.mp4", b"\0\0\0\x18ftypmp42" + bytes(200), 415, "'a.mp4' is a clip"),
    "a name like a path": ("..%2F..%2Fetc%2Fpasswd", b"x", 415, "'passwd' is not a picture"),
    "a Windows path": ("C%3A%5Cx%5Ca.png", b"x", 415, "'a.png' is not a picture"),
    "a name with a NUL": ("a%00b.png", b"x", 415, "'a?b.png' is not a picture"),
    "a name with an escape": ("%1b%5b31ma.png", b"x", 415, "'?[31ma.png' is not a picture"),
    "no name": ("", b"x", 415, "'picture' is not a picture"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_picture_is_refused_in_the_words_of_the_command_line(
    shared: Studio, case: str
) -> None:
    name, content, status, message = REFUSED[case]
    answer = shared.upload("picture", name, content)
    assert answer.status == status
    assert answer.error.startswith(message)
    assert "\n" not in answer.error
    assert str(shared.made.path) not in answer.error
    assert not left(shared)


def test_the_limit_of_pixels_is_that_of_the_session(tmp_path: Path) -> None:
    with (
        MadeFolder(tmp_path / "made", max_pixels=100) as folder,
        folder.uploads.receive("a.png") as incoming,
    ):
        incoming.write(picture())
        with pytest.raises(Exception, match="24x16, 384 pixels, over the limit of 100"):
            folder.uploads.keep_picture(incoming)


@pytest.mark.parametrize(
    "name",
    [
        "a" * 500 + ".png",
        "../../a.png",
        "..",
        ".",
        "",
        " ",
        "a\nb.png",
        "C:\\a\\b.png",
        "\u202ea.png",
    ],
)
def test_a_shown_name_is_short_and_has_no_folder(name: str) -> None:
    shown = shown_name(name)
    assert 0 < len(shown) <= 120
    assert not {"/", "\\", "\n", "\u202e"} & {*shown}
    assert shown.isprintable()


@pytest.mark.parametrize(
    "name", ["..%2F..%2Fx.h%2Ftml", "a.%C3%B6", "a.a-suffix", "a.averylongsuffix", "a.p%00g", "a."]
)
def test_a_name_never_becomes_a_path(studio: Studio, name: str) -> None:
    answer = studio.upload("picture", name, picture())
    assert answer.status == 200
    (folder,) = [path for path in left(studio) if path.is_dir()]
    assert {path.name for path in folder.iterdir()} == {"file", "preview.webp"}


@pytest.mark.parametrize("suffix", [".wav", ""])
def test_a_sound_is_read(studio: Studio, tmp_path: Path, suffix: str) -> None:
    wav = save_wav(tmp_path / "a.wav", clicks(120, seconds=1.5)[0])
    found = json.loads(
        studio.upload("sound", f"my song{suffix}".replace(" ", "+"), wav.read_bytes()).body
    )
    assert found["name"] == f"my song{suffix}"
    assert found["seconds"] == pytest.approx(1.5, abs=0.01)
    assert studio.made.uploads.sound(found["id"]).path.read_bytes() == wav.read_bytes()


SOUNDS = {
    "a text": b"la la la",
    "nothing": b"",
    "a picture": picture(),
    "a playlist": b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n",
    "a list of files": b"ffconcat version 1.0\nfile /etc/passwd\n",
    "a manifest": b"<?xml version='1.0'?><MPD><BaseURL>file:///etc/passwd</BaseURL></MPD>",
    "half a sound": b"RIFF\x00\x00\x00\x00WAVEfmt ",
}


@pytest.mark.parametrize("case", SOUNDS)
def test_what_is_no_sound_is_refused(shared: Studio, case: str) -> None:
    answer = shared.upload("sound", "song.mp3", SOUNDS[case])
    assert answer.status == 400
    assert "'song.mp3'" in answer.error
    assert str(shared.made.path) not in answer.error
    assert "\n" not in answer.error
    assert not left(shared)


def test_a_playlist_is_not_followed(
    shared: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sound that it names could be read, but ffmpeg does not even get the playlist."""
    asked = []
    monkeypatch.setattr("neuralpaint.studio.uploads.read_sound", lambda *a, **_: asked.append(a))
    wav = save_wav(tmp_path / "secret.wav", clicks(120, seconds=1)[0])
    assert shared.upload("sound", "a.m3u8", f"#EXTM3U\n{wav}\n".encode()).status == 400
    assert not asked


def test_an_upload_that_breaks_off_leaves_nothing(studio: Studio) -> None:
    port = studio.server.port
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sender:
        sender.sendall(
            f"POST /{studio.server.token}/picture?name=a.png HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            "Content-Length: 1000\r\n\r\nhalf".encode()
        )
        while not left(studio):
            assert studio.ask("sample").status == 200
    while left(studio):
        assert studio.ask("sample").status == 200


def test_an_upload_that_stops_is_given_up(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuralpaint.studio.app._PART_SECONDS", 0.05)
    answer = studio.ask(
        "picture?name=a.png", method="POST", headers={"content-length": "1000"}, body=b"half"
    )
    assert (answer.status, answer.error) == (408, "the upload has stopped: try again")
    assert not left(studio)


def test_a_full_disk_is_one_line(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    def write_nothing(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", write_nothing)
    answer = studio.upload("picture", "a.png", picture())
    assert answer.status == 507
    assert "(No space left on device): free some space" in answer.error
    assert not left(studio)


def test_the_oldest_upload_makes_room(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuralpaint.studio.uploads._MOST", 2)
    ids = [json.loads(studio.upload("picture", "a.png", picture()).body)["id"] for _ in range(3)]
    assert [studio.ask(f"picture/{each}").status for each in ids] == [404, 200, 200]
    with pytest.raises(Exception, match="drop it again"):
        studio.made.uploads.picture(ids[0])
    assert len(left(studio)) == 2


def test_an_id_is_of_one_kind(studio: Studio, tmp_path: Path) -> None:
    wav = save_wav(tmp_path / "a.wav", clicks(120, seconds=1)[0]).read_bytes()
    sound = json.loads(studio.upload("sound", "a.wav", wav).body)["id"]
    assert studio.ask(f"picture/{sound}").status == 404
    with pytest.raises(Exception, match="choose it again"):
        studio.made.uploads.sound("sample")


def test_uploads_are_removed_at_the_end_and_those_of_a_killed_process_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "made"
    with MadeFolder(path) as folder, folder.uploads.receive("a.png") as incoming:
        incoming.write(picture())
        folder.uploads.keep_picture(incoming)
        mine = incoming.path
        killed = path / ".uploads.99999999.part" / "1234"
        killed.mkdir(parents=True)
        monkeypatch.setattr(os, "getpid", lambda: 4711)  # as another process, at the same time
        with MadeFolder(path) as other:
            assert not killed.parent.exists()
            assert mine.exists()
            assert isinstance(other.uploads, Uploads)
        monkeypatch.undo()
    assert [*path.iterdir()] == []
