"""Guide, « Accès inspecteurs »: a line a diploma, its referents, its switch; each is told."""

import asyncio

import pytest

from services.inspector_access.domain.access import NOBODY
from tests.integration.inspector_access.support import (
    ACADEMIE,
    MELEC,
    MSPC,
    PMIA,
    TNE,
    Access,
    administrator,
    inspector,
    school,
    staff,
    who,
)
from tests.support.pupils import A, B

GUIDE = """\
2de famille de métiers des Transitions numérique et énergétique [Aymerick, Valéry]
2de famille de métiers du Pilotage et de la maintenance d'installations automatisées []
Bac Pro Maintenance des systèmes de production connectés []
Bac Pro Métiers de l'Électricité et de ses Environnements Connectés []"""


async def referents(access: Access, *lines: str) -> None:
    """Have the administrator send referents."""
    await access.send("referents", "\n".join(["adresse;diplome;uai;debut;fin", *lines]))


async def test_the_tab_shows_the_lines_of_the_guide(access: Access) -> None:
    await access.lycee()
    tab = await access.staff("GET", role="gestion")
    assert "\n".join(line["text"] for line in tab["lines"]) == GUIDE
    assert [line["diploma"] for line in tab["lines"]] == [TNE, PMIA, MSPC, MELEC]
    for line in tab["lines"]:
        assert (line["active"], line["since"], line["version"], line["note"]) == (
            False, None, 0, None,
        )  # fmt: skip
    assert tab["other_mefs"] is None, "the pupil base is away: nobody can say"
    assert (await access.staff("GET", uai=B))["lines"] == []
    await access.send("abonnements", f"uai;diplome;debut;fin\n{B};{TNE};;")
    [line] = (await access.staff("GET", uai=B))["lines"]
    assert line["referents"] == ["Valéry"], "Aymerick is referent in the other school only"


async def test_switching_tells_the_referents_of_the_moment_once(access: Access) -> None:
    await access.lycee()
    assert await access.told() == []
    line = await access.switch(TNE, active=True)
    assert (line["active"], line["note"]) == (True, None)
    first = line["version"]
    assert first > 10_000_000, "the time, above all that a base of before has told"
    [event] = await access.told()
    assert (event.uai, event.diploma, event.active, event.version) == (A, TNE, True, first)
    assert event.diploma_label.startswith("2de famille de métiers des Transitions")
    assert (event.because, event.by_name, event.by_function) == (
        "switched", "Mme Directrice", "Proviseure",
    )  # fmt: skip
    assert who(event) == ["Aymerick", "Valéry"]
    for etag in ('"0"', f'"{first}"'):  # again, or the first request once more
        again = await access.staff(
            "PUT", f"/{TNE}", json={"active": True}, headers={"If-Match": etag}
        )
        assert again == line
    assert await access.told() == []
    await access.switch(TNE, active=False)
    [event] = await access.told()
    assert (event.active, who(event)) == (False, ["Aymerick", "Valéry"])
    assert first < event.version < first + 100, "one more, however soon"
    changes = await access.staff("GET", f"/{TNE}/history")
    assert [(c["version"], c["active"], c["recipients"]) for c in changes] == [
        (event.version, False, 2), (first, True, 2),
    ]  # fmt: skip


async def test_of_two_people_at_once_the_second_is_told(access: Access) -> None:
    await access.lycee()
    first = (await access.switch(TNE, active=True))["version"]
    off = {"active": False}
    await access.staff("PUT", f"/{TNE}", status=412, json=off, headers={"If-Match": '"0"'})
    await access.staff("PUT", f"/{TNE}", status=428, json=off)
    both = await asyncio.gather(
        *(
            access.ask(
                "PUT", f"/schools/{A}/inspector-access/{TNE}", staff(A, "direction"),
                json={"active": False}, headers={"If-Match": f'"{first}"'},
            )
            for _ in range(2)
        )
    )  # fmt: skip
    assert [answer.status_code for answer in both] == [200, 200]
    assert [event.active for event in await access.told()] == [True, False], "switched off once"


async def test_a_line_that_is_on_without_referents_says_that_nobody_is_told_yet(
    access: Access,
) -> None:
    await access.lycee()
    line = await access.switch(PMIA, active=True)
    assert line["note"] == NOBODY
    [event] = await access.told()
    assert event.recipients == ()
    await referents(access, f"valery@ac-demo.example;{PMIA};;;")
    [event] = await access.told()
    assert (event.because, event.active) == ("referent-named", True)
    assert event.version > line["version"]
    assert (who(event), event.by_name) == (["Valéry"], "M. Recteur")
    line = await access.staff("GET", f"/{PMIA}")
    assert (line["note"], line["referents"], line["active"]) == (None, ["Valéry"], True)


async def test_naming_one_more_tells_him_only_and_removing_ends_his_access_only(
    access: Access,
) -> None:
    await access.lycee()
    await access.switch(MSPC, active=True)
    await referents(access, f"valery@ac-demo.example;{MSPC};;;")
    await access.told()
    await referents(access, f"aymerick@ac-demo.example;{MSPC};{A};;")
    [event] = await access.told()
    assert (who(event), event.active) == (["Aymerick"], True)
    path = f"/academies/{ACADEMIE}/referents/removal"
    gone = {"email": "Valery@ac-demo.example", "diploma": MSPC}
    await access.call("POST", path, administrator(), 204, json=gone)
    [event] = await access.told()
    assert (event.because, event.active, who(event)) == ("referent-removed", False, ["Valéry"])
    line = await access.staff("GET", f"/{MSPC}")
    assert (line["active"], line["referents"]) == (True, ["Aymerick"])
    await access.call("POST", path, administrator(), 404, json=gone)
    assert await access.told() == []


async def test_while_the_switch_is_off_nobody_is_told_of_referents(access: Access) -> None:
    await access.lycee()
    await access.switch(TNE, active=True)
    await access.switch(TNE, active=False)
    await access.told()
    await referents(access, f"valery@ac-demo.example;{PMIA};;;")
    gone = {"email": "valery@ac-demo.example", "diploma": TNE}
    path = f"/academies/{ACADEMIE}/referents/removal"
    await access.call("POST", path, administrator(), 204, json=gone)
    await access.day(1)
    assert await access.told() == []


async def test_dates_that_come_later_are_told_when_they_come(access: Access) -> None:
    await access.lycee()
    await access.switch(MSPC, active=True)
    await access.told()
    await referents(
        access,
        f"valery@ac-demo.example;{MSPC};;22/01/2026;25/01/2026",
        f"aymerick@ac-demo.example;{MSPC};;20/01/2026;21/01/2026",
    )
    [event] = await access.told()
    assert who(event) == ["Aymerick"], "Valéry begins in two days"
    await access.day(1)
    assert await access.told() == [], "the last day counts"
    await access.day(2)
    named, removed = sorted(await access.told(), key=lambda event: event.because)
    assert (named.because, who(named), named.active) == ("referent-named", ["Valéry"], True)
    assert (removed.because, who(removed), removed.active) == (
        "referent-removed", ["Aymerick"], False,
    )  # fmt: skip
    assert named.version == removed.version + 1, "one sequence for the notifier"
    assert (named.by_name, named.by_function) == ("CPro éducation", "à la date prévue")
    await access.day(2)
    assert await access.told() == []


async def test_the_end_of_a_subscription_closes_it_for_all(access: Access) -> None:
    await access.lycee()
    await access.switch(TNE, active=True)
    [before] = await access.told()
    path = f"/academies/{ACADEMIE}/subscriptions/{A}/{TNE}"
    await access.call("DELETE", path, administrator(), 204)
    [event] = await access.told()
    assert (event.because, event.active) == ("subscription-ended", False)
    assert (who(event), event.by_name) == (["Aymerick", "Valéry"], "M. Recteur")
    assert TNE not in [line["diploma"] for line in (await access.staff("GET"))["lines"]]
    refused = await access.staff(
        "PUT", f"/{TNE}", status=404, json={"active": True}, headers={"If-Match": '"2"'}
    )
    assert refused["title"] == "Diplôme non abonné"
    await access.call("DELETE", path, administrator(), 404)
    await access.send("abonnements", f"uai;diplome;debut;fin\n{A};{TNE};;")
    line = await access.staff("GET", f"/{TNE}")
    assert not line["active"], "the school opens it again itself"
    assert line["version"] == event.version > before.version
    assert await access.told() == []


async def test_a_school_that_closes_or_changes_its_academie_changes_who_is_told(
    access: Access,
) -> None:
    await access.lycee()
    await access.switch(TNE, active=True)
    await access.told()
    await access.take(school(A, 3, academie="Lyon"), school(A, 2, open=False))
    person = await access.signed_in("aymerick@ac-demo.example")
    assert await access.call("GET", "/console", inspector(person)) == [], (
        "refused before he is told"
    )
    await access.registry_told()
    [event] = await access.told()
    assert (event.because, who(event)) == ("referent-removed", ["Aymerick", "Valéry"])
    await access.take(school(A, 2, academie=ACADEMIE))
    await access.registry_told()
    assert await access.told() == [], "what is older than what is held changes nothing"
    await access.take(school(A, 4))
    await access.registry_told()
    [event] = await access.told()
    assert (event.because, who(event)) == ("referent-named", ["Aymerick", "Valéry"])
    await access.take(school(A, 5, open=False))
    assert (await access.staff("GET"))["lines"] == []
    await access.registry_told()
    [event] = await access.told()
    assert (event.because, who(event)) == ("subscription-ended", ["Aymerick", "Valéry"])
    assert (event.by_name, event.by_function) == (
        "CPro éducation", "à la mise à jour de l'annuaire",
    )  # fmt: skip


@pytest.mark.parametrize("diploma", ["UNKNOWN", "a b", "x" * 31])
async def test_a_diploma_that_is_none_is_told(access: Access, diploma: str) -> None:
    for method in ("GET", "PUT"):
        answer = await access.ask(
            method, f"/schools/{A}/inspector-access/{diploma}", staff(A, "direction"),
            json={"active": True}, headers={"If-Match": '"0"'},
        )  # fmt: skip
        assert answer.status_code == (404 if diploma == "UNKNOWN" else 422), answer.text
