"""What belongs to a school, one of each kind that a route asks for by its id."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

import httpx

from deploy.local.client import Json, School, eventually
from deploy.local.tokens import service_key_file
from shared.rights import SCOPES, Role
from shared.signing import Inspection, Signer
from tests.support.pictures import drawn, encoded
from tests.support.routes import UNKNOWN
from tests.support.system import System

ACADEMIE, DIPLOMA, MEF = "Normandie", "2D-TNE", "24725502031"
VISITOR = "01a20a95-27f1-7233-9408-3d93e472ae06"
"""The account of an inspector."""

TABLES = {
    "diplomes": "code;libelle;mef\n{diploma};Transitions;{mef}\n",
    "inspecteurs": "adresse;nom\nvalery@ac-demo.example;Valéry\n",
    "abonnements": "uai;diplome;debut;fin\n{schools}",
    "referents": "adresse;diplome;uai;debut;fin\nvalery@ac-demo.example;{diploma};;;\n",
}
SECRETS = ("GARDÉ", "DOUBLON", "PROPOSÉ", "Tenu secret", "1931-05-17")
"""What answers to others must not tell: names, a birth date, titles, texts."""


Known = Mapping[str, Sequence[str]]
"""Values by the name under which routes ask for them."""


def of_everyone(system: System, *schools: str, sub: str = UNKNOWN) -> str:
    """The token of someone who may do everything in these schools, and everywhere."""
    roles = list(Role)
    return system.sign(
        {
            "sub": sub,
            "schools": dict.fromkeys(schools, roles),
            "academies": {"*": roles, ACADEMIE: roles},
            "scope": " ".join(SCOPES),
        }
    )


def inspection_of(system: System, uai: str, *mefs: str, diploma: str = DIPLOMA) -> str:
    """What opens the routes for inspections, in one school."""
    signer = Signer.from_file(service_key_file(system.keys, "inspector_access"))
    return signer.inspection(Inspection(viewer=UNKNOWN, uai=uai, diploma=diploma, mefs=mefs))


async def register(system: System, *schools: str) -> None:
    """Have the registry know these schools."""
    headers = {"Authorization": f"Bearer {of_everyone(system)}"}
    url = f"{system.urls['etablissement']}/academies/{ACADEMIE}/schools"
    async with httpx.AsyncClient(headers=headers) as http:
        for uai in schools:
            body = {"uai": uai, "name": "Lycée Jean Monnet", "email": "ce@exemple.fr"}
            made = await http.post(url, json=body, headers={"Idempotency-Key": uai})
            assert made.status_code == 201, made.text


async def ask(school: School, service: str, method: str, path: str, **options: Any) -> Any:
    """What the head, or a module, is answered to a call that succeeds."""
    headers = {"Idempotency-Key": str(uuid4()), **options.pop("headers", {})}
    answer = await school.call(service, method, path, headers=headers, **options)
    assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
    return answer.json() if "json" in answer.headers.get("content-type", "") else answer


async def subscribe(system: System, *schools: str) -> None:
    """Have these schools open one diploma to one inspector, who has signed in."""
    subscribed = "".join(f"{uai};{DIPLOMA};;\n" for uai in schools)
    headers = {"Authorization": f"Bearer {of_everyone(system, *schools)}"}
    async with httpx.AsyncClient(base_url=system.urls["inspector_access"], headers=headers) as http:

        async def known() -> bool:
            told = [await http.get(f"/schools/{uai}/inspector-access") for uai in schools]
            return all(answer.is_success for answer in told)

        await eventually(known, "inspector_access to know the schools")
        for name, content in TABLES.items():
            sent = content.format(diploma=DIPLOMA, mef=MEF, schools=subscribed).encode()
            path = f"/academies/{ACADEMIE}/tables/{name}"
            seen = await http.post(f"{path}/preview", content=sent)
            taken = {"If-Match": seen.headers.get("ETag", "")}
            done = await http.post(path, content=sent, headers=taken)
            assert done.is_success, done.text
    person = {"person": VISITOR, "email": "valery@ac-demo.example", "email_verified": True}
    async with system.client("gateway", "inspector_access") as client:
        assert (await client.post("/sign-in", json=person)).json()["known"]
    for uai in schools:
        async with system.school(uai) as school:
            path = f"/inspector-access/{DIPLOMA}"
            line = await ask(school, "inspector_access", "GET", path)
            read = {"If-Match": f'"{line["version"]}"'}
            await ask(school, "inspector_access", "PUT", path, json={"active": True}, headers=read)


async def enter(school: School, name: str, **more: Any) -> str:
    """A learner whom the office enters; his id."""
    body = {"family_name": name, "first_name": "Zoé", "birth_date": "1931-05-17", "mef": MEF}
    made = await ask(school, "siecle_import", "POST", "/pupils", json=body | more)
    return str(made["id"])


async def leave(school: School) -> str:
    """A learner whom the office has entered, and who has left."""
    pupil = await enter(school, "PROPOSÉ", first_name=f"Zoé {uuid4().hex[:8]}")
    await ask(
        school, "siecle_import", "POST", f"/pupils/{pupil}/departure",
        json={"on": "2026-01-12"}, headers={"If-Match": '"1"'},
    )  # fmt: skip
    return pupil


async def belongings(school: School, other: str) -> dict[str, str]:
    """Have a school own one of each, by the name under which a route asks for it; `other` is the
    school that it offers a learner.
    """
    pupil = await enter(school, "GARDÉ")
    record = await school.write_record(pupil, "bilan", "Tenu secret")
    records = f"/pupils/{pupil}/records/{record['id']}"
    pdf = {"Content-Type": "application/pdf", "Content-Disposition": 'attachment; filename="x.pdf"'}
    attached = await ask(
        school, "dossier", "POST", f"{records}/attachments", content=b"%PDF-1.7\nTenu secret",
        headers=pdf, module=True,
    )  # fmt: skip
    remark = await ask(
        school, "dossier", "POST", f"/pupils/{pupil}/remarks", json={"text": "Tenu secret"}
    )
    return {
        "pupil_id": pupil,
        "record_id": record["id"],
        "attachment_id": attached["id"],
        "remark_id": remark["id"],
        "gone": await leave(school),
        "gone_too": await leave(school),
        "offered": await _offered(school, other),
        **await _merged(school),
        **await _people_and_images(school),
    }


async def _merged(school: School) -> dict[str, str]:
    """A merge of two learners, and two who could be merged."""
    first, second, third, fourth = [
        await enter(school, "DOUBLON", first_name=name) for name in ("Ada", "Ève", "Lise", "Paule")
    ]
    wanted = {"survivor": first, "merged": second, "reason": "double-saisie"}
    made = await ask(school, "siecle_import", "POST", "/merges", json=wanted)
    return {"merge_id": made["id"], "survivor": third, "merged": fourth}


async def _offered(school: School, other: str) -> str:
    """An offer that waits for an answer."""
    pupil = await leave(school)
    body = {"offers": [wish(pupil, other)]}

    async def probe() -> Json | None:
        headers = {"Idempotency-Key": str(uuid4())}
        answer = await school.call("transfer", "POST", "/offers", json=body, headers=headers)
        return answer.json()[0] if answer.is_success else None

    return str((await eventually(probe, "the learner to be offered"))["id"])


def wish(pupil: str, destination: str) -> Json:
    """That a learner is to be offered to a school."""
    paper = {"collected_from": "responsable", "collected_on": "2026-01-12", "paper": "classeur 3"}
    return {"pupil_id": pupil, "destination": destination, "authorisation": paper}


async def _people_and_images(school: School) -> dict[str, str]:
    guest = {"email": f"x-{school.uai}@exemple.fr", "name": "Tenu secret"}
    user, head = await asyncio.gather(
        *(
            ask(school, "etablissement", "POST", "/users", json={**guest, **more})
            for more in (
                {"role": "gestion"},
                {"role": "direction", "email": f"y-{school.uai}@exemple.fr"},
            )
        )
    )
    digests = {}
    for at, kind in enumerate(("logo", "cachet")):
        image = encoded(drawn(size=(60 + int(school.uai[:-1]) % 50, 40 + at)))  # none has another's
        sent = {"Content-Type": "image/png", "If-None-Match": "*"}
        await ask(school, "etablissement", "PUT", f"/{kind}", content=image, headers=sent)
        about = await ask(school, "etablissement", "GET", f"/{kind}/about")
        digests[kind] = about["digest"]
    rights = {"right": user["rights"][0]["id"], "head": head["rights"][0]["id"]}
    return {**rights, **digests}
