"""The preview: counts, and the list behind each of them, before anything changes."""

import csv
import hashlib
import io

from deploy.local.client import School
from shared.database import Database
from tests.integration.siecle_import.support import (
    apply,
    entries,
    events,
    export,
    ine,
    learners,
    send,
)

LAST_YEAR = "24723332331"


async def test_a_change_is_shown_field_by_field_old_and_new(school: School) -> None:
    await apply(school, export(1, 2))
    ready = await send(school, export(1, {"n": 2, "NOM_USAGE": "DUPONT"}, day=1, division="1MELEC"))
    assert ready["counts"]["updated"] == 2
    [first, second] = await entries(school, ready, "updated")
    assert (first["name"], first["ine"], first["division"]) == ("NOM001 Éloi", ine(1), "1MELEC")
    assert first["changes"] == [
        {"field": "division", "label": "Classe", "old": "2MELEC", "new": "1MELEC"}
    ]
    assert [change["field"] for change in second["changes"]] == ["usage_name", "division"]


async def test_departures_are_listed_with_their_reason(school: School) -> None:
    await apply(school, export(1, 2, {"n": 3, "CODE_MEF": LAST_YEAR}, 4))
    left = {"n": 2, "DATE_SORTIE": "10/01/2026", "CODE_MOTIF_SORTIE": "10"}
    leaves = {"n": 4, "DATE_SORTIE": "10/06/2099"}
    ready = await send(school, export(1, left, leaves, day=90))
    gone = {e["name"]: e for e in await entries(school, ready, "deactivated")}
    assert gone["NOM002 Éloi"]["why"] == "sorti le 10/01/2026, motif 10"
    assert gone["NOM003 Éloi"]["why"] == "absent du fichier"
    assert [gone[f"NOM00{n} Éloi"]["end_of_course"] for n in (2, 3)] == [False, True]
    [planned] = await entries(school, ready, "planned")
    assert planned["why"] == "départ programmé le 10/06/2099"


async def test_who_lacks_an_ine_or_a_class_and_who_is_ignored_is_listed(school: School) -> None:
    content = export(
        1,
        {"n": 2, "ID_NATIONAL": None},
        {"n": 3, "DATE_NAISS": "31/02/2009"},
        {"n": 4, "DATE_SORTIE": "01/10/2025"},
    ).replace(b">2MELEC<", b"><", 1)
    ready = await send(school, content)
    assert [e["name"] for e in await entries(school, ready, "without_ine")] == ["NOM002 Éloi"]
    assert [e["name"] for e in await entries(school, ready, "without_division")] == ["NOM001 Éloi"]
    ignored = {e["name"]: e["why"] for e in await entries(school, ready, "ignored")}
    assert ignored == {
        "NOM003 Éloi": "ligne en erreur",
        "NOM004 Éloi": "sorti, et jamais inscrit ici",
    }
    counts = ready["counts"]
    assert {name: counts[name] for name in ("read", "active", "left", "ignored", "created")} == {
        "read": 4, "active": 2, "left": 1, "ignored": 2, "created": 2,
    }  # fmt: skip
    assert counts["unchanged"] == 0
    await apply(school, content)
    again = await send(school, export(1, {"n": 2, "ID_NATIONAL": None}, 5, day=1))
    assert {n: again["counts"][n] for n in ("created", "updated", "unchanged", "deactivated")} == {
        "created": 1, "updated": 1, "unchanged": 1, "deactivated": 0,
    }, "the first gets a class, the second stays as he is"  # fmt: skip


async def test_a_long_list_is_read_part_by_part(school: School) -> None:
    ready = await send(school, export(*range(1, 251)))
    route = f"/imports/{ready['id']}/lists/created"
    names, after = [], -1
    while after is not None:
        answer = await school.call("siecle_import", "GET", f"{route}?after={after}&limit=100")
        names += [entry["name"] for entry in answer.json()["entries"]]
        after = answer.json()["next"]
    assert names == [f"NOM{number:03d} Éloi" for number in range(1, 251)]


async def test_repeated_findings_are_grouped_and_the_report_has_them_all(school: School) -> None:
    pupils = [{"n": str(n), "ID_NATIONAL": None} for n in range(1, 13)]
    formula = {"n": "13", "NOM_DE_FAMILLE": "=CMD()", "CODE_SEXE": ""}
    ready = await send(school, export(*pupils, formula))
    groups = {group["code"]: group for group in ready["findings"]}
    assert (groups["ine_missing"]["count"], len(groups["ine_missing"]["messages"])) == (12, 5)
    report = await school.call("siecle_import", "GET", f"/imports/{ready['id']}/report.csv")
    assert report.headers["content-type"] == "text/csv; charset=utf-8"
    assert "attachment" in report.headers["content-disposition"]
    rows = list(csv.reader(io.StringIO(report.text.removeprefix("\ufeff")), delimiter=";"))
    assert rows[0] == ["Gravité", "Code", "Élève", "Nom", "INE", "Ligne", "Message"]
    assert len(rows) == 1 + sum(group["count"] for group in groups.values())
    assert rows[1][:4] == ["avertissement", "ine_missing", "700001", "NOM001 Éloi"]
    [sexless] = [row for row in rows if row[1] == "sex_missing"]
    assert sexless[3] == "'=CMD() Éloi", "no formula in a spreadsheet"


async def test_staff_leave_chosen_learners_out_of_the_deactivations(
    school: School, base: Database
) -> None:
    await apply(school, export(*range(1, 21)))
    ready = await send(school, export(*range(8, 21), day=1))
    [needed] = ready["confirmations"]
    assert needed["number"] == 7
    assert needed["message"].startswith("7 élèves sur 20 seraient désactivés (35 %). Vérifiez que")
    spared = [e["pupil_id"] for e in await entries(school, ready, "deactivated")][:2]
    applied = await school.confirm(ready, spared=spared)
    assert (applied["counts"]["deactivated"], applied["counts"]["spared"]) == (5, 2)
    assert [e["pupil_id"] for e in await entries(school, applied, "spared")] == spared
    active = {p["id"] for p in await learners(school, active=True)}
    assert set(spared) <= active
    [*_, last] = await events(base, "%import.applied%")
    assert len(last["deactivated"]) == 5


async def test_all_that_was_said_can_be_read_kind_by_kind_and_the_file_has_a_digest(
    school: School,
) -> None:
    content = export(
        1, *({"n": n, "ID_NATIONAL": None} for n in range(2, 9)), {"n": 9, "PRENOM": ""}
    )
    ready = await send(school, content)
    assert ready["sha256"] == hashlib.sha256(content).hexdigest()
    groups = {group["code"]: group for group in ready["findings"]}
    assert len(groups["ine_missing"]["lines"]) == len(groups["ine_missing"]["messages"]) == 5
    path = f"/imports/{ready['id']}/findings"
    page = (await school.call("siecle_import", "GET", f"{path}?code=ine_missing&limit=6")).json()
    assert page["findings"][0]["name"] == "NOM002 Éloi"
    rest = f"{path}?code=ine_missing&limit=6&after={page['next']}"
    more = (await school.call("siecle_import", "GET", rest)).json()
    assert len(page["findings"] + more["findings"]) == 7
    assert more["next"] is None
    every = (await school.call("siecle_import", "GET", path)).json()["findings"]
    assert every[0]["code"] == "first_name_missing", "the gravest first"


async def test_a_file_of_another_school_says_whose_it_is(school: School) -> None:
    refused = await send(school, export(1).replace(b"9990001X", b"9990002Y"))
    values = {group["code"]: group["value"] for group in refused["findings"]}
    assert values["other_school"] == "9990002Y"
