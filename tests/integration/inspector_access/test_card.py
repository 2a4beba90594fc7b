"""The school's card in the console, as `etablissement` holds it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from deploy.local.client import Sign
from deploy.local.tokens import service_key_file
from services.etablissement.__main__ import service as etablissement
from services.inspector_access.__main__ import service as inspector_access
from shared.database import Database
from shared.service import Service
from shared.signing import Inspection, Signer
from tests.integration.inspector_access.conftest import _access
from tests.integration.inspector_access.support import TNE, Access, inspector
from tests.support.pupils import A
from tests.support.system import running

OPEN = f"/console/schools/{A}/diplomas/{TNE}"


@pytest.fixture
async def beside_cards(
    new_database: Callable[[Service], Awaitable[str]], vhost: str, keys: Path, sign: Sign
) -> AsyncIterator[Access]:
    """`inspector_access` beside `etablissement`."""
    both = [etablissement, inspector_access]
    urls = {service.name: await new_database(service) for service in both}
    async with running(both, urls, vhost, keys, sign) as system, _access(system) as made:
        yield made


async def test_the_inspector_reads_the_card_and_nobody_else_by_that_way(
    beside_cards: Access,
) -> None:
    access = beside_cards
    await access.lycee()
    await access.switch(TNE, active=True)
    claims = inspector(await access.signed_in("valery@ac-demo.example"))
    unknown = await access.call("GET", OPEN, claims)
    assert (unknown["complete"], unknown["school"]) == (False, "Lycée Ampère"), "not there yet"
    await _enter(access)
    card = await access.call("GET", OPEN, claims)
    assert (card["complete"], card["school"]) == (True, "Lycée André-Marie Ampère")
    assert (card["town"], card["phone"], card["head_name"]) == ("Caen", "+33123456789", "Mme B.")
    assert card["address"] == ["1 rue des Écoles"]
    right = Inspection(viewer="x", uai=A, diploma=TNE, mefs=())
    signers = {n: Signer.from_file(service_key_file(access.system.keys, n))
               for n in ("inspector_access", "gateway")}  # fmt: skip
    tokens = {
        signers["inspector_access"].inspection(right): 200,
        signers["gateway"].inspection(right): 401,
        access.system.sign({"sub": "x", "schools": {A: ["direction"]}}): 401,
    }
    async with httpx.AsyncClient(base_url=access.system.urls["etablissement"]) as http:
        for token, status in tokens.items():
            headers = {"Authorization": f"Bearer {token}"}
            assert (await http.get("/inspection/card", headers=headers)).status_code == status


async def _enter(access: Access) -> None:
    """Have the registry hold the school's card."""
    database = await Database.open(access.system.database_urls["etablissement"], 2)
    async with database.connection() as connection:
        await connection.execute(
            """
            INSERT INTO school (uai, name, address, town, phone, head_name, version)
            VALUES ($1, 'Lycée André-Marie Ampère', ARRAY['1 rue des Écoles'], 'Caen',
                '+33123456789', 'Mme B.', 1)
            """,
            A,
        )
    await database.close()
