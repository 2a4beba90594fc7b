"""The FastAPI application of any service: routes, problems, health, metrics, security headers."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shared.clock import Clock
from shared.database import Database
from shared.web import problems

MAX_BODY_BYTES = 1024 * 1024
"""Of a JSON request; routes that stream their body set a limit of their own."""

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
        max_body_size=MAX_BODY_BYTES,
        responses={"4XX": {"description": "RFC 9457", "content": {problems.MEDIA_TYPE: {}}}},
    )
    app.state.runtime = runtime
    problems.install(app, exceptions)
    app.middleware("http")(_with_headers)
    app.include_router(_health)
    for router in routers:
        app.include_router(router)
    return app


async def _with_headers(
    request: Request, call: Callable[[Request], Awaitable[Response]]
) -> Response:
    response = await call(request)
    for header, value in HEADERS.items():
        response.headers.setdefault(header, value)
    return response


def database_of(request: Request) -> Database:
    """The service's database."""
    database: Database = request.app.state.runtime.database
    return database


def clock_of(request: Request) -> Clock:
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
    up = await database.answers()
    return JSONResponse({"database": "up" if up else "down"}, 200 if up else 503)


@_health.get("/metrics")
async def metrics() -> Response:
    """Figures for Prometheus."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
