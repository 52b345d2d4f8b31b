"""The folder of what was made: names, the listing, what a page may have, and several processes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from studios import Studio

from neuralpaint.errors import EncodingError, UnknownNameError, UsageError
from neuralpaint.storage.resume import Resume
from neuralpaint.studio.folder import MadeFolder
from neuralpaint.studio.training import Training
from neuralpaint.studio.uploads import PictureUpload


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[MadeFolder]:
    with MadeFolder(tmp_path / "made") as opened:
        yield opened


def begin(folder: MadeFolder, name: str = "rocket.jpg", **settings: str) -> Training:
    """Begin a training of the sample under another name."""
    sample = folder.uploads.picture("sample")
    named = PictureUpload(**{**vars(sample), "name": name})
    return folder.begin(named, settings)


def finish(training: Training, *names: str, **facts: Any) -> str:
    """Write files into a training, close it, and return its made_id."""
    for name in names or ("film.mp4",):
        (training.path / name).write_bytes(b"made")
    training.update(**facts)
    training.close()
    return training.id


def made(folder: MadeFolder) -> list[str]:
    folder.refresh()
    return [item["id"] for item in folder.items()]


def test_a_training_has_its_picture_and_facts(folder: MadeFolder) -> None:
    training = begin(folder, steps="60", look="bloom")
    assert training.picture is not None
    assert training.picture.name == "picture.jpg"
    assert training.picture.read_bytes() == folder.uploads.picture("sample").path.read_bytes()
    assert training.settings == {"steps": "60", "look": "bloom"}
    assert training.title == "rocket.jpg"
    assert training.sound is None
    made_id = finish(training, "film.mp4", "film.take", "film.painting", steps=60, psnr=31.5)
    folder.refresh()
    (item,) = folder.items()
    assert item["id"] == made_id
    assert (item["title"], item["steps"], item["psnr"]) == ("rocket.jpg", 60, 31.5)
    assert item["state"] == "done"
    assert item["when"].endswith("+00:00")
    assert {file["name"]: file["kind"] for file in item["files"]} == {
        "film.mp4": "clip",
        "film.take": "take",
        "film.painting": "painting",
        "picture.jpg": "picture",
    }
    assert {file["bytes"] for file in item["files"]} > {4}


NAMES = {
    "rocket.jpg": "rocket",
    "My Photo (2).PNG": "my-photo-2",
    "été à Paris.jpg": "ete-a-paris",
    "写真.png": "picture",
    "../../etc/passwd": "passwd",
    "con.png": "con",
    "-rf.png": "rf",
    ".png": "png",
    "a" * 300 + ".png": "a" * 40,
}


@pytest.mark.parametrize("name", NAMES)
def test_the_name_of_a_folder_is_plain(folder: MadeFolder, name: str) -> None:
    training = begin(folder, name)
    assert training.id[11:] == NAMES[name]
    assert training.path.parent == folder.path
    training.close()


def test_folders_of_one_name_are_numbered_and_none_is_used_twice(folder: MadeFolder) -> None:
    ids = [finish(begin(folder)) for _ in range(3)]
    assert [made_id[11:] for made_id in ids] == ["rocket", "rocket-2", "rocket-3"]
    assert made(folder) == ids[::-1]  # the newest first


def test_outputs_do_not_replace_each_other(folder: MadeFolder) -> None:
    training = begin(folder)
    assert training.output(".mp4").name == "film.mp4"
    training.clip.write_bytes(b"x")
    second = training.output(".mp4")
    assert second.name == "film-2.mp4"
    second.write_bytes(b"x")
    assert training.output(".mp4").name == "film-3.mp4"
    assert training.output(".gif").name == "film.gif"
    assert training.output(".png", still=True).name == "still.png"
    assert training.output(".html").name == "film.html"
    training.close()


@pytest.mark.parametrize("suffix", ["", ".exe", "/../../x.mp4", ".mp4/", ".png", "mp4", ".MP4"])
def test_a_suffix_that_does_not_exist_is_no_output(folder: MadeFolder, suffix: str) -> None:
    training = begin(folder)
    with pytest.raises(UnknownNameError, match="no suffix named"):
        training.output(suffix)
    training.close()


def test_a_training_that_is_open_is_not_opened_again(
    folder: MadeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_id = finish(begin(folder))
    assert made(folder) == [made_id]
    monkeypatch.setattr(os, "getpid", lambda: 4711)  # as another process
    with MadeFolder(folder.path) as other:
        training = other.open(made_id)
        with pytest.raises(UsageError, match="is open in another studio"):
            folder.open(made_id)
        assert made(folder) == [made_id]  # it is complete, and only rendered again
        training.close()
        folder.open(made_id).close()


def test_a_training_is_listed_when_it_has_ended(folder: MadeFolder) -> None:
    training = begin(folder)
    training.take.write_bytes(b"half")
    assert made(folder) == []
    training.clip.write_bytes(b"whole")
    assert made(folder) == [training.id]
    Resume.checkpoint_path(training.clip).write_bytes(b"it is continued")
    assert made(folder) == []
    training.close()
    assert made(folder) == [training.id]
    assert folder.items()[0]["state"] == "interrupted"


def test_an_unknown_training_cannot_be_opened(folder: MadeFolder) -> None:
    for made_id in ("x", "..", "", "../made", str(folder.path)):
        with pytest.raises(UsageError, match="not in the folder any more"):
            folder.open(made_id)


def test_an_interrupted_training_is_one_with_a_checkpoint(folder: MadeFolder) -> None:
    interrupted, done = begin(folder, "a.jpg"), begin(folder, "b.jpg")
    checkpoint = Resume.checkpoint_path(interrupted.clip)
    made_id = finish(interrupted, checkpoint.name)
    finish(done)
    folder.refresh()
    states = {item["id"]: item["state"] for item in folder.items()}
    assert states.pop(made_id) == "interrupted"
    assert [*states.values()] == ["done"]
    assert folder.file(made_id, checkpoint.name) is None


def test_a_training_of_which_nothing_came_is_not_listed(folder: MadeFolder) -> None:
    begin(folder).close()
    assert made(folder) == []


def test_only_files_of_known_names_can_be_had(folder: MadeFolder) -> None:
    known = ["film.mp4", "film-2.webm", "film.cover.jpg", "still.png", "still-3.tiff", "film.html"]
    other = ["notes.txt", ".film.4711.part.mp4", "film.mp4.rushes", "film.mp4.checkpoint",
             "film.recovered.mp4", "FILM.MP4", "film.mp4.exe"]  # fmt: skip
    made_id = finish(begin(folder), *known, *other)
    folder.refresh()
    for name in known:
        file = folder.file(made_id, name)
        assert file is not None
        assert file.path.name == name
    kinds = {file["name"]: file["kind"] for file in folder.items()[0]["files"]}
    assert kinds["film.cover.jpg"] == "still"
    assert kinds["film.html"] == "page"
    for name in (*other, "training.json", "thumbnail.webp", "", ".", "..", "../made", "\0"):
        assert folder.file(made_id, name) is None


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder that nobody may read through the page."""
    path = tmp_path / "outside"
    path.mkdir()
    (path / "film.mp4").write_bytes(b"secret")
    (path / "training.json").write_text("{}")
    return path


def test_no_link_leads_out(studio: Studio, outside: Path) -> None:
    folder = studio.made
    made_id = finish(begin(folder))
    training = folder.path / made_id
    (training / "film-2.mp4").symlink_to(outside / "film.mp4")
    (training / "film-3.mp4").symlink_to(training / "film.mp4")
    (training / "still.png").symlink_to("/etc/passwd")
    (training / "thumbnail.webp").unlink()
    (training / "thumbnail.webp").symlink_to(outside / "film.mp4")
    (folder.path / "linked").symlink_to(outside, target_is_directory=True)
    assert made(folder) == [made_id]
    assert {file["name"] for file in folder.items()[0]["files"]} == {"film.mp4", "picture.jpg"}
    for path in (
        f"{made_id}/film-2.mp4",
        f"{made_id}/still.png",
        f"{made_id}/thumbnail",
        "linked/film.mp4",
    ):
        assert studio.ask(f"made/{path}").status == 404


def test_a_file_that_became_a_link_is_not_followed(studio: Studio, outside: Path) -> None:
    made_id = finish(begin(studio.made))
    assert made(studio.made) == [made_id]
    clip = studio.made.path / made_id / "film.mp4"
    clip.unlink()
    clip.symlink_to(outside / "film.mp4")
    assert studio.ask(f"made/{made_id}/film.mp4").status == 404
    clip.unlink()
    assert studio.ask(f"made/{made_id}/film.mp4").status == 404


FACTS = {
    "no JSON": "{",
    "a list": "[1]",
    "nested": "[" * 100_000,
    "huge": " " * (2**20 + 1) + "{}",
    "binary": "\udcff",
}


@pytest.mark.parametrize("case", FACTS)
def test_damaged_facts_hide_a_folder_only(folder: MadeFolder, case: str) -> None:
    good = finish(begin(folder, "good.jpg"))
    damaged = folder.path / finish(begin(folder, "damaged.jpg")) / "training.json"
    damaged.write_bytes(FACTS[case].encode(errors="surrogateescape"))
    assert made(folder) == [good]


def test_facts_of_other_types_are_left_out(folder: MadeFolder) -> None:
    training = folder.path / finish(begin(folder))
    facts = {"title": ["x"], "when": 5, "steps": "many", "psnr": True, "settings": [1]}
    (training / "training.json").write_text(json.dumps(facts))
    folder.refresh()
    (item,) = folder.items()
    assert item["title"] == training.name
    assert (item["when"], item["steps"], item["psnr"]) == ("", None, None)
    opened = folder.open(training.name)
    assert opened.settings == {}
    opened.close()


def test_other_folders_and_files_are_left_alone(folder: MadeFolder) -> None:
    (folder.path / "holiday").mkdir()
    (folder.path / "holiday" / "film.mp4").write_bytes(b"mine")
    (folder.path / "notes.txt").write_text("mine")
    for name in ("line\nbreak", "no-utf8-\udcff"):
        (folder.path / name).mkdir()
        (folder.path / name / "training.json").write_text("{}")
        (folder.path / name / "film.mp4").write_bytes(b"mine")
    finish(begin(folder))
    assert len(made(folder)) == 1
    assert folder.file("holiday", "film.mp4") is None
    assert (folder.path / "notes.txt").read_text() == "mine"


def test_a_file_is_sent_in_parts_and_downloaded_under_a_telling_name(studio: Studio) -> None:
    training = begin(studio.made)
    training.clip.write_bytes(bytes(range(100)))
    training.close()
    path = f"made/{training.id}/film.mp4"
    assert studio.ask(path).status == 404  # before a scan
    studio.made.refresh()
    whole = studio.ask(path)
    assert (whole.status, whole.headers["content-type"]) == (200, "video/mp4")
    assert "content-disposition" not in whole.headers
    part = studio.ask(f"{path}?download", headers={"range": "bytes=10-19"})
    assert (part.status, part.body) == (206, bytes(range(10, 20)))
    assert part.headers["content-range"] == "bytes 10-19/100"
    assert part.headers["content-disposition"] == f'attachment; filename="{training.id}-film.mp4"'
    for wrong in ("bytes=200-", "bytes=5-1", "bytes=x", "lines=1-2"):
        assert studio.ask(path, headers={"range": wrong}).status in (200, 400, 416)
    thumbnail = studio.ask(f"made/{training.id}/thumbnail")
    assert thumbnail.headers["content-type"] == "image/webp"
    assert thumbnail.body[8:12] == b"WEBP"


def test_a_made_page_runs_in_a_sandbox(studio: Studio) -> None:
    made_id = finish(begin(studio.made), "film.html")
    studio.made.refresh()
    policy = studio.ask(f"made/{made_id}/film.html").headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts")
    assert "allow-same-origin" not in policy
    assert "default-src 'none'" in policy


def test_an_uploaded_picture_is_never_shown_as_a_page(studio: Studio) -> None:
    sample = studio.made.uploads.picture("sample")
    for suffix in (".html", ".svg", ".js"):
        path = studio.made.path / f"sample{suffix}"
        path.write_bytes(sample.path.read_bytes())
        named = PictureUpload(**{**vars(sample), "name": f"a{suffix}", "path": path})
        made_id = finish(studio.made.begin(named, {}))
        studio.made.refresh()
        answer = studio.ask(f"made/{made_id}/picture{suffix}")
        assert answer.status == 200
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_every_tab_gets_the_list_on_a_change(studio: Studio) -> None:
    with studio.tab() as page:
        assert page.receive("made")["items"] == []
        made_id = finish(begin(studio.made))
        studio.made.refresh()
        studio.session.change(phase="done")
        assert [item["id"] for item in page.receive("made")["items"]] == [made_id]


def test_a_tab_that_opens_sees_what_another_studio_has_made(studio: Studio) -> None:
    made_id = finish(begin(studio.made))
    with studio.tab() as page:
        assert [item["id"] for item in page.receive("made")["items"]] == [made_id]


@pytest.mark.parametrize("case", ["a file", "no parent"])
def test_a_folder_that_cannot_be_is_one_line(tmp_path: Path, case: str) -> None:
    (tmp_path / "file").write_text("x")
    path = tmp_path / ("file" if case == "a file" else "none/made")
    with pytest.raises(UsageError, match=f"--folder '{path}'"):
        MadeFolder(path)


def test_a_read_only_folder_is_one_line(unprivileged_folder: Path) -> None:
    unprivileged_folder.chmod(0o500)
    for path in (unprivileged_folder, unprivileged_folder / "made"):
        with pytest.raises(EncodingError, match="choose a folder that you can write to"):
            MadeFolder(path)


def test_a_folder_that_becomes_read_only_is_one_line(
    unprivileged_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = unprivileged_folder / "sample.png"  # that of the package may be out of reach
    Image.new("RGB", (8, 6)).save(sample)
    monkeypatch.setattr("neuralpaint.studio.uploads.SAMPLE", sample)
    with MadeFolder(unprivileged_folder / "made") as folder:
        folder.uploads.picture("sample")
        folder.path.chmod(0o500)
        with pytest.raises(EncodingError, match="choose a folder that you can write to"):
            begin(folder)
        folder.path.chmod(0o700)
        assert made(folder) == []


@pytest.mark.parametrize("file", ["the picture", "the facts"])
def test_a_disk_that_is_full_leaves_no_half_training(
    file: str, folder: MadeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.uploads.picture("sample")

    def write_nothing(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    name = "shutil.copyfile" if file == "the picture" else "pathlib.Path.write_bytes"
    monkeypatch.setattr(name, write_nothing)
    with pytest.raises(EncodingError, match="free some space"):
        begin(folder)
    assert [path.name for path in folder.path.iterdir() if not path.name.startswith(".")] == []
