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
from tests.support.databases import let_histories_go

EXAMPLES = int(os.environ.get("EXAMPLES", "200"))
PLAYED = "sequences"
PERSONS = (1, 2, OUTSIDE)

school = st.integers(0, 4)
person = st.sampled_from(PERSONS)
which = st.integers(0, 9)
answers = st.sampled_from(("accept", "accept", "accept", "refuse", "withdraw", "keep"))
number = st.integers(0, 2**16)
ACTIONS: dict[str, tuple[Any, ...]] = {
    "goes": (12, school, person),
    "deliver": (12, number),
    "write": (4, school, person, which),
    "change": (1, school, person),
    "doubles": (3, school, person),
    "merges": (4, school, person, st.booleans()),
    "parts": (1, which),
    "undoes": (1, school),
    "erases": (1, school, person),
    "closes": (1, school),
    "imports": (1, school, st.sets(person)),
    "corrects": (1, school, person),
    "switch": (2, school, st.booleans()),
    "judge": (2, school, person, st.booleans()),
    "oppose": (1, school, person, st.booleans()),
    "offer": (1, which),
    "answer": (2, which, answers),
    "hands_over": (2, which),
    "reverse": (4, which),
    "lift": (1, which),
}
"""What the world can do: how often in comparison, and with what."""

# Weights by names: `one_of` would draw evenly from all that is nested in it.
names = st.sampled_from([name for name, (weight, *_) in ACTIONS.items() for _ in range(weight)])
actions = names.flatmap(lambda name: st.tuples(st.just(name), *ACTIONS[name][1:]))


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
    await let_histories_go(opened["transfer"])  # each sequence begins with empty databases
    yield opened
    for database in opened.values():
        await database.close()


LATE_BESIDE_A_REVERSAL = [
    ("goes", 0, 1), ("goes", 0, 1), ("goes", 0, 1), ("goes", 0, 2), ("deliver", 0), ("goes", 0, 1),
    ("goes", 0, 1), ("goes", 0, 1), ("write", 0, 1), ("reverse", 1),
]  # fmt: skip
"""A record that follows and a reversal are told in one batch."""

MERGED_INTO_WHO_HAS_GONE = [
    ("goes", 0, 1), ("deliver", 0), ("doubles", 0, 1), ("deliver", 0), ("write", 0, 1, 1),
    ("imports", 0, {2, OUTSIDE}), ("merges", 0, 1, False),
]  # fmt: skip
"""A second card, found out when the dossier is in the next school."""

REVERSED_TO_WHO_HAS_GONE = [
    ("goes", 0, 1), ("deliver", 0), ("imports", 0, {1, 2, OUTSIDE}), ("deliver", 0), ("goes", 1, 1),
    ("deliver", 0), ("reverse", 0),
]  # fmt: skip
"""The origin has had the learner back and sent him elsewhere before the first move is reversed."""


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
@example(schools=2, sequence=MERGED_INTO_WHO_HAS_GONE, seed=0)
@example(schools=3, sequence=REVERSED_TO_WHO_HAS_GONE, seed=0)
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
