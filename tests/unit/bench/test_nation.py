"""The nation of the rehearsal: what its invariants count on."""

import datetime as dt
import io
from collections import Counter

import pytest

from bench.export import export
from bench.rehearsal.nation import MOVERS, PLACES, Nation
from bench.rehearsal.people import exported, pupil, told_by
from services.siecle_import.domain.difference import File, difference
from services.siecle_import.domain.pupils import Change
from services.siecle_import.files.reading import read

NATION = Nation(44, dt.date(2026, 1, 20))


def test_every_mover_leaves_one_school_and_comes_to_another_one() -> None:
    leave = {NATION.number(s, place): s for s in range(NATION.schools) for place in range(MOVERS)}
    come = {number: s for s in range(NATION.schools) for number in NATION.arrivals(s)}
    assert leave.keys() == come.keys()
    assert len(leave) == NATION.movers
    assert all(leave[number] != come[number] for number in leave)


def test_every_school_sends_its_files_in_order_and_switches_last() -> None:
    acts: dict[int, list[str | None]] = {}
    for school, file in NATION.schedule():
        acts.setdefault(school, []).append(file)
    for school in range(NATION.schools):
        late = [None] if NATION.switches_late(school) else []
        assert acts[school] == [*NATION.files(school), *late]


@pytest.mark.parametrize("school", [0, 3, 5, 7])
def test_the_last_file_of_a_school_brings_its_movers_and_changes_nobody_else(school: int) -> None:
    file = NATION.files(school)[-1]
    uai, now = NATION.uai(school), dt.datetime(2026, 1, 20, 12, tzinfo=dt.UTC)
    content = b"".join(export(uai, exported(NATION, file), told_by(NATION, school, file)))
    reading = read(io.BytesIO(content), today=NATION.day, received_at=now, uai=uai)
    assert reading.findings == ()
    base = [pupil(NATION, school, place) for place in range(PLACES)]
    changes = difference(base, File(uai, "siecle", now, reading.pupils), now=now).changes
    assert Counter(changed.kind for changed in changes) == {
        Change.CREATED: MOVERS,
        Change.DEACTIVATED: MOVERS,
    }
