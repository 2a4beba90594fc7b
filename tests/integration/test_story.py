"""The guide's first situation: two schools import, the records follow the pupil."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from deploy.local.client import Json, School
from tests.support.commands import operate
from tests.support.system import System

SAMPLES = Path(__file__).parents[1] / "samples" / "siecle" / "transfert"
A, B = "9990001X", "9990002Y"
MUTEE = "990324679CC"
"""The INE of the learner who goes from A to B."""
DEPARTURES = ("A_import2_absent.xml", "A_import2_sorti.xml")
ARRIVALS = (
    "B_import2_arrive.xml",
    "B_import2_meme_INE_autre_nom.xml",
    "B_import2_meme_INE_autre_naissance.xml",
)
BACK = "A_import3_retour.xml"
RECORDS = (("bilan", "Bilan de compétences"), ("fiche", "Fiche 1"), ("evaluation", "CCF n° 1"))


def content(records: Sequence[Json]) -> list[tuple[str, str, str]]:
    return sorted((r["kind"], r["title"], r["origin_uai"]) for r in records)


MOVED = sorted((kind, title, A) for kind, title in RECORDS)


@pytest.fixture
async def schools(system: System) -> AsyncIterator[tuple[School, School]]:
    async with system.school(A) as a, system.school(B) as b:
        yield a, b


async def start(a: School, b: School) -> str:
    """Both schools have imported in September, and A has written three records of MUTÉ Maëlys."""
    await a.import_file(SAMPLES / "A_import1.xml")
    await b.import_file(SAMPLES / "B_import1.xml")
    pupil: str = (await a.pupil("MUTÉ"))["id"]
    for kind, title in RECORDS:
        await a.write_record(pupil, kind, title)
    return pupil


async def check_moved(a: School, b: School, old: str) -> None:
    """The records are in B, once, written in A; the transfer is closed and unique on both sides."""
    closed = await b.closed_transfer()
    assert closed["counts"] == {"bilan": 1, "fiche": 1, "evaluation": 1}
    assert len(await a.transfers()) == len(await b.transfers()) == 1
    new = (await b.pupil("MUTÉ"))["id"]
    assert content(await b.records(new)) == MOVED
    assert await a.records(old) == []


@pytest.mark.parametrize("departure", DEPARTURES)
@pytest.mark.parametrize("arrival_first", [False, True])
async def test_records_follow_the_pupil_whatever_the_order_of_imports(
    schools: tuple[School, School], departure: str, arrival_first: bool
) -> None:
    a, b = schools
    old = await start(a, b)
    await a.switch(active=True)
    await b.switch(active=True)
    files = [(a, departure), (b, "B_import2_arrive.xml")]
    for school, name in reversed(files) if arrival_first else files:
        await school.import_file(SAMPLES / name)
    await check_moved(a, b, old)


@pytest.mark.parametrize("last", [A, B])
async def test_nothing_moves_until_both_schools_have_switched_transfers_on(
    schools: tuple[School, School], last: str
) -> None:
    a, b = schools
    old = await start(a, b)
    first, second = (b, a) if last == A else (a, b)
    await first.switch(active=True)
    await a.import_file(SAMPLES / "A_import2_absent.xml")
    await b.import_file(SAMPLES / "B_import2_arrive.xml")
    # A witness that the events of both imports have been through `transfer` and `dossier`.
    await b.write_record((await b.pupil("MUTÉ"))["id"], "bilan", "Bilan d'entrée")
    assert await b.transfers() == []
    assert content(await a.records(old)) == MOVED
    await second.switch(active=True)
    await b.closed_transfer()
    assert await a.records(old) == []
    new = (await b.pupil("MUTÉ"))["id"]
    assert content(await b.records(new)) == sorted([*MOVED, ("bilan", "Bilan d'entrée", B)])


async def play(a: School, b: School, files: Sequence[str]) -> str:
    """Both take part and import these files one after the other; the first imports and records
    come before. Returns A's learner.
    """
    old = await start(a, b)
    await a.switch(active=True)
    await b.switch(active=True)
    for name in files:
        await (a if name.startswith("A") else b).import_file(SAMPLES / name)
    await witness(b)
    return old


async def witness(school: School) -> None:
    """A record in another dossier: the events before it have been through the services."""
    await school.write_record((await school.pupils())[0]["id"], "bilan", "Bilan d'entrée")


@pytest.mark.parametrize("departure", DEPARTURES)
@pytest.mark.parametrize("arrival_first", [False, True])
async def test_another_birth_date_under_the_same_ine_moves_nothing_and_is_shown_to_both(
    schools: tuple[School, School], departure: str, arrival_first: bool
) -> None:
    a, b = schools
    files = [departure, "B_import2_meme_INE_autre_naissance.xml"]
    old = await play(a, b, files[::-1] if arrival_first else files)
    assert await b.transfers() == []
    assert content(await a.records(old)) == MOVED
    for school in schools:
        [review] = await school.reviews()
        assert (review["birth"], review["family"], review["first"]) == (
            "different",
            "same",
            "same",
        )


async def test_operations_ask_why_by_ine_and_no_identity_is_printed(
    system: System, schools: tuple[School, School]
) -> None:
    a, b = schools
    await play(a, b, ["A_import2_sorti.xml", "B_import2_meme_INE_autre_naissance.xml"])
    asked = ("explain", "--to", B, "--ine-stdin", "--because", "family-request")
    told = await operate(system, *asked, given=f"{MUTEE}\n")
    assert "Cause : birth-differs ; doit agir : les deux établissements" in told
    assert not {MUTEE, "MUTÉ", "Maëlys"} & set(told.split())
    told = await operate(system, *asked, given="990000000EC\n")
    assert "Cause : unknown-here" in told


@pytest.mark.parametrize("departure", DEPARTURES)
@pytest.mark.parametrize("arrival_first", [False, True])
async def test_another_name_under_the_same_ine_and_birth_date_moves_and_is_flagged(
    schools: tuple[School, School], departure: str, arrival_first: bool
) -> None:
    a, b = schools
    files = [departure, "B_import2_meme_INE_autre_nom.xml"]
    await play(a, b, files[::-1] if arrival_first else files)
    assert (await b.closed_transfer())["names_differ"] is True


@pytest.mark.long
@pytest.mark.parametrize("departure", DEPARTURES)
@pytest.mark.parametrize("arrival", ARRIVALS)
@pytest.mark.parametrize("place", [0, 1, 2])
async def test_a_return_to_the_old_school_in_every_order_of_imports(
    schools: tuple[School, School], departure: str, arrival: str, place: int
) -> None:
    """What had moved before the return stays; what had not is no longer owed."""
    a, b = schools
    files = [departure, BACK]
    files.insert(place, arrival)
    old = await start(a, b)
    await a.switch(active=True)
    await b.switch(active=True)
    moves = place < len(files) - 1 and "naissance" not in arrival
    for at, name in enumerate(files):
        await (a if name.startswith("A") else b).import_file(SAMPLES / name)
        if moves and at == 1:  # one has left, the other has come
            await b.closed_transfer()
    await witness(b)
    assert len(await b.transfers()) == moves
    assert content(await a.records(old)) == ([] if moves else MOVED)
    assert (await a.pupil("MUTÉ"))["active"]


async def test_a_pupil_who_comes_back_is_reactivated_not_created_twice(
    schools: tuple[School, School],
) -> None:
    a, b = schools
    old = await start(a, b)
    await a.import_file(SAMPLES / "A_import2_absent.xml")
    gone = await a.pupil("MUTÉ")
    assert (gone["active"], gone["reason"]) == (False, "absent")
    applied = await a.import_file(SAMPLES / "A_import3_retour.xml")
    assert applied["counts"]["reactivated"] == 1
    assert applied["counts"]["created"] == 0
    back = await a.pupil("MUTÉ")
    assert (back["id"], back["active"]) == (old, True)


async def test_a_record_that_has_moved_is_changed_in_the_new_school_only(
    schools: tuple[School, School],
) -> None:
    a, b = schools
    old = await start(a, b)
    await a.switch(active=True)
    await b.switch(active=True)
    [record, *_] = await a.records(old)
    await a.import_file(SAMPLES / "A_import2_absent.xml")
    await b.import_file(SAMPLES / "B_import2_arrive.xml")
    await b.closed_transfer()
    fields = ("kind", "title", "diploma", "body", "author", "written_on")
    response = await a.call(
        "dossier",
        "PUT",
        f"/pupils/{old}/records/{record['id']}",
        json={name: record[name] for name in fields},
        headers={"If-Match": '"1"'},
        module=True,
    )
    assert response.status_code == 409
    assert response.json()["title"] == "Dossier transmis"
