"""What is said of learners: that a family objects, that two are one person or not (rule 7)."""

from collections.abc import Sequence
from uuid import UUID

from services.transfer import matching
from services.transfer.acting.common import survivors
from services.transfer.deciding import decide, decide_about
from services.transfer.domain import errors
from services.transfer.domain.deciding import Arrival, Departure
from services.transfer.store import lists, people, presences, single_file
from services.transfer.store.people import Act
from shared.database import Transaction
from shared.identifiers import Uai


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
        await decide_about(transaction, list(await survivors(connection, pupil_id)))


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
