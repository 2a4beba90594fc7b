"""The pupil base of a school: search it, and keep the learners whom SIECLE does not tell of."""

import datetime as dt
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Response
from pydantic import AfterValidator, BaseModel, Field, StringConstraints, field_validator

from services.siecle_import import acts
from services.siecle_import.domain import editing
from services.siecle_import.domain import pupils as domain
from services.siecle_import.files.lines import clean_name
from services.siecle_import.folding import fold
from services.siecle_import.identifiers import MEF_LENGTH, Ine, InvalidIne, school_timezone
from services.siecle_import.keys import KeyMaker
from services.siecle_import.preview import why_left
from services.siecle_import.store import looks
from services.siecle_import.store import pupils as store
from services.siecle_import.store.looks import What
from shared.database import Connection
from shared.identifiers import Uai
from shared.rights import Action
from shared.security import Principal, may
from shared.service import RequestRuntime
from shared.web.app import RequestDatabase
from shared.web.preconditions import (
    CHANGED_MEANWHILE,
    creation_key,
    expected_version,
    made_before,
    set_etag,
)
from shared.web.problems import INVALID, Problem, ProblemError

PAGE = 50
BY_IDS = 100
OLDEST = dt.timedelta(days=120 * 366)

router = APIRouter(prefix="/schools/{uai}", tags=["apprenants"])

PROBLEMS = {
    editing.UnknownPupilError: Problem(
        404,
        "apprenant-inconnu",
        "Apprenant inconnu",
        "Cet établissement n'a pas cet apprenant. Cherchez-le dans la base des apprenants.",
    ),
    editing.FromSiecleError: Problem(
        409,
        "fiche-siecle",
        "Fiche tenue par SIECLE",
        "Cette fiche vient de SIECLE : corrigez-la dans SIECLE, puis faites un nouvel import. (De "
        "qui a quitté l'établissement, l'INE peut être corrigé ici.)",
    ),
    editing.AlreadyThereError: Problem(
        409,
        "apprenant-deja-present",
        "Apprenant déjà présent",
        "L'établissement a déjà un apprenant avec cet INE, ou avec les mêmes nom, prénom et date "
        "de naissance : ouvrez sa fiche.",
    ),
    editing.WrongStateError: Problem(
        409,
        "etat-apprenant",
        "Action impossible",
        "L'apprenant est déjà dans cet état, ou sa fiche a été fusionnée : rechargez la page.",
    ),
    acts.ChangedMeanwhileError: CHANGED_MEANWHILE,
    store.UnknownCursorError: Problem(
        409,
        "liste-modifiee",
        "Liste modifiée",
        "La liste a changé pendant la lecture : recommencez à sa première page.",
    ),
}


class Pupil(BaseModel):
    """A learner of the school, as staff know him; `why` says why he is not active."""

    id: UUID
    version: int
    eleve_id: str | None
    family_name: str
    usage_name: str | None
    first_name: str
    birth_date: dt.date
    sex: str | None
    rnie: str | None
    bea: str | None
    ina: str | None
    status: str | None
    mef: str | None
    division: str | None
    previous_uai: str | None
    entry_date: dt.date | None
    exit_date: dt.date | None
    exit_reason: str | None
    source: domain.Source
    active: bool
    since: dt.datetime
    reason: str | None
    why: str | None
    transferred: bool


class PupilPage(BaseModel):
    """Learners; `next` is the cursor of the page that follows, if any."""

    pupils: list[Pupil]
    next: UUID | None


def _cleaned(text: str) -> str:
    """A text on one line, without what cannot be seen."""
    cleaned = clean_name(text)
    if cleaned is None:
        raise ValueError("texte vide")
    return cleaned


Name = Annotated[str, StringConstraints(max_length=100), AfterValidator(_cleaned)]
Text = Annotated[str, StringConstraints(max_length=60), AfterValidator(_cleaned)]


class Description(BaseModel, extra="forbid"):
    """What is entered of a learner; of each shape of INE (RNIE, BEA, apprentissage) one at most."""

    family_name: Name
    usage_name: Name | None = None
    first_name: Name
    birth_date: dt.date
    ine: Annotated[list[Annotated[str, Field(max_length=20)]], Field(max_length=3)] = []
    sex: Literal["M", "F"] | None = None
    status: Text | None = None
    mef: Text | None = None
    division: Text | None = None
    entry_date: dt.date | None = None

    @field_validator("mef")
    @classmethod
    def _mef(cls, mef: str | None) -> str | None:
        if mef is not None and not (len(mef) == MEF_LENGTH and mef.isascii() and mef.isalnum()):
            raise ValueError("code MEF attendu : 11 caractères")
        return mef

    @field_validator("ine")
    @classmethod
    def _ines(cls, texts: list[str]) -> list[str]:
        try:
            ines = [Ine.parse(text) for text in texts]
        except InvalidIne:
            raise ValueError("INE attendu : 11 caractères, chiffres puis lettres") from None
        if len({ine.shape for ine in ines}) < len(ines):
            raise ValueError("deux INE de même forme")
        return [ine.text for ine in ines]

    def told(self) -> dict[str, Any]:
        """The fields of a learner that this describes."""
        shapes = dict.fromkeys(("rnie", "bea", "ina"))
        shapes |= {Ine.parse(text).shape: text for text in self.ine}
        return self.model_dump(exclude={"ine"}) | shapes


class Departure(BaseModel, extra="forbid"):
    """When a learner outside SIECLE has left, and why (code of SIECLE), if known."""

    on: dt.date
    reason: Text | None = None


class Wanted(BaseModel, extra="forbid"):
    """Learners by their ids."""

    ids: Annotated[list[UUID], Field(min_length=1, max_length=BY_IDS)]


class Search(BaseModel, extra="forbid"):
    """What learners are looked for by; what is not given does not matter. `name` holds parts of
    names, without regard to case and accents; `mefs` are the courses of a diploma; `without_ine`
    those who have none, whose records can't follow by themselves (guide, « disposant d'un INE »).
    They are listed by `order`, then by name; a cursor belongs to the order it was given in.
    """

    name: Annotated[str, Field(max_length=100)] | None = None
    ine: Annotated[str, Field(max_length=20)] | None = None
    division: Text | None = None
    mefs: Annotated[list[Text], Field(max_length=500)] | None = None
    active: bool | None = None
    source: domain.Source | None = None
    without_ine: bool = False
    order: store.Order = store.Order.NAME
    descending: bool = False
    after: UUID | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE)] = PAGE

    @field_validator("ine")
    @classmethod
    def _whole_ine(cls, text: str | None) -> str | None:
        try:
            return Ine.parse(text).text if text else None
        except InvalidIne:
            raise ValueError("INE attendu : 11 caractères, chiffres puis lettres") from None

    def wanted(self) -> store.Search:
        """The question to the base."""
        words = tuple(fold(word) for word in (self.name or "").split())
        return store.Search(
            tuple(word for word in words if word),
            self.ine,
            self.mefs,
            self.division,
            self.active,
            self.source,
            self.without_ine,
            self.order,
            self.descending,
        )


def shown(pupil: domain.Pupil, *, transferred: bool) -> Pupil:
    """A learner as staff know him."""
    fields = {name: getattr(pupil, name) for name in Pupil.model_fields if hasattr(pupil, name)}
    return Pupil(**fields, why=why_left(pupil), transferred=transferred)


@router.post("/pupils/search", dependencies=[Depends(may(Action.READ_PUPILS))])
async def search(uai: Uai, wanted: Search, database: RequestDatabase) -> PupilPage:
    """The learners of the school, those who left included. (A POST: what is looked for is personal,
    and stays out of addresses and logs.)
    """
    question = wanted.wanted()
    if wanted.name and not question.name:  # nothing but signs: nobody is called so
        return PupilPage(pupils=[], next=None)
    async with database.connection() as connection:
        rows = await store.search(connection, uai, question, wanted.after, wanted.limit)
    found = [shown(pupil, transferred=transferred) for pupil, transferred in rows]
    return PupilPage(pupils=found, next=found[-1].id if len(found) == wanted.limit else None)


@router.post("/pupils/by-ids", dependencies=[Depends(may(Action.READ_PUPILS))])
async def read_several(uai: Uai, wanted: Wanted, database: RequestDatabase) -> list[Pupil]:
    """Those of these learners whom the school has, merged ones included: who the learners of a list
    of another service are. Who is not of the school is left out.
    """
    async with database.connection() as connection:
        found = await store.pupils(connection, uai, wanted.ids)
        transferred = await store.transferred_since(connection, found, 0)
    return [shown(one, transferred=one.id in transferred) for one in found.values()]


@router.get("/pupils/{pupil_id}")
async def read_pupil(
    uai: Uai,
    pupil_id: UUID,
    caller: Annotated[Principal, Depends(may(Action.READ_PUPILS))],
    runtime: RequestRuntime,
    response: Response,
) -> Pupil:
    """One learner; who was merged is told as well. The look is logged: see `/looks`."""
    async with runtime.database.transaction() as transaction:
        connection = transaction.connection
        found = await answer(connection, uai, pupil_id, response)
        await looks.note(connection, uai, caller.sub, What.PAGE, pupil_id, runtime.clock.now())
        return found


@router.post("/pupils", status_code=201)
async def enter(
    uai: Uai,
    described: Description,
    caller: Annotated[Principal, Depends(may(Action.EDIT_PUPILS))],
    key: Annotated[str, Depends(creation_key)],
    runtime: RequestRuntime,
    response: Response,
) -> Pupil:
    """Enter a learner outside SIECLE."""
    keys, now = KeyMaker.from_settings(runtime.settings), runtime.clock.now()
    _check_day("birth_date", described.birth_date, now, uai)
    content = uai.encode() + described.model_dump_json().encode()
    pupil_id = uuid4()
    async with runtime.database.transaction() as transaction:
        before = await made_before(transaction.connection, caller.sub, key, content, pupil_id)
        if before is None:
            await acts.enter(transaction, uai, pupil_id, described.told(), keys, now)
        return await answer(transaction.connection, uai, before or pupil_id, response)


@router.put("/pupils/{pupil_id}", dependencies=[Depends(may(Action.EDIT_PUPILS))])
async def change(
    uai: Uai,
    pupil_id: UUID,
    described: Description,
    version: Annotated[int, Depends(expected_version)],
    runtime: RequestRuntime,
    response: Response,
) -> Pupil:
    """Describe a learner outside SIECLE anew, or correct the INE of one who has left SIECLE."""
    _check_day("birth_date", described.birth_date, runtime.clock.now(), uai)
    act = partial(editing.change, told=described.told())
    return await _do(uai, pupil_id, version, runtime, response, act)


@router.post("/pupils/{pupil_id}/departure", dependencies=[Depends(may(Action.EDIT_PUPILS))])
async def leave(
    uai: Uai,
    pupil_id: UUID,
    departure: Departure,
    version: Annotated[int, Depends(expected_version)],
    runtime: RequestRuntime,
    response: Response,
) -> Pupil:
    """Deactivate a learner outside SIECLE, who has left."""
    now = runtime.clock.now()
    _check_day("on", departure.on, now, uai)
    act = partial(editing.leave, on=departure.on, reason=departure.reason, now=now)
    return await _do(uai, pupil_id, version, runtime, response, act)


@router.post("/pupils/{pupil_id}/return", dependencies=[Depends(may(Action.EDIT_PUPILS))])
async def come_back(
    uai: Uai,
    pupil_id: UUID,
    version: Annotated[int, Depends(expected_version)],
    runtime: RequestRuntime,
    response: Response,
) -> Pupil:
    """Reactivate a learner who has left, outside SIECLE: he goes on as an apprentice, say."""
    act = partial(editing.come_back, now=runtime.clock.now())
    return await _do(uai, pupil_id, version, runtime, response, act)


def _check_day(field: str, day: dt.date, now: dt.datetime, uai: Uai) -> None:
    """Refuse a day that is not past, or of another century."""
    today = now.astimezone(school_timezone(uai)).date()
    if not today - OLDEST <= day <= today:
        wrong = {"field": f"body.{field}", "message": "date impossible : au plus tard aujourd'hui"}
        raise ProblemError(replace(INVALID, errors=[wrong]))


async def _do(
    uai: Uai, pupil_id: UUID, version: int, runtime: RequestRuntime, response: Response,
    act: acts.Act,
) -> Pupil:  # fmt: skip
    keys = KeyMaker.from_settings(runtime.settings)
    async with runtime.database.transaction() as transaction:
        await acts.change(transaction, uai, pupil_id, version, keys, act)
        return await answer(transaction.connection, uai, pupil_id, response)


async def answer(connection: Connection, uai: Uai, pupil_id: UUID, response: Response) -> Pupil:
    """The learner as he is now, and the version to change him over."""
    found = await store.pupils(connection, uai, [pupil_id])
    if pupil_id not in found:
        raise editing.UnknownPupilError
    transferred = await store.transferred_since(connection, [pupil_id], 0)
    set_etag(response, found[pupil_id].version)
    return shown(found[pupil_id], transferred=bool(transferred))
