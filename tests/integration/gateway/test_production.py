"""What production adds: cookies for https and this host alone, HSTS."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from deploy.local.client import Sign
from services.gateway.__main__ import service as gateway
from services.gateway.pages import version
from services.gateway.web.assets import url
from shared.service import Service
from tests.support.provider import FakeProvider
from tests.support.system import running


async def test_in_production_cookies_are_for_https_and_browsers_are_told_to_stay_there(
    new_database: Callable[[Service], Awaitable[str]],
    vhost: str,
    keys: Path,
    sign: Sign,
    provider: FakeProvider,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = {
        "environment": "production", "today": None, "public_url": "https://pages.example",
        "oidc_issuer": provider.issuer, "person_key_file": keys / "signing.jwk",
        "publisher": "Éditeur", "contact": "aide@pages.example",
    }  # fmt: skip
    databases = {"gateway": await new_database(gateway)}
    async with (
        running([gateway], databases, vhost, keys, sign, {"gateway": own}) as system,
        httpx.AsyncClient(base_url=system.urls["gateway"]) as http,
    ):
        page = await http.get("/connexion")
        gone = await http.get("/connexion/aller")
        told = await http.get("/.well-known/security.txt")
        legal = await http.get("/mentions-legales")
        others = [await http.request(*one) for one in (
            ("GET", url("cpro.css")), ("GET", "/health/live"), ("GET", "/passeport"),
            ("GET", "/nulle-part"), ("HEAD", "/connexion"), ("POST", "/etablissement"),
            ("GET", "/robots.txt"),
        )]  # fmt: skip
        monkeypatch.setattr(version, "parts_of", None)  # whatever ends in an error of ours
        others.append(await http.get("/version"))
        assert others[-1].status_code == 500
    for answer in (page, gone, told, legal, *others):
        only = answer.headers["strict-transport-security"]
        assert only == "max-age=31536000; includeSubDomains", answer.url
    assert "default-src 'none'" in page.headers["content-security-policy"]
    name, *flags = [part.strip().lower() for part in gone.headers["set-cookie"].split(";")]
    assert name.startswith("__host-cpro-connexion=")
    assert {"secure", "httponly", "path=/", "samesite=lax"} <= set(flags)
    assert not any(flag.startswith("domain") for flag in flags)
    assert "Contact: mailto:aide@pages.example" in told.text
    assert "Canonical: https://pages.example/.well-known/security.txt" in told.text
    assert "Éditeur" in legal.text
