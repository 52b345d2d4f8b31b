"""The page of `neuralpaint export -o film.html` in a browser: its colours, and what it does."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import OpenPage
from numpy.typing import NDArray
from PIL import Image

from neuralpaint.export.html.film import write_film
from neuralpaint.export.moments import Moments
from neuralpaint.image.pictures import Picture
from neuralpaint.models.codes import Album
from neuralpaint.models.painting import Painting
from neuralpaint.pipelines.make_learner import learner
from neuralpaint.rendering.render import render
from neuralpaint.training.learning import learn

HEIGHT, WIDTH = 34, 50
EXACT = f"width: {WIDTH}px; height: {HEIGHT}px; min-width: 0; aspect-ratio: auto;"
SMALL = "hidden_size=9,hidden_layers=2"
MODELS = [
    "fourier",
    "fourier:series=no,hidden_size=12,mirror=no",
    f"mlp:{SMALL},encoding=gaussian:features=13,sigma=3,norm=layer,activation=gelu",
    f"mlp:{SMALL},encoding=hash:levels=3,table_size=6",
    "pyramid:bloom=yes",
    f"skipconn:{SMALL},encoding=polar:order=5,mirrors=2",
    "siren:hidden_size=10",
]
ALBUMS = ["morph", "fourier:order=6,hidden_size=10"]


def pictures(count: int) -> list[Picture]:
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] / WIDTH
    waves = [0.5 + 0.5 * np.sin(17 * x + 5 * y + i) for i in range(3)]
    stacks = [np.stack([wave, x, y + 0.3 * (x > 0.4)], -1) for wave in waves[:count]]
    return [
        Picture((255 * stack).astype(np.uint8), name=f"picture {i}")
        for i, stack in enumerate(stacks)
    ]


def trained(model: str, *, count: int = 1) -> Moments:
    """Return the moments of a short training."""
    learned = pictures(count)
    subject = learned[0] if count == 1 else Album(learned, np.eye(count))
    teacher = learner(subject, model=model, batch=400, steps=60, device="cpu", threads=1)
    snapshots = list(learn(teacher, stops=[0, 8, 20, 36, 60]))
    return Moments(snapshots, range(len(snapshots)), lambda: pictures(count))


class Film:
    """A page that is open, at the picture's own size."""

    def __init__(self, page: Any) -> None:
        self.page = page

    def wait(self) -> None:
        self.page.wait_for_selector("[data-drawn=exact]")

    def slide(self, part: str, value: float) -> None:
        script = """([part, value]) => {
            const slider = document.querySelector(`[data-part=${part}]`);
            slider.step = 'any';
            slider.value = value;
            slider.dispatchEvent(new Event('input'));
        }"""
        self.page.evaluate(script, [part, value])
        self.wait()

    def frame(self) -> NDArray[np.uint8]:
        """Return the pixels of the canvas, (h, w, 3)."""
        uri = self.page.evaluate("document.querySelector('[data-part=canvas]').toDataURL()")
        png = base64.b64decode(uri.partition(",")[2])
        return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))

    def step(self) -> str:
        return str(self.page.inner_text("[data-part=step]"))


OpenFilm = Callable[..., Film]


@pytest.fixture
def open_film(open_page: OpenPage, tmp_path: Path) -> OpenFilm:
    """Open a page from the disk; it does not begin to play unless motion is allowed."""

    def opened(html: str, *, wait: bool = True, exact: bool = False, **options: Any) -> Film:
        if exact:  # the picture's own size from the start: a CPU takes seconds for a large image
            html = html.replace("</style>", f".stage {{ {EXACT} }}</style>")
        path = tmp_path / "film.html"
        path.write_text(html, "utf-8")
        small = {"width": 330, "height": 360}
        page = open_page(**{"reduced_motion": "reduce", "viewport": small} | options)
        requested: list[str] = []
        page.on("request", lambda request: requested.append(request.url))
        page.goto(path.as_uri())
        film = Film(page)
        if wait:
            film.wait()
        assert [url for url in requested if not url.startswith("data:")] == [path.as_uri()]
        return film

    return opened


def difference(film: Film, painting: Painting) -> int:
    """Return the largest difference of a colour from the frame that is rendered, in levels."""
    expected = render(painting, painting.canvas).astype(int)
    assert expected.std() > 1
    return int(np.abs(film.frame() - expected).max())


@pytest.mark.parametrize("model", MODELS)
def test_the_player_shows_the_colours_of_the_training(open_film: OpenFilm, model: str) -> None:
    moments = trained(model)
    film = open_film(write_film(moments), exact=True)
    for index in (4, 2, 1):
        film.slide("scrubber", index / 4)
        assert difference(film, moments.snapshots[index].painting) <= 2, index


@pytest.mark.parametrize("model", ALBUMS)
def test_a_slider_goes_from_picture_to_picture(open_film: OpenFilm, model: str) -> None:
    moments = trained(model, count=3)
    film = open_film(write_film(moments), exact=True)
    painting = moments.snapshots[-1].painting
    for place, code in ((0.0, [1, 0, 0]), (1.25, [0, 0.75, 0.25]), (2.0, [0, 0, 1])):
        film.slide("code", place)
        assert difference(film, painting.at(code)) <= 2, code
    assert "picture 2" in film.page.inner_text("[data-part=name]")


@pytest.fixture(scope="module")
def moments() -> Moments:
    return trained("fourier:order=8,hidden_size=8")


@pytest.fixture(scope="module")
def html(moments: Moments) -> str:
    return write_film(moments, with_original=True)


def test_between_two_moments_the_weights_are_blended(
    open_film: OpenFilm, moments: Moments, html: str
) -> None:
    film = open_film(html, exact=True)
    film.slide("scrubber", 0.625)
    a, b = (moments.snapshots[i].painting for i in (2, 3))
    assert difference(film, a.blend(b, 0.5)) <= 3
    assert difference(film, a) > 3
    assert film.step() == "step 28" or film.step().startswith("step 28 · ")


def test_a_deep_view_shows_the_colours_of_the_network(
    open_film: OpenFilm, moments: Moments, html: str
) -> None:
    film = open_film(html, exact=True)
    box = film.page.locator(".stage").bounding_box()
    assert box is not None
    film.page.mouse.move(box["x"] + 31, box["y"] + 13)
    for _ in range(6):
        film.page.mouse.wheel(0, -120)
    film.page.wait_for_selector("text=/^7[.]4/")
    film.wait()
    painting, zoom = moments.snapshots[-1].painting, 2**2.88
    span_y, span_x = painting.canvas.span
    x = (31 / WIDTH - 0.5) * (1 - 1 / zoom) * span_x
    y = (13 / HEIGHT - 0.5) * (1 - 1 / zoom) * span_y
    canvas = replace(painting.canvas, span=(span_y / zoom, span_x / zoom), centre=(y, x))
    expected = render(painting, canvas).astype(int)
    assert np.abs(film.frame() - expected).max() <= 2
    assert np.abs(film.frame() - render(painting, painting.canvas).astype(int)).max() > 20


def test_keys_play_step_and_zoom(open_film: OpenFilm, html: str) -> None:
    film = open_film(html)
    page = film.page
    for key, expected in (("Home", "step 0"), ("End", "step 60"), ("ArrowLeft", "step 59")):
        page.keyboard.press(key)
        assert film.step().partition(" · ")[0] == expected
    page.keyboard.press("+")
    page.wait_for_selector("[data-part=whole]:enabled")
    page.keyboard.press("0")
    page.wait_for_selector("[data-part=whole]:disabled", state="attached")
    page.keyboard.press("Home")
    page.keyboard.press(" ")
    assert page.get_attribute("[data-part=play]", "aria-label") == "Pause"
    page.wait_for_selector("[aria-valuetext]:not([aria-valuetext='step 0 of 60'])")
    page.keyboard.press(" ")
    assert page.get_attribute("[data-part=play]", "aria-label") == "Play"


def test_it_plays_at_once_unless_less_motion_is_wanted(open_film: OpenFilm, html: str) -> None:
    assert open_film(html, exact=True).step().startswith("step 60")
    film = open_film(html, reduced_motion="no-preference", wait=False, exact=True)
    film.page.select_option("[data-part=speed]", "4")
    film.page.wait_for_selector("[data-part=play][aria-label='Pause']")
    film.page.wait_for_selector("[aria-valuetext='step 60 of 60']")
    film.page.wait_for_selector("[data-part=play][aria-label='Play']")


def test_the_original_is_seen_beside_the_network(
    open_film: OpenFilm, moments: Moments, html: str
) -> None:
    film = open_film(html, exact=True)
    film.page.click("[data-part=compare]")
    film.page.wait_for_selector("[data-part=original]")
    film.wait()
    uri = film.page.evaluate("document.querySelector('[data-part=original]').toDataURL()")
    raw = base64.b64decode(uri.partition(",")[2])
    shown = np.asarray(Image.open(io.BytesIO(raw)).convert("RGB")).astype(int)
    assert np.abs(shown - moments.pictures()[0].pixels).max() <= 1
    divider = film.page.locator("[data-part=divider]")
    divider.press("ArrowRight")
    assert divider.get_attribute("aria-valuenow") == "52"


def test_a_telephone_shows_everything_without_scrolling_sideways(
    open_film: OpenFilm, html: str
) -> None:
    film = open_film(html, viewport={"width": 360, "height": 740})
    boxes = [film.page.locator(f"[data-part={name}]").bounding_box() for name in
             ("stage", "play", "scrubber", "speed", "compare", "fullscreen")]  # fmt: skip
    for box in boxes:
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
        assert box["y"] + box["height"] <= 740
    assert film.page.evaluate("document.documentElement.scrollWidth") == 360
    assert boxes[0] is not None
    assert boxes[0]["width"] == 360


def test_without_webgl_a_still_is_seen_and_a_sentence_says_why(
    open_page: OpenPage, html: str, tmp_path: Path
) -> None:
    page = open_page()
    page.add_init_script("HTMLCanvasElement.prototype.getContext = () => null")
    (tmp_path / "film.html").write_text(html, "utf-8")
    page.goto((tmp_path / "film.html").as_uri())
    page.wait_for_selector("text=This is a still of the last moment: this browser has no WebGL 2.")
    assert page.locator(".still").is_visible()
    assert not page.locator("[data-part=scrubber]").count()


def test_a_lost_context_is_rebuilt(open_film: OpenFilm, html: str) -> None:
    film = open_film(html, exact=True)
    before = film.frame()
    film.page.evaluate("""() => {
        const gl = document.querySelector('[data-part=canvas]').getContext('webgl2');
        const lose = gl.getExtension('WEBGL_lose_context');
        document.querySelector('[data-part=canvas]').addEventListener(
            'webglcontextlost', () => setTimeout(() => lose.restoreContext(), 0));
        lose.loseContext();
    }""")
    film.page.wait_for_selector(".stage:not(.drawn)", state="attached")
    film.page.wait_for_selector(".stage.drawn[data-drawn=exact]")
    np.testing.assert_array_equal(film.frame(), before)


def test_a_cell_of_a_notebook_contains_the_player(open_page: OpenPage, moments: Moments) -> None:
    page = open_page(reduced_motion="reduce")
    page.set_content(moments.painting._repr_html_())
    frame = page.frame_locator("iframe")
    frame.locator("[data-drawn=exact]").wait_for()
    assert "A neural network (fourier, " in frame.locator(".line").inner_text()
