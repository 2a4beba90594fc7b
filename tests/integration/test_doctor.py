"""The doctor says what a service would lack, and never what it read."""

import json
import os
import sys
from asyncio.subprocess import PIPE, STDOUT, create_subprocess_exec
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest
from joserfc.jwk import OKPKey

from deploy import doctor
from deploy.local import ROOT
from deploy.local.client import eventually
from deploy.local.servers import DEAD_LETTERS_POLICY, Servers
from deploy.local.tokens import service_key_file
from tests.support.system import System


async def examined(service: str, environment: Mapping[str, str]) -> tuple[int | None, str]:
    """The exit status of the doctor, and what it says."""
    process = await create_subprocess_exec(
        sys.executable, "-m", "deploy.doctor", service,
        cwd=ROOT, env={**os.environ, **environment}, stdout=PIPE, stderr=STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    return process.returncode, said.decode()


@pytest.fixture
def environment(system: System) -> dict[str, str]:
    return {
        "CPRO_ENVIRONMENT": "local",
        "CPRO_DATABASE_URL": system.database_urls["transfer"],
        "CPRO_AMQP_URL": system.amqp_url,
        "CPRO_JWKS_FILE": str(system.keys / "jwks.json"),
        "CPRO_SIGNING_KEY_FILE": str(service_key_file(system.keys, "transfer")),
        "CPRO_DOSSIER_URL": system.urls["dossier"],
        "CPRO_SIECLE_IMPORT_URL": system.urls["siecle_import"],
    }


async def test_a_service_that_lacks_nothing_is_told_so(environment: Mapping[str, str]) -> None:
    status, said = await examined("transfer", environment)
    assert status == 0, said
    assert "✗" not in said
    assert "schéma à jour" in said
    assert "file transfer.events : 0" in said
    assert "dossier répond" in said


async def test_what_an_upgrade_must_bring_and_what_waits_is_told(
    environment: Mapping[str, str],
) -> None:
    connection = await asyncpg.connect(environment["CPRO_DATABASE_URL"])
    await connection.execute(
        """
        DELETE FROM _pogo_migration WHERE migration_id LIKE 'transfer-0004%';
        INSERT INTO parked (event_id, envelope, error)
        VALUES (gen_random_uuid(), 'a secret', 'ValueError');
        """
    )
    await connection.close()
    nowhere = {"CPRO_DOSSIER_URL": "http://127.0.0.1:1", "CPRO_AMQP_URL": "amqp://127.0.0.1:1/"}
    status, said = await examined("transfer", {**environment, **nowhere})
    assert status == 1
    assert "✗ migrations à appliquer (« migrate ») : transfer-0004" in said
    assert "✗ événements mis de côté : 1" in said
    assert "✗ dossier ne répond pas" in said
    assert "✗ RabbitMQ" in said
    assert "✓ siecle_import répond" in said
    assert "secret" not in said


async def test_a_key_that_others_do_not_know_is_told(
    environment: Mapping[str, str], tmp_path: Path
) -> None:
    stranger = OKPKey.generate_key("Ed25519", {"kid": "service:transfer"})
    file = tmp_path / "signing.jwk"
    file.write_text(json.dumps(stranger.as_dict(private=True)))
    status, said = await examined("transfer", {**environment, "CPRO_SIGNING_KEY_FILE": str(file)})
    assert status == 1
    assert "✗ la clé de signature manque parmi les publiques" in said
    assert "✗ dossier ne connaît pas notre clé de signature" in said
    assert "✓ dossier répond" in said


@pytest.mark.parametrize(("limit", "mark"), [(20, "✗"), (1_000_000, "✓")])
async def test_a_broker_that_drops_dead_letters_is_told(
    environment: Mapping[str, str], servers: Servers, limit: int, mark: str
) -> None:
    assert servers.rabbitmq_api_url
    vhost = urlsplit(environment["CPRO_AMQP_URL"]).path[1:]
    policy = {**DEAD_LETTERS_POLICY, "definition": {"delivery-limit": limit}}
    queue = f"/api/queues/{vhost}/transfer.dead"
    async with httpx.AsyncClient(base_url=servers.rabbitmq_api_url) as api:
        put = await api.put(f"/api/policies/{vhost}/cpro-dead", json=policy)
        put.raise_for_status()

        async def told() -> bool:
            return bool((await api.get(queue)).json().get("effective_policy_definition"))

        await eventually(told, "the policy to be that of the queue")
    told_api = {**environment, "CPRO_RABBITMQ_API_URL": servers.rabbitmq_api_url}
    status, said = await examined("transfer", told_api)
    assert f"{mark} file transfer.dead : " in said.replace("· file transfer.dead : 0\n", "")
    assert status == (1 if mark == "✗" else 0)


@pytest.mark.parametrize(
    ("version", "limit", "stays"),
    [("3.10.8", None, True), ("4.1.0", None, False), ("4.1.0", -1, True), ("4.1.0", 20, False)],
)
def test_from_version_4_a_broker_drops_them_unless_a_policy_says_otherwise(
    version: str, limit: int | None, stays: bool
) -> None:
    definition = {} if limit is None else {"delivery-limit": limit}
    assert doctor.stays(version, {"effective_policy_definition": definition}) is stays


async def test_settings_that_lack_are_named_without_the_values_of_the_others() -> None:
    told = {"CPRO_DATABASE_URL": "postgresql://x:a-secret@y/z", "CPRO_HTTP_PORT": "a-secret"}
    status, said = await examined("siecle_import", told)
    assert status == 1
    assert "amqp_url" in said
    assert "match_key_file" in said
    assert "http_port" in said
    assert "a-secret" not in said
