"""The gateway has French words for all that other services may answer."""

from services.etablissement.api.setting_up import Step
from services.gateway.domain import attention
from services.gateway.domain.setting_up import STEPS
from services.gateway.pages import mails
from services.gateway.web import templates
from services.gateway.web.tabs import badges
from services.notifier.domain.mails import Kind, Reason, State
from services.siecle_import.domain import imports
from services.transfer.domain.counting import ToDo


def test_every_answer_of_another_service_has_its_words() -> None:
    assert {step.key for step in STEPS} == {*Step}
    assert set(mails.KINDS) == {*Kind}
    assert set(mails.STATES) == {*State}
    assert set(mails.REASONS) == {*Reason}
    assert len(list(attention.waiting(dict.fromkeys(ToDo, 1)))) == len(ToDo)
    assert sum(badges(dict.fromkeys(ToDo, 1)).values()) == len(ToDo)
    for state in imports.State:
        last = {"state": state, "received_at": "2026-01-12T08:00:00Z", "ended_at": None}
        assert attention.last_import([last])


def test_a_mail_that_did_not_arrive_says_why() -> None:
    mail = {
        "kind": "access", "state": "failed", "reason": "refused", "subject": "Accès ouvert",
        "recipient": "x@demo.example", "answer": "550 unknown user", "next_try": None,
        "created_at": "2026-01-12T08:00:00Z",
    }  # fmt: skip
    page = templates.render(
        "mails.html", mails=[mail, {**mail, "state": "deferred", "next_try": mail["created_at"]}],
        following="failed-1", state="failed", untold=2, kinds=mails.KINDS, states=mails.STATES,
        reasons=mails.REASONS, settings={"product_name": "CPro", "training": False, "version": "1"},
        fragment=True, errors={}, refusal=None, visit=None, tabs=(), legal=(), flash=(), badges={},
        path="/mails", query="etat=failed", help="",
    )  # fmt: skip
    for words in ("non remis", "550 unknown user", "nouvel essai prévu", "12 janvier 2026 à 9 h 00",
                  "2 mails l’attendent", "/mails?etat=failed&amp;after=failed-1"):  # fmt: skip
        assert words in page
