"""What people do with transfers: each act in one deciding transaction, with its trace.

The caller has checked who may; what can't be done is told by the exceptions of `domain.errors`.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from uuid import UUID

from asyncpg import Record

from services.transfer import matching
from services.transfer.deciding import decide, decide_about, offered, requested
from services.transfer.domain import errors, offering
from services.transfer.domain.deciding import Arrival, Departure
from services.transfer.domain.effect import school_year
from services.transfer.store import (
    lists,
    offers,
    people,
    presences,
    reversals,
    schools,
    single_file,
)
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
) -> dict[int, offering.Refusal]:
    destinations = await schools.destinations(connection, [uai, *(o.destination for o in wanted)])
    opposed = await people.opposed(connection, list(known))
    participates = uai in destinations and destinations[uai]["participates"]
    reasons: dict[int, offering.Refusal] = {}
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
            reasons[place] = reason
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
    await _note(transaction, row, uai, by_whom, "withdrawn")
    await decide_about(transaction, [row["origin_pupil"]])


async def keep_offer(transaction: Transaction, uai: Uai, transfer_id: UUID, by_whom: str) -> None:
    """Keep an offer although the rule has found the learner elsewhere."""
    row = await _offer_of(transaction, transfer_id, "origin", uai)
    await offers.keep(transaction.connection, transfer_id)
    await _note(transaction, row, uai, by_whom, "kept")


async def refuse_offer(
    transaction: Transaction, uai: Uai, transfer_id: UUID, by_whom: str, because: str
) -> None:
    """Refuse an offer; the school of origin may offer again."""
    row = await _offer_of(transaction, transfer_id, "destination", uai)
    await offers.end(transaction.connection, transfer_id, "refused", because)
    await _note(transaction, row, uai, by_whom, "refused", because)
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
    await _note(transaction, row, uai, by_whom, "accepted")


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
        raise errors.RefusedOffersError({0: refusal})


async def _note(
    transaction: Transaction,
    row: Record,
    uai: Uai,
    by_whom: str,
    what: str,
    because: str | None = None,
) -> None:
    act = Act(uai, by_whom, what, because, row["id"], row["origin_pupil"], row["destination_pupil"])
    await people.note(transaction.connection, [act])


async def _transfer_of(transaction: Transaction, uai: Uai, transfer_id: UUID) -> Record:
    await single_file(transaction.connection)
    row = await lists.transfer(transaction.connection, uai, transfer_id)
    if row is None:
        raise errors.UnknownTransferError
    return row


def _check_reversible(row: Record, now: dt.datetime) -> None:
    if row["state"] != "closed" or row["kind"] == "reversal":
        raise errors.WrongStateError
    if now - row["answered_at"] > offering.REVERSIBLE:
        raise errors.TooLateError


async def reverse(
    transaction: Transaction,
    uai: Uai,
    transfer_id: UUID,
    by_whom: str,
    because: str,
    now: dt.datetime,
) -> None:
    """Take a closed transfer back, for the receiving school (rule 6); `dossier` does it.

    Raises:
        UnknownTransferError, WrongStateError, TooLateError, MovedOnError, BusyError
    """
    connection = transaction.connection
    row = await _transfer_of(transaction, uai, transfer_id)
    if row["destination_uai"] != uai:
        raise errors.UnknownTransferError
    _check_reversible(row, now)
    holders = {row["destination_pupil"], *await _survivors(connection, row["destination_pupil"])}
    if await reversals.has_moved_on(connection, transfer_id, holders):
        raise errors.MovedOnError
    if await offers.shares_a_request(connection, [row["origin_pupil"], row["destination_pupil"]]):
        raise errors.BusyError
    entered = await reversals.reverse(connection, transfer_id, because)
    transaction.publish(requested(reversal) for reversal in entered)
    await _note(transaction, row, uai, by_whom, "reversed", because)


async def ask_return(
    transaction: Transaction,
    uai: Uai,
    transfer_id: UUID,
    by_whom: str,
    because: str,
    now: dt.datetime,
) -> None:
    """Ask the receiving school for the records, for the school of origin.

    Raises:
        UnknownTransferError, WrongStateError, TooLateError
    """
    row = await _transfer_of(transaction, uai, transfer_id)
    if row["origin_uai"] != uai:
        raise errors.UnknownTransferError
    _check_reversible(row, now)
    await reversals.ask_return(transaction.connection, transfer_id, because)
    await _note(transaction, row, uai, by_whom, "return-asked", because)


async def decline_return(
    transaction: Transaction, uai: Uai, transfer_id: UUID, by_whom: str
) -> None:
    """Decline to give the records back, for the receiving school.

    Raises:
        UnknownTransferError, WrongStateError
    """
    row = await _transfer_of(transaction, uai, transfer_id)
    if row["destination_uai"] != uai:
        raise errors.UnknownTransferError
    if row["return_asked_at"] is None:
        raise errors.WrongStateError
    await reversals.ask_return(transaction.connection, transfer_id, None)
    await _note(transaction, row, uai, by_whom, "return-declined")


async def lift_hold(transaction: Transaction, uai: Uai, transfer_id: UUID, by_whom: str) -> None:
    """Let records move again between the learners of a transfer that was reversed.

    Raises:
        UnknownTransferError, WrongStateError
    """
    row = await _transfer_of(transaction, uai, transfer_id)
    if not await people.lift_hold(transaction.connection, transfer_id):
        raise errors.WrongStateError
    await _note(transaction, row, uai, by_whom, "hold-lifted")
    await decide_about(transaction, [row["origin_pupil"], row["destination_pupil"]])


async def oppose(
    transaction: Transaction, uai: Uai, pupil_id: UUID, by_whom: str, *, lifted: bool
) -> None:
    """Record that the family of a learner objects to automatic moves, or that it no longer does.

    Raises:
        UnknownLearnerError
    """
    connection = transaction.connection
    await single_file(connection)
    if await lists.everything_about(connection, uai, pupil_id) is None:
        raise errors.UnknownLearnerError
    if lifted:
        cards = await people.cards_of(connection, pupil_id)
        changed = await people.lift_opposition(connection, cards)
    else:
        changed = await people.oppose(connection, uai, pupil_id, by_whom)
    if changed:
        what = "opposition-lifted" if lifted else "opposed"
        await people.note(connection, [Act(uai, by_whom, what, pupil_id=pupil_id)])
        await decide_about(transaction, list(await _survivors(connection, pupil_id)))


async def _survivors(connection: Connection, pupil_id: UUID) -> set[UUID]:
    return {pupil_id, *(await lists.goes_on_as(connection, [pupil_id])).values()}


async def judge(
    transaction: Transaction,
    uai: Uai,
    pair: tuple[UUID, UUID],
    by_whom: str,
    *,
    same: bool,
    administrator: bool,
) -> None:
    """Say for `uai`, or as an administrator, whether a departure (first of the pair) and an arrival
    are one person (rule 7).

    Raises:
        UnknownPairError
    """
    connection = transaction.connection
    await single_file(connection)
    keys = await presences.keys_of_pupils(connection, pair)
    found = _pair(await matching.cases(connection, keys), pair)
    if found is None or uai not in (found[0].uai, found[1].uai):
        raise errors.UnknownPairError
    side = "origin" if found[0].uai == uai else "destination"
    if administrator:
        side = "administrator"
    comparison = str(found[1].comparison)
    await people.judge(connection, pair, side, by_whom, comparison, same=same)
    what = "judged-same" if same else "judged-different"
    act = Act(uai, by_whom, what, comparison, pupil_id=pair[0], other_pupil=pair[1])
    await people.note(connection, [act])
    await decide(transaction, keys)


def _pair(
    cases: Sequence[matching.Case], pair: tuple[UUID, UUID]
) -> tuple[Departure, Arrival] | None:
    return next(
        (
            (departure, arrival)
            for departure, arrivals in cases
            for arrival in arrivals
            if (departure.pupil_id, arrival.pupil_id) == pair and departure.request is None
        ),
        None,
    )
