"""The command line of operations: schools and administrators."""

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest
from typer.testing import CliRunner, Result

from services.etablissement.__main__ import commands
from tests.support.directory import school, written
from tests.support.registry import A, Registry
from tests.support.system import TODAY


async def run(registry: Registry, monkeypatch: pytest.MonkeyPatch, *words: str) -> Result:
    """Run a command as operations do, beside the running service."""
    monkeypatch.setenv("CPRO_ENVIRONMENT", "local")
    monkeypatch.setenv("CPRO_DATABASE_URL", registry.system.database_urls["etablissement"])
    monkeypatch.setenv("CPRO_AMQP_URL", registry.system.amqp_url)
    monkeypatch.setenv("CPRO_TODAY", str(TODAY))
    monkeypatch.setenv("COLUMNS", "200")
    return await asyncio.to_thread(CliRunner().invoke, commands, list(words))


async def test_operations_import_the_directory_and_look_at_a_school(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "annuaire.csv"
    file.write_bytes(written([school(690001), school(1, Nom_etablissement="")]))
    seen = await run(registry, monkeypatch, "schools", "import", str(file))
    assert "ligne 3 : nom de l'établissement absent" in seen.output
    assert "Rien n'a changé" in seen.output
    assert await registry.database.pool.fetchval("SELECT count(*) FROM school") == 0
    assert await registry.database.pool.fetchval("SELECT count(*) FROM directory_line") == 0
    applied = await run(registry, monkeypatch, "schools", "import", str(file), "--apply")
    assert (applied.exit_code, len(await registry.told())) == (0, 1)
    shown = await run(registry, monkeypatch, "schools", "show", A.lower())
    assert school(690001)["Nom_etablissement"] in shown.output
    assert "Fiche complète" in shown.output
    assert "exploitation:" in shown.output, "who has changed it is told"
    for words in (("show", "0690002A"), ("show", "x"), ("import", str(tmp_path / "none"))):
        assert (await run(registry, monkeypatch, "schools", *words)).exit_code != 0
    file.write_bytes(written([school(690001, Nom_etablissement="Lycée [/x] :fr: [b]")]))
    await run(registry, monkeypatch, "schools", "import", str(file), "--apply")
    shown = await run(registry, monkeypatch, "schools", "show", A)
    assert "Lycée [/x] :fr: [b]" in shown.output, "what a name says is shown, not obeyed"
    file.write_bytes(b"rien")
    refused = await run(registry, monkeypatch, "schools", "import", str(file))
    assert "Colonne absente" in refused.output


async def test_after_a_restore_schools_are_told_again_above_all_that_was_told(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    await registry.has(A)
    [first] = await registry.told()
    for options, version in (((), 1), (("--restored",), 1_000_001)):
        again = await run(registry, monkeypatch, "schools", "republish", *options)
        assert "1 établissements annoncés" in again.output
        assert (await registry.told())[-1] == {**first, "version": version}


async def test_the_first_administrator_is_made_by_command(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = "Admin@ac-lyon.fr"
    for answer in ("droit donné", "droit déjà là"):
        given = await run(registry, monkeypatch, "users", "grant-admin", address)
        assert answer in given.output
    options = ("--academie", "académie de lyon")
    await run(registry, monkeypatch, "users", "grant-admin", address, *options)
    await run(registry, monkeypatch, "users", "grant-admin", "aide@ac-lyon.fr", "--support")
    account = str(uuid4())
    body = {"person": account, "email": address, "email_verified": True, "name": "Alex"}
    known = await registry.service("gateway", "POST", "/sign-in", json=body)
    assert known["academies"] == {"*": ["admin-national"], "Lyon": ["admin-academique"]}
    assert known["name"] == "Alex"
    await registry.has(A)
    path = f"/persons/{account}/rights?uai={A}"
    at_school = await registry.service("gateway", "GET", path)
    assert at_school["roles"] == ["admin-academique", "admin-national"]
    ended = await run(registry, monkeypatch, "users", "end-admin", address)
    assert "1 droit" in ended.output
    known = await registry.service("gateway", "POST", "/sign-in", json=body)
    assert list(known["academies"]) == ["Lyon"]
    listed = await run(registry, monkeypatch, "users", "list", "--uai", A)
    assert listed.exit_code == 0
    wrong = await run(registry, monkeypatch, "users", "grant-admin", "pas-une-adresse")
    assert wrong.exit_code == 2
