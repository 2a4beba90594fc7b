"""The badges on the tabs: asked once a minute, never waited for long."""

import asyncio

import httpx
import pytest

from services.gateway.clients import to_do
from services.gateway.clients.services import Calls
from services.gateway.clients.to_do import ToDo
from services.gateway.settings import GatewaySettings
from services.gateway.web.tabs import badges

A = "9990001X"
COUNTS = {"await_import": 2, "await_switch": 0, "await_acceptance": 1, "await_opinion": 3}


class Transfer:
    """A `transfer` that counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.status = 200
        self.slow = asyncio.Event()
        self.slow.set()
        settings = GatewaySettings.model_validate(
            {
                "environment": "local", "database_url": "x", "amqp_url": "y",
                "transfer_url": "http://service",
            }
        )  # fmt: skip
        http = httpx.AsyncClient(transport=httpx.MockTransport(self.answer))
        self.calls = Calls(settings, http, http, "token")

    async def answer(self, request: httpx.Request) -> httpx.Response:
        assert request.url.path == f"/schools/{A}/to-do"
        self.asked += 1
        await self.slow.wait()
        return httpx.Response(self.status, json={"uai": A, **COUNTS})


async def test_counts_are_asked_once_until_someone_does_something() -> None:
    held, transfer = ToDo(), Transfer()
    for _ in range(3):
        assert await held.of(A, transfer.calls) == COUNTS
    assert transfer.asked == 1
    held.forget(A)
    assert await held.of(A, transfer.calls) == COUNTS
    assert transfer.asked == 2


async def test_a_page_does_not_wait_for_a_slow_service_and_all_pages_ask_once() -> None:
    held, transfer = ToDo(), Transfer()
    transfer.slow.clear()
    pages = [held.of(A, transfer.calls, patience=0.01) for _ in range(5)]
    assert await asyncio.gather(*pages) == [None] * 5
    transfer.slow.set()
    assert await held.of(A, transfer.calls, patience=5) == COUNTS
    assert transfer.asked == 1


async def test_a_service_that_is_away_is_not_asked_at_each_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held, transfer = ToDo(), Transfer()
    transfer.status = 503
    assert [await held.of(A, transfer.calls) for _ in range(3)] == [None] * 3
    assert transfer.asked == 2, "a read is tried twice"
    monkeypatch.setattr(to_do, "ASK_AGAIN", 0.0)
    held.forget(A)
    await held.of(A, transfer.calls)
    transfer.status = 200
    assert await held.of(A, transfer.calls) == COUNTS


async def test_an_answer_from_before_a_change_is_not_shown_after_it() -> None:
    held, transfer = ToDo(), Transfer()
    transfer.slow.clear()
    assert await held.of(A, transfer.calls, patience=0.01) is None
    held.forget(A)
    transfer.slow.set()
    assert await held.of(A, transfer.calls) == COUNTS
    assert transfer.asked == 2


def test_each_tab_has_the_number_of_what_is_done_there() -> None:
    assert badges(COUNTS) == {"/import": 2, "/transferts": 4}
    assert badges({}) == {}
