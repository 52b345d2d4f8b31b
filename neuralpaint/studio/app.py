"""The app: the addresses of the studio, over a session; see `guard.py` for who may call them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route, Router, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from neuralpaint.errors import EncodingError, NeuralPaintError, UsageError
from neuralpaint.pipelines.bench.bench import SAMPLE
from neuralpaint.studio.choices import choices
from neuralpaint.studio.command_lines import checked
from neuralpaint.studio.folder import MadeFile, MadeFolder
from neuralpaint.studio.page_files import INDEX, page_files
from neuralpaint.studio.session_api import Session
from neuralpaint.studio.tab import Tab
from neuralpaint.studio.uploads import Incoming, PictureUpload, SoundUpload

__all__ = ["studio_app"]

U = TypeVar("U", PictureUpload, SoundUpload)

_MOST_TABS = 16
_PART_SECONDS = 60.0  # for which an upload may pause
_TOO_MANY = 1013  # try again later

# Of files that were made. Others are sent as bytes, which no browser shows.
_TYPES = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".webm": "video/webm",
    ".mov": "video/quicktime",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".apng": "image/apng",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".avif": "image/avif",
}
# A page with a film runs scripts of its own. In a sandbox it has an origin of its own too, whose
# requests the guard refuses, so it cannot act for the person who opened it.
_SANDBOX = (
    "sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'unsafe-inline' data: "
    "blob:; style-src 'unsafe-inline'; img-src data: blob:; connect-src data: blob:; "
    "worker-src blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


def studio_app(session: Session) -> Starlette:
    """Return the app that shows a session; without a folder it can only be watched."""
    addresses = _Addresses(session)
    routes: list[BaseRoute] = [
        Route("/", addresses.page),
        Route("/page/{name}", addresses.page),
        WebSocketRoute("/live", addresses.live),
    ]
    if session.folder is not None:
        making = _Making(session.folder)
        routes += [
            Route("/choices", making.choices),
            Route("/sample", making.sample),
            Route("/picture", making.add_picture, methods=["POST"]),
            Route("/sound", making.add_sound, methods=["POST"]),
            Route("/picture/{id}", making.preview),
            Route("/made/{id}/thumbnail", making.thumbnail),
            Route("/made/{id}/{file}", making.file),
        ]
    app = _App()
    app.router = Router(routes, redirect_slashes=False)
    return app


class _App(Starlette):
    """An app that leaves unexpected errors to the guard, which answers and reports them."""

    def build_middleware_stack(self) -> ASGIApp:
        return ExceptionMiddleware(self.router, handlers={HTTPException: _as_json})


class _Addresses:
    """What every session has: the page and its connection."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._files = page_files()
        self._tabs = 0

    async def page(self, request: Request) -> Response:
        file = self._files.get(request.path_params.get("name", INDEX))
        if file is None:
            raise HTTPException(404)
        return Response(file.content, media_type=file.media_type)

    async def live(self, socket: WebSocket) -> None:
        if self._tabs >= _MOST_TABS:
            await socket.close(_TOO_MANY)
            return
        self._tabs += 1
        try:
            if self._session.folder is not None:
                await run_in_threadpool(self._session.folder.refresh)
            await Tab(socket, self._session, self._check).run()
        finally:
            self._tabs -= 1

    async def _check(self, command: Mapping[str, Any]) -> Mapping[str, Any]:
        folder = self._session.folder
        if folder is None:
            raise UsageError("this page only watches")
        return await run_in_threadpool(checked, command, folder)


class _Making:
    """What a session with a folder has besides: choices, uploads and files that were made."""

    def __init__(self, folder: MadeFolder) -> None:
        self._folder = folder

    async def choices(self, request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(choices))

    async def sample(self, request: Request) -> Response:
        return FileResponse(SAMPLE, media_type="image/jpeg")

    async def add_picture(self, request: Request) -> Response:
        found = await self._receive(request, self._folder.uploads.keep_picture)
        if isinstance(found, Response):
            return found
        return JSONResponse(
            {
                "id": found.id,
                "name": found.name,
                "width": found.width,
                "height": found.height,
                "alpha": found.alpha,
            }
        )

    async def add_sound(self, request: Request) -> Response:
        found = await self._receive(request, self._folder.uploads.keep_sound)
        if isinstance(found, Response):
            return found
        return JSONResponse({"id": found.id, "name": found.name, "seconds": found.seconds})

    async def _receive(self, request: Request, keep: Callable[[Incoming], U]) -> U | Response:
        """Store the body of a request and read it; return the upload, or what is wrong with it."""
        try:
            with self._folder.uploads.receive(request.query_params.get("name", "")) as incoming:
                async for part in _parts(request):
                    incoming.write(part)
                return await run_in_threadpool(keep, incoming)
        except NeuralPaintError as error:
            return JSONResponse({"error": str(error)}, status_code=_status(error))
        except ClientDisconnect:
            return Response(status_code=400)
        except TimeoutError:
            return JSONResponse({"error": "the upload has stopped: try again"}, status_code=408)

    async def preview(self, request: Request) -> Response:
        try:
            upload = await run_in_threadpool(
                self._folder.uploads.picture, request.path_params["id"]
            )
        except UsageError:
            raise HTTPException(404) from None
        return FileResponse(upload.preview, media_type="image/webp")

    async def thumbnail(self, request: Request) -> Response:
        path = self._folder.thumbnail(request.path_params["id"])
        if path is None:
            raise HTTPException(404)
        return FileResponse(path, media_type="image/webp")

    async def file(self, request: Request) -> Response:
        made, name = request.path_params["id"], request.path_params["file"]
        file = self._folder.file(made, name)
        if file is None:
            raise HTTPException(404)
        return FileResponse(
            file.path,
            media_type=_media_type(file),
            headers={"content-security-policy": _SANDBOX} if file.kind == "page" else None,
            filename=f"{made}-{name}" if "download" in request.query_params else None,
        )


async def _parts(request: Request) -> AsyncIterator[bytes]:
    """Yield a body in parts; raise TimeoutError when none comes for a minute."""
    parts = request.stream()
    while True:
        try:
            async with asyncio.timeout(_PART_SECONDS):
                part = await anext(parts)
        except StopAsyncIteration:
            return
        yield part


def _status(error: NeuralPaintError) -> int:
    if isinstance(error, UsageError):
        return 400
    return 507 if isinstance(error, EncodingError) else 415


def _media_type(file: MadeFile) -> str:
    if file.kind == "page":
        return "text/html; charset=utf-8"
    return _TYPES.get(Path(file.path).suffix.lower(), "application/octet-stream")


async def _as_json(request: Request, error: Exception) -> Response:
    """Return what an address answers if there is nothing: a line, as everywhere."""
    assert isinstance(error, HTTPException)
    text = {404: "there is nothing at this address", 405: "not allowed at this address"}
    line = text.get(error.status_code, error.detail)
    return JSONResponse({"error": line}, error.status_code, error.headers)
