"""The page of the studio in a browser, with a studio that trains."""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browser import OpenPage
from clip_probe import decode
from PIL import Image
from processes import command
from studios import FakeSession, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, WebSocket, WebSocketRoute

pytestmark = pytest.mark.slow

LIMIT = 60_000  # milliseconds that anything may take, on a slow machine
LONG = 100_000  # steps of a training that is stopped


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a studio that runs while the tests of this file do."""
    pytest.importorskip("uvicorn", reason="needs uvicorn")
    folder = tmp_path_factory.mktemp("studio")
    words = command("studio", "--no-browser", "--folder", folder / "made")
    process = subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        start_new_session=True,
    )
    limit = threading.Timer(600, process.kill)
    limit.start()
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        limit.cancel()
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A picture with detail: one that takes some steps to learn."""
    path = tmp_path / "leaf.png"
    waves = Image.effect_mandelbrot((96, 64), (-2.0, -1.2, 1.0, 1.2), 60)
    Image.merge(
        "RGB", [waves, waves.rotate(180), waves.transpose(Image.Transpose.FLIP_TOP_BOTTOM)]
    ).save(path)
    return path


@dataclass
class Studio:
    """The page, what it has received as frames, and what is done on it."""

    page: Page
    frames: list[dict[str, Any]]

    def take(self, path: Path) -> None:
        """Drop a file on the page."""
        data = list(path.read_bytes())
        self.page.evaluate(
            """([name, data]) => {
              const carried = new DataTransfer();
              carried.items.add(new File([new Uint8Array(data)], name));
              for (const type of ["dragenter", "dragover", "drop"]) {
                document.body.dispatchEvent(
                  new DragEvent(type, {dataTransfer: carried, bubbles: true, cancelable: true}));
              }
            }""",
            [path.name, data],
        )

    def start(self, path: Path, *, steps: int = 60) -> None:
        """Start a training and wait until it has a step."""
        self.take(path)
        self.page.wait_for_selector("#start:not([hidden])")
        for name, text in {"steps": str(steps), "duration": "1", "fps": "6"}.items():
            self.page.fill(f"#start [data-option={name}] input", text)
        self.page.click("#start [type=submit]")
        self.wait("training")

    def wait(self, *phases: str) -> None:
        """Wait until the studio is in one of these phases."""
        names = ", ".join(f"body[data-phase={phase}]" for phase in phases)
        self.page.wait_for_selector(names)

    def until(self, found: Callable[[], bool]) -> None:
        """Wait until something has arrived."""
        for _ in range(LIMIT // 50):
            if found():
                return
            self.page.wait_for_timeout(50)
        raise AssertionError("it did not arrive")

    def step(self) -> int:
        """The step that the page shows."""
        text = self.page.locator("#training dd").first.inner_text()
        return int(text.split(" of ")[0].replace(",", ""))

    def psnr(self) -> float:
        """The PSNR that the page shows; 0 if there is none yet."""
        text = self.page.locator("#training dd").nth(1).inner_text()
        return float(text.removesuffix(" dB")) if text.endswith("dB") else 0.0

    def stop(self) -> None:
        """End the training, if there is one, and clear the stage."""
        if self.page.locator("#training [data-do=stop]").is_visible():
            self.page.click("#training [data-do=stop]")
            self.wait("done", "interrupted", "failed")
        if self.page.locator("#new").is_visible():
            self.page.click("#new")
        self.wait("empty")


@pytest.fixture
def opened(open_page: OpenPage, studio: str) -> Iterator[Callable[..., Studio]]:
    """Open tabs of the studio with an empty stage, and end their training afterwards."""
    tabs: list[Studio] = []

    def opened(page: Page | None = None, **options: Any) -> Studio:
        tab = Studio(page or open_page(**options), [])
        tab.page.set_default_timeout(LIMIT)
        tab.page.on("websocket", lambda socket: collect(socket, tab.frames))
        tab.page.goto(studio)
        tab.page.wait_for_selector("body:not([data-screen=loading])")
        if not tabs:
            tab.stop()
        tabs.append(tab)
        return tab

    yield opened
    if tabs:
        tabs[0].stop()


def collect(socket: WebSocket, frames: list[dict[str, Any]]) -> None:
    """Add the headers of the frames that a page receives."""

    def add(message: bytes | str) -> None:
        if isinstance(message, bytes):
            (length,) = struct.unpack(">I", message[:4])
            frames.append(json.loads(message[4 : 4 + length]))

    socket.on("framereceived", add)


def downloaded(tab: Studio, name: str) -> Path:
    """Download one of the files in the panel."""
    with tab.page.expect_download() as download:
        tab.page.get_by_role("link", name=f"Download {name}").click()
    return Path(download.value.path())


def test_from_a_dropped_picture_to_a_downloaded_clip_and_still(
    opened: Callable[..., Studio], picture: Path
) -> None:
    tab = opened()
    tab.start(picture)
    tab.wait("done")
    assert "neuralpaint video" in tab.page.inner_text("#command pre")
    assert decode(downloaded(tab, "film.mp4")).shape == (6, 64, 96, 3)
    tab.until(lambda: tab.psnr() > 0)
    learned = tab.psnr()
    slider = tab.page.get_by_label("Moment of the training")
    slider.focus()
    slider.press("Home")
    assert "step 0 of 60" in str(slider.get_attribute("aria-valuetext"))
    tab.until(lambda: tab.step() == 0)
    tab.until(lambda: tab.psnr() < learned)
    tab.page.get_by_label("Still", exact=True).check()
    tab.page.click("#make [type=submit]")
    tab.page.get_by_role("status").filter(has_text="still.png is ready").wait_for()
    still = Image.open(io.BytesIO(downloaded(tab, "still.png").read_bytes()))
    assert still.size == (96, 64)
    assert len(still.getcolors(96 * 64) or []) < 2000  # of the untrained network


def test_a_zoom_while_it_learns_shows_the_part_with_more_detail(
    opened: Callable[..., Studio], picture: Path
) -> None:
    tab = opened(viewport={"width": 1100, "height": 700})
    tab.start(picture, steps=LONG)
    tab.until(lambda: bool(tab.frames))
    whole = tab.frames[-1]
    assert whole["region"] == [0, 0, 1, 1]
    canvas = tab.page.locator("#stage canvas")
    box = canvas.bounding_box()
    assert box is not None
    tab.page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.5 * box["height"])
    for _ in range(6):
        tab.page.mouse.wheel(0, -120)
    tab.until(lambda: tab.frames[-1]["region"][2] < 0.5)
    assert tab.page.evaluate("document.body.dataset.phase") == "training"
    tab.page.get_by_role("button", name="Pause").click()
    tab.until(lambda: tab.frames[-1]["exact"])
    part = tab.frames[-1]
    left, _, width, _ = part["region"]
    assert left < 0.6 < left + width
    assert part["width"] / width > 1.5 * whole["width"]
    canvas.dblclick()
    tab.until(lambda: tab.frames[-1]["region"] == [0, 0, 1, 1])


def test_pause_stops_the_steps_and_go_continues_them(
    opened: Callable[..., Studio], picture: Path
) -> None:
    tab = opened()
    tab.start(picture, steps=LONG)
    tab.page.get_by_role("button", name="Pause").click()
    tab.wait("paused")
    assert tab.page.title().startswith("Paused at")
    paused = tab.step()
    tab.page.wait_for_timeout(300)
    assert tab.step() == paused
    tab.page.get_by_role("button", name="Halve").click()
    tab.page.fill("#length", "200000")
    tab.page.get_by_role("button", name="Set", exact=True).click()
    tab.page.get_by_role("button", name="Go on").click()
    tab.until(lambda: tab.step() > paused)
    tab.until(lambda: tab.page.inner_text("#training .rate").endswith("0.5"))
    tab.until(lambda: "of 200,000" in tab.page.inner_text("#training .figures"))


def test_a_reload_in_the_middle_loses_nothing(opened: Callable[..., Studio], picture: Path) -> None:
    tab = opened()
    tab.start(picture, steps=LONG)
    tab.page.wait_for_selector("#training .curve polyline")
    before = tab.step()
    tab.page.reload()
    tab.page.wait_for_selector("#training .curve polyline")
    assert tab.step() >= before
    frames = len(tab.frames)
    tab.until(lambda: len(tab.frames) > frames)
    tab.page.get_by_role("button", name="Stop", exact=True).click()
    tab.wait("interrupted", "done")
    tab.page.get_by_role("link", name="Download film.mp4").wait_for()


def test_two_tabs_show_and_change_the_same_training(
    opened: Callable[..., Studio], picture: Path
) -> None:
    first, second = opened(), opened()
    first.start(picture, steps=LONG)
    second.wait("training")
    second.until(lambda: bool(second.frames))
    second.page.get_by_role("button", name="Pause").click()
    first.wait("paused")
    second.page.close()
    first.page.get_by_role("button", name="Go on").click()
    first.wait("training")


def test_a_wrong_file_is_refused_in_one_line_and_the_next_one_is_taken(
    opened: Callable[..., Studio], browser: Browser, picture: Path, tmp_path: Path
) -> None:
    tab = opened(browser.new_page())  # whose console reports the refusal
    wrong = tmp_path / "words.jpg"
    wrong.write_text("not a picture")
    with tab.page.expect_response("**/picture?name=words.jpg") as answer:
        tab.take(wrong)
    assert answer.value.status in (400, 415)
    problem = tab.page.get_by_role("alert").filter(has_text="words.jpg")
    problem.wait_for()
    assert "\n" not in problem.locator("p").inner_text()
    assert tab.page.is_visible("#drop")
    tab.take(picture)
    tab.page.wait_for_selector("#start:not([hidden])")
    assert not problem.is_visible()


def test_everything_can_be_done_with_the_keyboard(opened: Callable[..., Studio]) -> None:
    tab = opened()
    press = tab.page.keyboard.press

    def reach(selector: str, key: str = "Tab") -> None:
        for _ in range(150):
            if tab.page.evaluate("s => document.activeElement.matches(s)", selector):
                return
            press(key)
        raise AssertionError(f"{selector} cannot be reached")

    reach("#sample")
    press("Enter")
    tab.page.wait_for_selector("#start:not([hidden])")
    reach("#start [data-option=steps] input")
    tab.page.keyboard.type(str(LONG))
    reach("#start [data-option=duration] input")
    tab.page.keyboard.type("1")
    press("Enter")
    tab.wait("training")
    reach("#stage canvas", "Shift+Tab")
    press("+")
    press("+")
    tab.until(lambda: bool(tab.frames) and tab.frames[-1]["region"][3] < 0.9)
    press("Space")
    tab.wait("paused")
    reach("#training [data-do=pause]")
    press("Enter")
    tab.wait("training")
    reach("#training [data-do=stop]")
    press("Enter")
    tab.wait("interrupted", "done")
    assert tab.page.evaluate("document.activeElement.closest('main') !== null")


def test_a_page_of_360_pixels_has_no_sideways_scroll(
    opened: Callable[..., Studio], picture: Path
) -> None:
    tab = opened(viewport={"width": 360, "height": 740}, has_touch=True)

    def fits() -> bool:
        return bool(tab.page.evaluate("document.documentElement.scrollWidth <= innerWidth"))

    assert fits()
    tab.take(picture)
    tab.page.wait_for_selector("#start:not([hidden])")
    for folded in tab.page.locator("#start details").all():
        folded.evaluate("each => { each.open = true; }")
    assert fits()
    tab.start(picture)
    assert fits()
    tab.wait("done")
    assert fits()


def test_a_lost_connection_is_opened_again_and_shows_what_is_learned_then(
    opened: Callable[..., Studio], open_page: OpenPage, picture: Path
) -> None:
    page = open_page()
    routes: list[WebSocketRoute] = []
    frames: list[bytes] = []

    def pass_on(route: WebSocketRoute) -> None:
        def from_studio(message: bytes | str) -> None:
            if isinstance(message, bytes):
                frames.append(message)
            route.send(message)

        routes.append(route)
        route.connect_to_server().on_message(from_studio)

    page.route_web_socket("**/live", pass_on)
    tab = opened(page)
    tab.start(picture, steps=LONG)
    tab.until(lambda: bool(frames))
    assert page.inner_text("#connection") == ""
    routes[0].close()
    page.wait_for_selector("#connection:not(:empty)")
    page.wait_for_selector("#connection:empty", state="attached")
    step, seen = tab.step(), len(frames)
    tab.until(lambda: len(frames) > seen and tab.step() > step)


def test_a_hidden_tab_sends_nothing_but_that_it_is_hidden(
    opened: Callable[..., Studio], picture: Path
) -> None:
    tab = opened()
    sent: list[dict[str, Any]] = []
    tab.page.on(
        "websocket",
        lambda socket: socket.on("framesent", lambda text: sent.append(json.loads(text))),
    )
    tab.page.reload()
    tab.page.wait_for_selector("#drop:not([hidden])")
    tab.start(picture, steps=LONG)
    tab.until(lambda: sent[-1]["do"] == "seen")
    hide = """hidden => {
      Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
      document.dispatchEvent(new Event("visibilitychange"));
    }"""
    tab.page.evaluate(hide, True)
    tab.until(lambda: sent[-1].get("visible") is False)
    count, frames = len(sent), len(tab.frames)
    step = tab.step()
    tab.until(lambda: tab.step() > step + 20)
    assert len(sent) == count
    assert len(tab.frames) <= frames + 1  # one may have been on its way
    tab.page.evaluate(hide, False)
    tab.until(lambda: len(tab.frames) > frames + 1)


def test_a_watched_training_has_nothing_that_changes_it(open_page: OpenPage) -> None:
    session = FakeSession()
    session.fields |= {"phase": "training", "title": "rocket.jpg", "aspect": 1.5, "made": None,
                       "step": 43, "steps": 100, "done": 0.43, "psnr": 20.0, "rate": 1.0,
                       "fraction": None, "lines": [], "job": None}  # fmt: skip
    with serving(session) as server:
        page = open_page()
        page.goto(server.address)
        page.wait_for_selector("#training:not([hidden])")
        assert page.title() == "43 % rocket"
        names = [button.inner_text() for button in page.get_by_role("button").all()]
        assert not {"Pause", "Stop", "Start", "Set", "New picture"} & set(names)
        page.locator("#stage canvas").focus()
        page.keyboard.press("+")
        page.keyboard.press("Space")
        view = session.live.views
        for _ in range(LIMIT // 50):
            if any(each.region[2] < 1.2 and each.visible for each in view.values()):
                break
            page.wait_for_timeout(50)
        else:
            raise AssertionError("the zoom did not arrive")
        assert not session.commands
        page.goto("about:blank")  # before the server ends
