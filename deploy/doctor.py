"""Tells whether a service can work where it is: `python -m deploy.doctor NAME`, run with the
settings of the service (in its container, or with its environment), before and after an upgrade.

Before: what the new version would find – settings it lacks, migrations still to be applied. After:
that nothing is left waiting. It changes nothing, and exits 1 if something must be done. It stands
outside of the kernel, which no service needs it in.
"""

import asyncio
import importlib
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import aio_pika
import asyncpg
import httpx
from aio_pika.exceptions import AMQPError, ChannelNotFoundEntity
from joserfc.errors import JoseError
from pogo_core.util import sql as pogo_sql
from pydantic import ValidationError

from shared.events import heard_by
from shared.messaging.topology import dead_letters_of, queue_of
from shared.security import TokenVerifier
from shared.service import Service
from shared.settings import Settings
from shared.signing import NoSigningKeyError, Signer

SECONDS = 10
OLDEST_POSTGRES = 15
LATE_SECONDS = 60
LIMITED_BY_DEFAULT, DEFAULT_LIMIT = 4, 20
"""The version of RabbitMQ since which any quorum queue has a limit of deliveries; that limit."""
ENOUGH = 1000
_LOSES = "se perd ce qui a été livré plusieurs fois : posez la règle « cpro-dead » (operations.md)"


class Mark(StrEnum):
    """What a finding means: all is well, something must be done, or it is only to be known."""

    FINE = "✓"
    WRONG = "✗"
    NOTE = "·"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    mark: Mark
    text: str


def _checked(fine: object, text: str) -> Finding:
    return Finding(Mark.FINE if fine else Mark.WRONG, text)


Findings = AsyncIterator[Finding]


async def examine(service: Service, settings: Settings) -> Findings:
    """Look at all that a service needs, each part even when another is not there."""
    for look in (_keys, _database, _broker, _others):
        try:
            async with asyncio.timeout(SECONDS):
                async for finding in look(service, settings):
                    yield finding
        except (OSError, AMQPError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            yield Finding(Mark.WRONG, f"{_WHAT[look]} : {type(error).__name__}")


async def _keys(_service: Service, settings: Settings) -> Findings:
    if settings.jwks_file is None:
        yield Finding(Mark.WRONG, "CPRO_JWKS_FILE n'est pas indiqué : aucun jeton ne sera accepté")
        return
    if settings.signing_key_file is None:
        yield Finding(Mark.NOTE, "pas de clé de signature : ce service n'appelle pas les autres")
        return
    try:
        own = Signer.from_file(settings.signing_key_file).key
        public = TokenVerifier.from_file(settings.jwks_file).keys
    except (JoseError, ValueError, KeyError) as error:
        yield Finding(Mark.WRONG, f"clé illisible ({type(error).__name__})")
        return
    # Each service looks at its own copy of the list: run the doctor of each.
    known = own.thumbprint() in {key.thumbprint() for key in public if key.kid == own.kid}
    yield _checked(known, f"la clé de signature {'est' if known else 'manque'} parmi les publiques")


async def _database(service: Service, settings: Settings) -> Findings:
    connection = await asyncpg.connect(settings.database_url.get_secret_value(), timeout=5)
    try:
        version = connection.get_server_version()
        fine = version.major >= OLDEST_POSTGRES
        yield _checked(fine, f"PostgreSQL {version.major} répond")
        async for finding in _schema(service, connection):
            yield finding
    finally:
        await connection.close()


async def _schema(service: Service, connection: "asyncpg.Connection[asyncpg.Record]") -> Findings:
    needed = {path.stem for folder in service.migration_folders for path in folder.glob("*.sql")}
    known = await connection.fetchval("SELECT to_regclass('public._pogo_migration')")
    applied = (
        await pogo_sql.get_applied_migrations(connection, schema_name="public") if known else set()
    )
    if missing := sorted(needed - applied):
        yield Finding(Mark.WRONG, f"migrations à appliquer (« migrate ») : {', '.join(missing)}")
    else:
        yield Finding(Mark.FINE, "schéma à jour")
    if ahead := sorted(applied - needed):
        yield Finding(Mark.NOTE, f"la base est en avance sur cette version : {', '.join(ahead)}")
    if not known:
        return
    oldest = await connection.fetchval("SELECT id FROM outbox ORDER BY id LIMIT 1")
    age = time.time() - (oldest.int >> 80) / 1000 if oldest else 0
    yield _checked(age < LATE_SECONDS, f"événement à publier le plus ancien : {age:.0f} s")
    parked = await connection.fetchval("SELECT count(*) FROM parked")
    yield _checked(parked == 0, f"événements mis de côté : {parked}")


async def _broker(service: Service, settings: Settings) -> Findings:
    url = settings.amqp_url.get_secret_value()
    async with await aio_pika.connect(url, timeout=5) as connection:
        yield Finding(Mark.FINE, "RabbitMQ répond")
        if not heard_by(service.name):
            return
        for name in (queue_of(service.name), dead_letters_of(service.name)):
            channel = await connection.channel()  # of its own: a queue that lacks closes it
            try:
                queue = await channel.declare_queue(name, passive=True)
            except ChannelNotFoundEntity:
                yield Finding(Mark.NOTE, f"file {name} : le premier démarrage la créera")
                continue
            count = queue.declaration_result.message_count or 0
            dead = count and name == dead_letters_of(service.name)
            yield Finding(Mark.WRONG if dead else Mark.NOTE, f"file {name} : {count}")
        told = connection.transport.connection.server_properties["version"]  # type: ignore[union-attr]
        version = told.decode() if isinstance(told, bytes) else str(told)
        yield await _dead_letters_stay(url, dead_letters_of(service.name), version)


async def _dead_letters_stay(amqp_url: str, queue: str, version: str) -> Finding:
    """Whether the broker keeps a dead letter however often it has delivered it. Policies are told
    by the management API alone.
    """
    broker = urlsplit(amqp_url)
    host = f"{broker.netloc.rpartition(':')[0] if broker.port else broker.netloc}:15672"
    api = os.environ.get("CPRO_RABBITMQ_API_URL", f"http://{host}")
    path = f"{api}/api/queues/{quote(unquote(broker.path[1:]) or '/', safe='')}/{queue}"
    try:
        async with httpx.AsyncClient(timeout=3) as client:
            told = (await client.get(path)).raise_for_status().json()
    except httpx.HTTPError:
        unseen = f"file {queue} : limite de livraison non vue (CPRO_RABBITMQ_API_URL)"
        return Finding(Mark.NOTE, unseen)
    fine = stays(version, told)
    return _checked(fine, f"file {queue} : {'rien ne s’y perd' if fine else _LOSES}")


def stays(version: str, queue: Mapping[str, Any]) -> bool:
    """Whether a quorum queue, as the management API tells of it, keeps what it has delivered often;
    `version` is the broker's.
    """
    limit = (queue.get("effective_policy_definition") or {}).get("delivery-limit")
    if limit is None:
        limit = -1 if int(version.partition(".")[0]) < LIMITED_BY_DEFAULT else DEFAULT_LIMIT
    return bool(limit < 0 or limit >= ENOUGH)


async def _others(_service: Service, settings: Settings) -> Findings:
    """Where another service is named, it answers, and takes what this one has signed."""
    urls = {
        name.removesuffix("_url"): value
        for name in type(settings).model_fields
        if name.endswith("_url") and isinstance(value := getattr(settings, name), str)
    }
    for name in sorted(urls.keys() & SERVICES):
        async with _caller(settings, urls[name]) as client:
            try:
                up = (await client.get("/health/ready")).is_success
                # It need not allow the question: to know who asks is enough.
                asked = await client.post("/operations/parked/search", json={"subjects": []})
            except httpx.TransportError:
                up = False
        yield _checked(up, f"{name} {'répond' if up else 'ne répond pas'}")
        if up and asked.status_code == httpx.codes.UNAUTHORIZED and settings.signing_key_file:
            yield Finding(Mark.WRONG, f"{name} ne connaît pas notre clé de signature : publiez-la")


def _caller(settings: Settings, url: str) -> httpx.AsyncClient:
    with suppress(NoSigningKeyError, OSError, JoseError, ValueError):  # told with the keys
        return Signer.from_settings(settings).client(url)
    return httpx.AsyncClient(base_url=url)


SERVICES = {
    "dossier", "etablissement", "inspector_access", "notifier", "siecle_import", "transfer",
}  # fmt: skip
_WHAT: dict[Callable[[Service, Settings], Findings], str] = {
    _keys: "clés",
    _database: "base de données",
    _broker: "RabbitMQ",
    _others: "autres services",
}


async def _report(service: Service) -> bool:
    """Print all findings; whether everything is fine."""
    try:
        settings = service.settings()
    except ValidationError as error:  # its own text would repeat values
        for one in error.errors(include_input=False, include_url=False):
            name = ".".join(map(str, one["loc"])) or "réglages"
            print(f"✗ {name} : {one['msg']}")
        return False
    fine = True
    async for finding in examine(service, settings):
        print(finding.mark, finding.text)
        fine = fine and finding.mark is not Mark.WRONG
    return fine


def main() -> None:
    """Examine the service that is named."""
    if len(sys.argv) != 2:
        raise SystemExit("python -m deploy.doctor NAME")
    service: Service = importlib.import_module(f"services.{sys.argv[1]}.__main__").service
    raise SystemExit(0 if asyncio.run(_report(service)) else 1)


if __name__ == "__main__":
    main()
