"""The visit: who asks for a page, in which school, with what rights. Every page begins with it.

`visiting(action)` for pages, `posting(action)` for forms, `uploading(action)` for forms with a
file: the last two check the form's token, and that the form was made for the school of the session.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from services.gateway import entering
from services.gateway.clients import naming
from services.gateway.clients.services import Calls, RefusedError, ServiceDownError
from services.gateway.domain.names import Names
from services.gateway.domain.sessions import Session
from services.gateway.parts import Parts, parts_of, runtime_of
from services.gateway.settings import GatewaySettings
from services.gateway.store import sessions as store
from services.gateway.web import frame, limits, tabs
from services.gateway.web.patience import Patience
from services.gateway.web.uploads import Upload
from shared.identifiers import Uai
from shared.rights import Action
from shared.security import Principal

T = TypeVar("T")

CSRF = "csrf"
SCHOOL = "pour"
"""The fields that every form has: its token, and the school that it was made for."""

SENT_ON = ("version", "key")
"""The fields that services are sent as headers."""

LOOKED_UP = Action.READ_PUPILS
"""What forms only read. All others ask for rights anew where these live, so that someone whose
right has just ended changes nothing (ADR 61).
"""

CHANGED_MEANWHILE = 412
"""The status by which a service tells that someone else has saved in the meantime."""


class SignInNeededError(Exception):
    """Nobody is signed in, or not any more."""


class ChoiceNeededError(Exception):
    """The page is about a school and none is chosen."""


class NotAllowedError(Exception):
    """The person may not do this in this school."""


class StaleFormError(Exception):
    """A form without the token of this session, or with fields that no form of ours has."""


class OtherSchoolError(Exception):
    """A form made for another school than the session is about now."""


@dataclass(frozen=True, slots=True)
class Down:
    """A part of a page whose service does not answer; `service` is empty if it was too slow."""

    service: str = ""


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of someone who is signed in."""

    request: Request
    parts: Parts
    session: Session
    person: Principal
    calls: Calls
    form: FormData | None = None
    upload: Upload | None = None
    patience: Patience = field(default_factory=Patience)

    @property
    def uai(self) -> str | None:
        """The school that the session is about."""
        return self.session.school.uai if self.session.school else None

    @property
    def school(self) -> str:
        """The path of the school in the services: `/schools/{uai}`."""
        return f"/schools/{self.uai}"

    def may(self, action: Action) -> bool:
        """Whether the person may do this here: what a template shows follows it."""
        return self.uai is not None and self.person.may(action, Uai(self.uai))

    def text(self, name: str) -> str:
        """A field of the form, trimmed; empty if it was not sent."""
        value = self.form.get(name) if self.form is not None else None
        return value.strip() if isinstance(value, str) else ""

    def lost(self, action: str) -> str:
        """The name of the file that was sent to `action` and is to be chosen again if it is wanted:
        a browser keeps none when the answer is a page of its own. Empty without one.
        """
        if self.upload is None or self.request.url.path != action:
            return ""
        return "" if frame.is_enhanced(self.request) else self.upload.filename

    async def names(
        self,
        *,
        learners: Iterable[str | None] = (),
        schools: Iterable[str] = (),
        staff: Iterable[str | None] = (),
    ) -> Names:
        """Who these learners of the school, these schools and these accounts are."""
        uai = self.uai or ""
        until = self.patience.until()
        return await naming.names(
            self.calls, uai, until, learners=learners, schools=schools, staff=staff
        )

    async def part(self, value: Awaitable[T]) -> T | Down:
        """A part of a page; that its service does not answer in time leaves the other parts as they
        are.
        """
        try:
            async with asyncio.timeout_at(self.patience.until()):
                return await value
        except ServiceDownError as error:
            return Down(error.service)
        except TimeoutError:
            return Down()

    async def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """The page; it tells what the request before it left to be told."""
        flash = self.session.flash
        told = {"visit": self, "badges": await self._badges(), "flash": flash, **values}
        answer = frame.answer(self.request, template, status, **told)
        if flash:
            async with runtime_of(self.request).database.connection() as connection:
                await store.drop_flash(connection, self.session.id_hash, flash)
        return answer

    async def refused(self, template: str, error: RefusedError, **values: Any) -> Response:
        """The form again, with what a service has found wrong, on top and by field."""
        status = error.status if error.status in (409, 412, 413, 422) else 422
        if status == CHANGED_MEANWHILE:
            error.detail = (
                "Quelqu'un d'autre vient d'enregistrer une modification ; la vôtre n'a pas été "
                "enregistrée. Vérifiez ce que montre la page, puis validez de nouveau pour "
                "l'enregistrer quand même."
            )
        return await self.page(template, status, errors=error.fields, refusal=error, **values)

    def version_after(self, error: RefusedError, now: str) -> str:
        """The version for the form that is shown again: the one that was read, unless the person
        has just been told that there is another `now`.
        """
        return now if error.status == CHANGED_MEANWHILE else self.text("version")

    async def redirect(self, path: str, text: str = "", kind: str = "success") -> Response:
        """Go to another page after a form; it tells `text` (`success`, `info`, `warning`). What
        waits for the school is asked anew there.
        """
        self.parts.to_do.forget(self.uai)
        if text:
            told = [{"kind": kind, "text": text}]
            async with runtime_of(self.request).database.connection() as connection:
                await store.set_flash(connection, self.session.id_hash, told)
        return RedirectResponse(path, 303)

    async def _badges(self) -> Mapping[str, int]:
        """The numbers on the tabs, by path; none while nobody tells them."""
        if self.uai is None or not self.may(Action.SEE_TRANSFERS):
            return {}
        return tabs.badges(await self.parts.to_do.of(self.uai, self.calls) or {})


def cookie_name(settings: GatewaySettings, suffix: str = "") -> str:
    """The name of a cookie of ours: in production bound to this host and to https."""
    return f"{'__Host-' if settings.secure else ''}cpro{suffix}"


async def signed_in(request: Request) -> Visit:
    """The visit of whoever is signed in.

    Raises:
        SignInNeededError
        UnknownPersonError, ServiceDownError: as `entering.resume`.
    """
    return await _visit(request)


async def _visit(request: Request, *, anew: bool = False) -> Visit:
    parts, runtime = parts_of(request), runtime_of(request)
    cookie = request.cookies.get(cookie_name(parts.settings))
    session = cookie and await entering.resume(
        runtime.database, parts.knowers, cookie, runtime.clock.now(), anew=anew
    )
    if not session:
        raise SignInNeededError
    person = _principal(session)
    visit = Visit(request, parts, session, person, parts.services.of(person))
    request.state.visit = visit
    return visit


async def perhaps_signed_in(request: Request) -> Visit | None:
    """The visit for pages that everyone may see: whoever is signed in keeps header and tabs."""
    try:
        return await signed_in(request)
    except (SignInNeededError, entering.UnknownPersonError, ServiceDownError):
        return None


def _principal(session: Session) -> Principal:
    school, rights = session.school, session.rights
    return Principal(
        sub=str(session.account.person),
        name=rights.name,
        function=rights.function,
        schools={Uai(school.uai): school.roles} if school else {},
        academies=rights.everywhere,
    )


def visiting(
    action: Action | None = None, *, anywhere: bool = False
) -> Callable[..., Awaitable[Visit]]:
    """A dependency of pages: the visit of someone who may do `action` in the school of the session,
    or, `anywhere`, in some place. Without an action: of anyone who is signed in.
    """

    async def check(visit: Annotated[Visit, Depends(signed_in)]) -> Visit:
        if action is None:
            return visit
        if action is not LOOKED_UP and visit.request.method == "POST":
            visit = await _visit(visit.request, anew=True)
        if anywhere:
            allowed = visit.person.may_somewhere(action)
        elif visit.uai is None:
            raise ChoiceNeededError
        else:
            allowed = visit.may(action)
        if not allowed:
            raise NotAllowedError
        return visit

    return check


def posting(
    action: Action | None = None, *, anywhere: bool = False
) -> Callable[..., Awaitable[Visit]]:
    """The same for forms: the visit with the form that was sent, its token checked."""

    async def check(visit: Annotated[Visit, Depends(visiting(action, anywhere=anywhere))]) -> Visit:
        form = await _fields(visit.request)
        check_form(visit, form)
        return replace(visit, form=form)

    return check


def uploading(
    action: Action | None = None, *, anywhere: bool = False, at_most: int
) -> Callable[..., AsyncIterator[Visit]]:
    """The same for forms with a file of `at_most` bytes, which is passed on as it comes
    (`visit.upload`). In the form the file stands last.
    """

    async def check(
        visit: Annotated[Visit, Depends(visiting(action, anywhere=anywhere))],
    ) -> AsyncIterator[Visit]:
        runtime = runtime_of(visit.request)
        await limits.UPLOAD.count(runtime.database, visit.person.sub, runtime.clock.now())
        with limits.one_upload(visit.person.sub):
            upload = await Upload.of(visit.request, at_most)
            check_form(visit, upload.form)
            yield replace(visit, form=upload.form, upload=upload)

    return check


async def leaving(request: Request) -> Session:
    """A dependency of the form that signs out: the session, its token checked; whatever school the
    form was made for, and also while nobody tells what the person may do.

    Raises:
        SignInNeededError, StaleFormError
    """
    parts, runtime = parts_of(request), runtime_of(request)
    cookie = request.cookies.get(cookie_name(parts.settings), "")
    session = await entering.seen(runtime.database, cookie, runtime.clock.now())
    if session is None:
        raise SignInNeededError
    check_token(session, await _fields(request))
    return session


async def _fields(request: Request) -> FormData:
    """The fields of a form without a file.

    Raises:
        HTTPException: 400, a text in an encoding of its own that is none.
    """
    try:
        form = await request.form(max_files=0)
        "".join(str(value) for _, value in form.multi_items()).encode()
    except UnicodeError:
        raise HTTPException(400) from None
    return form


def check_form(visit: Visit, form: FormData) -> None:
    """Refuse a form that this session was not given, or that is about another school.

    Raises:
        StaleFormError
        OtherSchoolError
        NotAllowedError: the person has nothing to do with the school that it was made for.
    """
    check_token(visit.session, form)
    if not all(_plain(form.get(name, "")) for name in SENT_ON):
        raise StaleFormError
    made_for, rights = str(form.get(SCHOOL, "")), visit.session.rights
    if made_for == (visit.uai or ""):
        return
    ours = not made_for or made_for in rights.schools or rights.everywhere
    raise OtherSchoolError if ours else NotAllowedError


def _plain(value: object) -> bool:
    """Whether a field can be a header: no form of ours has another sign in it."""
    return isinstance(value, str) and value.isascii() and value.isprintable()


def check_token(session: Session, form: FormData) -> None:
    """Refuse a form that this session was not given.

    Raises:
        StaleFormError
    """
    token = str(form.get(CSRF, ""))
    if not secrets.compare_digest(token.encode(), session.csrf.encode()):
        raise StaleFormError
