"""The FastAPI application of any service: routes, problems, health, metrics, security headers."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.clock import Clock
from shared.database import Database
from shared.telemetry import DATABASE_UP
from shared.web import problems

MAX_BODY_BYTES = 1024 * 1024
BODY_LIMIT = "cpro.body_limit"
"""Key in a request's scope: a route that streams its body sets a limit of its own there, in bytes.
(The framework's own limit answers with plain text.)"""

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


def create_app(
    name: str,
    routers: Sequence[APIRouter],
    exceptions: Mapping[type[Exception], problems.Problem],
    runtime: object,
) -> FastAPI:
    """The application of the service `name`; `runtime` is kept where the dependencies find it."""
    app = FastAPI(
        title=f"CPro éducation – {name}",
        version="1",
        docs_url=None,
        redoc_url=None,
        telemetry={"logs": False},  # they would hold the messages of errors
        redirect_slashes=False,  # it would lead to whatever host the request names
        responses={"4XX": {"description": "RFC 9457", "content": {problems.MEDIA_TYPE: {}}}},
    )
    app.state.runtime = runtime
    problems.install(app, exceptions)
    app.add_middleware(_Edge)
    app.include_router(_health)
    for router in routers:
        app.include_router(router)
    return app


class _Edge:
    """Adds `HEADERS` to every answer, and refuses a body above the limit while it comes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass an HTTP request on."""
        size = 0

        async def bounded() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > scope.get(BODY_LIMIT, MAX_BODY_BYTES):
                raise HTTPException(413)
            return message

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, bounded, with_headers)


async def database_of(request: Request) -> Database:
    """The service's database."""
    database: Database = request.app.state.runtime.database
    return database


async def clock_of(request: Request) -> Clock:
    """The service's clock."""
    clock: Clock = request.app.state.runtime.clock
    return clock


RequestDatabase = Annotated[Database, Depends(database_of)]
RequestClock = Annotated[Clock, Depends(clock_of)]

_health = APIRouter(tags=["exploitation"])


@_health.get("/health/live")
async def live() -> dict[str, str]:
    """The process runs."""
    return {"status": "up"}


@_health.get("/health/ready")
async def ready(database: RequestDatabase) -> Response:
    """The service can do its work: its database answers. (Without the broker events wait.)"""
    DATABASE_UP.set(up := await database.answers())
    return JSONResponse({"database": "up" if up else "down"}, 200 if up else 503)


@_health.get("/metrics")
async def metrics() -> Response:
    """Figures for Prometheus."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
