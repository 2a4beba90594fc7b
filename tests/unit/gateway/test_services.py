"""How the gateway calls a service: reads twice, changes once, refusals by field."""

import httpx
import pytest

from services.gateway.clients.services import Calls, RefusedError, ServiceDownError
from services.gateway.settings import GatewaySettings


def calls(answer: httpx.MockTransport) -> Calls:
    settings = GatewaySettings.model_validate(
        {
            "environment": "local", "database_url": "x", "amqp_url": "y",
            "etablissement_url": "http://service",
        }
    )  # fmt: skip
    http = httpx.AsyncClient(transport=answer)
    return Calls(settings, http, http, "token")


async def test_reads_are_tried_twice_and_changes_once() -> None:
    seen: list[str] = []

    def away(request: httpx.Request) -> httpx.Response:
        seen.append(request.method)
        raise httpx.ReadTimeout("late")

    service = calls(httpx.MockTransport(away))
    for call in (
        service.get("etablissement", "/card"),
        service.change("etablissement", "PUT", "/card", {}, etag="1"),
        service.create("etablissement", "/users", {}),
    ):
        with pytest.raises(ServiceDownError, match="etablissement"):
            await call
    assert seen == ["GET", "GET", "PUT", "POST"]
    with pytest.raises(ServiceDownError, match="transfer"):
        await service.get("transfer", "/")


async def test_what_is_refused_is_told_by_field() -> None:
    problem = {
        "type": "urn:cpro:probleme:saisie-invalide", "title": "Saisie invalide", "detail": "D",
        "errors": [{"field": "body.address.0", "message": "texte trop long"}],
    }  # fmt: skip
    service = calls(httpx.MockTransport(lambda _: httpx.Response(422, json=problem)))
    with pytest.raises(RefusedError) as refused:
        await service.change("etablissement", "PUT", "/card", {}, etag="1")
    error = refused.value
    assert (error.status, error.type, error.detail) == (422, "saisie-invalide", "D")
    assert error.fields == {"address.0": "texte trop long"}


async def test_a_change_names_the_version_that_was_read() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["if-match"] == '"7"'
        assert request.headers["authorization"] == "Bearer token"
        return httpx.Response(200, json={"a": 1}, headers={"ETag": '"8"'})

    service = calls(httpx.MockTransport(answer))
    answered = await service.change("etablissement", "PUT", "/card", {}, etag="7")
    assert (answered.json, answered.etag) == ({"a": 1}, "8")
