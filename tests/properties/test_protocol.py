"""Any sequence of imports, switches, writes, duplicates, reorderings and restarts, over two to five
schools: what `docs/transfer.md` promises holds when no event is left.

`EXAMPLES` sets how many sequences are played (`make properties EXAMPLES=n`); Hypothesis makes a
sequence that fails as short as it can.
"""

import os
import random
from collections.abc import AsyncIterator, Iterator, Mapping

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.database import Database
from tests.properties.world import World

EXAMPLES = int(os.environ.get("EXAMPLES", "200"))
PERSONS = (1, 2)

school = st.integers(0, 4)
actions = st.one_of(
    st.tuples(st.just("goes"), school, st.sampled_from(PERSONS)),
    st.tuples(st.just("goes"), school, st.sampled_from(PERSONS)),
    st.tuples(st.just("imports"), school, st.sets(st.sampled_from(PERSONS))),
    st.tuples(st.just("switch"), school, st.booleans()),
    st.tuples(st.just("write"), school, st.sampled_from(PERSONS)),
    st.tuples(st.just("carry"), st.integers(0, 2**16), st.none()),
)


@pytest.fixture(scope="module", autouse=True)
def count() -> Iterator[list[int]]:
    """How many sequences were played; told at the end."""
    played: list[int] = []
    yield played
    print(f"\n{len(played)} sequences played")


@pytest.fixture
async def databases(database_urls: Mapping[str, str]) -> AsyncIterator[Mapping[str, Database]]:
    opened = {name: await Database.open(database_urls[name], 4) for name in ("transfer", "dossier")}
    yield opened
    for database in opened.values():
        await database.close()


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(schools=st.integers(2, 5), sequence=st.lists(actions, max_size=25), seed=st.integers(0, 99))
async def test_the_promises_hold_after_any_sequence(
    databases: Mapping[str, Database],
    count: list[int],
    schools: int,
    sequence: list[tuple[str, int, object]],
    seed: int,
) -> None:
    count.append(seed)
    world, dice = World(databases, schools), random.Random(seed)
    await world.clear()
    for at in range(schools):
        await world.switch(at, active=True)
    world.imports(0, set(PERSONS))
    await world.settle(dice)
    for number in PERSONS:
        await world.write(0, number)
    for action, at, what in sequence:
        match action, what:
            case "goes", int():
                world.goes(at, what)
            case "imports", set():
                world.imports(at, what)
            case "switch", bool():
                await world.switch(at, active=what)
            case "write", int():
                await world.write(at, what)
            case _:
                await world.carry(random.Random(at))
    await world.settle(dice)
    await world.check()
