"""PostgreSQL and RabbitMQ for a stack or for tests: our own, or those that the environment names.

`CPRO_POSTGRES_URL` and `CPRO_AMQP_URL` (with `CPRO_RABBITMQ_API_URL`, the management API with its
credentials) each stand for a server that is there already; what they do not name is started.
"""

import hashlib
import hmac
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, quote, unquote, urlsplit, urlunsplit

import asyncpg
import httpx

from deploy.local.errors import MissingPartError, StackError
from deploy.local.kept import locked
from deploy.local.processes import wait_for_earlier

NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")


@dataclass(frozen=True)
class Servers:
    """Where the servers are, each URL with the credentials of its administrator."""

    postgres_url: str
    amqp_url: str
    rabbitmq_api_url: str | None


@contextmanager
def running_servers(folder: Path, *, durable: bool = True) -> Iterator[Servers]:
    """Have both servers ready, with the data of our own in `folder`, and stop what was started.

    `durable=False`: PostgreSQL may lose commits when the machine stops (for tests).

    Raises:
        StackError: a server is missing or does not start; `folder` is in use.
    """
    with starting_servers(folder, durable=durable) as (servers, wait_for_rabbitmq):
        wait_for_rabbitmq()
        yield servers


@contextmanager
def starting_servers(
    folder: Path, *, durable: bool = True, fresh: bool = False, national: bool = False
) -> Iterator[tuple[Servers, Callable[[], None]]]:
    """The same, while RabbitMQ, the slower one, still starts: call what is given to wait for it.

    `fresh` empties the folder first; `national`: PostgreSQL has room for a base of millions.
    """
    # Only here: what makes databases on servers that run elsewhere needs no servers of its own.
    from deploy.local import postgres, rabbitmq

    with ExitStack() as stack:
        stack.enter_context(locked(folder.with_name(f"{folder.name}.lock")))
        wait_for_earlier(folder)
        if fresh:
            shutil.rmtree(folder, ignore_errors=True)
        amqp_url = os.environ.get("CPRO_AMQP_URL")
        api_url = os.environ.get("CPRO_RABBITMQ_API_URL") if amqp_url else None
        wait: Callable[[], None] = _nothing
        if not amqp_url:
            broker = stack.enter_context(rabbitmq.running(folder / "rabbitmq"))
            amqp_url, api_url, wait = broker.amqp_url, broker.api_url, broker.wait
        postgres_url = os.environ.get("CPRO_POSTGRES_URL")
        if not postgres_url:
            database = stack.enter_context(
                postgres.running(folder / "postgres", durable=durable, national=national)
            )
            database.wait()
            postgres_url = database.url
        yield Servers(postgres_url, amqp_url, api_url), wait


def _nothing() -> None:
    """Wait for a server that is there already."""


async def create_database(servers: Servers, name: str) -> str:
    """The URL of the database `name` and of its owner, the role `name`; made when not there.

    The owner migrates. The service runs as another role, made with it: see `run_url`. No other role
    can connect. The owner's password follows from that of the administrator, so that it is the same
    at every start and for every caller.
    """
    _check(name)
    administrator = urlsplit(servers.postgres_url)
    owner = _as(name, administrator._replace(path=f"/{name}"))
    run = urlsplit(run_url(owner))
    _check(run.username or "")
    connection = await _connected(servers.postgres_url)
    try:
        await connection.execute("SELECT pg_advisory_lock(hashtext($1))", f"cpro/{name}")
        for role in (urlsplit(owner), run):
            await _make_role(connection, role.username or "", role.password or "")
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
            await connection.execute(f'CREATE DATABASE "{name}" OWNER "{name}"')
        await connection.execute(f'REVOKE CONNECT ON DATABASE "{name}" FROM PUBLIC')
        await connection.execute(f'GRANT CONNECT ON DATABASE "{name}" TO "{run.username}"')
        inside = await _connected(urlunsplit(administrator._replace(path=f"/{name}")))
        try:
            await inside.execute(RUN_RIGHTS.format(owner=name, run=run.username))
        finally:
            await inside.close()
    finally:
        await connection.close()
    return owner


RUN_RIGHTS = """
ALTER DEFAULT PRIVILEGES FOR ROLE "{owner}"
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO "{run}";
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO "{run}";
GRANT "{run}" TO "{owner}";
"""
"""What the role that a service runs as may do, with tables that are there and that will be; its
owner sees what the service does at the moment, and can end it."""


def run_url(owner_url: str) -> str:
    """The same database for the role `<owner>_run`, which a service runs as: it reads and writes
    rows, and can change no table, trigger or function.
    """
    owner = urlsplit(owner_url)
    return _as(f"{owner.username}_run", owner)


def _as(role: str, known: SplitResult) -> str:
    """A URL for `role`, whose password follows from the one in the URL `known`."""
    secret = unquote(known.password or "").encode()
    password = hmac.digest(secret, f"cpro/{role}".encode(), hashlib.sha256).hex()
    host = known.netloc.rpartition("@")[2]
    return urlunsplit(known._replace(netloc=f"{role}:{password}@{host}"))


async def _make_role(
    connection: "asyncpg.Connection[asyncpg.Record]", name: str, password: str
) -> None:
    if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", name):
        await connection.execute(f'CREATE ROLE "{name}" LOGIN')
    await connection.execute(f"ALTER ROLE \"{name}\" PASSWORD '{password}'")


async def drop_database(servers: Servers, name: str) -> None:
    """Remove the database `name` with its connections, and its roles, if they are there."""
    _check(name)
    connection = await _connected(servers.postgres_url)
    try:
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await connection.execute(f'DROP ROLE IF EXISTS "{name}", "{name}_run"')
    finally:
        await connection.close()


async def create_vhost(servers: Servers, name: str) -> str:
    """The AMQP URL of the virtual host `name`, made when not there."""
    user = urlsplit(servers.amqp_url).username or "guest"
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    vhost = quote(name, safe="")
    async with _management(servers) as api:
        (await api.put(f"/api/vhosts/{vhost}")).raise_for_status()
        answer = await api.put(f"/api/permissions/{vhost}/{user}", json=everything)
        answer.raise_for_status()
    return urlunsplit(urlsplit(servers.amqp_url)._replace(path=f"/{vhost}"))


async def delete_vhost(servers: Servers, name: str) -> None:
    """Remove the virtual host `name`, with its queues and connections, if it is there."""
    async with _management(servers) as api:
        answer = await api.delete(f"/api/vhosts/{quote(name, safe='')}")
        if answer.status_code != httpx.codes.NOT_FOUND:
            answer.raise_for_status()


async def keep_dead_letters(servers: Servers) -> None:
    """Have dead letters wait for their service however often it dies with them: RabbitMQ 4 drops
    what a quorum queue has delivered 20 times. A policy of the default virtual host.
    """
    async with _management(servers) as api:
        answer = await api.put("/api/policies/%2F/cpro-dead", json=DEAD_LETTERS_POLICY)
        answer.raise_for_status()


DEAD_LETTERS_POLICY = {
    "pattern": "\\.dead$",
    "apply-to": "queues",
    # « Without a limit » is -1 on RabbitMQ 4 and refused by 3; so many deliveries never come.
    "definition": {"delivery-limit": 1_000_000},
}


def _check(name: str) -> None:
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name for a database: lower-case letters, digits and _")


async def _connected(url: str) -> "asyncpg.Connection[asyncpg.Record]":
    try:
        return await asyncpg.connect(url, timeout=10)
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise StackError(
            f"PostgreSQL does not let us in ({error}): look at CPRO_POSTGRES_URL."
        ) from error


def _management(servers: Servers) -> httpx.AsyncClient:
    if servers.rabbitmq_api_url is None:
        raise MissingPartError(
            "Virtual hosts need RabbitMQ's management API: set CPRO_RABBITMQ_API_URL."
        )
    return httpx.AsyncClient(base_url=servers.rabbitmq_api_url, timeout=30)
