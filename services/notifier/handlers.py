"""Events in: what becomes a mail, and what is counted for the next digest."""

from collections.abc import Collection, Sequence
from uuid import UUID

from services.notifier.domain.mails import (
    Mail,
    School,
    access_mails,
    arrival_mail,
)
from services.notifier.store import digests, mails, schools, unaddressed
from shared.database import Connection, Transaction
from shared.events import (
    InspectorAccessToggled,
    SchoolUpdated,
    TransferClosed,
    TransferOffered,
)
from shared.messaging.consumer import Batch


async def handle(transaction: Transaction, batch: Batch) -> None:
    """Take in a batch: the schools first, so that mails call them by their newest names."""
    connection = transaction.connection
    if registry := batch.of(SchoolUpdated):
        await _keep_schools(connection, registry)
    if toggles := batch.of(InspectorAccessToggled):
        await _tell_access(connection, toggles)
    if offers := batch.of(TransferOffered):
        await _tell_arrivals(connection, offers)
    if closed := batch.of(TransferClosed):
        await digests.enter(connection, [entry for event in closed for entry in _entries(event)])


async def _keep_schools(connection: Connection, registry: Sequence[SchoolUpdated]) -> None:
    """Keep schools; what waited for an e-mail that is known now is sent, and what has not arrived
    goes to the newest one.
    """
    newest = {e.uai: e for e in sorted(registry, key=lambda e: e.version)}
    in_order = [newest[uai] for uai in sorted(newest)]
    await schools.keep(connection, [(School.of(e), e.version, e.digest) for e in in_order])
    codes = [event.uai for event in in_order]
    await unaddressed.send(connection, codes)
    await mails.readdress(connection, codes)


async def _tell_access(connection: Connection, toggles: Sequence[InspectorAccessToggled]) -> None:
    known = await schools.named(connection, {event.uai for event in toggles})
    made = [mail for event in toggles for mail in access_mails(event, known[event.uai])]
    await _add(connection, made)


async def _tell_arrivals(connection: Connection, offers: Sequence[TransferOffered]) -> None:
    """Tell schools of arrivals by hand; one without e-mail is noted as not told."""
    codes = {uai for event in offers for uai in (event.origin_uai, event.destination_uai)}
    known = await schools.named(connection, codes)
    now = await connection.fetchval("SELECT now()")
    made = [
        arrival_mail(event, known[event.destination_uai], known[event.origin_uai], now)
        for event in offers
    ]
    await _add(connection, [mail for mail in made if mail.to.email])
    if without := [mail for mail in made if not mail.to.email]:
        await unaddressed.note(connection, without)


async def _add(connection: Connection, made: Collection[Mail]) -> None:
    """Enter mails in the order of their ids, so that two replicas lock alike."""
    if made:
        await mails.add(connection, sorted(made, key=lambda mail: mail.id))


def _entries(event: TransferClosed) -> list[tuple[UUID, str, str]]:
    """What a closed transfer adds to the digests of both schools; one without records, nothing."""
    if not any(event.counts.values()):
        return []
    there, back = ("sent", "received") if event.outcome == "closed" else ("returned", "returned")
    return [
        (event.transfer_id, event.origin.uai, there),
        (event.transfer_id, event.destination.uai, back),
    ]
