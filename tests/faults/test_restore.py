"""The drill of docs/restore.md: one database goes back to an earlier moment while the others have
gone on; the commands given there bring the system to where nothing is lost that can be known.
"""

import secrets
from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import pytest

from deploy.local.client import School, Sign, eventually
from deploy.local.stack import SERVICES
from deploy.local.tokens import service_key_file
from deploy.local.tokens import signer as make_signer
from services.dossier.__main__ import service as dossier
from services.siecle_import.__main__ import service as siecle_import
from services.transfer.__main__ import service as transfer
from shared.signing import Signer
from tests.support.restores import LONG, Drill
from tests.support.siecle import export
from tests.support.system import System

pytestmark = pytest.mark.long

A, B, C = "9990001X", "9990002Y", "9990003Z"


@pytest.fixture
def drill(
    database_urls: Mapping[str, str], vhost: str, keys: Path, sign: Sign, tmp_path: Path
) -> Drill:
    return Drill(database_urls, vhost, keys, sign, tmp_path)


class Country:
    """Three schools and what they import; pupils are numbers."""

    def __init__(self, system: System, folder: Path) -> None:
        self.system = system
        self.folder = folder

    async def __aenter__(self) -> "Country":
        self._stack = AsyncExitStack()
        schools = [await self._stack.enter_async_context(self.system.school(u)) for u in (A, B, C)]
        self.a, self.b, self.c = schools
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def imports(self, school: School, day: int, *pupils: int) -> None:
        file = self.folder / f"{school.uai}-{day}.xml"
        await school.import_file(export(file, school.uai, f"{day:02d}/01/2026 08:00:00", pupils))

    async def writes(self, school: School, pupil: int, title: str) -> None:
        await school.write_record((await school.pupil(f"NOM{pupil}"))["id"], "fiche", title)

    async def moved(self, school: School, transfers: int) -> None:
        """Wait until so many transfers from and to a school are closed or reversed."""

        async def probe() -> bool:
            found = await school.transfers()
            ended = [t for t in found if t["state"] in ("closed", "reversed")]
            return len(found) == len(ended) == transfers

        await eventually(probe, f"{transfers} transfers of {school.uai}", seconds=LONG)


async def before(country: Country) -> None:
    """What every backup of these tests holds: seven learners of A, a record about each."""
    await country.imports(country.a, 2, *range(1, 8))
    await country.imports(country.b, 2, 20)
    await country.imports(country.c, 2, 30)
    for pupil in range(1, 8):
        await country.writes(country.a, pupil, f"de A sur {pupil}")
    for school in (country.a, country.b, country.c):
        await school.switch(active=True)


async def since(country: Country, drill: Drill) -> None:
    """What happens after the backups: 1 goes to B and on to C, and his card in A is erased; 2 goes
    to B, which gives him back; 3 goes to B and comes back to A, his dossier stays in B; 4 and 5
    were one person; 6 goes to B. 7 stays.
    """
    a, b, c = country.a, country.b, country.c
    first = (await a.pupil("NOM1"))["id"]
    await country.imports(a, 5, 4, 5, 7)
    await country.imports(b, 6, 1, 2, 3, 6, 20)
    await country.moved(b, 4)
    await country.writes(b, 1, "de B sur 1")
    [back] = [t for t in await a.transfers() if t["pupil_id"] == (await a.pupil("NOM2"))["id"]]
    why = {"because": "wrong-school"}
    done = await b.call("transfer", "POST", f"/transfers/{back['id']}/reversal", json=why)
    assert done.status_code == 202, done.text
    await country.moved(b, 5)
    await country.imports(a, 7, 3, 4, 5, 7)
    await country.imports(b, 8, 2, 3, 6, 20)
    await country.imports(c, 9, 1, 30)
    await country.moved(c, 1)
    pair = {"survivor": (await a.pupil("NOM4"))["id"], "merged": (await a.pupil("NOM5"))["id"]}
    merge = {**pair, "reason": "double-saisie"}
    key = {"Idempotency-Key": "merge"}
    done = await a.call("siecle_import", "POST", "/merges", json=merge, headers=key)
    assert done.status_code == 201, done.text
    await drill.settled()
    await drill.operate("siecle_import", "erase", "--uai", A, "--pupil", first)
    await drill.operate("siecle_import", "erase", "--export-trace", str(drill.folder / "trace"))
    await drill.settled()


PLACES = {
    "de A sur 1": C,
    "de B sur 1": C,
    "de A sur 2": A,
    "de A sur 3": B,
    "de A sur 4": A,
    "de A sur 5": A,
    "de A sur 6": B,
    "de A sur 7": A,
}


async def goes_on(country: Country, drill: Drill) -> None:
    """Afterwards the system works: 6 goes on to C, 7 from A to B."""
    await country.imports(country.a, 12, 3, 4, 5)
    await country.imports(country.b, 13, 2, 3, 7, 20)
    await country.imports(country.c, 14, 1, 6, 30)
    await drill.settled()

    async def moved() -> bool:
        places = await drill.places()
        return (places["de A sur 6"], places["de A sur 7"]) == (C, B)

    await eventually(moved, "6 to be in C and 7 in B")
    await drill.settled()


async def transfers(drill: Drill) -> set[tuple[object, ...]]:
    rows = await drill.ask("transfer", """
        SELECT id, state, kind, reverses, origin_pupil, origin_stay, destination_pupil,
            counts::text FROM transfer""")  # fmt: skip
    return {tuple(row) for row in rows}


async def told_again(drill: Drill) -> None:
    """The last steps, the same after a restore of `transfer` and of `dossier`."""
    await drill.operate("siecle_import", "republish")
    await drill.operate("siecle_import", "erase", "--replay", str(drill.folder / "trace"))
    await drill.settled()
    assert await drill.operate("transfer", "reconcile", "--all") == (
        "0 transferts ouverts ou retirés.\n"
    )


async def test_dossier_is_restored_to_before_moves_reversals_returns_merges_and_erasures(
    drill: Drill,
) -> None:
    async with drill.run() as system, Country(system, drill.folder) as country:
        await before(country)
        await drill.back_up("dossier")
        await since(country, drill)
        assert await drill.places() == PLACES
    known = await transfers(drill)
    async with drill.run([siecle_import, transfer]):
        await drill.restore("dossier")
        assert set((await drill.places()).values()) == {A}
        said = await drill.operate("dossier", "catch-up")
    assert "6 décisions reprises" in said
    lost = [line for line in said.splitlines() if line.startswith("Documents perdus")]
    assert len(lost) == 1
    assert f"({B} → {C}) : 1 fiche." in lost[0]
    async with drill.run() as system, Country(system, drill.folder) as country:
        await told_again(drill)
        assert await drill.places() == {t: p for t, p in PLACES.items() if t != "de B sur 1"}
        assert await transfers(drill) == known
        await goes_on(country, drill)


async def test_transfer_is_restored_to_before_closings_and_reversals(drill: Drill) -> None:
    async with drill.run() as system, Country(system, drill.folder) as country:
        await before(country)
        await drill.back_up("transfer")
        await since(country, drill)
    known = await transfers(drill)
    async with drill.run([siecle_import, dossier]):
        await drill.restore("transfer")
        assert await transfers(drill) == set()
        said = await drill.operate("transfer", "catch-up")
        assert "À ressaisir" in said
    async with drill.run() as system, Country(system, drill.folder) as country:
        await told_again(drill)
        assert await drill.places() == PLACES
        lost = {one for one in known if one not in await transfers(drill)}
        assert lost == set()
        await goes_on(country, drill)


async def test_siecle_import_is_restored_to_before_imports_merges_and_erasures(
    drill: Drill,
) -> None:
    async with drill.run() as system, Country(system, drill.folder) as country:
        await before(country)
        await drill.back_up("siecle_import")
        await since(country, drill)
    async with drill.run([transfer, dossier]):
        await drill.restore("siecle_import")
        trace = str(drill.folder / "trace")
        await drill.operate("siecle_import", "erase", "--replay", trace)
        said = await drill.operate("siecle_import", "catch-up")
        await drill.operate("siecle_import", "republish", "--restored")
    for uai, day in ((A, 7), (B, 8), (C, 9)):
        assert f"À importer de nouveau : {uai}, export du {day:02d}/01/2026 07:00 UTC" in said
    assert said.count("Fusion à refaire") == 1
    assert said.count("Apprenant perdu (inscrit)") == 4, "1 in C; 2, 3 and 6 in B"
    assert said.count("Apprenant perdu (sorti)") == 1, "1 in B"
    async with drill.run() as system, Country(system, drill.folder) as country:
        await country.imports(country.a, 7, 3, 4, 5, 7)
        await country.imports(country.b, 8, 2, 3, 6, 20)
        await country.imports(country.c, 9, 1, 30)
        await drill.settled(lost=1)
        left = str(drill.folder / "left")
        said = await drill.operate("siecle_import", "catch-up", "--left", left)
        assert "0 apprenants retrouvés." in said, "the imports have brought them"
        assert f"Apprenant perdu (sorti) : {B}, " in said
        assert "(inscrit)" not in said
        await drill.operate("siecle_import", "erase", "--replay", left)
        await drill.settled()
        assert "0 apprenants retrouvés." in await drill.operate("siecle_import", "catch-up")
        assert await drill.places() == PLACES
        await country.writes(country.a, 3, "de A sur 3, revenu")
        await goes_on(country, drill)
        await country.imports(country.a, 15, 4, 5)
        await country.imports(country.b, 16, 2, 7, 20)
        await country.imports(country.c, 17, 1, 3, 6, 30)
        await drill.settled()

        async def all_in_c() -> bool:
            places = await drill.places()
            return {places["de A sur 3"], places["de A sur 3, revenu"]} == {C}

        await eventually(all_in_c, "both records of 3 to be in C")


async def test_transfer_is_restored_to_between_a_request_and_its_answer(drill: Drill) -> None:
    async with drill.run() as system, Country(system, drill.folder) as country:
        await before(country)
    without = [siecle_import, transfer]
    async with drill.run(without) as system, Country(system, drill.folder) as country:
        await country.imports(country.a, 5, *range(1, 7))
        await country.imports(country.b, 6, 7, 20)
        await eventually(partial(_requested, drill), "the request")
        await drill.back_up("transfer")
    async with drill.run():
        await drill.settled()
    known = await transfers(drill)
    async with drill.run([siecle_import, dossier]):
        await drill.restore("transfer")
        assert "1 transferts repris" in await drill.operate("transfer", "catch-up")
    async with drill.run():
        await drill.settled()
        assert await transfers(drill) == known
        assert (await drill.places())["de A sur 7"] == B


async def _requested(drill: Drill) -> bool:
    return bool(await drill.ask("transfer", "SELECT FROM transfer WHERE state = 'requested'"))


async def test_all_secrets_are_lost_and_made_anew(drill: Drill, tmp_path: Path) -> None:
    async with drill.run() as system, Country(system, drill.folder) as country:
        await before(country)
        former = Signer.from_file(service_key_file(drill.keys, "dossier"))
    (tmp_path / "new").mkdir()
    signer = make_signer(tmp_path / "new", SERVICES)
    drill.keys, drill.sign = tmp_path / "new", signer.token
    (drill.keys / "match.key").write_bytes(secrets.token_bytes(32))
    async with drill.run(more={"siecle_import": {"match_key_version": 2}}) as system:
        path = "/restores/moves?since=2026-01-01T00:00:00Z"
        async with former.client(system.urls["transfer"]) as client:
            assert (await client.get(path)).status_code == 401
        async with system.client("dossier", "transfer") as client:
            assert (await client.get(path)).status_code == 200
        await drill.operate("siecle_import", "republish", CPRO_MATCH_KEY_VERSION="2")
        async with Country(system, drill.folder) as country:
            await country.imports(country.a, 5, *range(1, 7))
            await country.imports(country.b, 6, 7, 20)
            await country.moved(country.b, 1)
        await drill.settled()
        assert (await drill.places())["de A sur 7"] == B
