"""Every look at records is noted, shown to those whom it concerns, and forgotten after a year."""

import datetime as dt
from uuid import UUID, uuid4

import pytest

from deploy.local.client import Json, School
from services.dossier import retention
from shared.database import Database
from shared.events import PupilErased
from tests.integration.dossier.support import Learner, check, come, merge, move, take
from tests.support.pupils import A, B
from tests.support.system import System


async def looks_after(school: School, transfer: UUID, **asked: str | int) -> Json:
    """What a school is told of the looks after a transfer."""
    answer = await school.call("dossier", "GET", f"/transfers/{transfer}/looks", params=asked)
    assert answer.status_code == 200, answer.text
    told: Json = answer.json()
    return told


async def test_each_way_to_see_records_is_noted(learner: Learner) -> None:
    record = (await learner.write())["id"]
    made = (await learner.attach(record)).json()["id"]
    await learner.call("GET", "/records", module=True)
    await learner.call("GET", f"/records/{record}")
    await learner.school.call("dossier", "POST", "/records/search", json={})
    await learner.call("GET", f"/records/{record}/attachments/{made}")
    await learner.call("GET", "/export")
    assert await learner.looks() == ["list", "record", "search", "attachment", "export"]
    last, *_, first = (await learner.call("GET", "/looks")).json()["looks"]
    assert (first["viewer"], last["viewer"]) == ("module-bilans", f"direction-{A}")


async def test_what_was_not_shown_was_not_seen(learner: Learner, b: School) -> None:
    for path in (f"/records/{uuid4()}", f"/records/{uuid4()}/attachments/{uuid4()}"):
        check(await learner.call("GET", path), 404)
    for path in ("/records", "/export", "/looks"):
        check(await Learner(b, learner.id).call("GET", path), 404, "Apprenant inconnu")
    assert await learner.looks() == []


async def test_looks_come_in_pages_newest_first(learner: Learner) -> None:
    for _ in range(3):
        await learner.call("GET", "/records")
    first = (await learner.call("GET", "/looks", params={"limit": 2})).json()
    assert len(first["looks"]) == 2
    rest = await learner.call("GET", "/looks", params={"limit": 2, "before": first["next"]})
    assert (len(rest.json()["looks"]), rest.json()["next"]) == (1, None)
    for bad in ({"limit": 0}, {"before": "x"}, {"before": 2**63}):
        check(await learner.call("GET", "/looks", params=bad), 422, "Saisie invalide")


async def test_only_the_head_sees_who_has_looked(learner: Learner) -> None:
    for path in (f"/pupils/{learner.id}/looks", f"/pupils/{learner.id}/export",
                 f"/transfers/{uuid4()}/looks"):  # fmt: skip
        answer = await learner.school.call("dossier", "GET", path, module=True)
        check(answer, 403, "Droit manquant")


async def test_looks_at_a_merged_learner_are_shown_with_those_at_whom_he_goes_on_as(
    learner: Learner, a: School, base: Database
) -> None:
    await learner.call("GET", "/records")
    survivor = Learner(a, str(await come(base, A)))
    await merge(base, learner.id, survivor.id)
    await learner.call("GET", "/export")
    assert await survivor.looks() == ["list", "export"]


@pytest.fixture
async def moved(learner: Learner, b: School, base: Database) -> tuple[UUID, Learner]:
    """A transfer from A to B, the receiving learner having been looked at before it and since."""
    there = Learner(b, str(await come(base, B)))
    await there.call("GET", "/records")
    transfer = await move(base, learner.id, UUID(there.id))
    await there.call("GET", "/records")
    await there.call("GET", "/records", module=True)
    await there.call("GET", "/records", module=True)
    return transfer, there


async def test_both_schools_are_told_of_the_looks_since_a_transfer_one_without_who(
    moved: tuple[UUID, Learner], a: School, b: School
) -> None:
    transfer, _ = moved
    here, elsewhere = await looks_after(b, transfer), await looks_after(a, transfer)
    assert here["lookers"] == elsewhere["lookers"] == 2
    assert [look["viewer"] for look in here["looks"]] == [f"direction-{B}", *["module-bilans"] * 2]
    assert [look["viewer"] for look in elsewhere["looks"]] == [None] * 3
    assert [look["at"] for look in here["looks"]] == [look["at"] for look in elsewhere["looks"]]
    assert here["since"] < here["looks"][0]["at"] < here["until"]


async def test_the_looks_since_a_transfer_are_bounded_and_paged(
    moved: tuple[UUID, Learner], b: School
) -> None:
    transfer, _ = moved
    every = (await looks_after(b, transfer))["looks"]
    until = await looks_after(b, transfer, until=every[1]["at"])
    assert (until["looks"], until["lookers"]) == (every[:1], 1)
    since = await looks_after(b, transfer, since=every[2]["at"])
    assert since["looks"] == every[2:]
    early = await looks_after(b, transfer, since="2020-01-01T00:00:00Z")
    assert early["looks"] == every, "what was seen before the transfer is not this dossier"
    first = await looks_after(b, transfer, limit=2)
    assert first["lookers"] == 2
    rest = await looks_after(b, transfer, after=first["next"], limit=2)
    assert (first["looks"] + rest["looks"], rest["next"]) == (every, None)
    for bad in ("yesterday", "2026-01-01T00:00:00"):
        answer = await b.call(
            "dossier", "GET", f"/transfers/{transfer}/looks", params={"since": bad}
        )
        check(answer, 422, "Saisie invalide")


async def test_the_looks_are_followed_when_the_receiving_learner_is_merged(
    moved: tuple[UUID, Learner], b: School, base: Database
) -> None:
    transfer, there = moved
    survivor = Learner(b, str(await come(base, B)))
    await merge(base, there.id, survivor.id)
    await survivor.call("GET", "/export")
    assert (await looks_after(b, transfer))["looks"][-1]["what"] == "export"


async def test_a_school_without_part_in_a_transfer_is_told_nothing(
    moved: tuple[UUID, Learner], dossier: System, a: School
) -> None:
    transfer, _ = moved
    async with dossier.school("9990003Z") as c:
        check(await c.call("dossier", "GET", f"/transfers/{transfer}/looks"), 404)
    unknown = await a.call("dossier", "GET", f"/transfers/{uuid4()}/looks")
    check(unknown, 404, "Transfert inconnu")


async def test_looks_are_forgotten_after_a_year_and_with_who_is_erased(
    learner: Learner, base: Database, a: School
) -> None:
    gone = Learner(a, str(await come(base, A)))
    for one in (learner, gone):
        await one.call("GET", "/records")
    await take(base, PupilErased(pupil_id=UUID(gone.id)))
    now = dt.datetime.now(dt.UTC)
    await retention.forget(base, now + retention.LOOKS - dt.timedelta(hours=1))
    async with base.connection() as connection:
        [(kept,)] = await connection.fetch("SELECT pupil_id FROM look")
    assert str(kept) == learner.id
    await retention.forget(base, now + retention.LOOKS + dt.timedelta(hours=1))
    assert await learner.looks() == []


async def test_what_the_kernel_has_kept_for_90_days_is_forgotten(
    learner: Learner, base: Database
) -> None:
    await learner.write()
    async with base.connection() as connection:
        await connection.execute(
            """
            INSERT INTO inbox (event_id) SELECT gen_random_uuid() FROM generate_series(1, 25000);
            INSERT INTO parked (event_id, envelope, error) VALUES (gen_random_uuid(), '', '');
            """
        )

        async def kept() -> list[int]:
            tables = ("inbox", "parked", "idempotency")
            return [await connection.fetchval(f"SELECT count(*) FROM {t}") for t in tables]

        before = dt.datetime.now(dt.UTC) + dt.timedelta(days=90)
        assert await kept() == [25000, 1, 1]
        await retention.forget(base, before - dt.timedelta(hours=1))
        assert await kept() == [25000, 1, 1]
        await retention.forget(base, before + dt.timedelta(hours=1))
        assert await kept() == [0, 0, 0]
