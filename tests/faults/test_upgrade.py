"""A rolling upgrade of `dossier`: two versions side by side on one queue and one database, with a
migration between them, while events flow; then the way back. Nothing is lost, nothing done twice.

The older version is the one of this tree, its events those of the golden files; the newer one is a
copy of it with one more migration, one more field of an event and one more event version.
"""

import asyncio
import json
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import aio_pika
import asyncpg
import pytest
from aio_pika.abc import AbstractChannel, AbstractExchange

from deploy.local.client import Sign, eventually
from services.dossier.__main__ import service
from shared.envelope import CONTENT_TYPE
from shared.messaging import topology
from shared.service import Service
from tests.support.processes import ROOT, Processes

pytestmark = pytest.mark.long

GOLDEN = ROOT / "tests" / "contracts" / "golden"
CREATED, REQUESTED = "fr.cpro.pupil.created.v1", "fr.cpro.transfer.requested.v1"
NEXT = "fr.cpro.pupil.updated.v2"
PAUSE = 0.02
LONG = 240

MIGRATION = """\
-- What the next version keeps
-- depends: dossier-0005-courses

-- migrate: apply
ALTER TABLE learner ADD COLUMN level text;

-- migrate: rollback
"""
BEHIND_PUPIL_EVENT = "\n\n\nclass PupilCreated("
NEXT_FIELD = "\n    level: str | None = None"
NEXT_EVENT = f"""

class PupilUpdatedV2(PupilEvent, type="{NEXT}"):
    \"\"\"What the next version tells.\"\"\"
"""
NEXT_HANDLERS = """

_handle = handle


async def handle(transaction: Transaction, batch: Batch) -> None:
    \"\"\"What the next version does beside.\"\"\"
    await _handle(transaction, batch)
    for pupil in batch.of(PupilEvent):
        if pupil.level:
            await transaction.connection.execute(
                "UPDATE learner SET level = $2 WHERE pupil_id = $1", pupil.pupil_id, pupil.level
            )
"""


@pytest.fixture
def next_version(tmp_path: Path) -> Path:
    """A folder with the code of the next version."""
    root = tmp_path / "next"
    for part in ("shared", "services/dossier"):
        shutil.copytree(ROOT / part, root / part, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "services" / "__init__.py").touch()
    migrations = root / "services" / "dossier" / "migrations"
    (migrations / "dossier-9999-next.sql").write_text(MIGRATION)
    events, handlers = root / "shared" / "events.py", root / "services" / "dossier" / "handlers.py"
    before, behind = events.read_text().split(BEHIND_PUPIL_EVENT)
    events.write_text(before + NEXT_FIELD + BEHIND_PUPIL_EVENT + behind + NEXT_EVENT)
    handlers.write_text(handlers.read_text() + NEXT_HANDLERS)
    return root


@dataclass
class Traffic:
    """Events as the owners publish them, one after the other, until told to stop."""

    exchange: AbstractExchange
    sent: list[str] = field(default_factory=list)
    levels: dict[str, str] = field(default_factory=dict)
    stopping: bool = False
    running: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.running = asyncio.create_task(self.run())

    async def stop(self) -> None:
        """Send no more; return once all that was begun is sent."""
        self.stopping = True
        if self.running:
            await self.running

    async def publish(self, kind: str, golden: str = CREATED, **data: Any) -> None:
        envelope = json.loads((GOLDEN / f"{golden}.json").read_text())
        envelope |= {"id": str(uuid4()), "type": kind}
        envelope["data"] |= data
        message = aio_pika.Message(
            json.dumps(envelope).encode(), content_type=CONTENT_TYPE, message_id=str(uuid4())
        )
        await self.exchange.publish(message, kind)

    async def run(self) -> None:
        """Two learners and the transfer of one's records to the other, again and again."""
        while not self.stopping:
            origin, destination, transfer = (str(uuid4()) for _ in range(3))
            await self.publish(CREATED, pupil_id=origin)
            sides = {
                "origin": {"uai": "9990001X", "pupil_id": origin},
                "destination": {"uai": "9990002Y", "pupil_id": destination},
            }
            await self.publish(REQUESTED, REQUESTED, transfer_id=transfer, **sides)
            await self.publish(CREATED, pupil_id=destination, uai="9990002Y")
            self.sent.append(transfer)
            await asyncio.sleep(PAUSE)

    async def tell(self, kind: str, number: int) -> None:
        """Learners as the next version tells of them."""
        for _ in range(number):
            pupil, level = str(uuid4()), f"level-{len(self.levels)}"
            await self.publish(kind, pupil_id=pupil, level=level)
            self.levels[pupil] = level


@asynccontextmanager
async def flowing(amqp_url: str) -> AsyncIterator[tuple[Traffic, AbstractChannel]]:
    async with topology.connect(amqp_url, "test", "publish") as connection:
        await topology.declare(connection)
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        traffic = Traffic(await channel.get_exchange(topology.EXCHANGE, ensure=False))
        traffic.start()
        try:
            yield traffic, channel
        finally:
            await traffic.stop()


async def answered(channel: AbstractChannel) -> list[str]:
    """The transfers that `dossier` has answered, in what waits for `transfer`."""
    queue = await channel.get_queue(topology.queue_of("transfer"))
    found: list[str] = []
    while (message := await queue.get(no_ack=True, fail=False)) is not None:
        content = json.loads(message.body)
        for one in content if isinstance(content, list) else [content]:
            found += [one["data"]["transfer_id"] for _ in (1,) if "dossier" in one["type"]]
    return found


@pytest.fixture
async def dossiers(
    new_database: Callable[[Service], Awaitable[str]],
    vhost: str,
    keys: Path,
    sign: Sign,
    tmp_path: Path,
) -> AsyncIterator[Processes]:
    started = Processes({"dossier": await new_database(service)}, vhost, keys, sign, tmp_path)
    yield started
    for process in started.running.values():
        process.kill()
        await process.wait()


async def test_two_versions_run_side_by_side_over_a_migration_and_back(
    dossiers: Processes, next_version: Path
) -> None:
    base = await asyncpg.connect(dossiers.database_urls["dossier"])

    async def count(what: str) -> int:
        number: int = await base.fetchval(f"SELECT count(*) FROM {what}")
        return number

    async def goes_on(traffic: Traffic) -> None:
        """Return when what is sent from now on has been handled."""
        last = len(traffic.sent) + 20

        async def handled() -> bool:
            return await count("move") >= last

        await eventually(handled, f"{last} moves", seconds=LONG)

    async def told(traffic: Traffic) -> bool:
        rows = await base.fetch("SELECT pupil_id, level FROM learner WHERE level IS NOT NULL")
        return {str(row["pupil_id"]): row["level"] for row in rows} == traffic.levels

    await dossiers.start("dossier")
    async with flowing(dossiers.amqp_url) as (traffic, channel):
        await goes_on(traffic)
        await migrate(dossiers, next_version)
        await goes_on(traffic)

        # An owner of the next version has declared what it publishes; the listener is still old.
        queue = await channel.get_queue(topology.queue_of("dossier"))
        await queue.bind(topology.EXCHANGE, NEXT)
        await traffic.tell(NEXT, 5)

        async def parked() -> bool:
            return await count("parked") == 5

        await eventually(parked, "5 events to be parked", seconds=LONG)
        await goes_on(traffic)

        await dossiers.start("dossier", root=next_version, beside="next")
        await goes_on(traffic)
        await dossiers.stop("dossier")
        await traffic.tell(CREATED, 5)
        await goes_on(traffic)
        await eventually(lambda: told(traffic), "the next version to handle all", seconds=LONG)
        assert await count("parked") == 0

        await dossiers.start("dossier")
        await goes_on(traffic)
        await dossiers.stop("next")
        await goes_on(traffic)
        await traffic.stop()

        async def all_decided() -> bool:
            return await count("move") == len(traffic.sent) and await count("outbox") == 0

        await eventually(all_decided, "all transfers to be decided", seconds=LONG)
        assert await count("move WHERE outcome <> 'transferred'") == 0
        assert await count("learner") == 2 * len(traffic.sent) + len(traffic.levels)
        assert await count("learner WHERE version = 0") == 0
        assert await count("parked") == 0
        assert sorted(await answered(channel)) == sorted(traffic.sent)
    await base.close()


async def migrate(dossiers: Processes, root: Path) -> None:
    owner = {"CPRO_DATABASE_URL": dossiers.database_urls["dossier"]}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.dossier", "migrate",
        cwd=root, stderr=asyncio.subprocess.DEVNULL,
        env={**dossiers.environment("dossier"), **owner},
    )  # fmt: skip
    assert await asyncio.wait_for(process.wait(), LONG) == 0
