"""The fonts of text: every character is written, or replaced and reported."""

from __future__ import annotations

import logging
import shutil
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import matplotlib
import pytest
from processes import run

from neuralpaint.image import fonts
from neuralpaint.image.fonts import runs
from neuralpaint.image.typography import text_mask, text_width

DEJAVU = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the folder of the system's fonts, which is empty."""
    monkeypatch.setattr(fonts, "_folders", lambda: [tmp_path])
    monkeypatch.setattr(fonts, "_in_use", {})
    monkeypatch.setattr(fonts, "_reported", set())
    _clear()
    yield tmp_path
    _clear()


def _clear() -> None:
    for cached in (fonts.runs, fonts._font_with, fonts._system_fonts, text_width, text_mask):
        cached.cache_clear()


@pytest.mark.parametrize(
    "text",
    [
        "Grüße, façade, Łódź, Åse, ¿qué?, Việt",
        "Ελληνικά ήώ",
        "Кириллица ёй",
        "„Größe“ ½ € … Ω",
    ],
)
def test_the_font_has_accents_greek_and_cyrillic(folder: Path, text: str) -> None:
    ((written, path),) = runs(text)
    assert written == text
    assert Path(path).name == "SourceSansPro-Regular.ttf"
    missing = fonts._glyph(path, "\ue123")
    assert all(fonts._glyph(path, c) != missing for c in text)


def test_accents_can_be_decomposed(folder: Path) -> None:
    text = "Größe é"
    assert runs(unicodedata.normalize("NFD", text)) == runs(text)


def test_a_character_that_the_font_lacks_comes_from_a_font_of_the_system(folder: Path) -> None:
    (folder / "NotoSans-Regular.ttf").write_bytes(b"no font")
    inner = folder / "truetype"
    inner.mkdir()
    shutil.copy(DEJAVU, inner)
    found = runs("A სა ☃ Z")
    assert [text for text, _ in found] == ["A ", "სა ☃ ", "Z"]
    assert [Path(path).name == DEJAVU.name for _, path in found] == [False, True, False]
    widths = [text_width(text, 20) for text in ("A სა ☃ Z", "A ", "სა ☃ ", "Z")]
    assert widths[0] == pytest.approx(sum(widths[1:]), abs=2)


def test_a_character_that_no_font_has_is_replaced_and_reported_once(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        ((written, _),) = runs("日本 ①２")
        runs("日 again")
    assert written == "?? 12"
    (message,) = caplog.messages
    assert "日本" in message
    assert "U+65E5" in message


def test_characters_without_a_shape_are_left_out(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        ((written, _),) = runs("a\tb\u00adc\x07d\ufe0f")
    assert written == "a bcd"
    assert not caplog.messages


def test_text_is_centred_on_the_capital() -> None:
    for size in (20, 41):
        rows = text_mask("H", size).sum(1).nonzero()[0]
        assert rows[0] + rows[-1] + 1 == pytest.approx(2 * size, abs=1)
        assert rows[-1] - rows[0] + 1 == pytest.approx(0.69 * size, abs=1.5)


def test_the_package_of_the_font_is_not_imported() -> None:
    code = (
        "import sys; from neuralpaint.image.typography import text_width; text_width('a', 20); "
        "print([m for m in ('font_source_sans_pro', 'pkg_resources') if m in sys.modules])"
    )
    assert run([sys.executable, "-c", code], check=True).stdout.strip() == "[]"
