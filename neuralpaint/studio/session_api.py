"""What the server needs of a session: the interface between the HTTP side and the training.

The session runs in the main thread, the server in its own. So each method here may be called from
the server's thread, and returns at once: it reads a few fields, or stores a command that the main
thread carries out later. In return, the callbacks that a session gets may be called from any
thread, as often as anything changes: they only wake the server.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from neuralpaint.studio.folder import MadeFolder
from neuralpaint.studio.view import Region, View

__all__ = ["Curve", "Live", "LiveFrame", "Reply", "Session"]


@dataclass(frozen=True, eq=False)
class LiveFrame:
    """A frame for one tab, as it is sent."""

    number: int
    """Grows from frame to frame of a tab."""
    region: Region
    """What it shows: of the view for which it was rendered, the part that lies in the picture."""
    width: int
    """Pixels of the JPEG."""
    height: int
    step: int
    exact: bool
    """False for a preview with fewer pixels than the view has."""
    jpeg: bytes


class Curve(NamedTuple):
    """PSNR over steps."""

    number: int
    """Another number says that the points sent so far are no longer right; else some are added."""
    points: Sequence[tuple[int, float | None]]
    """(step, PSNR in dB); None where the picture is reproduced exactly."""


class Live(Protocol):
    """Renders what each tab shows, while the network learns."""

    def add_view(self, on_frame: Callable[[], None]) -> int:
        """Add a tab, which shows nothing yet, and return its number.

        `on_frame` is to be called when `frame` would return another frame.
        """
        ...

    def set_view(self, tab: int, view: View) -> None:
        """Set what a tab shows; frames for its earlier view need not be rendered any more."""
        ...

    def frame(self, tab: int) -> LiveFrame | None:
        """Return the newest frame of a tab; None before the first one.

        The next one is rendered after this call, unless the tab's view has changed before.
        """
        ...

    def remove_view(self, tab: int) -> None:
        """Forget a tab that was closed. `on_frame` is not called after that."""
        ...


class Reply(Protocol):
    """Sends events to the tab that a command came from; may be called from any thread, later."""

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Send one event; without effect if the tab was closed."""
        ...


class Session(Protocol):
    """The training and the outputs that are shown and changed through the page."""

    @property
    def live(self) -> Live:
        """The frames of the tabs."""
        ...

    @property
    def folder(self) -> MadeFolder | None:
        """The folder of what was made; None where a training is only watched.

        Without one there is nothing to upload, to choose and to download, and only the commands
        `view` and `seen` are answered.
        """
        ...

    def state(self) -> Mapping[str, Any]:
        """Return the fields of the event `state`; NaN and infinity are sent as null."""
        ...

    def curve(self) -> Curve:
        """Return the curve so far; the server sends what a tab does not have yet."""
        ...

    def command(self, message: Mapping[str, Any], reply: Reply) -> None:
        """Store a command of the page, to be carried out by the main thread.

        Its fields have the right types; see `messages.py`. `view`, `seen` and `check` are not
        passed on. What is wrong with a command is raised here, or sent later with
        `reply({"event": "error", "message": ..., "about": message["do"]})`.

        Raises:
            NeuralPaintError: the command cannot be carried out; the server sends the message.
        """
        ...

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Let `callback` be called after each change of the state, the curve or the folder.

        Returns a function that ends that.
        """
        ...
