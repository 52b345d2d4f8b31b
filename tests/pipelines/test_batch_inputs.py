"""The inputs of a batch, the names of its results, and its manifest."""

from __future__ import annotations

import errno
import json
import os
import sys
from pathlib import Path

import pytest
from PIL import Image

from neuralpaint.errors import EncodingError, UsageError
from neuralpaint.pipelines.batch.batch import BatchSettings, items_of
from neuralpaint.pipelines.batch.inputs import Row, read_inputs
from neuralpaint.pipelines.batch.item import Item
from neuralpaint.pipelines.batch.manifest import (
    Manifest,
    digest_of_file,
    is_unchanged,
    read_manifest,
)
from neuralpaint.pipelines.paint import PaintSettings

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX limits")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with pictures, one of them in a folder inside it."""
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for name in ("b.png", "a.JPG", "deep/c.png"):
        Image.new("RGB", (4, 4)).save(tmp_path / "in" / name)
    (tmp_path / "in" / "notes.txt").write_text("no picture")
    return tmp_path


def names(folder: Path, *words: str) -> list[str]:
    rows = read_inputs([str(folder / word) for word in words], results=folder / "out")
    return [Path(row.source).relative_to(folder / "in").as_posix() for row in rows]


def named(rows: list[Row], pattern: str) -> list[str]:
    made = (PaintSettings(), None)
    chosen = BatchSettings(do="paint", name=pattern)
    return [item.name for item in items_of(rows, chosen, settings_of=lambda row, name: made)]


def test_folders_patterns_and_files_name_pictures_once(folder: Path) -> None:
    assert names(folder, "in") == ["a.JPG", "b.png"]
    assert names(folder, "in/**/*.png") == ["b.png", "deep/c.png"]
    assert names(folder, "in/*") == ["a.JPG", "b.png"]
    assert names(folder, "in/b.png", "in", "in/deep") == ["b.png", "a.JPG", "deep/c.png"]


def test_hidden_files_and_results_are_inputs_only_if_they_are_named(folder: Path) -> None:
    (folder / "in" / "._b.png").write_bytes(b"what macOS adds")
    (folder / "in" / ".b.4711.part.png").write_bytes(b"half a result")
    words = [str(folder / "in"), str(folder / "in" / "**" / "*.png")]

    def found(*more: str) -> list[str]:
        rows = read_inputs([*words, *more], results=folder / "in" / "deep")
        return [Path(row.source).name for row in rows]

    assert found() == ["a.JPG", "b.png"]
    assert found(str(folder / "in" / "deep" / "c.png")) == ["a.JPG", "b.png", "c.png"]
    with pytest.raises(UsageError, match="only files in the folder of the results"):
        read_inputs(words, results=folder)


def test_a_table_is_found_in_a_folder_whose_name_is_like_a_pattern(folder: Path) -> None:
    inside = (folder / "in").rename(folder / "data[1]")
    (inside / "list.csv").write_bytes(b"output, input\n,*.png\n")
    (inside / "list.toml").write_bytes(b"\xef\xbb\xbf[[picture]]\ninput = '*.png'\n")
    for table in ("list.csv", "list.toml"):
        (row,) = read_inputs([inside / table], results="out")
        assert (Path(row.source), row.options) == (inside / "b.png", {})


def test_a_csv_has_options_for_each_picture(folder: Path) -> None:
    table = folder / "list.csv"
    table.write_text("input,output,steps,frames_from\nin/b.png,one.png,20,\nin/*.JPG,,,render\n")
    first, second = read_inputs([table], results="out")
    assert (first.output, first.options, first.where) == (
        "one.png", {"steps": "20"}, "list.csv, line 2",
    )  # fmt: skip
    assert (second.output, second.options) == (None, {"frames-from": "render"})
    assert [Path(row.source).name for row in (first, second)] == ["b.png", "a.JPG"]


def test_a_toml_has_options_for_all_and_for_each(folder: Path) -> None:
    table = folder / "list.toml"
    table.write_text(
        "steps = 20\nboomerang = true\n[[picture]]\ninput = 'in/*'\n"
        "[[picture]]\ninput = 'in/deep/c.png'\nsteps = 30\noverlay = ['steps', 'curve']\n"
    )
    rows = read_inputs([table], results="out")
    assert [Path(row.source).name for row in rows] == ["a.JPG", "b.png", "c.png"]
    assert rows[0].options == rows[1].options == {"steps": "20", "boomerang": "yes"}
    assert rows[2].options == {"steps": "30", "boomerang": "yes", "overlay": "steps,curve"}


@pytest.mark.parametrize(
    ("word", "content", "message"),
    [
        ("t.csv", "picture,steps\na.png,3\n", "no column 'input'"),
        ("t.csv", "input,steps\nin/b.png,3,4\n", "line 2: it has more cells"),
        ("t.csv", "input,steps\n,3\n", "line 2: it has no input"),
        ("t.csv", "input,output\nin/*,one.png\n", "2 pictures, and 'one.png' is one"),
        ("t.toml", "steps = 3\n", r"no \[\[picture\]\]"),
        ("t.toml", "steps = \n", "not a table"),
        ("no.csv", None, "no file"),
        ("in/nothing*", None, "no file matches"),
        ("in/b.pgn", None, "no file '.*b.pgn': did you mean"),
        ("-", None, "standard input is one picture"),
    ],
)
def test_wrong_inputs_are_reported(
    folder: Path, monkeypatch: pytest.MonkeyPatch, word: str, content: str | None, message: str
) -> None:
    monkeypatch.chdir(folder)
    if content is not None:
        (folder / word).write_text(content)
    with pytest.raises(UsageError, match=message):
        read_inputs([word], results="out")


def test_names_are_made_from_the_name_of_the_picture() -> None:
    rows = [Row("photos/a.b.jpg"), Row("photos/c.png", output="own.tiff")]
    assert named(rows, "{folder}-{stem}.png") == ["photos-a.b.png", "own.tiff"]
    assert named(rows, "{number:03}_{name}.png") == ["001_a.b.jpg.png", "own.tiff"]


@pytest.mark.parametrize("pattern", ["{stm}.png", "{stem.png", "{}.png", "{stem[0]}.png"])
def test_a_wrong_pattern_lists_what_may_be_in_it(pattern: str) -> None:
    with pytest.raises(UsageError, match=r"\{stem\}, \{name\}, \{folder\}, \{number\}"):
        named([Row("a.jpg")], pattern)


@pytest.mark.parametrize("name", ["../a.png", "/tmp/a.png", "manifest.jsonl", ".."])
def test_a_name_stays_in_the_folder(name: str) -> None:
    with pytest.raises(UsageError, match="not the name of a result"):
        named([Row("a.jpg", output=name)], "{stem}.png")


def test_a_torn_line_is_dropped_and_the_newest_entry_counts(tmp_path: Path) -> None:
    path = tmp_path / "manifest.jsonl"
    with Manifest(path, starts_over=True) as manifest:
        for psnr in (20.0, 30.0):
            manifest.append({"name": "a.png", "psnr": psnr})
    with path.open("ab") as file:
        file.write(b'{"name": "b.png", "ps')
    assert read_manifest(path) == {"a.png": {"name": "a.png", "psnr": 30.0}}
    with Manifest(path, starts_over=False) as manifest:
        manifest.append({"name": "c.png"})
    assert [json.loads(line)["name"] for line in path.read_text().splitlines()] == [
        "a.png", "a.png", "c.png",
    ]  # fmt: skip


def test_one_batch_at_a_time_writes_a_manifest(tmp_path: Path) -> None:
    path = tmp_path / "manifest.jsonl"
    with (
        Manifest(path, starts_over=True),
        pytest.raises(UsageError, match="another batch is writing"),
        Manifest(path, starts_over=False),
    ):
        pass


@posix
def test_a_line_for_which_the_disk_has_no_space_leaves_the_manifest_as_it_was(
    tmp_path: Path,
) -> None:
    import resource

    path = tmp_path / "manifest.jsonl"
    with Manifest(path, starts_over=True) as manifest:
        manifest.append({"name": "a.png"})
        before = path.read_bytes()
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 5, limits[1]))
        try:
            with pytest.raises(EncodingError, match=r"No space left.*free some space"):
                manifest.append({"name": "b.png"})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert path.read_bytes() == before
        manifest.append({"name": "c.png"})
    assert list(read_manifest(path)) == ["a.png", "c.png"]


def test_a_manifest_that_cannot_be_shortened_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Manifest) -> int:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Manifest, "_end_of_lines", fail)
    with pytest.raises(EncodingError, match="cannot be written"):
        Manifest(tmp_path / "manifest.jsonl", starts_over=False)


def test_a_name_that_is_not_utf_8_can_be_read_back(tmp_path: Path) -> None:
    path, name = tmp_path / "manifest.jsonl", os.fsdecode(b"caf\xe9.png")
    with Manifest(path, starts_over=True) as manifest:
        manifest.append({"name": name})
    assert list(read_manifest(path)) == [name]


def test_a_picture_is_read_only_if_its_path_size_or_time_has_changed(tmp_path: Path) -> None:
    """Two pictures can have one size and one time: copies of an archive, for example."""
    first, second = tmp_path / "first.png", tmp_path / "second.png"
    for path in (first, second):
        path.write_bytes(path.stem.encode()[:5])
        os.utime(path, ns=(0, 0))
    entry = {"input": str(first), "sha256": "not computed", "size": 5, "modified": 0}
    assert is_unchanged(entry, first)
    assert not is_unchanged(entry, second)


def test_a_picture_is_the_same_if_its_contents_are(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"one")
    entry = {"sha256": digest_of_file(path), "size": 0, "modified": 0}
    assert is_unchanged(entry, path)
    path.write_bytes(b"two")
    assert not is_unchanged(entry, path)
    path.unlink()
    assert not is_unchanged(entry, path)


def test_the_options_of_an_item_include_the_files_that_they_name(tmp_path: Path) -> None:
    mask = tmp_path / "mask.png"

    def digest(content: bytes, **options: object) -> str:
        mask.write_bytes(content)
        return Item("a.jpg", "a.png", "paint", PaintSettings(mask=str(mask), **options)).options()

    assert digest(b"one") == digest(b"one", threads=3)
    assert len({digest(b"one"), digest(b"two"), digest(b"one", steps=3)}) == 3
