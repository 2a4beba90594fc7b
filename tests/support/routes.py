"""Every route of every service, under the row of the rights table that is to hold for it.

Written by hand and compared with what the services describe: a route that is added, or that asks
for another right, must be added here as well.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from shared.rights import Action

_RECORDS = "/schools/{uai}/pupils/{pupil_id}/records"
_REMARKS = "/schools/{uai}/pupils/{pupil_id}/remarks"
_ATTACHMENTS = f"{_RECORDS}/{{record_id}}/attachments"
_CARD, _USERS, _HEAD = "/schools/{uai}/card", "/schools/{uai}/users", "/schools/{uai}/head"
_SCHOOLS = "/academies/{academie}/schools"
_TABS = "/schools/{uai}/inspector-access"
_TABLES = "/academies/{academie}/tables/{table}"
_CONSOLE = "/console/schools/{uai}/diplomas/{diploma}"
_IMPORTS = "/schools/{uai}/imports"
_PUPILS = "/schools/{uai}/pupils"
_MERGES = "/schools/{uai}/merges"
_OFFERS = "/schools/{uai}/offers"
_OFFERED = f"{_OFFERS}/{{transfer_id}}"
_PARTICIPATION = "/schools/{uai}/participation"
_TRANSFERS = "/schools/{uai}/transfers"
_OPPOSITION = f"{_PUPILS}/{{pupil_id}}/opposition"
_PARKED = "POST /operations/parked/search"

TABLE: Mapping[str, Mapping[Action, Sequence[str]]] = {
    "dossier": {
        Action.READ_PARKED: [_PARKED],
        Action.CATCH_UP: ["GET /restores/moves"],
        Action.READ_RECORDS: [
            f"GET {_RECORDS}",
            f"GET {_RECORDS}/{{record_id}}",
            f"GET {_ATTACHMENTS}",
            f"GET {_ATTACHMENTS}/{{attachment_id}}",
            "POST /schools/{uai}/records/search",
            f"GET {_REMARKS}",
        ],
        Action.WRITE_RECORDS: [
            f"POST {_RECORDS}",
            f"PUT {_RECORDS}/{{record_id}}",
            f"POST {_ATTACHMENTS}",
            f"DELETE {_ATTACHMENTS}/{{attachment_id}}",
        ],
        Action.TRANSFER_BY_HAND: [f"POST {_REMARKS}", f"DELETE {_REMARKS}/{{remark_id}}"],
        Action.HANDLE_DATA: [
            f"GET {_PUPILS}/{{pupil_id}}/looks",
            f"GET {_TRANSFERS}/{{transfer_id}}/looks",
            f"GET {_PUPILS}/{{pupil_id}}/export",
        ],
    },
    "etablissement": {
        Action.READ_PARKED: [_PARKED],
        Action.FIND_SCHOOLS: ["POST /schools/search", "POST /schools/by-uai"],
        Action.MANAGE_SCHOOLS: [
            "GET /academies",
            f"POST {_SCHOOLS}",
            f"POST {_SCHOOLS}/{{uai}}/closing",
            f"POST {_SCHOOLS}/{{uai}}/reopening",
            "POST /directory",
            "GET /directory/{import_id}",
            "POST /directory/{import_id}/application",
        ],
        Action.READ_SCHOOL: [
            f"GET {_CARD}",
            f"GET {_CARD}/history",
            "GET /schools/{uai}/readiness",
            "POST /schools/{uai}/staff",
            "GET /schools/{uai}/contacts",
            "GET /schools/{uai}/contacts/history",
            "GET /schools/{uai}/modules",
            "GET /schools/{uai}/modules/history",
            "GET /schools/{uai}/setting-up",
            "GET /schools/{uai}/logo",
            "GET /schools/{uai}/logo/about",
            "GET /schools/{uai}/logo/history",
            "GET /schools/{uai}/logo/{digest}",
        ],
        Action.SEE_STAMP: [
            "GET /schools/{uai}/cachet",
            "GET /schools/{uai}/cachet/about",
            "GET /schools/{uai}/cachet/history",
            "GET /schools/{uai}/cachet/{digest}",
        ],
        Action.EDIT_SCHOOL: [
            f"PUT {_CARD}",
            "PUT /schools/{uai}/contacts",
            "PUT /schools/{uai}/modules",
            "PUT /schools/{uai}/setting-up",
            "PUT /schools/{uai}/logo",
            "DELETE /schools/{uai}/logo",
            "PUT /schools/{uai}/cachet",
            "DELETE /schools/{uai}/cachet",
        ],
        Action.NAME_SCHOOL: [f"PUT {_CARD}/identity"],
        Action.READ_USERS: [f"GET {_USERS}", f"GET {_USERS}/history"],
        Action.MANAGE_USERS: [
            f"POST {_USERS}",
            f"DELETE {_USERS}/rights/{{right}}",
            f"POST {_USERS}/table/preview",
            f"POST {_USERS}/table",
        ],
        Action.INVITE_HEAD: [f"POST {_HEAD}", f"DELETE {_HEAD}/{{right}}"],
        Action.SIGN_IN: ["POST /sign-in", "GET /persons/{person}/rights"],
        Action.READ_HOLDERS: ["POST /holders"],
    },
    "inspector_access": {
        Action.READ_PARKED: [_PARKED],
        Action.SEE_INSPECTORS: [
            f"GET {_TABS}",
            f"GET {_TABS}/{{diploma}}",
            f"GET {_TABS}/{{diploma}}/history",
        ],
        Action.SWITCH_INSPECTORS: [f"PUT {_TABS}/{{diploma}}"],
        Action.HANDLE_DATA: [f"GET {_TABS}/log"],
        Action.IMPORT: ["POST /schools/{uai}/nomenclature"],
        Action.MANAGE_DIPLOMAS: [
            f"GET {_TABLES}",
            f"POST {_TABLES}",
            f"POST {_TABLES}/preview",
            "POST /academies/{academie}/nomenclature",
            "POST /academies/{academie}/referents/removal",
            "DELETE /academies/{academie}/subscriptions/{uai}/{diploma}",
        ],
        Action.SIGN_IN: ["POST /sign-in"],
        Action.INSPECT: [
            "GET /console",
            f"GET {_CONSOLE}",
            f"GET {_CONSOLE}/learners",
            f"GET {_CONSOLE}/learners/{{pupil_id}}",
            f"POST {_CONSOLE}/record-counts",
            f"GET {_CONSOLE}/learners/{{pupil_id}}/records",
            f"GET {_CONSOLE}/learners/{{pupil_id}}/records/{{record_id}}",
        ],
    },
    "notifier": {
        Action.READ_PARKED: [_PARKED],
        Action.READ_MAILS: ["GET /schools/{uai}/mails"],
    },
    "siecle_import": {
        Action.READ_PARKED: [_PARKED],
        Action.IMPORT: [
            f"POST {_IMPORTS}",
            f"POST {_IMPORTS}/{{import_id}}/confirm",
            f"POST {_IMPORTS}/{{import_id}}/cancel",
            "PUT /schools/{uai}/import-preferences",
        ],
        Action.READ_IMPORTS: [
            f"GET {_IMPORTS}",
            f"GET {_IMPORTS}/{{import_id}}",
            f"GET {_IMPORTS}/{{import_id}}/progress",
            f"GET {_IMPORTS}/{{import_id}}/lists/{{name}}",
            f"GET {_IMPORTS}/{{import_id}}/findings",
            f"GET {_IMPORTS}/{{import_id}}/report.csv",
            "GET /schools/{uai}/import-model.csv",
            "GET /schools/{uai}/import-preferences",
        ],
        Action.DECIDE: [
            f"GET {_IMPORTS}/{{import_id}}/undoing",
            f"POST {_IMPORTS}/{{import_id}}/undo",
            f"POST {_MERGES}/preview",
            f"POST {_MERGES}",
            f"GET {_MERGES}",
            f"POST {_MERGES}/{{merge_id}}/undo",
        ],
        Action.READ_PUPILS: [
            f"POST {_PUPILS}/search",
            f"POST {_PUPILS}/by-ids",
            f"GET {_PUPILS}/{{pupil_id}}",
        ],
        Action.EDIT_PUPILS: [
            f"POST {_PUPILS}",
            f"PUT {_PUPILS}/{{pupil_id}}",
            f"POST {_PUPILS}/{{pupil_id}}/departure",
            f"POST {_PUPILS}/{{pupil_id}}/return",
            "GET /schools/{uai}/erasures/planned",
        ],
        Action.HANDLE_DATA: [
            f"GET {_PUPILS}/{{pupil_id}}/looks",
            f"GET {_PUPILS}/{{pupil_id}}/export",
            f"POST {_PUPILS}/{{pupil_id}}/erasure",
        ],
        Action.TRANSFER_BY_HAND: [
            f"GET {_OFFERED}/learner",
            f"GET {_OFFERED}/suggestions",
            f"POST {_OFFERED}/learner",
        ],
        Action.RESOLVE_PUPILS: ["POST /pupils/resolve"],
        Action.MAKE_KEYS: ["POST /pupils/match-keys"],
        Action.READ_MEFS: ["GET /schools/{uai}/mefs"],
    },
    "transfer": {
        Action.READ_PARKED: [_PARKED],
        Action.CATCH_UP: [
            "GET /restores/moves",
            "GET /restores/pupils",
            "GET /restores/merges",
            "GET /restores/imports",
        ],
        Action.SEE_TRANSFERS: [
            f"GET {_PARTICIPATION}",
            f"GET {_PARTICIPATION}/history",
            "GET /schools/{uai}/overview",
            "GET /schools/{uai}/departures",
            "GET /schools/{uai}/departures/without-sequel",
            "GET /schools/{uai}/arrivals",
            "GET /schools/{uai}/arrivals/expected",
            f"GET {_TRANSFERS}",
            f"GET {_TRANSFERS}/doubtful",
            f"GET {_TRANSFERS}/moved",
            f"GET {_TRANSFERS}/{{transfer_id}}",
            f"GET {_OFFERS}",
            f"GET {_OFFERS}/received",
            f"GET {_OPPOSITION}",
            f"GET {_PUPILS}/{{pupil_id}}/transfers",
            "GET /schools/{uai}/to-do",
        ],
        Action.SWITCH_TRANSFERS: [f"PUT {_PARTICIPATION}"],
        Action.TRANSFER_BY_HAND: [
            f"POST {_OFFERS}",
            f"POST {_OFFERED}/ticket/{{purpose}}",
            f"POST {_OFFERED}/acceptance",
            f"POST {_OFFERED}/refusal",
            f"DELETE {_OFFERED}",
            f"POST {_OFFERED}/keeping",
            f"PUT {_OPPOSITION}",
            f"DELETE {_OPPOSITION}",
        ],
        Action.REVIEW: [
            f"POST {_TRANSFERS}/{{transfer_id}}/reversal",
            f"DELETE {_TRANSFERS}/{{transfer_id}}/hold",
            "GET /schools/{uai}/reviews",
            "POST /schools/{uai}/reviews",
        ],
        Action.DECIDE: [
            f"POST {_TRANSFERS}/{{transfer_id}}/return",
            f"DELETE {_TRANSFERS}/{{transfer_id}}/return",
        ],
        Action.HANDLE_DATA: [
            "GET /schools/{uai}/incidents",
            f"GET {_PUPILS}/{{pupil_id}}/export",
        ],
        Action.EXPLAIN: [f"GET {_PUPILS}/{{pupil_id}}/why", f"POST {_PUPILS}/{{pupil_id}}/why"],
        Action.READ_UNDER_WAY: ["POST /transfers/under-way"],
        Action.COUNT_TO_DO: ["GET /counts/to-do"],
        Action.READ_FIGURES: ["GET /academies/{academie}/figures"],
    },
}

FOR_INSPECTIONS = {
    ("dossier", "POST", "/inspection/counts"),
    ("dossier", "GET", "/inspection/learners/{pupil_id}/records"),
    ("dossier", "GET", "/inspection/learners/{pupil_id}/records/{record_id}"),
    ("etablissement", "GET", "/inspection/card"),
    ("siecle_import", "POST", "/inspection/learners"),
    ("siecle_import", "GET", "/inspection/learners/{pupil_id}"),
}
"""What only `inspector_access` opens, with what it signs for one inspector."""

UNKNOWN = "01a20a95-27f1-7233-9408-3d93e472ae05"


class Filled(dict[str, str]):
    """What stands for each parameter of a path; every id is one that nothing has."""

    def __missing__(self, key: str) -> str:
        return UNKNOWN


@dataclass(frozen=True)
class Route:
    """One route; `action` is None for what only inspections open."""

    service: str
    method: str
    path: str
    action: Action | None

    def filled(self, uai: str, academie: str) -> str:
        """The path for a school and an académie, with ids that nothing has."""
        return self.path.format_map(Filled(uai=uai, academie=academie, **_CHOSEN))


_CHOSEN = {"name": "created", "purpose": "identity", "table": "referents", "diploma": "40025214"}


def every_route() -> Iterator[Route]:
    """All routes of the table, and those for inspections."""
    for service, actions in TABLE.items():
        for action, routes in actions.items():
            for route in routes:
                method, path = route.split()
                yield Route(service, method, path, action)
    for service, method, path in sorted(FOR_INSPECTIONS):
        yield Route(service, method, path, None)
