"""Fixtures: a studio without a training, served over a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from studios import FakeSession, Studio, open_studio

from neuralpaint.studio.app import studio_app
from neuralpaint.studio.folder import MadeFolder
from neuralpaint.studio.guard import AsgiApp
from neuralpaint.studio.server import Server


class _Switch:
    """Passes requests to the app of the test that runs: starting a server takes a while."""

    app: AsgiApp

    async def __call__(self, *request: object) -> None:
        await self.app(*request)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def served() -> Iterator[tuple[Server, _Switch]]:
    """A server for the studios of all tests."""
    switch = _Switch()
    server = Server(lambda: switch)
    server.start()
    yield server, switch
    server.stop()


@pytest.fixture
def studio(tmp_path: Path, served: tuple[Server, _Switch]) -> Iterator[Studio]:
    """A studio of a test's own."""
    server, switch = served
    with MadeFolder(tmp_path / "studio") as folder:
        session = FakeSession(folder)
        switch.app = studio_app(session)
        yield Studio(session, server)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """One studio for all tests of a module, which leave it as it was."""
    path = tmp_path_factory.mktemp("studio") / "made"
    with MadeFolder(path) as folder, open_studio(folder) as studio:
        yield studio
