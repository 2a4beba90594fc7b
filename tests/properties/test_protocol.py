"""Any sequence of imports, doubles, erasures, closings, switches, reviews, offers, reversals,
writes, duplicates, reorderings and restarts, over two to five schools: what `docs/transfer.md`
promises holds at the end.

`EXAMPLES` sets how many sequences are played (`make properties EXAMPLES=n`); Hypothesis makes a
sequence that fails as short as it can.
"""

import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from shared.database import Database
from tests.properties.country import OUTSIDE
from tests.properties.model import check
from tests.properties.world import World

EXAMPLES = int(os.environ.get("EXAMPLES", "200"))
PLAYED = "sequences"
PERSONS = (1, 2, OUTSIDE)

school = st.integers(0, 4)
person = st.sampled_from(PERSONS)
which = st.integers(0, 9)
answers = st.sampled_from(("accept", "accept", "accept", "refuse", "withdraw", "keep"))
by_staff = st.one_of(
    st.tuples(st.just("judge"), school, person, st.booleans()),
    st.tuples(st.just("oppose"), school, person, st.booleans()),
    st.tuples(st.just("offer"), which),
    st.tuples(st.just("answer"), which, answers),
    st.tuples(st.just("hands_over"), which),
    st.tuples(st.just("reverse"), which),
    st.tuples(st.just("lift"), which),
)
by_modules = st.one_of(
    st.tuples(st.just("write"), school, person, which),
    st.tuples(st.just("change"), school, person),
)
by_schools = st.one_of(
    st.tuples(st.just("imports"), school, st.sets(person)),
    st.tuples(st.just("corrects"), school, person),
    st.tuples(st.just("switch"), school, st.booleans()),
)
of_cards = st.one_of(
    st.tuples(st.just("doubles"), school, person),
    st.tuples(st.just("merges"), school, person, st.booleans()),
    st.tuples(st.just("merges"), school, person, st.booleans()),
    st.tuples(st.just("parts"), which),
    st.tuples(st.just("undoes"), school),
    st.tuples(st.just("erases"), school, person),
    st.tuples(st.just("closes"), school),
)
goes = st.tuples(st.just("goes"), school, person)
deliver = st.tuples(st.just("deliver"), st.integers(0, 2**16))
actions = st.one_of(
    *[goes] * 5, *[deliver] * 6, by_staff, by_staff, by_modules, by_modules, by_schools, of_cards
)
"""Alternatives are drawn evenly, those inside the last ones too: people go often."""


@pytest.fixture(scope="module", autouse=True)
def count() -> Iterator[Counter[str]]:
    """How many sequences were played, and what became of their transfers; told at the end."""
    seen: Counter[str] = Counter()
    yield seen
    transfers = ", ".join(f"{n} {what}" for what, n in sorted(seen.items()) if what != PLAYED)
    print(f"\n{seen[PLAYED]} sequences played; transfers: {transfers}")


@pytest.fixture
async def databases(database_urls: Mapping[str, str]) -> AsyncIterator[Mapping[str, Database]]:
    opened = {name: await Database.open(database_urls[name], 4) for name in ("transfer", "dossier")}
    yield opened
    for database in opened.values():
        await database.close()


LATE_BESIDE_A_REVERSAL = [
    ("goes", 0, 1), ("goes", 0, 1), ("goes", 0, 1), ("goes", 0, 2), ("deliver", 0), ("goes", 0, 1),
    ("goes", 0, 1), ("goes", 0, 1), ("write", 0, 1), ("reverse", 1),
]  # fmt: skip
"""A record that follows and a reversal are told in one batch."""


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    schools=st.integers(2, 5),
    sequence=st.lists(actions, min_size=10, max_size=40),
    seed=st.integers(0, 99),
)
@example(schools=2, sequence=LATE_BESIDE_A_REVERSAL, seed=0)
async def test_the_promises_hold_after_any_sequence(
    databases: Mapping[str, Database],
    count: Counter[str],
    schools: int,
    sequence: list[tuple[Any, ...]],
    seed: int,
) -> None:
    count[PLAYED] += 1
    world, dice = World(databases, schools), random.Random(seed)
    await world.clear()
    for at in range(schools):
        await world.switch(at, True)
    await world.imports(0, set(PERSONS))
    await world.settle(dice)
    for number in PERSONS:
        await world.write(0, number)
    for action in sequence:
        name, *arguments = action
        await getattr(world, name)(*arguments)
    await world.settle(dice)
    count.update(await check(world))
