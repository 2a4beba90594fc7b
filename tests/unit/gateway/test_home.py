"""What needs attention in a school, and what is left to set up."""

from services.gateway.domain import attention
from services.gateway.domain.setting_up import STEPS, Standing, finished, standing


def test_what_dossiers_wait_for_is_told_with_its_number() -> None:
    counts = {"await_import": 1, "await_switch": 0, "await_acceptance": 2, "await_opinion": 1}
    told = [(one.text, one.path) for one in attention.waiting(counts)]
    assert told == [
        ("2 dossiers proposés à la main attendent votre réponse", "/transferts"),
        ("1 rapprochement attend votre avis", "/transferts"),
        ("1 dossier attend votre import SIECLE", "/import"),
    ]


def test_only_the_newest_import_asks_for_something() -> None:
    ready, applied = {"state": "ready"}, {"state": "applied"}
    assert [one.act for one in attention.imports([ready, applied])] == ["Confirmer"]
    assert list(attention.imports([applied, ready])) == list(attention.imports([])) == []


def test_who_only_reads_imports_is_told_to_look() -> None:
    waiting = attention.waiting({"await_import": 1, "await_opinion": 1})
    told = [
        attention.to_read(one).act for one in (*waiting, *attention.imports([{"state": "ready"}]))
    ]
    assert told == ["Donner un avis", "Voir les imports", "Voir les imports"]


def test_the_state_of_the_last_import_is_told() -> None:
    last = {"state": "applied", "received_at": "2026-01-12T08:00:00Z", "ended_at": None}
    assert attention.last_import([last]) == "appliqué (12 janvier 2026)"
    assert attention.last_import([]) == "aucun pour l'instant"


def test_mails_that_reached_nobody() -> None:
    told = [one.text for one in attention.mails(50, more=True, untold=1)]
    assert told == [
        "Au moins 50 mails n'ont pas pu être remis",
        "1 mail attend l'adresse électronique de l'établissement",
    ]
    assert list(attention.mails(0, more=False, untold=0)) == []


def test_a_step_is_done_declared_to_do_or_not_known() -> None:
    steps = {step.key: step for step in STEPS}
    assert standing(steps["logo"], {"logo": True}, ()) is Standing.DONE
    assert standing(steps["logo"], {"logo": False}, ["logo"]) is Standing.DECLARED
    assert standing(steps["logo"], {"logo": False}, ()) is Standing.TO_DO
    assert standing(steps["logo"], {"logo": None}, ()) is Standing.UNKNOWN
    assert standing(steps["notice"], {}, ()) is Standing.TO_DO
    assert standing(steps["card"], {"card": False}, ["card"]) is Standing.TO_DO, "it is needed"


def test_setting_up_is_finished_when_nothing_is_left() -> None:
    assert finished([Standing.DONE, Standing.DECLARED])
    assert not finished([Standing.DONE, Standing.UNKNOWN])
    assert not finished([Standing.TO_DO])
