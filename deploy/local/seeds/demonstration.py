"""Plays the demonstration's cases through the services' own routes: each state of a transfer once,
told by the name of its learner in `CASES`.
"""

import asyncio
import datetime as dt
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from uuid import uuid4

from deploy.local.client import Json, School, Sign, UnexpectedAnswerError, eventually
from deploy.local.people import CFA, COLLEGE, A, B
from deploy.local.seeds.learners import Learner, elsewhere_born, export, many

CASES: Final[Mapping[str, str]] = {
    "MORVAN": "parti d'Ampère, arrivé à Bréguet : dossier transféré",
    "KELLER": "de même, sans données",
    "LAMBERT": "transféré ; Ampère demande le retour",
    "LEBRUN": "transféré par erreur, annulé par Bréguet",
    "PELTIER": "parti d'Ampère, arrivé nulle part : en attente d'un import",
    "GARNIER": "même INE, autre date de naissance : à examiner",
    "ROUSSEL": "la famille s'oppose",
    "IMBERT": "à Bréguet, toujours actif à Ampère",
    "HAMON": "venue du collège, qui n'a pas activé : dossier attendu",
    "BADIER": "à la main, à transférer",
    "BAHANS": "à la main, à transférer",
    "COLAS": "proposée au CFA, qui n'a pas répondu",
    "DUVAL": "proposé au CFA, accepté",
    "FABRE": "proposée au CFA, refusée",
    "GUÉRIN": "proposé au CFA, retiré",
    "JACQUET": "proposé par le CFA à Ampère, qui n'a pas répondu",
}
"""What each case shows."""

MOVE: Final = tuple(
    Learner(9000 + number, family, first)
    for number, (family, first) in enumerate(
        [("MORVAN", "Inès"), ("KELLER", "Maël"), ("LAMBERT", "Rose"), ("LEBRUN", "Hugo"),
         ("GARNIER", "Noé"), ("ROUSSEL", "Lina")]
    )
)  # fmt: skip
"""Those who leave A and come to B."""

GONE: Final = Learner(9100, "PELTIER", "Jade")
BOTH: Final = Learner(9101, "IMBERT", "Sacha")
FROM_COLLEGE: Final = Learner(9102, "HAMON", "Chloé", previous=COLLEGE)
BY_HAND: Final = tuple(
    Learner(9200 + number, family, first, has_ine=False)
    for number, (family, first) in enumerate(
        [("BADIER", "Samuel"), ("BAHANS", "Thomas"), ("COLAS", "Emma"), ("DUVAL", "Théo"),
         ("FABRE", "Léa"), ("GUÉRIN", "Adam")]
    )
)  # fmt: skip
A_STAY: Final = many(1000, 115)
B_STAY: Final = many(2000, 110)
COLLEGE_STAY: Final = many(3000, 29)
AT_CFA: Final = [Learner(9300, "JACQUET", "Tom", has_ine=False), *many(4000, 30)]
"""With the cases they are 300 learners."""

RECORDS: Final = (
    ("bilan", "Bilan de compétences du premier trimestre"),
    ("fiche", "Fiche d'activité n° 1 : câblage d'une armoire"),
    ("evaluation", "Contrôle en cours de formation n° 1"),
)


class Demonstration:
    """The schools of the demonstration, and what they do."""

    def __init__(self, urls: Mapping[str, str], sign: Sign, now: dt.datetime) -> None:
        self._urls = urls
        self._sign = sign
        self._now = now

    async def play(self) -> bool:
        """Play all cases; whether there was something to do.

        Raises:
            UnexpectedAnswerError, TimeoutError: a service did not do what the story needs.
        """
        async with (
            School(A, self._urls, self._sign) as a,
            School(B, self._urls, self._sign) as b,
            School(CFA, self._urls, self._sign) as cfa,
            School(COLLEGE, self._urls, self._sign) as college,
        ):
            if await a.pupils():
                return False
            await self._before(a, b, cfa, college)
            await self._after(a, b)
            await _by_hand(a, cfa)
            await _later(a, b)
        return True

    async def _before(self, a: School, b: School, cfa: School, college: School) -> None:
        """Bases, records and switches, two days ago."""
        leaving = [*MOVE, GONE, BOTH, *BY_HAND]
        moment = self._now - dt.timedelta(days=2)
        await asyncio.gather(
            _import(a, moment, [*A_STAY, *leaving]),
            _import(b, moment, B_STAY),
            _import(college, moment, [*COLLEGE_STAY, FROM_COLLEGE]),
            *(_enter(cfa, one) for one in AT_CFA),
        )
        writers = [one for one in leaving if one.family != "KELLER"]
        await asyncio.gather(*(_write(a, one.family) for one in writers))
        await asyncio.gather(_write(college, FROM_COLLEGE.family), _write(cfa, "JACQUET"))
        await asyncio.gather(*(one.switch(active=True) for one in (a, b, cfa)))
        opposed = (await _found(a, "ROUSSEL"))["id"]
        await _ask(a, "transfer", "PUT", f"/pupils/{opposed}/opposition")

    async def _after(self, a: School, b: School) -> None:
        """The imports of yesterday: who has left, who has come."""
        moment = self._now - dt.timedelta(days=1)
        came = [elsewhere_born(one) if one.family == "GARNIER" else one for one in MOVE]
        await _import(a, moment, [*A_STAY, BOTH, FROM_COLLEGE])
        await _import(b, moment, [*B_STAY, *came, BOTH])


async def _import(school: School, moment: dt.datetime, learners: Iterable[Learner]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ElevesSansAdresses.xml"
        path.write_bytes(export(school.uai, moment, learners))
        await school.import_file(path)


async def _enter(school: School, one: Learner) -> None:
    body = {
        "family_name": one.family, "first_name": one.first, "birth_date": one.born.isoformat(),
    }  # fmt: skip
    await _ask(school, "siecle_import", "POST", "/pupils", json=body)


async def _found(school: School, family: str) -> Json:
    """The learner of this name."""
    body = {"name": family}
    found = await _ask(school, "siecle_import", "POST", "/pupils/search", json=body)
    one: Json = next(pupil for pupil in found["pupils"] if pupil["family_name"] == family)
    return one


async def _write(school: School, family: str) -> None:
    pupil = (await _found(school, family))["id"]
    for kind, title in RECORDS:
        await school.write_record(pupil, kind, title)


async def _by_hand(a: School, cfa: School) -> None:
    """The guide's situation 2, each of its ends once."""
    await _offered(a, "COLAS", CFA)
    accepted = await _offered(a, "DUVAL", CFA)
    headers = {"Cpro-Ticket": await _ticket(cfa, accepted, "create")}
    path = f"/offers/{accepted}/learner"
    made = await _ask(cfa, "siecle_import", "POST", path, headers=headers)
    path = f"/offers/{accepted}/acceptance"
    await _ask(cfa, "transfer", "POST", path, json={"pupil_id": made["id"]})
    path = f"/offers/{await _offered(a, 'FABRE', CFA)}/refusal"
    await _ask(cfa, "transfer", "POST", path, json={"because": "not-enrolled"})
    await _ask(a, "transfer", "DELETE", f"/offers/{await _offered(a, 'GUÉRIN', CFA)}")
    leaver = await _found(cfa, "JACQUET")
    await _ask(
        cfa, "siecle_import", "POST", f"/pupils/{leaver['id']}/departure",
        json={"on": leaver["since"][:10]}, headers={"If-Match": f'"{leaver["version"]}"'},
    )  # fmt: skip
    await _offered(cfa, "JACQUET", A)


async def _ticket(school: School, offer: str, purpose: str) -> str:
    issued = await _ask(school, "transfer", "POST", f"/offers/{offer}/ticket/{purpose}")
    ticket: str = issued["ticket"]
    return ticket


async def _offered(school: School, family: str, destination: str) -> str:
    """An offer, as soon as `transfer` has heard that the learner has left."""
    pupil = await _found(school, family)
    authorisation = {
        "collected_from": "responsable", "collected_on": pupil["since"][:10],
        "paper": "classeur 3",
    }  # fmt: skip
    wish = {
        "pupil_id": pupil["id"], "destination": destination, "authorisation": authorisation,
    }  # fmt: skip
    key = {"Idempotency-Key": str(uuid4())}

    async def probe() -> str | None:
        answer = await school.call(
            "transfer", "POST", "/offers", json={"offers": [wish]}, headers=key
        )
        return str(answer.json()[0]["id"]) if answer.is_success else None

    return await eventually(probe, f"the offer of a learner of {school.uai}")


async def _later(a: School, b: School) -> None:
    """What people decide once records have moved."""
    taken_back = await _closed(b, "LEBRUN")
    path = f"/transfers/{taken_back}/reversal"
    await _ask(b, "transfer", "POST", path, json={"because": "wrong-school"})
    asked = await _closed(b, "LAMBERT")
    path = f"/transfers/{asked}/return"
    await _ask(a, "transfer", "POST", path, json={"because": "family-request"})


async def _closed(school: School, family: str) -> str:
    """The closed transfer of a learner who has come."""
    pupil = (await _found(school, family))["id"]

    async def probe() -> str | None:
        for one in await school.transfers():
            if one["state"] == "closed" and one["pupil_id"] == pupil:
                return str(one["id"])
        return None

    return await eventually(probe, f"a closed transfer to {school.uai}")


async def _ask(school: School, service: str, method: str, path: str, **options: Any) -> Json:
    """A call of the head that succeeds."""
    headers = {"Idempotency-Key": str(uuid4()), **options.pop("headers", {})}
    answer = await school.call(service, method, path, headers=headers, **options)
    if not answer.is_success:
        raise UnexpectedAnswerError(f"{method} {path}: {answer.status_code} {answer.text}")
    told: Json = answer.json() if answer.content else {}
    return told
