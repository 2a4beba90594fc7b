"""Who may do what: the roles of persons, what routes do, and the scopes of modules and services.

Data of the product ; how it is checked is
in `security.py`. A route names its action; tests walk this table.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What a person is: in a school, or for it (administrators, support).

    `DELEGATE` is what the head may add to « gestion »: to set the switches and to keep the users.
    """

    DIRECTION = "direction"
    GESTION = "gestion"
    DELEGATE = "delegation"
    INSPECTEUR = "inspecteur"
    ACADEMIE = "admin-academique"
    NATIONAL = "admin-national"
    SUPPORT = "support"


class Action(StrEnum):
    """What routes do; one row of the rights table each."""

    IMPORT = "import"
    READ_IMPORTS = "read-imports"
    READ_PUPILS = "read-pupils"
    EDIT_PUPILS = "edit-pupils"
    DECIDE = "decide"
    SEE_TRANSFERS = "see-transfers"
    SWITCH_TRANSFERS = "switch-transfers"
    TRANSFER_BY_HAND = "transfer-by-hand"
    REVIEW = "review"
    EXPLAIN = "explain"
    READ_FIGURES = "read-figures"
    HANDLE_DATA = "handle-data"
    READ_RECORDS = "read-records"
    WRITE_RECORDS = "write-records"
    RESOLVE_PUPILS = "resolve-pupils"
    MAKE_KEYS = "make-keys"
    READ_UNDER_WAY = "read-under-way"
    COUNT_TO_DO = "count-to-do"
    READ_SCHOOL = "read-school"
    EDIT_SCHOOL = "edit-school"
    NAME_SCHOOL = "name-school"
    SEE_STAMP = "see-stamp"
    READ_USERS = "read-users"
    MANAGE_USERS = "manage-users"
    INVITE_HEAD = "invite-head"
    MANAGE_SCHOOLS = "manage-schools"
    FIND_SCHOOLS = "find-schools"
    SIGN_IN = "sign-in"
    READ_HOLDERS = "read-holders"
    READ_MEFS = "read-mefs"
    SEE_INSPECTORS = "see-inspectors"
    SWITCH_INSPECTORS = "switch-inspectors"
    MANAGE_DIPLOMAS = "manage-diplomas"
    NAME_DIPLOMAS = "name-diplomas"
    INSPECT = "inspect"
    READ_MAILS = "read-mails"
    READ_PARKED = "read-parked"
    CATCH_UP = "catch-up"
    OWN_PASSEPORT = "own-passeport"


_STAFF = frozenset({Role.DIRECTION, Role.GESTION})
_ADMINISTRATORS = frozenset({Role.ACADEMIE, Role.NATIONAL})
_SWITCHERS = frozenset({Role.DIRECTION, Role.DELEGATE})

RIGHTS: Final[Mapping[Action, frozenset[Role]]] = {
    Action.IMPORT: _STAFF,
    Action.READ_IMPORTS: _STAFF | _ADMINISTRATORS,
    Action.READ_PUPILS: _STAFF | _ADMINISTRATORS,
    Action.EDIT_PUPILS: _STAFF,
    Action.DECIDE: _STAFF,
    Action.SEE_TRANSFERS: _STAFF | _ADMINISTRATORS,
    Action.SWITCH_TRANSFERS: _SWITCHERS,
    Action.TRANSFER_BY_HAND: _STAFF,
    Action.REVIEW: _STAFF | _ADMINISTRATORS,
    Action.EXPLAIN: _STAFF | _ADMINISTRATORS | {Role.SUPPORT},
    Action.READ_FIGURES: _ADMINISTRATORS,
    Action.HANDLE_DATA: frozenset({Role.DIRECTION}),
    Action.READ_RECORDS: _STAFF,
    Action.WRITE_RECORDS: frozenset(),
    Action.RESOLVE_PUPILS: frozenset(),
    Action.MAKE_KEYS: frozenset(),
    Action.READ_UNDER_WAY: frozenset(),
    Action.COUNT_TO_DO: frozenset(),
    Action.READ_SCHOOL: _STAFF | _ADMINISTRATORS,
    Action.EDIT_SCHOOL: _STAFF,
    Action.NAME_SCHOOL: _ADMINISTRATORS,
    Action.SEE_STAMP: _STAFF | _ADMINISTRATORS,
    Action.READ_USERS: _SWITCHERS | _ADMINISTRATORS,
    Action.MANAGE_USERS: _SWITCHERS,
    Action.INVITE_HEAD: _ADMINISTRATORS,
    Action.MANAGE_SCHOOLS: _ADMINISTRATORS,
    Action.FIND_SCHOOLS: frozenset(Role),
    Action.SIGN_IN: frozenset(),
    Action.READ_HOLDERS: frozenset(),
    Action.READ_MEFS: frozenset(),
    Action.SEE_INSPECTORS: _STAFF | _ADMINISTRATORS,
    Action.SWITCH_INSPECTORS: _SWITCHERS,
    Action.MANAGE_DIPLOMAS: _ADMINISTRATORS,
    Action.NAME_DIPLOMAS: frozenset({Role.NATIONAL}),
    Action.INSPECT: frozenset({Role.INSPECTEUR}),
    Action.READ_MAILS: _STAFF | _ADMINISTRATORS,
    Action.READ_PARKED: frozenset(),
    Action.CATCH_UP: frozenset(),
    Action.OWN_PASSEPORT: frozenset(),
}
"""Which roles perform which action in their school, or the schools that they are in charge of.

Records are written by other modules. « Decide » is to merge learners and to undo an import,
« Review » to judge whether two learners are one and to reverse a transfer, « Handle data » what a
person may ask about his own: the looks at it, its export, its erasure.
"""

SCOPES: Final[Mapping[str, frozenset[Action]]] = {
    "records:write": frozenset({Action.READ_RECORDS, Action.WRITE_RECORDS}),
    "records:read": frozenset({Action.READ_RECORDS}),
    "pupils:read": frozenset({Action.READ_PUPILS}),
    "pupils:mefs": frozenset({Action.READ_MEFS}),
    "pupils:resolve": frozenset({Action.RESOLVE_PUPILS}),
    "keys:make": frozenset({Action.MAKE_KEYS}),
    "transfers:under-way": frozenset({Action.READ_UNDER_WAY}),
    "transfers:count": frozenset({Action.COUNT_TO_DO}),
    "parked:read": frozenset({Action.READ_PARKED}),
    "restores:read": frozenset({Action.CATCH_UP}),
    "persons:sign-in": frozenset({Action.SIGN_IN, Action.READ_SCHOOL}),
    "persons:holders": frozenset({Action.READ_HOLDERS}),
    "schools:read": frozenset({Action.READ_SCHOOL}),
    "documents:make": frozenset({Action.READ_SCHOOL, Action.SEE_STAMP, Action.FIND_SCHOOLS}),
    "passeport:own": frozenset({Action.OWN_PASSEPORT}),
}
"""What the token of another module allows, in every school; `passeport:own` that of a learner, who
is the one that the claim `learner` names.
"""

SERVICE_SCOPES: Final[Mapping[str, str]] = {
    "dossier": "pupils:resolve restores:read",
    "gateway": "persons:sign-in",
    "inspector_access": "pupils:mefs",
    "notifier": "transfers:count persons:holders",
    "siecle_import": "transfers:under-way restores:read",
    "transfer": "keys:make parked:read restores:read",
}
"""What each service may ask of the others. Its key signs nothing else: see `TokenVerifier`."""
