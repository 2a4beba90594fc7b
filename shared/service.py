"""Run any service: HTTP, relay, consumer and jobs in one loop, from start to graceful stop.

A service describes itself (`Service`) and gets its commands from `command_line`:
`python -m services.<name> serve | migrate`.
"""

import asyncio
import gc
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer
import uvicorn
import uvloop
from fastapi import APIRouter, Depends, FastAPI, Request
from pydantic import ValidationError

from shared import database as db
from shared import telemetry
from shared.clock import Clock, pause, until
from shared.events import owned_by
from shared.messaging import commands
from shared.messaging.consumer import Consumer, Handle
from shared.messaging.relay import Relay, tell_oldest
from shared.security import TokenVerifier
from shared.settings import Settings
from shared.web import operations
from shared.web.app import create_app
from shared.web.problems import Problem

log = structlog.get_logger()


@dataclass(frozen=True)
class Runtime:
    """What a running service has at hand; routes and jobs are given it.

    `stop` is set when the service is to end; `wake` by a request that leaves work for a job.
    """

    settings: Settings
    database: db.Database
    clock: Clock
    tokens: TokenVerifier | None
    stop: asyncio.Event
    wake: asyncio.Event = field(default_factory=asyncio.Event)


async def _runtime_of(request: Request) -> Runtime:
    """The running service that a request came to."""
    runtime: Runtime = request.app.state.runtime
    return runtime


RequestRuntime = Annotated[Runtime, Depends(_runtime_of)]

Job = Callable[[Runtime], Coroutine[Any, Any, None]]
"""Work beside requests and events; returns soon after the runtime's `stop` is set."""

FIGURES_SECONDS = 30.0


def figures(refresh: Callable[[Runtime], Awaitable[None]]) -> Job:
    """A job that brings gauges up to date every `FIGURES_SECONDS`."""

    async def run(runtime: Runtime) -> None:
        while not runtime.stop.is_set():
            try:
                await refresh(runtime)
            except Exception:  # the next time comes
                log.warning("figures.failed", exc_info=True)
            await pause(runtime.stop, FIGURES_SECONDS)

    return run


@dataclass(frozen=True)
class Service:
    """One service: its routes, what it does with events, its jobs."""

    name: str
    folder: Path
    settings: type[Settings] = Settings
    routers: Sequence[APIRouter] = ()
    problems: Mapping[type[Exception], Problem] = field(default_factory=dict)
    handle: Handle | None = None
    jobs: Sequence[Job] = ()

    @property
    def migration_folders(self) -> Sequence[Path]:
        """The kernel's migrations, then the service's own."""
        own = self.folder / "migrations"
        return [db.KERNEL_MIGRATIONS, *([own] if own.is_dir() else [])]

    def app(self, runtime: Runtime | None = None) -> FastAPI:
        """The HTTP application; without a runtime, for its description only."""
        return create_app(self.name, (operations.router, *self.routers), self.problems, runtime)


async def serve(service: Service) -> None:
    """Run `service` with the settings of the environment until SIGTERM or SIGINT."""
    settings = service.settings()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await run(service, settings, stop)
    log.info("service.stopped")


async def run(service: Service, settings: Settings, stop: asyncio.Event) -> None:
    """Run `service` until `stop` is set; work under way is finished.

    Raises:
        SchemaTooOldError: its database lacks migrations.
        ExceptionGroup: a part of it died; the whole process ends, to be started anew.
    """
    tokens = TokenVerifier.from_file(settings.jwks_file) if settings.jwks_file else None
    url = settings.database_url.get_secret_value()
    database = await db.Database.open(url, settings.database_pool_size)
    try:
        while not stop.is_set():
            with suppress(*db.UNAVAILABLE):  # it may start later, or crash just now
                await db.require_schema(database, service.migration_folders)
                break
            await pause(stop, db.RETRY_SECONDS)
            await database.wait(stop)
        if stop.is_set():
            return
        gc.freeze()  # what has been loaded stays: the collector need not look at it again and again
        await _run_parts(service, Runtime(settings, database, Clock(settings.today), tokens, stop))
    finally:
        await database.close()


async def _run_parts(service: Service, runtime: Runtime) -> None:
    """Run all parts of a service side by side; when one fails, all end."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(part) for part in _parts(service, runtime)]
        await runtime.stop.wait()
        log.info("service.stopping")
        _, late = await asyncio.wait(tasks, timeout=runtime.settings.stop_seconds)
        for task in late:
            task.cancel()


def _parts(service: Service, runtime: Runtime) -> Iterator[Coroutine[Any, Any, None]]:
    stop = runtime.stop
    amqp_url = runtime.settings.amqp_url.get_secret_value()
    yield _serve_http(service.app(runtime), runtime)
    if owned_by(service.name):
        yield Relay(service.name, runtime.database, amqp_url).run(stop)
        yield figures(lambda own: tell_oldest(own.database))(runtime)
    if service.handle is not None:
        consumer = Consumer(service.name, runtime.database, amqp_url, service.handle)
        yield consumer.run(stop)
        yield consumer.retry_parked(stop)
    for job in service.jobs:
        yield job(runtime)


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling: the service stops all of its parts together."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _serve_http(app: FastAPI, runtime: Runtime) -> None:
    settings, stop = runtime.settings, runtime.stop
    config = uvicorn.Config(
        app,
        host=settings.http_host,
        port=settings.http_port,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_keep_alive=20,  # longer than callers keep idle connections (httpx: 5 s)
        timeout_graceful_shutdown=int(settings.stop_seconds),
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve())
    try:
        await until(stop, serving)
    finally:  # also when another part has died
        server.should_exit = True
        await serving
    if not stop.is_set():
        raise RuntimeError("the HTTP server has ended by itself")


def command_line(service: Service) -> typer.Typer:
    """The commands every service has."""
    app = typer.Typer(
        no_args_is_help=True,
        pretty_exceptions_enable=False,  # they show values
        help=f"CPro éducation : {service.name}",
    )

    @app.callback()
    def configure() -> None:  # before anything is logged: unconfigured logs show values
        telemetry.configure(service.name, readable=os.environ.get("CPRO_ENVIRONMENT") == "local")

    @app.command("serve")
    def serve_command() -> None:
        """Start the service and run until told to stop."""
        try:
            uvloop.run(serve(service))
        except (db.SchemaTooOldError, ValidationError) as error:
            raise SystemExit(str(error)) from None
        except Exception:  # logged without its message, which may hold values
            log.critical("service.died", exc_info=True)
            raise SystemExit(1) from None

    @app.command("migrate")
    def migrate_command() -> None:
        """Bring the database up to this version."""
        settings = service.settings()
        asyncio.run(db.migrate(settings.database_url.get_secret_value(), service.migration_folders))

    app.add_typer(commands.app, name="parked")
    return app
