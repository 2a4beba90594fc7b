"""The CSV of administrators: what they mean, and all that is wrong with them, at once."""

import datetime as dt

import pytest

from services.inspector_access.domain.cells import lines_of
from services.inspector_access.domain.errors import UnreadableFileError
from services.inspector_access.domain.lines import (
    DiplomaLine,
    Facts,
    InspectorLine,
    Judged,
    Key,
    Line,
    Period,
    ReferentLine,
    SubscriptionLine,
    judge,
)
from services.inspector_access.domain.tables import MAX_LINES, Row, Table, read
from services.notifier.domain.text import is_address

TODAY = dt.date(2026, 1, 20)
FACTS = Facts(
    diplomas=frozenset({"D1", "D2"}),
    schools=frozenset({"9990001X"}),
    inspectors=frozenset({"a@ac-demo.example"}),
    mefs={"24725502031": "D2", "24725502032": None},
)


def judged(table: Table, text: str, present: dict[Key, Line] | None = None) -> Judged:
    """What a file means beside what is there."""
    rows, unreadable = read(table, text.encode())
    lines, wrong = lines_of(table, rows, FACTS)
    return judge(lines, [*unreadable, *wrong], present or {}, FACTS.mefs, TODAY)


def wrong(found: Judged) -> list[tuple[int, str]]:
    """Where something is wrong."""
    return [(finding.line, finding.column) for finding in found.findings]


def test_columns_may_come_in_any_order_with_a_mark_and_empty_lines() -> None:
    text = "\ufeffNom;ADRESSE\r\n\r\n  Mme  Élise ; A@AC-demo.example \r\n;\r\n"
    [line] = judged(Table.INSPECTORS, text).new
    assert line == InspectorLine("a@ac-demo.example", "Mme Élise")


@pytest.mark.parametrize(
    ("content", "advice"),
    [
        (b"adresse;nom\n", "aucune ligne"),
        (b"", "aucune ligne"),
        (b"adresse,nom\na,b\n", "adresse;nom"),
        (b"adresse;nom;autre\na;b;c\n", "adresse;nom"),
        ("adresse;nom\na;Valéry\n".encode("latin-1"), "UTF-8"),
        (b'adresse;nom\na;"b\n', "illisible"),
        (b"adresse;nom\n" + b"a;b\n" * (MAX_LINES + 1), "plus de"),
    ],
)
def test_a_file_that_is_no_such_table_is_refused_whole(content: bytes, advice: str) -> None:
    with pytest.raises(UnreadableFileError) as refused:
        read(Table.INSPECTORS, content)
    assert advice in refused.value.advice


def test_all_that_is_wrong_is_told_at_once() -> None:
    text = (
        "adresse;diplome;uai;debut;fin\n"
        "b@ac-demo.example;D3;9990001A;31/02/2026;x\n"
        "a@ac-demo.example;D1\n"
        "a@ac-demo.example;D1;9990002Y;;\n"
        "a@ac-demo.example;D1;;01/02/2026;31/01/2026\n"
        "A@ac-demo.example;d2;9990001X;01/02/2026;\n"
        "a@ac-demo.example;D2;9990001x;;\n"
    )
    found = judged(Table.REFERENTS, text)
    assert wrong(found) == [
        (2, "adresse"), (2, "diplome"), (2, "uai"), (2, "debut"), (2, "fin"),
        (3, ""), (4, "uai"), (5, "fin"), (7, ""),
    ]  # fmt: skip
    assert found.refused == 5
    february = Period(dt.date(2026, 2, 1), None)
    assert found.new == [ReferentLine("a@ac-demo.example", "D2", "9990001X", february)]


def test_a_mef_leads_to_one_diploma() -> None:
    text = (
        "code;libelle;mef\n"
        "D1;Bac Pro;24725502031\n"
        "D2;Bac Pro;24725502031, 24725502032\n"
        "D3;CAP;24725502032\n"
        "é;;1234\n"
    )
    found = judged(Table.DIPLOMAS, text)
    assert wrong(found) == [(2, "mef"), (4, "mef"), (5, "code"), (5, "libelle"), (5, "mef")]
    assert found.new == [DiplomaLine("D2", "Bac Pro", ("24725502031", "24725502032"))]


def test_a_beginning_that_is_not_given_stays_or_is_today() -> None:
    text = "uai;diplome;debut;fin\n9990001X;D1;;\n9990001X;D2;;31/08/2026\n"
    since = dt.date(2024, 9, 1)
    before = SubscriptionLine("9990001X", "D1", Period(since, None))
    found = judged(Table.SUBSCRIPTIONS, text, {before.key: before})
    assert found.unchanged == 1
    until = Period(TODAY, dt.date(2026, 8, 31))
    assert found.new == [SubscriptionLine("9990001X", "D2", until)]
    ended = SubscriptionLine("9990001X", "D1", Period(since, dt.date(2026, 1, 1)))
    found = judged(Table.SUBSCRIPTIONS, text, {ended.key: ended})
    assert found.changed == [before], "no end is given: it goes on"


@pytest.mark.parametrize(
    ("address", "right"),
    [
        ("jean-luc.o'neil@ac-demo.example", True), ("a@b.fr", True), ("x+y@sub.ac-demo.fr", True),
        ("a..b@ac-demo.fr", False), (".a@ac-demo.fr", False), ("a.@ac-demo.fr", False),
        ("a@ac-demo..fr", False), ("a@-ac.fr", False), ("a@ac-.fr", False), ("a@fr", False),
        (f"{'a' * 65}@ac-demo.fr", False), (f"a@{'b.' * 100}fr", False),
        ("a@ac-demo.fr\r\nBcc: x@y.fr", False), ("a,b@ac-demo.fr", False),
    ],
)  # fmt: skip
def test_an_address_that_no_server_takes_is_refused_in_the_file(address: str, right: bool) -> None:
    """Else it would be found out when somebody is to be told."""
    row = Row(2, {"adresse": address, "nom": "Mme É."})
    lines, findings = lines_of(Table.INSPECTORS, [row], FACTS)
    assert (len(lines) == 1, not findings) == (right, right)
    assert not right or is_address(address)
