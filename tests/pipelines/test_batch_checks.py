"""What is checked before a batch starts: names, folder and options."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from neuralpaint.errors import UsageError
from neuralpaint.pipelines.batch.batch import Batch
from neuralpaint.pipelines.batch.checks import check_folder, check_names
from neuralpaint.pipelines.batch.item import Item
from neuralpaint.pipelines.batch.manifest import Manifest
from neuralpaint.pipelines.executors import PlacementSettings
from neuralpaint.pipelines.paint import PaintSettings
from neuralpaint.pipelines.video import VideoSettings

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs symbolic links")


def painted(source: str | Path, name: str, *, save: str | None = None, mask: str = "") -> Item:
    settings = PaintSettings(mask=mask) if mask else PaintSettings()
    return Item(str(source), name, "paint", settings, save=save)


@posix
def test_no_input_is_replaced_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    source = tmp_path / "photos" / "a.png"
    source.write_bytes(b"precious")
    (tmp_path / "out").symlink_to("photos")
    (tmp_path / "link.png").symlink_to(source)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "a.png").symlink_to(source)
    for given, folder in ((source, "out"), (tmp_path / "link.png", "photos"), (source, "own")):
        with pytest.raises(UsageError, match="an input would be replaced"):
            check_names([painted(given, "a.png")], tmp_path / folder)


def test_no_mask_is_replaced(tmp_path: Path) -> None:
    mask = tmp_path / "mask.png"
    mask.touch()
    with pytest.raises(UsageError, match="an input would be replaced by the result of"):
        check_names([painted("a.jpg", "mask.png", mask=str(mask))], tmp_path)


@pytest.mark.parametrize(
    ("first", "second"),
    [("a.png", "A.PNG"), ("caf\u00e9.png", "cafe\u0301.png"), ("b/../a.png", "./a.png")],
)
def test_names_that_some_file_systems_do_not_distinguish_collide(first: str, second: str) -> None:
    with pytest.raises(UsageError, match=r"'one\.jpg' and 'two\.jpg' would both become"):
        check_names([painted("one.jpg", first), painted("two.jpg", second)], Path("out"))


def test_two_files_of_one_picture_collide() -> None:
    with pytest.raises(UsageError, match=r"two files of .* would both become"):
        check_names([painted("a.jpg", "a.png", save="a.png")], Path("out"))


def test_a_result_is_not_the_folder_of_another_file() -> None:
    items = [painted("one.jpg", "a.png/b.png"), painted("two.jpg", "a.png")]
    with pytest.raises(UsageError, match="a folder of other files has the name of the result"):
        check_names(items, Path("out"))
    with pytest.raises(UsageError, match="a folder of other files has the name of the result"):
        check_names([painted("photos/a.jpg", "photos")], Path("."))


def test_a_cover_is_one_of_the_files_of_a_picture() -> None:
    covered = VideoSettings(cover=True)
    one = Item("one.jpg", "a.mp4", "video", covered)
    assert one.names["cover"] == "a.cover.jpg"
    with pytest.raises(UsageError, match="would both become"):
        check_names([one, painted("two.jpg", "a.cover.jpg")], Path("out"))


def test_a_folder_that_exists_is_written_to_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its parent need not be writable, and what lies beside it is not looked at."""
    tried: list[Path] = []

    def record(path: Path) -> None:
        tried.append(Path(path).parent)

    monkeypatch.setattr("neuralpaint.runtime.files._check_writable", record)
    (tmp_path / "films").mkdir()
    (tmp_path / "films.clip").mkdir()
    check_folder(tmp_path / "films")
    check_folder(tmp_path / "new")
    assert tried == [tmp_path / "films", tmp_path]


@pytest.mark.parametrize("name", [".", "/"])
def test_a_folder_may_have_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Item("a.jpg", "a.mp4", "video", VideoSettings()).check(Path(name))


def test_a_place_that_cannot_be_used_leaves_an_earlier_manifest_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = tmp_path / "manifest.jsonl"
    manifest.write_text("{}\n")

    def fail(*_: object, **__: object) -> None:
        raise UsageError("no cluster")

    monkeypatch.setattr(PlacementSettings, "pool", fail)
    for folder in (tmp_path, tmp_path / "new"):
        items = [painted("a.jpg", "a.png")]
        job = Batch(items, folder, placement=PlacementSettings(), overwrite=True)
        with pytest.raises(UsageError, match="no cluster"):
            job.run()
    assert manifest.read_text() == "{}\n"
    assert not (tmp_path / "new").exists()


def test_a_name_that_is_too_long_is_no_result(tmp_path: Path) -> None:
    item = painted("a.jpg", f"{'a' * 300}.png")
    assert Batch([item], tmp_path, placement=PlacementSettings()).facts()
    with Manifest(tmp_path / "manifest.jsonl", starts_over=True) as manifest:
        manifest.append({"name": item.name, "status": "done", "options": item.options()})
    facts = Batch([item], tmp_path, placement=PlacementSettings(), resume=True).facts()
    assert facts["skipped"] == 0


def test_options_that_many_pictures_share_are_checked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str] = []
    monkeypatch.setattr(Item, "check", lambda item, folder: checked.append(item.name))
    items = [painted("a.jpg", "a.png"), painted("b.jpg", "b.png"), painted("c.jpg", "c.tiff")]
    Batch(items, tmp_path, placement=PlacementSettings())
    assert checked == ["a.png", "c.tiff"]


def test_a_file_that_options_name_is_read_again_by_the_next_batch(tmp_path: Path) -> None:
    mask = tmp_path / "mask.png"
    item = painted("a.jpg", "a.png", mask=str(mask))
    mask.write_bytes(b"one")
    before = item.options()
    mask.write_bytes(b"two")
    assert item.options() != before
