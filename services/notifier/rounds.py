"""The rounds through all schools: « À faire » on Mondays, digests of closed transfers each morning,
and each minute what could not be told for want of an e-mail.

Each round is made once, whichever replica makes its steps and whatever stops it in between: a step
is one transaction that enters the mails and moves the round on, if nobody else has.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import httpx
import structlog
from pydantic import BaseModel, TypeAdapter

from services.notifier import metrics
from services.notifier.domain.mails import Mail, School, digest_mail, to_do_mails
from services.notifier.domain.schedule import day_due, week_due
from services.notifier.settings import NotifierSettings
from services.notifier.store import digests, mails, rounds, schools, unaddressed
from shared.clock import pause
from shared.database import Database, Transaction
from shared.events import Recipient
from shared.identifiers import Uai
from shared.rights import Action
from shared.service import Runtime
from shared.signing import Signer

PAUSE_SECONDS = 60.0
PAGE = 100
"""Schools a step: `transfer` and `etablissement` answer about so many at once."""

TO_DO, DIGEST = "to-do", "digest"

log = structlog.get_logger()


class Counts(BaseModel):
    """What waits in one school, as `transfer` counts it."""

    uai: Uai
    await_import: int = 0
    await_switch: int = 0
    await_acceptance: int = 0
    await_opinion: int = 0


class CountsPage(BaseModel):
    """Schools in which something waits; `next` is the cursor of the page that follows, if any."""

    schools: list[Counts]
    next: Uai | None


_HOLDERS = TypeAdapter(dict[Uai, list[Recipient]])


@dataclass(frozen=True, slots=True)
class Others:
    """The services that are asked for counts and for persons."""

    signer: Signer
    transfer_url: str
    etablissement_url: str

    @classmethod
    def from_settings(cls, settings: NotifierSettings) -> "Others | None":
        """Those that the settings name; None if one is missing."""
        if settings.transfer_url is None or settings.etablissement_url is None:
            return None
        signer = Signer.from_settings(settings)
        return cls(signer, settings.transfer_url, settings.etablissement_url)

    async def counts(self, after: str | None) -> CountsPage:
        """A page of what waits, by school.

        Raises:
            httpx.HTTPError, ValueError: `transfer` does not answer as expected.
        """
        asked: dict[str, str | int] = {"limit": PAGE} | ({"after": after} if after else {})
        async with self.signer.client(self.transfer_url) as client:
            answer = await client.get("/counts/to-do", params=asked)
        return CountsPage.model_validate_json(answer.raise_for_status().content)

    async def holders(self, codes: Sequence[Uai]) -> Mapping[Uai, list[Recipient]]:
        """Who follows the transfers of these schools.

        Raises:
            httpx.HTTPError, ValueError: `etablissement` does not answer as expected.
        """
        asked = {"schools": list(codes), "action": Action.SEE_TRANSFERS.value}
        async with self.signer.client(self.etablissement_url) as client:
            answer = await client.post("/holders", json=asked)
        return _HOLDERS.validate_json(answer.raise_for_status().content)


async def run(runtime: Runtime) -> None:
    """Make the rounds that are due, every minute, until the service stops."""
    settings = runtime.settings
    if not isinstance(settings, NotifierSettings):
        raise TypeError("the rounds need the settings of notifier")
    others = Others.from_settings(settings)
    while not runtime.stop.is_set():
        now = runtime.clock.now()
        try:
            await tell_late(runtime.database)
            await tell_closed(runtime.database, now)
            if others is not None:
                await tell_to_do(runtime.database, others, now)
        except httpx.HTTPError as error:
            log.warning("rounds.not_answered", error=type(error).__name__)
        except Exception:  # the next minute comes
            log.warning("rounds.failed", exc_info=True)
        await pause(runtime.stop, PAUSE_SECONDS)


async def tell_to_do(database: Database, others: Others, now: dt.datetime) -> int:
    """Make or go on with the round of this Monday, if it is due; how many mails it entered.

    Raises:
        httpx.HTTPError, ValueError: another service does not answer as expected.
    """
    week, entered, more = week_due(now), 0, True
    while week is not None and more:
        async with database.connection() as connection:
            begun = await rounds.begun(connection, TO_DO, week)
        if begun["done_at"] is not None:
            break
        page = await others.counts(begun["after"])
        waiting = [one for one in page.schools if any(_numbers(one).values())]
        holders = await others.holders([one.uai for one in waiting]) if waiting else {}
        async with database.transaction() as transaction:
            if await _advance(transaction, TO_DO, week, begun["after"], page.next):
                made = await _to_do(transaction, week, waiting, holders)
                await _enter(transaction, made)
                entered += len(made)
        more = page.next is not None
    return entered


def _numbers(counts: Counts) -> dict[str, int]:
    return counts.model_dump(exclude={"uai"})


async def _to_do(
    transaction: Transaction,
    week: str,
    waiting: Sequence[Counts],
    holders: Mapping[Uai, Sequence[Recipient]],
) -> list[Mail]:
    known = await schools.named(transaction.connection, [one.uai for one in waiting])
    for one in waiting:
        if not holders.get(one.uai):
            metrics.NOBODY.labels(TO_DO).inc()
    return [
        mail
        for one in waiting
        for mail in to_do_mails(week, known[one.uai], _numbers(one), holders.get(one.uai, ()))
    ]


async def tell_late(database: Database) -> None:
    """Enter what a school was not told for want of an e-mail that is known by now: an arrival and
    the e-mail, taken in side by side by two replicas, may each have missed the other.
    """
    async with database.transaction() as transaction:
        await unaddressed.send(transaction.connection)


async def tell_closed(database: Database, now: dt.datetime) -> int:
    """Make the digest of this day, if it is due; how many mails it entered.

    It tells what closed since the last one. What a school without e-mail, or one that does not want
    the digest, would have been told is not kept for later.
    """
    day = day_due(now)
    if day is None:
        return 0
    async with database.transaction() as transaction:
        connection = transaction.connection
        await rounds.begun(connection, DIGEST, day.isoformat())
        if not await _advance(transaction, DIGEST, day.isoformat(), None, None):
            return 0
        rows = await digests.take(connection)
        made = [
            digest_mail(
                day,
                School(row["uai"], row["name"], row["town"], row["email"]),
                row["counts"],
                row["traces"] or (),
            )
            for row in rows
            if row["email"] is not None
        ]
        metrics.NOBODY.labels(DIGEST).inc(len(rows) - len(made))
        await _enter(transaction, made)
    return len(made)


async def _advance(
    transaction: Transaction, kind: str, period: str, before: str | None, after: str | None
) -> bool:
    return await rounds.advance(transaction.connection, kind, period, before=before, after=after)


async def _enter(transaction: Transaction, made: Sequence[Mail]) -> None:
    if made:
        await mails.add(transaction.connection, sorted(made, key=lambda mail: mail.id))
