"""The servers of the local stack: data stay, roles are apart, what is missing is said."""

import asyncio
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aio_pika
import asyncpg
import pytest
from aio_pika.abc import AbstractChannel, AbstractQueue

from deploy.local import __main__ as command
from deploy.local import kept, postgres, rabbitmq, rabbitmq_packages, tools
from deploy.local.errors import InUseError, MissingPartError, StackError
from deploy.local.processes import kill
from deploy.local.servers import (
    Servers,
    create_database,
    create_vhost,
    drop_database,
    running_servers,
)


@pytest.fixture
async def databases(servers: Servers) -> AsyncIterator[tuple[str, str]]:
    """The URLs of two databases."""
    names = [f"{name}_{secrets.token_hex(4)}" for name in ("one", "other")]
    one, other = [await create_database(servers, name) for name in names]
    yield one, other
    for name in names:
        await drop_database(servers, name)


async def test_a_role_opens_its_own_database_and_no_other(databases: tuple[str, str]) -> None:
    one, other = databases
    assert await value(one, "SELECT current_user = current_database()")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(one.rpartition("/")[0] + "/" + other.rpartition("/")[2])


async def test_a_database_is_made_once_and_its_url_stays(
    servers: Servers, databases: tuple[str, str]
) -> None:
    name = databases[0].rpartition("/")[2]
    assert (
        await asyncio.gather(*(create_database(servers, name) for _ in range(3)))
        == [databases[0]] * 3
    )


async def test_a_name_that_is_none_is_refused(servers: Servers) -> None:
    with pytest.raises(ValueError, match="no name for a database"):
        await create_database(servers, 'x"; DROP ROLE postgres')


async def test_postgres_keeps_its_data_and_address_even_when_killed(tmp_path: Path) -> None:
    with postgres.running(tmp_path / "postgres") as first:
        first.wait()
        await value(first.url, "CREATE TABLE kept AS SELECT 42 AS answer")
        kill(first.process)
    with postgres.running(tmp_path / "postgres") as second:
        second.wait()
        assert second.url == first.url
        assert await value(second.url, "SELECT answer FROM kept") == 42
        assert await value(second.url, "SHOW fsync") == "on"


async def test_rabbitmq_keeps_its_messages_and_address(tmp_path: Path) -> None:
    with rabbitmq.running(tmp_path / "rabbitmq") as first:
        first.wait()
        async with channel(first.amqp_url) as open_channel:
            await declare(open_channel)
            await open_channel.default_exchange.publish(
                aio_pika.Message(b"kept", delivery_mode=2), "kept"
            )
    assert first.process.exit_code == 0
    with rabbitmq.running(tmp_path / "rabbitmq") as second:
        second.wait()
        assert second.amqp_url == first.amqp_url
        async with channel(second.amqp_url) as open_channel:
            message = await (await declare(open_channel)).get(timeout=10)
            assert message is not None
            assert message.body == b"kept"


def test_one_folder_serves_one_process(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with (
        kept.locked(tmp_path / "data.lock"),
        pytest.raises(InUseError, match="data: stop it"),
        running_servers(folder),
    ):
        pass


def test_ports_stay_while_they_are_free(tmp_path: Path) -> None:
    first = kept.port(tmp_path, "a")
    assert kept.port(tmp_path, "a") == first
    assert kept.port(tmp_path, "b") != first


def test_secrets_are_for_their_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "secret"
    assert kept.secret(file, lambda: b"a") == kept.secret(file, lambda: b"b") == b"a"
    assert file.stat().st_mode & 0o777 == 0o600


def test_without_apt_one_sentence_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rabbitmq_packages, "LOCAL", tmp_path)
    monkeypatch.setattr(rabbitmq_packages, "MARK", tmp_path / "fetched")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["deploy.local", "fetch"])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert str(ended.value) == (
        "RabbitMQ cannot be fetched: no apt-get here. Set CPRO_AMQP_URL (and, for tests, "
        "CPRO_RABBITMQ_API_URL) to a RabbitMQ server of yours."
    )


def test_a_tool_that_is_neither_here_nor_to_be_fetched_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools, "LOCAL", tmp_path)
    monkeypatch.setattr(tools, "FOLDER", tmp_path / "tools")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingPartError, match="promtool cannot be fetched: no apt-get here"):
        tools.program("promtool")


async def test_a_server_that_does_not_answer_is_named() -> None:
    nobody = Servers("postgresql://a:b@127.0.0.1:1/x", "amqp://127.0.0.1:1/", None)
    with pytest.raises(StackError, match="look at CPRO_POSTGRES_URL"):
        await create_database(nobody, "x")
    with pytest.raises(MissingPartError, match="set CPRO_RABBITMQ_API_URL"):
        await create_vhost(nobody, "x")


async def value(url: str, statement: str) -> object:
    """The first value that a statement gives."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


@asynccontextmanager
async def channel(url: str) -> AsyncIterator[AbstractChannel]:
    """A channel of a connection of its own."""
    async with await aio_pika.connect(url) as connection:
        yield await connection.channel()


async def declare(open_channel: AbstractChannel) -> AbstractQueue:
    """The quorum queue of the test."""
    return await open_channel.declare_queue(
        "kept", durable=True, arguments={"x-queue-type": "quorum"}
    )
