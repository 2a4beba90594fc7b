"""Transfers by hand: offered, withdrawn, kept, refused, accepted (rule 8)."""

import datetime as dt
from collections.abc import Mapping, Sequence
from uuid import UUID

from asyncpg import Record

from services.transfer.acting.common import note
from services.transfer.deciding import decide_about, offered, requested
from services.transfer.domain import errors, offering
from services.transfer.domain.effect import school_year
from services.transfer.store import offers, people, schools, single_file
from services.transfer.store.offers import NewOffer
from services.transfer.store.people import Act
from shared.database import Connection, Transaction
from shared.events import NO_IMPORT
from shared.identifiers import Uai
from shared.signing import learner_created_for


async def offer(
    transaction: Transaction,
    uai: Uai,
    batch: UUID,
    by_whom: str,
    wanted: Sequence[NewOffer],
    now: dt.datetime,
) -> None:
    """Offer learners of `uai` to other schools, all of them or none.

    Raises:
        RefusedOffersError: with the reason for each place in `wanted` that can't be offered.
    """
    connection = transaction.connection
    await single_file(connection)
    known = await offers.candidates(connection, uai, [o.pupil_id for o in wanted])
    reasons = await _refusals(connection, uai, wanted, known, now)
    if reasons:
        raise errors.RefusedOffersError(reasons)
    with_stay = [_with_stay(o, known[o.pupil_id]["stay"]) for o in wanted]
    await offers.add(connection, uai, batch, by_whom, with_stay)
    rows = await offers.of_batch(connection, batch)
    transaction.publish(offered(rows))
    await people.note(
        connection,
        [
            Act(uai, by_whom, "offered", transfer_id=row["id"], pupil_id=row["origin_pupil"])
            for row in rows
        ],
    )
    await decide_about(transaction, known)


def _with_stay(wanted: NewOffer, stay: int) -> NewOffer:
    return NewOffer(
        wanted.pupil_id, stay, wanted.destination, wanted.collected_from, wanted.collected_on,
        wanted.paper,
    )  # fmt: skip


async def _refusals(
    connection: Connection,
    uai: Uai,
    wanted: Sequence[NewOffer],
    known: Mapping[UUID, Record],
    now: dt.datetime,
) -> dict[int, offering.Refused]:
    destinations = await schools.destinations(connection, [uai, *(o.destination for o in wanted)])
    opposed = await people.opposed(connection, list(known))
    participates = uai in destinations and destinations[uai]["participates"]
    reasons: dict[int, offering.Refused] = {}
    seen: set[UUID] = set()
    for place, one in enumerate(wanted):
        reason = offering.refusal(
            participates=participates,
            candidate=_candidate(known.get(one.pupil_id), one.pupil_id in opposed),
            destination=_destination(one.destination, destinations.get(one.destination)),
            same_school=one.destination == uai,
            school_year=school_year(now),
        )
        if one.pupil_id in seen:
            reason = offering.Refusal.TWICE
        seen.add(one.pupil_id)
        if reason is not None:
            school = destinations.get(one.destination)
            reasons[place] = offering.Refused(reason, school["successor"] if school else None)
    return reasons


def _candidate(row: Record | None, opposed: bool) -> offering.Candidate | None:  # noqa: FBT001
    if row is None:
        return None
    return offering.Candidate(
        row["departed"], row["under_way"], opposed, row["from_siecle_with_ine"], row["since"]
    )


def _destination(uai: Uai, row: Record | None) -> offering.Destination | None:
    if row is None:
        return None
    imported = row["source"] == "siecle" and row["horodatage"] > NO_IMPORT
    return offering.Destination(
        uai,
        row["open"],
        row["successor"],
        row["participates"],
        row["horodatage"] if imported else None,
        row["school_year"] or 0,
    )


async def _offer_of(transaction: Transaction, transfer_id: UUID, side: str, uai: Uai) -> Record:
    """An offer that waits, of which `uai` is this side.

    Raises:
        UnknownTransferError, WrongStateError
    """
    await single_file(transaction.connection)
    row = await offers.one(transaction.connection, transfer_id)
    if row is None or row[f"{side}_uai"] != uai:
        raise errors.UnknownTransferError
    if row["state"] != "offered":
        raise errors.WrongStateError
    return row


async def withdraw_offer(
    transaction: Transaction, uai: Uai, transfer_id: UUID, by_whom: str
) -> None:
    """Take an offer back; if the rule has found the learner meanwhile, his records move now."""
    row = await _offer_of(transaction, transfer_id, "origin", uai)
    await offers.end(transaction.connection, transfer_id, "cancelled", None)
    await note(transaction, row, uai, by_whom, "withdrawn")
    await decide_about(transaction, [row["origin_pupil"]])


async def keep_offer(transaction: Transaction, uai: Uai, transfer_id: UUID, by_whom: str) -> None:
    """Keep an offer although the rule has found the learner elsewhere."""
    row = await _offer_of(transaction, transfer_id, "origin", uai)
    await offers.keep(transaction.connection, transfer_id)
    await note(transaction, row, uai, by_whom, "kept")


async def refuse_offer(
    transaction: Transaction, uai: Uai, transfer_id: UUID, by_whom: str, because: str
) -> None:
    """Refuse an offer; the school of origin may offer again."""
    row = await _offer_of(transaction, transfer_id, "destination", uai)
    await offers.end(transaction.connection, transfer_id, "refused", because)
    await note(transaction, row, uai, by_whom, "refused", because)
    await decide_about(transaction, [row["origin_pupil"]])


async def accept_offer(
    transaction: Transaction, uai: Uai, transfer_id: UUID, by_whom: str, pupil_id: UUID
) -> None:
    """Accept an offer for a learner of `uai`: one who is there, or the one created for it, of whom
    nobody may have told yet.

    Raises:
        MatchedError, NotHereError, BusyError, RefusedOffersError, and those of `_offer_of`.
    """
    connection = transaction.connection
    row = await _offer_of(transaction, transfer_id, "destination", uai)
    if row["matched_pupil"] is not None and row["matched_pupil"] != row["kept_despite"]:
        raise errors.MatchedError
    active = await offers.is_active_in(connection, uai, pupil_id)
    if not (active or (active is None and pupil_id == learner_created_for(transfer_id))):
        raise errors.NotHereError
    await _check_still_possible(connection, row, uai, pupil_id)
    if await offers.shares_a_request(connection, [row["origin_pupil"], pupil_id]):
        raise errors.BusyError
    accepted = await offers.accept(connection, transfer_id, pupil_id)
    if accepted is not None:
        transaction.publish([requested(accepted)])
    await note(transaction, row, uai, by_whom, "accepted")


async def _check_still_possible(
    connection: Connection, row: Record, uai: Uai, pupil_id: UUID
) -> None:
    """Both schools still take part, no family has objected meanwhile, and no reversal holds the
    two.
    """
    pair = row["origin_pupil"], pupil_id
    known = await schools.destinations(connection, [Uai(row["origin_uai"]), uai])
    refusal = None
    if not known[Uai(row["origin_uai"])]["participates"]:
        refusal = offering.Refusal.ORIGIN_SWITCH
    elif uai not in known or not known[uai]["participates"]:
        refusal = offering.Refusal.DESTINATION_SWITCH
    elif await people.opposed(connection, pair):
        refusal = offering.Refusal.OPPOSITION
    elif await people.held(connection, *pair):
        refusal = offering.Refusal.HELD
    if refusal is not None:
        raise errors.RefusedOffersError({0: offering.Refused(refusal)})
