"""Records that existed before are loaded from a file; loading it again adds nothing."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID, uuid4

import pytest
from fastapi import Depends, FastAPI
from pydantic import BaseModel

from deploy.local.client import Json
from deploy.local.kept import free_port
from deploy.local.tokens import service_key_file
from services.dossier import loading
from services.dossier.loading import CannotAskError, Outcome, Reason, Refusal, Resolve, Resolver
from services.dossier.store import records
from shared.database import Database
from shared.rights import Action
from shared.security import TokenVerifier, may_as_service
from shared.signing import Signer
from shared.web import problems
from tests.integration.dossier.support import RECORD, come, merge, move
from tests.support.processes import command
from tests.support.pupils import A, B
from tests.support.serving import served

Given = Json | str | bytes


def jsonl(*lines: Given) -> bytes:
    """A file of these lines."""
    return b"\n".join(
        line if isinstance(line, bytes)
        else line.encode() if isinstance(line, str)
        else json.dumps(line, ensure_ascii=False).encode()
        for line in lines
    )  # fmt: skip


async def load(
    base: Database, *lines: Given, resolve: Resolve | None = None
) -> tuple[Outcome, list[Refusal]]:
    outcome, refused = Outcome(), []
    for batch in loading.batches(io.BytesIO(jsonl(*lines))):
        refused += await loading.load(base, batch, resolve, outcome)
    return outcome, refused


async def held(base: Database, pupil_id: UUID) -> list[Any]:
    async with base.connection() as connection:
        return await records.records_of(connection, pupil_id, None, 5000)


@pytest.fixture
async def pupil(base: Database) -> UUID:
    """A learner of A."""
    return await come(base, A)


def line(pupil: UUID, title: str = "Bilan", **changes: Any) -> Json:
    return {"pupil": str(pupil), **RECORD, "title": title, **changes}


async def test_records_are_loaded_as_they_were_written(base: Database, pupil: UUID) -> None:
    body = {"texte": "é", "notes": [1, {"a": None}]}
    outcome, refused = await load(
        base,
        line(pupil, "ici", body=body, diploma="CAP Cuisine"),
        line(pupil, "ailleurs", origin_uai=B),
    )
    assert (outcome.added, outcome.already, refused) == (2, 0, [])
    here, elsewhere = sorted(await held(base, pupil), key=lambda row: row["origin_uai"])
    assert (here["title"], here["origin_uai"], here["body"]) == ("ici", A, body)
    assert (here["diploma"], here["author"], here["version"]) == ("CAP Cuisine", "M. Professeur", 1)
    assert here["written_on"].isoformat() == RECORD["written_on"]
    assert (elsewhere["title"], elsewhere["origin_uai"]) == ("ailleurs", B)


async def test_the_same_lines_again_add_nothing(base: Database, pupil: UUID) -> None:
    lines = [line(pupil, f"n° {n}") for n in range(3)]
    reordered = dict(reversed(list(lines[0].items())))
    first, _ = await load(base, *lines, reordered, line(pupil, " n° 0 ", origin_uai=A))
    assert (first.added, first.already) == (3, 2)
    again, _ = await load(base, *lines)
    assert (again.added, again.already) == (0, 3)
    assert len(await held(base, pupil)) == 3


async def test_thousands_of_lines_go_in_batches_that_loaders_at_once_write_once(
    base: Database, pupil: UUID
) -> None:
    lines = [line(pupil, f"n° {n}") for n in range(2500)]
    outcomes = await asyncio.gather(*(load(base, *lines) for _ in range(2)))
    assert sum(outcome.added for outcome, _ in outcomes) == 2500
    assert sum(outcome.already for outcome, _ in outcomes) == 2500
    assert len(await held(base, pupil)) == 2500


async def test_a_line_that_is_not_one_is_refused_with_the_fields_that_are_wrong(
    base: Database, pupil: UUID
) -> None:
    both = {"uai": A, "ine": "990000001AA"}
    outcome, refused = await load(
        base,
        "{",
        "[]",
        line(pupil, kind="poème", written_on="hier"),
        line(pupil, more="Maëlys"),
        {**RECORD},
        line(pupil, **both),
        {**RECORD, "uai": A},
        line(pupil, origin_uai="9990001A"),
        line(pupil, body={"x": "y" * 300_000}),
        line(pupil, body={"nul": "\x00"}),
        b'{"body": {"x": "\xff"}}',
        "",
        b"x" * (loading.LINE_BYTES + 1),
        line(pupil, "juste"),
    )
    assert refused == [
        Refusal(1, Reason.UNREADABLE),
        Refusal(2, Reason.INVALID),
        Refusal(3, Reason.INVALID, ("kind", "written_on")),
        Refusal(4, Reason.INVALID),
        Refusal(5, Reason.INVALID),
        Refusal(6, Reason.INVALID),
        Refusal(7, Reason.INVALID),
        Refusal(8, Reason.INVALID, ("origin_uai",)),
        Refusal(9, Reason.INVALID, ("body",)),
        Refusal(10, Reason.INVALID, ("body",)),
        Refusal(11, Reason.UNREADABLE),
        Refusal(13, Reason.TOO_LONG),
    ]
    assert outcome.added == 1
    assert outcome.refused == {Reason.UNREADABLE: 2, Reason.INVALID: 9, Reason.TOO_LONG: 1}


async def test_a_learner_who_is_unknown_or_whose_dossier_has_moved_gets_nothing(
    base: Database, pupil: UUID
) -> None:
    await load(base, line(pupil, "avant"))
    there = await come(base, B)
    await move(base, str(pupil), there)
    outcome, refused = await load(
        base, line(uuid4()), line(pupil, "après"), line(pupil, "avant"), line(there, "là-bas")
    )
    assert refused == [Refusal(1, Reason.UNKNOWN_LEARNER), Refusal(2, Reason.MOVED)]
    assert (outcome.added, outcome.already) == (1, 1), "« avant » has moved with the dossier"
    assert {row["title"] for row in await held(base, there)} == {"avant", "là-bas"}


async def test_a_merged_learner_gets_records_as_the_one_he_goes_on_as_once(
    base: Database, pupil: UUID
) -> None:
    survivor = await come(base, A)
    await load(base, line(pupil, "avant"))
    await merge(base, str(pupil), str(survivor))
    for named in (pupil, survivor):
        await load(base, line(named, "avant"), line(named, "après"))
    assert {row["title"] for row in await held(base, survivor)} == {"avant", "après"}
    assert len(await held(base, survivor)) == 2


async def test_a_move_waits_for_the_batch_and_takes_it_along(base: Database, pupil: UUID) -> None:
    there = await come(base, B)
    lines = [line(pupil, f"n° {n}") for n in range(1000)]
    (outcome, refused), _ = await asyncio.gather(load(base, *lines), move(base, str(pupil), there))
    assert (outcome.added + len(refused), await held(base, pupil)) == (1000, [])
    assert len(await held(base, there)) == outcome.added


class Asked(BaseModel):
    learners: list[dict[str, str]]


class Base:
    """Answers as `siecle_import` does, for learners whom it is given by INE."""

    def __init__(self, keys: Path) -> None:
        self.known: dict[str, UUID] = {}
        self.sizes: list[int] = []
        self.failures = 0
        self.url = f"http://127.0.0.1:{free_port()}"
        self.app = FastAPI()
        problems.install(self.app, {})
        self.app.state.runtime = self
        self.tokens = TokenVerifier.from_file(keys / "jwks.json")
        self.app.post("/pupils/resolve")(self.resolve)

    async def resolve(
        self, asked: Asked, _: Annotated[object, Depends(may_as_service(Action.RESOLVE_PUPILS))]
    ) -> Mapping[str, Sequence[UUID | None]]:
        if self.failures:
            self.failures -= 1
            raise OSError
        self.sizes.append(len(asked.learners))
        return {"pupils": [self.known.get(one["ine"]) for one in asked.learners]}


@pytest.fixture
async def siecle(keys: Path) -> AsyncIterator[Base]:
    answering = Base(keys)
    async with served(answering.app, int(answering.url.rpartition(":")[2])):
        yield answering


@pytest.fixture
def resolver(siecle: Base, keys: Path) -> Resolver:
    return Resolver(siecle.url, Signer.from_file(service_key_file(keys, "dossier")))


def by_ine(ine: str, title: str = "Bilan") -> Json:
    return {"uai": A, "ine": ine, **RECORD, "title": title}


async def test_learners_are_found_by_ine_some_hundreds_at_once(
    base: Database, pupil: UUID, siecle: Base, resolver: Resolver
) -> None:
    siecle.known = {f"{n:09d}AA": pupil for n in range(600)}
    lines = [by_ine(f"{n:09d}AA", f"n° {n}") for n in range(600)]
    outcome, refused = await load(
        base, *lines, by_ine("inconnu"), line(pupil, "n° 0"), resolve=resolver
    )
    assert (outcome.added, outcome.already) == (600, 1), "named by id it is the same record"
    assert refused == [Refusal(601, Reason.UNKNOWN_INE)]
    assert siecle.sizes == [500, 101]


async def test_the_pupil_base_is_asked_again_when_it_fails(
    base: Database, pupil: UUID, siecle: Base, resolver: Resolver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(loading, "PAUSE_SECONDS", 0.01)
    siecle.known, siecle.failures = {"1": pupil}, 2
    outcome, _ = await load(base, by_ine("1"), resolve=resolver)
    assert outcome.added == 1
    siecle.failures = 99
    with pytest.raises(CannotAskError):
        await load(base, by_ine("1", "autre"), resolve=resolver)


async def test_a_service_without_the_right_finds_nobody(
    base: Database, siecle: Base, keys: Path
) -> None:
    other = Resolver(siecle.url, Signer.from_file(service_key_file(keys, "transfer")))
    with pytest.raises(CannotAskError):
        await load(base, by_ine("1"), resolve=other)


@pytest.fixture
def environment(database_urls: Mapping[str, str], siecle: Base, keys: Path) -> dict[str, str]:
    return {
        "CPRO_DATABASE_URL": database_urls["dossier"],
        "CPRO_AMQP_URL": "amqp://nobody",
        "CPRO_SIECLE_IMPORT_URL": siecle.url,
        "CPRO_SIGNING_KEY_FILE": str(service_key_file(keys, "dossier")),
    }


async def test_the_command_tells_what_became_of_the_lines(
    base: Database, pupil: UUID, siecle: Base, environment: dict[str, str], tmp_path: Path
) -> None:
    siecle.known = {"990000001AA": pupil}
    file, refused = tmp_path / "anciens.jsonl", tmp_path / "refus.csv"
    file.write_bytes(
        b"\xef\xbb\xbf"
        + jsonl(
            by_ine("990000001AA"), by_ine("990000002BB", "Bilan de Maëlys"), line(pupil, kind="x")
        )
    )
    status, said = await command(
        "dossier", "load", str(file), "--refused", str(refused), environment=environment
    )
    assert status == 1, said
    assert "ajoutées" in said
    assert "refusées : INE inconnu dans cet établissement" in said
    rows = list(csv.reader(refused.open(encoding="utf-8"), delimiter=";"))
    assert rows == [
        ["ligne", "motif", "champs"], ["2", "ine-inconnu", ""], ["3", "ligne-invalide", "kind"],
    ]  # fmt: skip
    for text in (said, refused.read_text()):
        assert "990000002BB" not in text
        assert "Maëlys" not in text
    file.write_bytes(jsonl(by_ine("990000001AA")))
    status, said = await command("dossier", "load", str(file), environment=environment)
    assert (status, len(await held(base, pupil))) == (0, 1), said


async def test_the_command_says_what_is_missing_to_find_learners_by_ine(
    environment: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "anciens.jsonl"
    file.write_bytes(jsonl(by_ine("990000001AA")))
    for missing in ("CPRO_SIECLE_IMPORT_URL", "CPRO_SIGNING_KEY_FILE"):
        less = {name: value for name, value in environment.items() if name != missing}
        status, said = await command("dossier", "load", str(file), environment=less)
        assert status == 1
        assert missing in said
        assert "Traceback" not in said


async def test_the_command_says_that_the_database_is_away(
    environment: dict[str, str], pupil: UUID, tmp_path: Path
) -> None:
    file = tmp_path / "anciens.jsonl"
    file.write_bytes(jsonl(line(pupil)))
    away = {**environment, "CPRO_DATABASE_URL": f"postgresql://x@127.0.0.1:{free_port()}/x"}
    status, said = await command("dossier", "load", str(file), environment=away)
    assert status == 1
    assert "La base de données ne répond pas." in said
    assert "Traceback" not in said
