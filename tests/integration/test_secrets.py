"""Secrets come from variables or files and go nowhere; logs tell no value of what failed."""

import json
import traceback
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest
from pydantic import ValidationError

from deploy.local.client import Sign, eventually
from deploy.local.tokens import service_key_file
from docs.reference import SERVICES, service
from shared.service import Service
from tests.integration.test_story import A
from tests.support.processes import command, processes

SECRET = "mot-de-passe-à-taire-7c1"
QUOTED = "mot-de-passe-%C3%A0-taire-7c1"
DATABASE = f"postgresql://cpro:{QUOTED}@127.0.0.1:1/cpro"
BROKER = f"amqp://cpro:{QUOTED}@127.0.0.1:1/cpro"
REFUSED: Mapping[str, Mapping[str, str]] = {
    "a setting is missing": {"CPRO_DATABASE_URL": DATABASE, "CPRO_SMTP_PASSWORD": SECRET},
    "a day is fixed in production": {
        "CPRO_DATABASE_URL": DATABASE,
        "CPRO_AMQP_URL": BROKER,
        "CPRO_TODAY": "2026-01-20",
        "CPRO_SMTP_PASSWORD": SECRET,
        "CPRO_OIDC_CLIENT_SECRET": SECRET,
    },
    "a setting is none": {
        "CPRO_DATABASE_URL": DATABASE, "CPRO_AMQP_URL": BROKER, "CPRO_HTTP_PORT": "x",
    },
}  # fmt: skip


def told(said: str) -> set[str]:
    """The secrets that stand in a text."""
    return {secret for secret in (SECRET, QUOTED, "taire-7c1") if secret in said}


@pytest.mark.parametrize("why", REFUSED)
@pytest.mark.parametrize("name", SERVICES)
def test_settings_that_are_refused_show_no_other(
    name: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in REFUSED[why].items():
        monkeypatch.setenv(variable, value)
    with pytest.raises(ValidationError) as refused:
        service(name).settings()
    assert told("".join(traceback.format_exception(refused.value))) == set()


async def test_a_service_that_is_refused_its_settings_shows_none() -> None:
    environment = REFUSED["a day is fixed in production"]
    status, said = await command("transfer", "serve", environment=environment)
    assert (status, "CPRO_TODAY est refusé en production" in said) == (1, True), said
    assert told(said) == set()


async def test_migrate_that_finds_no_database_shows_no_password() -> None:
    environment = {"CPRO_DATABASE_URL": DATABASE, "CPRO_AMQP_URL": BROKER}
    status, said = await command("transfer", "migrate", environment=environment)
    assert status != 0
    assert told(said) == set()


async def test_secrets_are_read_from_files(
    new_database: Callable[[Service], Awaitable[str]], tmp_path: Path
) -> None:
    url = await new_database(service("notifier"))
    (tmp_path / "cpro_database_url").write_text(url)
    (tmp_path / "cpro_amqp_url").write_text(BROKER)
    environment = {"CPRO_SECRETS_DIR": str(tmp_path)}
    assert await command("notifier", "parked", "list", environment=environment) == (0, "")


def secrets_of(url: str, keys: Path) -> set[str]:
    """What the logs of a service must not hold: its password, its private keys."""
    password = urlsplit(url).password
    assert password
    private = json.loads(service_key_file(keys, "siecle_import").read_text())["d"]
    return {password, private}


async def test_a_service_logs_neither_secrets_nor_what_it_fails_on(
    new_database: Callable[[Service], Awaitable[str]],
    vhost: str,
    keys: Path,
    sign: Sign,
    tmp_path: Path,
) -> None:
    url = await new_database(service("siecle_import"))
    parts = urlsplit(vhost)
    refused = urlunsplit(
        parts._replace(netloc=f"{parts.username}:{QUOTED}@{parts.hostname}:{parts.port}")
    )
    more = {
        "CPRO_SIGNING_KEY_FILE": str(service_key_file(keys, "siecle_import")),
        "CPRO_STOP_SECONDS": "2",  # it still waits for the broker then
    }
    base = await asyncpg.connect(url)
    await base.execute(
        """
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'Key (family_name)=(%) is refused', NEW.family_name; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON pupil FOR EACH ROW EXECUTE FUNCTION refuse();
        """
    )
    async with processes({"siecle_import": url}, refused, keys, sign, tmp_path, more) as running:
        log = tmp_path / "siecle_import.log"
        async with running.school(A) as school:
            body = {"family_name": "MUTÉ", "first_name": "Maëlys", "birth_date": "2009-03-14"}
            answer = await school.call(
                "siecle_import", "POST", "/pupils", json=body,
                headers={"Idempotency-Key": str(uuid4())},
            )  # fmt: skip
        assert answer.status_code == 500
        assert "MUTÉ" not in answer.text

        async def both_told() -> bool:
            said = log.read_text()
            return "RaiseError" in said and "onnection" in said

        await eventually(both_told, "the log to tell of both failures")
        await running.stop("siecle_import")
        said = log.read_text()
    await base.close()
    assert told(said) == set()
    for hidden in ("MUTÉ", "Maëlys", "2009-03-14", *secrets_of(url, keys)):
        assert hidden not in said
