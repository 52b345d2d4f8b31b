"""The title card: when it is visible, that it fits, and that it can be read."""

from __future__ import annotations

import logging

import numpy as np
import numpy.typing as npt
import pytest

from neuralpaint.image.typography import margin, type_size
from neuralpaint.video.drawing import Frame
from neuralpaint.video.overlays import Moment, compose, draw_on_clip, overlays, parse_safe
from neuralpaint.video.overlays.title import _card

LONG = "Wie ein kleines neuronales Netz Schritt für Schritt ein großes Bild malen lernt"


def titled(spec: str, *, level: int = 0, size: tuple[int, int], index: int = 45) -> Frame:
    """Return a grey frame of a clip of ten seconds with a title."""
    frame = np.full((*size, 3), level, np.uint8)
    return draw_on_clip(overlays.parse_list(spec), frame, Moment(index, 300, 3000, []))


def written(frame: Frame) -> npt.NDArray[np.bool_]:
    """Return which pixels of a frame have the colours of text."""
    letters: npt.NDArray[np.bool_] = frame.max(axis=2) > 120
    return letters


def test_a_title_fades_in_and_out_within_its_seconds() -> None:
    def ink(index: int, spec: str = "title:seconds=2") -> int:
        return int(titled(spec, size=(90, 160), index=index).sum(dtype=int))

    inks = [ink(index) for index in range(62)]
    assert 0 < inks[0] < inks[5] < inks[30]
    assert inks[30] == max(inks) == inks[40]
    assert inks[30] > inks[55] > inks[58] > inks[60] == inks[61] == 0
    assert ink(80, "title") > 0 == ink(90, "title")  # three seconds by default
    assert ink(299, "title:seconds=60") == 0


@pytest.mark.parametrize("size", [(213, 320), (320, 180), (180, 180), (1080, 1920), (1920, 1080)])
@pytest.mark.parametrize("text", ["Kurz", LONG, "Donaudampfschifffahrtsgesellschaftskapitän"])
@pytest.mark.parametrize("where", ["middle", "top", "bottom"])
def test_it_fits_between_the_margins(size: tuple[int, int], text: str, where: str) -> None:
    frame = titled(f"title:text='{text}',subtitle='{text}',where={where}", size=size)
    rows, columns = np.nonzero(written(frame))
    edge = margin(*size)
    assert edge <= min(rows.min(), columns.min())
    assert rows.max() < size[0] - edge
    assert columns.max() < size[1] - edge
    assert abs(columns.min() + columns.max() + 1 - size[1]) <= 0.06 * size[1]  # centred
    middle = (rows.min() + rows.max()) / 2 / size[0]
    assert {"top": 0 < middle < 0.5, "middle": 0.3 < middle < 0.6, "bottom": 0.5 < middle < 1}[
        where
    ]


def test_long_titles_are_broken_and_shrunk_and_never_lose_a_word() -> None:
    card = _card(LONG, "", room=900, height=1000, normal=110, least=30)
    assert card is not None
    assert " ".join(card.title) == LONG
    assert len(card.title) > 1
    assert 30 < card.size < 110
    short = _card("Kurz", "", room=900, height=1000, normal=110, least=30)
    assert short is not None
    assert (short.title, short.size) == (("Kurz",), 110)


def test_text_without_spaces_is_broken_and_what_has_no_room_is_cut() -> None:
    card = _card("x" * 400, "", room=300, height=1000, normal=40, least=30)
    assert card is not None
    assert len(card.title) == 4
    assert card.title[-1].endswith("…")


def test_a_title_without_room_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        titled("title", size=(12, 311))
    assert "--overlay title is left out" in caplog.text


@pytest.mark.parametrize("level", [0, 128, 255])
def test_it_can_be_read_on_any_picture(level: int) -> None:
    frame = titled("title:text=HHHH", level=level, size=(240, 360)).astype(float)
    light = frame[100:110].mean(axis=2) / 255
    luminance = np.where(light <= 0.04045, light / 12.92, ((light + 0.055) / 1.055) ** 2.4)
    assert (luminance.max() + 0.05) / (luminance.min() + 0.05) > 4.5


def test_it_is_drawn_over_everything_else_and_over_panels() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)
    at = Moment(4, 30, 100, [])
    plain = compose(overlays.parse_list("side"), frame, moment=at, original=frame)
    both = compose(overlays.parse_list("title,side"), frame, moment=at, original=frame)
    assert both.shape == plain.shape
    _, columns = np.nonzero((both != plain).any(axis=2))
    assert columns.min() < 90 < columns.max()


def test_its_size_is_a_multiple_of_ordinary_text() -> None:
    heights = []
    for spec in ("title:text=H", "title:text=H,size=0.5"):
        rows = np.nonzero(written(titled(spec, size=(720, 1280))).any(axis=1))[0]
        heights.append(rows.max() - rows.min() + 1)
    assert heights[0] == pytest.approx(2 * heights[1], abs=2)
    assert heights[0] > 1.5 * type_size(720, 1280)


@pytest.mark.parametrize("where", ["middle", "top", "bottom"])
def test_it_stays_in_the_safe_area(where: str) -> None:
    safe, size = parse_safe("14,12,35,6"), (640, 360)
    frame = np.zeros((*size, 3), np.uint8)
    titles = overlays.parse_list(f"title:text='{LONG}',subtitle=klein,where={where}")
    framed = draw_on_clip(titles, frame, Moment(45, 300, 3000, []), safe=safe)
    rows, columns = np.nonzero(written(framed))
    top, left, height, width = safe.box(*size)
    assert top <= rows.min() < rows.max() < top + height
    assert left <= columns.min() < columns.max() < left + width
