"""Opens and closes accesses, and has those concerned told.

What an inspector may see follows from the switch, the subscription and the referents of the day;
`told` holds who believes that he may. Whatever has changed, settling compares the two and tells the
difference: there is no other way to tell, so that naming, removing, a date that is reached and a
school that closes are dealt with alike.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

import structlog
from asyncpg import Record

from services.inspector_access.domain.errors import NotSubscribedError
from services.inspector_access.store import single_file, switches
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
    def calendar(cls, today: dt.date, now: dt.datetime) -> "By":
        """Nobody: a date that was set has been reached."""
        return cls("calendrier", "CPro éducation", "à la date prévue", today, now)


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


async def settle(transaction: Transaction, by: By) -> None:
    """Close what no subscription holds any more; tell those to whom access has opened or closed.
    The transaction is the only one (`single_file`).
    """
    connection = transaction.connection
    ends = [
        Act(r["uai"], r["diploma"], r["inspectors"], active=False, because="subscription-ended")
        for r in await switches.ended(connection, by.today)
    ]
    await _do(transaction, ends, by)
    differ = [
        Act(
            row["uai"],
            row["diploma"],
            row["inspectors"],
            active=row["named"],
            because="referent-named" if row["named"] else "referent-removed",
        )
        for row in await switches.untold(connection, by.today)
    ]
    await _do(transaction, differ, by)


async def _do(transaction: Transaction, acts: Iterable[Act], by: By) -> None:
    for act in acts:
        row = await switches.do(transaction.connection, act, by.sub, by.now)
        transaction.publish([_event(act, row, by)])


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
    """Look at the calendar every half minute, until the service stops."""
    while not runtime.stop.is_set():
        try:
            today, now = runtime.clock.today(PARIS), runtime.clock.now()
            await look_at_calendar(runtime.database, today, now)
        except Exception:  # the next time comes; what may be seen does not depend on it
            log.warning("settling.failed", exc_info=True)
        await pause(runtime.stop, PAUSE_SECONDS)


async def look_at_calendar(database: Database, today: dt.date, now: dt.datetime) -> None:
    """Settle what the day, or an event, has changed."""
    async with database.transaction() as transaction:
        await single_file(transaction.connection)
        await settle(transaction, By.calendar(today, now))
