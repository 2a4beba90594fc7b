"""What stands with a learner whose dossier has gone on follows it, whatever has put it there."""

from uuid import UUID, uuid4

import pytest

from shared.database import Database
from shared.events import (
    DossierTransferred,
    DossierTransferRefused,
    Event,
    PupilDeactivated,
    PupilReactivated,
    TransferRequested,
)
from tests.integration.dossier.test_back import add, back, on
from tests.integration.dossier.test_gone import held, merge
from tests.integration.dossier.test_moving import database, pair, request, take, write
from tests.support.pupils import A, B, C, arrival, departure, pupil

__all__ = ["database", "pair"]


@pytest.fixture
async def moved(database: Database, pair: tuple[UUID, UUID]) -> list[TransferRequested]:
    """The dossier of a learner of A, one bilan, has gone to B and from there to C."""
    old, new = pair
    await write(database, old)
    first = request(old, new)
    second = on(first, C, arrival(C).pupil_id)
    await take(database, first)
    await take(database, second)
    return [first, second]


def parts(events: list[Event]) -> list[tuple[UUID, int, dict[str, int]]]:
    """Which transfers are told of, and how they are counted now."""
    told = [event for event in events if isinstance(event, DossierTransferred)]
    assert len(told) == len(events)
    return [(event.transfer_id, event.part, dict(event.counts)) for event in told]


async def double_of_a(database: Database) -> UUID:
    """A learner who has left A."""
    double = departure(A)
    await take(database, double)
    return double.pupil_id


async def test_rule_15_what_a_merge_joins_to_a_dossier_follows_it_to_where_it_is(
    database: Database, moved: list[TransferRequested]
) -> None:
    first, second = moved
    survivor, last = first.origin.pupil_id, second.destination.pupil_id
    double = await double_of_a(database)
    joined = {await write(database, double, "fiche"), await write(database, double)}
    told = await take(database, merge(survivor, double))
    assert parts(told) == [(first.transfer_id, 1, {"bilan": 2, "fiche": 1})]
    assert joined < await held(database, last)
    assert parts(await take(database, first)) == parts(told)
    [late] = parts(await add(database, A, double, "fiche"))
    assert late == (first.transfer_id, 2, {"bilan": 2, "fiche": 2}), "as whom he goes on as"
    assert await take(database, merge(survivor, double)) == [], "the same again"


async def test_rule_15_an_undone_merge_leaves_with_the_dossier_what_has_followed_it(
    database: Database, moved: list[TransferRequested]
) -> None:
    first, second = moved
    survivor, last = first.origin.pupil_id, second.destination.pupil_id
    double = await double_of_a(database)
    joined = await write(database, double)
    await take(database, merge(survivor, double))
    assert await take(database, merge(survivor, double, 3, undone=True)) == []
    assert joined in await held(database, last)
    assert await add(database, A, double) == [], "he holds again what is written from now on"
    assert len(await held(database, double)) == 1
    await take(database, back(second))
    await take(database, back(first))
    assert joined in await held(database, survivor), "it goes back as it has come"


@pytest.mark.parametrize("at_once", [False, True])
async def test_a_merge_and_the_move_of_its_survivor_come_in_any_order(
    database: Database, pair: tuple[UUID, UUID], *, at_once: bool
) -> None:
    old, new = pair
    double = await double_of_a(database)
    records = {await write(database, old), await write(database, double)}
    events = [request(old, new), merge(old, double)]
    for group in [events] if at_once else [[one] for one in events]:
        await take(database, *group)
    assert await held(database, new) == records


async def test_a_chain_of_merges_follows_whole(
    database: Database, moved: list[TransferRequested]
) -> None:
    first, second = moved
    one, other = await double_of_a(database), await double_of_a(database)
    joined = {await write(database, one), await write(database, other)}
    await take(database, merge(one, other))
    assert await held(database, one) == joined
    await take(database, merge(first.origin.pupil_id, one))
    assert joined < await held(database, second.destination.pupil_id)


async def test_who_has_come_back_as_a_double_is_merged_and_holds_his_dossier(
    database: Database, moved: list[TransferRequested]
) -> None:
    """From A to B to C, back to A under another card, and gone again before somebody sees it."""
    first, second = moved
    survivor = first.origin.pupil_id
    double = await double_of_a(database)
    await take(database, on(second, A, double))
    records = await held(database, double)
    assert await take(database, merge(survivor, double)) == []
    assert await held(database, survivor) == records
    assert await add(database, A, survivor) == []
    [late] = parts(await add(database, B, first.destination.pupil_id))
    assert late[:2] == (second.transfer_id, 1)
    assert len(await held(database, survivor)) == len(records) + 2


async def test_what_arrives_for_a_merged_learner_follows_whom_he_goes_on_as(
    database: Database, moved: list[TransferRequested]
) -> None:
    """The request was made before the merge, and comes after it."""
    first, second = moved
    elsewhere, double = departure(C).pupil_id, arrival(A).pupil_id
    asked = TransferRequested(
        transfer_id=uuid4(),
        origin=second.destination.model_copy(update={"pupil_id": elsewhere}),
        origin_stay=1,
        destination=first.origin.model_copy(update={"pupil_id": double}),
    )
    await take(database, departure(C, pupil_id=elsewhere), arrival(A, pupil_id=double))
    record = await write(database, elsewhere, uai=C)
    await take(database, merge(first.origin.pupil_id, double))
    told = await take(database, asked)
    assert sorted(parts(told)) == sorted(
        [(first.transfer_id, 1, {"bilan": 2}), (asked.transfer_id, 0, {"bilan": 1})]
    )
    assert record in await held(database, second.destination.pupil_id)
    [refused] = await take(database, back(asked))
    assert isinstance(refused, DossierTransferRefused)
    assert refused.reason == "moved-on"


async def test_rule_6_what_comes_back_to_a_learner_who_has_gone_on_follows_him(
    database: Database, pair: tuple[UUID, UUID]
) -> None:
    """To B, back in A, to C; then B takes its transfer back."""
    old, new = pair
    last = arrival(C).pupil_id
    record = await write(database, old)
    wrong = request(old, new)
    await take(database, wrong)
    await take(database, pupil(PupilReactivated, A, pupil_id=old, version=9, stay=2))
    own = await write(database, old)
    await take(database, pupil(PupilDeactivated, A, pupil_id=old, version=10, stay=2))
    away = wrong.model_copy(
        update={
            "transfer_id": uuid4(),
            "origin_stay": 2,
            "destination": wrong.destination.model_copy(update={"uai": C, "pupil_id": last}),
        }
    )
    await take(database, away)
    reversal = back(wrong)
    told = await take(database, reversal)
    assert sorted(parts(told)) == sorted(
        [(reversal.transfer_id, 0, {"bilan": 1}), (away.transfer_id, 1, {"bilan": 2})]
    )
    assert await held(database, last) == {record, own}
    assert await held(database, old) == set()
    [late] = parts(await add(database, A, old, "fiche"))
    assert late == (away.transfer_id, 2, {"bilan": 2, "fiche": 1})
    await take(database, back(away))
    assert len(await held(database, old)) == 3, "what followed goes back with the others"
