"""One system and one browser for all tests of pages; each test has pages of its own."""

import asyncio
import os
import secrets
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import async_playwright
from pydantic import SecretStr

from deploy.local import ROOT
from deploy.local.client import Sign, eventually
from deploy.local.kept import free_port
from deploy.local.seed import Seed
from deploy.local.servers import (
    Servers,
    create_database,
    create_vhost,
    delete_vhost,
    drop_database,
)
from services.dossier.__main__ import service as dossier
from services.etablissement.__main__ import service as etablissement
from services.gateway.__main__ import service as gateway
from services.inspector_access.__main__ import service as inspector_access
from services.notifier.__main__ import service as notifier
from services.siecle_import.__main__ import service as siecle_import
from services.transfer.__main__ import service as transfer
from shared.database import migrate
from shared.service import Service
from tests.e2e.support import AXE, Site
from tests.support.mail import MailServer, mail_server
from tests.support.system import TODAY, System, running

SERVICES: tuple[Service, ...] = (
    etablissement, siecle_import, transfer, dossier, inspector_access, notifier, gateway,
)  # fmt: skip
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
CHROMIUM = "/usr/bin/chromium"


@asynccontextmanager
async def databases(servers: Servers) -> AsyncIterator[Mapping[str, str]]:
    """A migrated database of every service."""
    names = {one.name: f"e2e_{one.name}_{secrets.token_hex(4)}" for one in SERVICES}
    made = await asyncio.gather(*(create_database(servers, name) for name in names.values()))
    urls = dict(zip(names, made, strict=True))
    await asyncio.gather(*(migrate(urls[one.name], one.migration_folders) for one in SERVICES))
    yield urls
    await asyncio.gather(*(drop_database(servers, name) for name in names.values()))


@asynccontextmanager
async def provider() -> AsyncIterator[str]:
    """The issuer of the local stack's identity provider, which runs until the block ends."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "deploy.local.provider", str(port), cwd=ROOT,
        env={**os.environ, "AUTHLIB_INSECURE_TRANSPORT": "1"},
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip

    async def listens() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    try:
        await eventually(listens, "the identity provider")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


@pytest.fixture(scope="session")
async def mails() -> AsyncIterator[MailServer]:
    """The server that mails go to."""
    async with mail_server() as server:
        yield server


@pytest.fixture(scope="session")
async def whole_system(
    servers: Servers, keys: Path, sign: Sign, mails: MailServer
) -> AsyncIterator[System]:
    """All services, with the schools and people of the demonstration."""
    vhost = await create_vhost(servers, f"e2e-{secrets.token_hex(4)}")
    async with databases(servers) as urls, provider() as issuer:
        own = {
            "oidc_issuer": issuer,
            "oidc_client_secret": SecretStr("local"),
            "person_key_file": keys / "signing.jwk",
        }
        mail = {"smtp_host": "127.0.0.1", "smtp_port": mails.port, "smtp_security": "none"}
        further = {"gateway": own, "notifier": mail}
        async with running(SERVICES, urls, vhost, keys, sign, further) as system:
            told = {
                "CPRO_DATABASE_URL": urls["etablissement"],
                "CPRO_AMQP_URL": vhost,
                "CPRO_ENVIRONMENT": "local",
                "CPRO_TODAY": TODAY.isoformat(),
            }
            await Seed(system.urls, sign).everything(told)
            yield system
    await delete_vhost(servers, vhost.rpartition("/")[2])


@pytest.fixture(scope="session")
async def started_site(whole_system: System, mails: MailServer) -> AsyncIterator[Site]:
    """The site in the distribution's Chromium."""
    assert Path(CHROMIUM).exists(), "« make browser » installs Chromium"
    assert AXE.exists(), "« make browser » installs axe-core"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield Site(whole_system, browser, mails)
        await browser.close()


@pytest.fixture
async def site(started_site: Site) -> AsyncIterator[Site]:
    """The site; what a test opens is closed at its end."""
    yield started_site
    await started_site.close()
