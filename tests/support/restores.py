"""Backups of services' databases, and the commands that docs/restore.md gives after a restore."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from deploy.local import ROOT
from deploy.local.client import Sign, eventually
from deploy.local.postgres import binary
from deploy.local.tokens import service_key_file
from shared.service import Service
from tests.support.system import CHAIN, TODAY, System, running

LONG = 240

RESTORE = ("pg_restore", "--clean", "--if-exists", "--no-owner", "--single-transaction")
"""As docs/restore.md gives it."""


@dataclass
class Drill:
    """The services of one test with backups of their databases in `folder`."""

    database_urls: Mapping[str, str]
    amqp_url: str
    keys: Path
    sign: Sign
    folder: Path
    system: System | None = None

    @asynccontextmanager
    async def run(
        self,
        services: Sequence[Service] = CHAIN,
        more: Mapping[str, Mapping[str, object]] | None = None,
    ) -> AsyncIterator[System]:
        """Run services until the block ends."""
        async with running(
            services, self.database_urls, self.amqp_url, self.keys, self.sign, more
        ) as system:
            self.system = system
            yield system
        self.system = None

    async def back_up(self, *names: str) -> None:
        """Write a backup of these services' databases."""
        for name in names:
            file = self.folder / f"{name}.dump"
            await _program("pg_dump", "-Fc", "-f", str(file), "-d", self.database_urls[name])

    async def restore(self, name: str) -> None:
        """Put a database back to what it was at its backup."""
        file = self.folder / f"{name}.dump"
        await _program(*RESTORE, "-d", self.database_urls[name], str(file))
        await self.operate(name, "migrate")

    async def operate(self, name: str, *arguments: str, **more: str) -> str:
        """What `python -m services.<name> ...` says, the running services being known to it."""
        urls = self.system.urls if self.system else {}
        settings = {
            **os.environ,
            **{f"CPRO_{other.upper()}_URL": url for other, url in urls.items()},
            "CPRO_ENVIRONMENT": "local",
            "CPRO_TODAY": TODAY.isoformat(),
            "CPRO_DATABASE_URL": self.database_urls[name],
            "CPRO_AMQP_URL": self.amqp_url,
            "CPRO_MATCH_KEY_FILE": str(self.keys / "match.key"),
            "CPRO_SIGNING_KEY_FILE": str(service_key_file(self.keys, name)),
            **more,
        }
        return await _run((sys.executable, "-m", f"services.{name}", *arguments), settings)

    async def settled(self, *, lost: int = 0) -> None:
        """Return when the services agree and nothing is left to do, but for so many lines about
        learners; else say what is wrong.
        """
        wrong: list[str] = []

        async def probe() -> bool:
            wrong[:] = await self.disagreements()
            return len(wrong) == lost and all(one.startswith("learners") for one in wrong)

        try:
            await eventually(probe, "the services to agree", seconds=LONG)
        except TimeoutError:
            raise AssertionError("\n".join(wrong)) from None

    async def disagreements(self) -> list[str]:
        """What the invariants of docs/transfer.md do not accept."""
        waiting = "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM parked) AS number"
        found = [
            f"{row['number']} events in outbox or parked of {name}"
            for name in self.database_urls
            for row in await self.ask(name, waiting)
            if row["number"]
        ]
        for name, statement in _NOTHING.items():
            service, _, what = name.partition(": ")
            found += [f"{what}: {tuple(row)}" for row in await self.ask(service, statement)]
        return found + await self._compared()

    async def _compared(self) -> list[str]:
        pupils = await self.ask("siecle_import", "SELECT id, version, active, stay FROM pupil"
            " WHERE merged_into IS NULL")  # fmt: skip
        presences = await self.ask(
            "transfer", "SELECT pupil_id, version, active, stay FROM presence"
        )
        closed = "SELECT id, state = 'reversed' FROM transfer WHERE state IN ('closed', 'reversed')"
        made = "SELECT transfer_id, reversed FROM move WHERE outcome = 'transferred'"
        pairs = (
            ("learners", pupils, presences),
            ("moves", await self.ask("transfer", closed), await self.ask("dossier", made)),
        )
        return [
            f"{what}: {sorted(map(str, {tuple(r) for r in one} ^ {tuple(r) for r in other}))}"
            for what, one, other in pairs
            if {tuple(row) for row in one} != {tuple(row) for row in other}
        ]

    async def ask(self, name: str, statement: str, *values: object) -> list[asyncpg.Record]:
        """Rows of the database of a service."""
        connection = await asyncpg.connect(self.database_urls[name])
        try:
            return await connection.fetch(statement, *values)
        finally:
            await connection.close()

    async def places(self) -> dict[str, str]:
        """In which school each record is, by its title; whose title is there twice is shown so."""
        rows = await self.ask(
            "dossier", "SELECT title, uai FROM record JOIN learner USING (pupil_id)"
        )
        found: dict[str, str] = {}
        for row in rows:
            found[row["title"]] = f"{found.get(row['title'], '')} {row['uai']}".strip()
        return found


_NOTHING = {
    "transfer: unanswered": "SELECT id FROM transfer WHERE state = 'requested'",
    "transfer: closed twice": """
        SELECT origin_pupil, origin_stay FROM transfer
        WHERE state = 'closed' AND kind <> 'reversal' GROUP BY 1, 2 HAVING count(*) > 1""",
    "dossier: left behind": """
        SELECT r.id FROM record r JOIN learner l USING (pupil_id)
        WHERE l.moved_to IS NOT NULL AND l.merged_into IS NULL""",
}
"""Questions that have no answer in a system at rest, by service and what they would mean."""


async def _program(name: str, *arguments: str) -> None:
    await _run((binary(name), *arguments), dict(os.environ))


async def _run(command: Sequence[str], settings: Mapping[str, str]) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env=settings,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await asyncio.wait_for(process.communicate(), LONG)
    text = re.sub(r"postgresql://\S+", "…", said.decode())
    assert process.returncode == 0, text
    return text
