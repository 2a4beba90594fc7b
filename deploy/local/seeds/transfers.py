"""Transfers of the demonstration, a case of each state: two lycées that import from SIECLE, and a
training centre that does not. Learners whom the guide names stand in the list by hand.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from deploy.local.client import School, Sign, UnexpectedAnswerError
from deploy.local.people import CENTRE, LEFT, RECEIVED
from deploy.local.seeds.exports import Learner, imported

SERVICES: Final = frozenset({"siecle_import", "transfer", "dossier"})
MOVED: Final = Learner(1, "MUTÉ", "Maëlys")
DOUBTFUL: Final = Learner(3, "ROUX", "Tom")
OTHER_BIRTH: Final = replace(DOUBTFUL, birth="15/03/2009")
"""He, as the other school knows him."""
STAYS: Final = Learner(4, "GARNIER", "Eva")
WITHOUT_INE: Final = Learner(5, "NOËL", "Sacha", has_ine=False)
WAITS: Final = Learner(8, "FAURE", "Inès")
OTHER_COURSE: Final = Learner(9, "LEROY", "Hugo", division="1MSPC", mef="24725007032")
NEIGHBOUR: Final = Learner(20, "PETIT", "Noé")
BY_HAND: Final = (("BADIER", "Samuel"), ("BAHANS", "Thomas"))
RECORDS: Final = (("bilan", "Bilan du premier trimestre"), ("fiche", "Fiche d’activité n° 1"))


async def seed(urls: Mapping[str, str], sign: Sign, today: dt.date) -> None:
    """Play September and this month. Done twice it changes nothing."""
    async with (
        School(LEFT, urls, sign) as left,
        School(RECEIVED, urls, sign) as received,
        School(CENTRE, urls, sign) as centre,
    ):
        if await left.pupils():
            return
        await _autumn(left, received, today - dt.timedelta(days=40))
        for school in (left, received, centre):
            await school.switch(active=True)
        await _this_month(left, received, today - dt.timedelta(days=8))
        await left.closed_transfer()


async def _autumn(left: School, received: School, exported: dt.date) -> None:
    everyone = (MOVED, DOUBTFUL, STAYS, WITHOUT_INE, WAITS, OTHER_COURSE)
    await imported(left, everyone, exported)
    await imported(received, (NEIGHBOUR,), exported)
    for learner in (MOVED, STAYS):
        pupil = (await left.pupil(learner.family_name))["id"]
        for kind, title in RECORDS:
            await left.write_record(pupil, kind, title)


async def _this_month(left: School, received: School, exported: dt.date) -> None:
    for family_name, first_name in BY_HAND:
        await entered_and_left(left, family_name, first_name, exported)
    await imported(left, (STAYS, OTHER_COURSE), exported)
    arrived = (NEIGHBOUR, MOVED, OTHER_BIRTH)
    await imported(received, arrived, exported + dt.timedelta(days=1))


async def entered_and_left(school: School, family_name: str, first_name: str, on: dt.date) -> str:
    """Have a learner outside SIECLE entered, with a record, and leave on a day; his id."""
    described = {
        "family_name": family_name, "first_name": first_name, "birth_date": "2009-05-02",
        "division": "CAP1",
    }  # fmt: skip
    key = str(uuid5(NAMESPACE_URL, f"{school.uai} {family_name}"))
    pupil = await _done(school, "/pupils", described, {"Idempotency-Key": key})
    await school.write_record(pupil["id"], "bilan", "Bilan d’entrée en formation")
    left = {"If-Match": f'"{pupil["version"]}"'}
    path = f"/pupils/{pupil['id']}/departure"
    await _done(school, path, {"on": on.isoformat()}, left)
    return str(pupil["id"])


async def _done(
    school: School, path: str, body: Mapping[str, Any], headers: Mapping[str, str]
) -> dict[str, Any]:
    answer = await school.call("siecle_import", "POST", path, json=body, headers=dict(headers))
    if answer.is_error:
        raise UnexpectedAnswerError(f"{path}: {answer.status_code} {answer.text}")
    found: dict[str, Any] = answer.json()
    return found
