"""Parked events and dead letters as operations see them, send them again and give them up."""

import json
from uuid import UUID, uuid4

import aio_pika
import asyncpg
import pytest
from prometheus_client import REGISTRY

from deploy.local.client import eventually
from shared.database import Database
from shared.envelope import encode
from shared.events import TransferWithdrawn
from shared.messaging import parked, topology
from shared.messaging.consumer import Consumer
from tests.support import messages
from tests.support.messages import LISTENER, Seen, consuming, count, exchange_of
from tests.support.processes import command

REASON = ("--reason", "sans objet", "--by", "exploitation")


async def operate(database: Database, *arguments: str, status: int = 0) -> str:
    """What a command about parked events prints."""
    environment = {"CPRO_DATABASE_URL": database.url, "CPRO_AMQP_URL": "amqp://nowhere"}
    ended, said = await command(LISTENER, "parked", *arguments, environment=environment)
    assert ended == status, said
    return said


async def only(database: Database) -> asyncpg.Record | None:
    """The parked event, once there is one."""
    async with database.connection() as connection:
        rows = await parked.found(connection)
    return rows[0] if rows else None


async def wait_for_a_person(database: Database) -> None:
    """Have all further tries be over."""
    async with database.connection() as connection:
        await connection.execute("UPDATE parked SET attempts = 12, next_try = NULL")


def figure(state: str) -> float | None:
    return REGISTRY.get_sample_value("cpro_parked_events", {"state": state})


async def reject_all(amqp_url: str, number: int) -> None:
    """Take messages from the queue and refuse them, as the broker does after many deliveries."""
    async with await aio_pika.connect(amqp_url) as connection, connection.channel() as channel:
        queue = await channel.get_queue(topology.queue_of(LISTENER))
        for _ in range(number):
            await (await queue.get(timeout=10)).reject(requeue=False)


async def test_a_poison_event_is_seen_and_sent_again_once_its_cause_is_mended(
    kernel: Database, vhost: str
) -> None:
    poison = TransferWithdrawn(transfer_id=uuid4())
    seen = Seen(refuse=[poison.transfer_id])
    async with exchange_of(vhost) as exchange, consuming(Consumer(LISTENER, kernel, vhost, seen)):
        await exchange.publish(messages.withdrawn(poison), poison.type)
        row = await eventually(lambda: only(kernel), "the parked event")
        await wait_for_a_person(kernel)
        await eventually(lambda: _is(figure("waiting") == 1), "the figure")
        for said in (await operate(kernel, "list"), await operate(kernel, "show", str(row[0]))):
            for told in (str(row[0]), "ValueError", poison.type, str(poison.transfer_id)):
                assert told in said
        tries = seen.refused
        await operate(kernel, "resend", str(row[0]))
        # A try is counted in the table before it is made: only the handler knows that it was.
        await eventually(lambda: _is(seen.refused > tries), "the try that fails again")
        found = await only(kernel)
        assert found is not None
        assert (found["attempts"], found["next_try"]) == (13, None), "the last one by itself"
        seen.refuse.clear()
        await operate(kernel, "resend", str(row[0]))
        await eventually(lambda: _is(poison.transfer_id in seen.ids), "the event to be handled")
        await eventually(lambda: _is(figure("waiting") == 0), "the figure")
    assert await only(kernel) is None
    assert seen.ids == [poison.transfer_id]


async def _is(condition: bool) -> bool:
    return condition


async def test_who_gives_an_event_up_leaves_a_trace_that_nobody_changes(
    kernel: Database, vhost: str
) -> None:
    unknown = json.loads(encode(TransferWithdrawn(transfer_id=uuid4()), None, messages.NOW)[1])
    unknown["type"] = "fr.cpro.transfer.withdrawn.v9"
    async with (
        exchange_of(vhost) as exchange,
        consuming(Consumer(LISTENER, kernel, vhost, Seen())),
    ):
        await exchange.publish(messages.message_of(unknown), TransferWithdrawn.type)
        row = await eventually(lambda: only(kernel), "the parked event")
    await operate(kernel, "discard", str(row["event_id"]), "--reason", " ", status=1)
    said = await operate(kernel, "discard", str(row["event_id"]), str(uuid4()), *REASON, status=1)
    assert said.startswith("Inconnus : ")
    assert str(row["event_id"]) not in said
    assert await only(kernel) is None
    async with kernel.connection() as connection:
        [trace] = await connection.fetch("SELECT * FROM discarded")
        assert trace["event_id"] == row["event_id"]
        assert trace["subject"]["type"] == unknown["type"]
        assert trace["subject"]["id"] == unknown["id"]
        assert (trace["error"], trace["reason"]) == ("InvalidEventError", "sans objet")
        assert trace["discarded_by"] == "exploitation"
        for statement in (
            "UPDATE discarded SET discarded_by = 'x'",
            "DELETE FROM discarded",
            "TRUNCATE discarded",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    await operate(kernel, "show", str(row["event_id"]), status=1)


async def test_a_dead_letter_waits_for_a_person_and_loses_no_neighbour(
    kernel: Database, vhost: str
) -> None:
    events = [TransferWithdrawn(transfer_id=uuid4()) for _ in range(3)]
    pack = messages.withdrawn(*events)
    seen = Seen()
    async with exchange_of(vhost) as exchange:
        await exchange.publish(messages.message_of(json.loads(pack.body)[0]), events[0].type)
        async with consuming(Consumer(LISTENER, kernel, vhost, seen)):
            await eventually(lambda: _is(len(seen.ids) == 1), "an event seen before")
        await exchange.publish(pack, events[0].type)
        await reject_all(vhost, 1)
        async with consuming(Consumer(LISTENER, kernel, vhost, seen)):
            await eventually(lambda: _is(figure("dead-letter") == 2), "both other events")
            assert seen.ids == [events[0].transfer_id], "dead letters are not tried by themselves"
            said = await operate(kernel, "list")
            assert said.count("DeadLetter") == said.count("attend une personne") == 2
            ids = [line.split("\t")[0] for line in said.splitlines()]
            await operate(kernel, "resend", *ids)
            await eventually(lambda: _is(len(seen.ids) == 3), "both to be handled")
    assert set(seen.ids) == {event.transfer_id for event in events}
    assert await count(kernel, "parked") == 0


async def test_an_event_that_kills_the_process_is_not_tried_for_ever(kernel: Database) -> None:
    event_id = uuid4()
    async with kernel.connection() as connection:
        await parked.park(connection, event_id, "{}", "ValueError")
        await connection.execute("UPDATE parked SET next_try = now()")
        for tried in range(2, 14):  # each process dies between the claim and the end of the try
            assert await parked.claim_due(connection) is not None
            assert await parked.claim_due(connection) is None, "not before its pause is over"
            [row] = await parked.found(connection)
            assert row["attempts"] == tried
            await connection.execute(
                "UPDATE parked SET next_try = now() WHERE next_try IS NOT NULL"
            )
        assert await parked.claim_due(connection) is None, "it waits for a person"


@pytest.mark.parametrize(
    "envelope",
    [
        {"MUTÉ Maëlys": str(uuid4()), "data": {}},
        {"type": "MUTÉ", "subject": "990324679CC", "data": {"uai": "MUTÉ", "birth_date": "MUTÉ"}},
        {"type": {"MUTÉ": 1}, "data": {"transfer_id": ["MUTÉ"]}},
        {"MUTÉ": 1},
        ["MUTÉ"],
        "MUTÉ",
    ],
)
async def test_commands_tell_nothing_that_may_be_of_a_person(
    kernel: Database, envelope: object
) -> None:
    async with kernel.connection() as connection:
        event_id = UUID(int=1)
        await parked.park(connection, event_id, json.dumps(envelope), "InvalidEventError")
    said = await operate(kernel, "show", str(event_id))
    assert "InvalidEventError" in said
    for hidden in ("MUT", "Maëlys", "990324679CC"):
        assert hidden not in said


async def test_what_could_not_be_read_at_first_is_not_handled_twice(
    kernel: Database, vhost: str
) -> None:
    twice, once = TransferWithdrawn(transfer_id=uuid4()), TransferWithdrawn(transfer_id=uuid4())
    seen = Seen()
    async with kernel.transaction() as transaction:
        for event in (twice, once):
            event_id, text = encode(event, None, messages.NOW)
            if event is twice:  # another copy has come after the upgrade
                await transaction.connection.execute("INSERT INTO inbox VALUES ($1)", event_id)
            await parked.park(transaction.connection, uuid4(), text, "InvalidEventError")
    async with consuming(Consumer(LISTENER, kernel, vhost, seen)):
        await eventually(lambda: _gone(kernel), "nothing parked")
    assert seen.ids == [once.transfer_id]


async def _gone(database: Database) -> bool:
    return await only(database) is None
