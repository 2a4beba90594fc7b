"""Tables for spreadsheets, pictures of figures, and names beside codes."""

import datetime as dt

from services.gateway.domain import drawing, inspection
from services.gateway.domain.names import Names
from services.gateway.domain.tables import csv_text, harmless


def test_a_table_opens_in_a_french_spreadsheet_and_no_cell_is_a_formula() -> None:
    text = csv_text(("Nom", "Note"), [("=CMD()", "@x"), ("O'NEIL; fils", None), ("-1", 3)])
    assert text == "\ufeffNom;Note\r\n'=CMD();'@x\r\n\"O'NEIL; fils\";\r\n'-1;3\r\n"
    assert harmless("+33") == "'+33"


def test_weeks_without_a_transfer_stand_between_those_that_have_some() -> None:
    told = [
        {"week": "2026-01-19", "sent": 0, "received": 4},
        {"week": "2026-01-05", "sent": 2, "received": 0},
    ]
    weeks = drawing.weeks(told)
    assert [week["week"] for week in weeks] == [dt.date(2026, 1, day) for day in (5, 12, 19)]
    first, empty, last = drawing.columns(weeks)
    assert (first.sent.height, empty.sent.height) == (drawing.HEIGHT / 2, 0)
    assert (last.received.y, last.received.height) == (0, drawing.HEIGHT)
    assert drawing.columns(drawing.weeks([])) == []


def test_the_flow_has_what_came_to_the_left_and_what_went_to_the_right() -> None:
    [one] = drawing.flows([{"uai": "9990001X", "sent": 1, "received": 2}])
    assert one.received.width == drawing.HALF == 2 * one.sent.width
    assert one.received.x + one.received.width < drawing.MIDDLE < one.sent.x


def test_what_has_no_name_is_said_and_never_guessed() -> None:
    learner = {"family_name": "BADIER", "usage_name": "DURAND", "first_name": "Samuel"}
    school = {"name": "CFA Eiffel", "town": None}
    member = {"name": "Claire Martin", "function": "proviseure"}
    known = Names({"1": learner}, {"9990013K": school}, {"a": member})
    assert known.learner("1") == "BADIER (usage\u00a0: DURAND) Samuel"
    assert known.learner("2") == "fiche effacée"
    assert Names(away=frozenset({"siecle_import"})).learner("2") == "nom indisponible"
    assert (known.school("9990013K"), known.school("9990001X")) == ("CFA Eiffel", "")
    assert known.member("a") == "Claire Martin (proviseure)"
    assert (known.member("b"), known.member("cpro")) == ("administration", "CPro éducation")


def test_a_record_is_shown_whatever_its_module_has_put_into_it() -> None:
    body = {
        "date_bilan": "2026-01-12", "acquis": True, "notes": [1, None], "lieu": {"ville": "Caen"},
    }  # fmt: skip
    assert inspection.body_lines(body) == [
        ("Date bilan", "2026-01-12"), ("Acquis", "oui"), ("Notes", "1 ; –"),
        ("Lieu", "ville : Caen"),
    ]  # fmt: skip
