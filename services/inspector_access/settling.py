"""Opens and closes accesses, and has those concerned told.

What an inspector may see follows from the switch, the subscription and the referents of the day;
`told` holds who believes that he may. Whatever has changed, settling compares the two and tells the
difference: there is no other way to tell, so that naming, removing, a date that is reached and a
school that closes are dealt with alike.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from asyncpg import Record

from services.inspector_access.domain.errors import NotSubscribedError
from services.inspector_access.store import registry, single_file, switches
from services.inspector_access.store.switches import Act
from shared.clock import PARIS, pause
from shared.database import Database, Transaction
from shared.events import InspectorAccessToggled, Recipient
from shared.identifiers import Uai
from shared.security import Principal
from shared.service import Runtime
from shared.web.preconditions import CHANGED_MEANWHILE
from shared.web.problems import ProblemError

PAUSE_SECONDS = 30.0
DAY_REACHED = "à la date prévue"
REGISTRY_CHANGED = "à la mise à jour de l'annuaire"
"""What the mails say in the place of a function, where nobody has just done anything."""

SLICE = 500
"""Switches that one statement sets: all referents of the nation may end on one day."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class By:
    """Who does something, and when: as the trail knows him, and as the mails tell."""

    sub: str
    name: str
    function: str
    today: dt.date
    now: dt.datetime

    @classmethod
    def caller(cls, caller: Principal, runtime: Runtime) -> "By":
        """Who calls, now."""
        today, now = runtime.clock.today(PARIS), runtime.clock.now()
        return cls(caller.sub, caller.name, caller.function, today, now)

    @classmethod
    def nobody(cls, why: str, today: dt.date, now: dt.datetime) -> "By":
        """Nobody now: what was set earlier, or elsewhere, takes effect."""
        return cls("cpro", "CPro éducation", why, today, now)


async def switch(
    transaction: Transaction, uai: Uai, diploma: str, version: int, by: By, *, active: bool
) -> None:
    """Set the switch of a diploma, read at `version`; one that stands so already stays.

    Raises:
        NotSubscribedError
        ProblemError: 412, it was changed meanwhile.
    """
    connection = transaction.connection
    await single_file(connection)
    stands = await switches.position(connection, uai, diploma, by.today)
    if stands is None:
        raise NotSubscribedError
    if stands["active"] == active:
        return
    if stands["version"] != version:
        raise ProblemError(CHANGED_MEANWHILE)
    concerned = (
        await switches.in_charge(connection, uai, diploma, by.today)
        if active
        else await switches.told(connection, uai, diploma)
    )
    await _do(transaction, [Act(uai, diploma, concerned, active=active, because="switched")], by)


async def settle(transaction: Transaction, by: By, schools: Sequence[str] | None = None) -> None:
    """Close what no subscription holds any more, and tell those to whom access has opened or closed
    (in some schools only, if they are given). The transaction is the only one (`single_file`).
    """
    connection = transaction.connection
    ends = [
        Act(r["uai"], r["diploma"], r["inspectors"], active=False, because="subscription-ended")
        for r in await switches.ended(connection, by.today, schools)
    ]
    await _do(transaction, ends, by)
    differ = await switches.untold(connection, by.today, schools)
    removed = [
        Act(r["uai"], r["diploma"], r["inspectors"], active=False, because="referent-removed")
        for r in differ
        if not r["named"]
    ]
    await _do(transaction, removed, by)
    named = [
        Act(r["uai"], r["diploma"], r["inspectors"], active=True, because="referent-named")
        for r in differ
        if r["named"]
    ]
    await _do(transaction, named, by)


async def _do(transaction: Transaction, acts: Sequence[Act], by: By) -> None:
    """Do what happens to switches, each of them once, and tell it."""
    for start in range(0, len(acts), SLICE):
        some = acts[start : start + SLICE]
        rows = await switches.do(transaction.connection, some, by.sub, by.now)
        transaction.publish(_event(act, row, by) for act, row in zip(some, rows, strict=True))


def _event(act: Act, row: Record, by: By) -> InspectorAccessToggled:
    told = zip(row["names"], row["emails"], strict=True)
    return InspectorAccessToggled(
        uai=Uai(act.uai),
        diploma=act.diploma,
        diploma_label=row["label"],
        active=act.active,
        version=row["version"],
        because=act.because,
        by_name=by.name,
        by_function=by.function,
        at=by.now,
        recipients=tuple(Recipient(name=name, email=email) for name, email in told),
    )


async def run(runtime: Runtime) -> None:
    """Settle all at the start and when a new day begins, and every half minute the schools of which
    the registry has told something; until the service stops.
    """
    settled: dt.date | None = None
    while not runtime.stop.is_set():
        today, now = runtime.clock.today(PARIS), runtime.clock.now()
        try:
            if settled != today:
                await look_at_calendar(runtime.database, today, now)
                settled = today
            else:
                await look_at_registry(runtime.database, today, now)
        except Exception:  # the next time comes; what may be seen does not depend on it
            log.warning("settling.failed", exc_info=True)
        await pause(runtime.stop, PAUSE_SECONDS)


async def look_at_calendar(database: Database, today: dt.date, now: dt.datetime) -> None:
    """Settle what the day has changed."""
    async with database.transaction() as transaction:
        await single_file(transaction.connection)
        await settle(transaction, By.nobody(DAY_REACHED, today, now))


async def look_at_registry(database: Database, today: dt.date, now: dt.datetime) -> None:
    """Settle the schools that have closed, opened or gone to another académie."""
    async with database.transaction() as transaction:
        await single_file(transaction.connection)
        if schools := await registry.unsettled(transaction.connection):
            await settle(transaction, By.nobody(REGISTRY_CHANGED, today, now), schools)
