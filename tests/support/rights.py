"""The table of rights in the words of the product, written a second time: what `shared/rights.py`
says, and what the routes do, is compared with it.

A right is changed here and there, knowingly.
"""

from collections.abc import Mapping, Sequence

from shared.rights import Action, Role

COLUMNS = tuple(Role)
"""direction, gestion, delegation (what the head adds to « gestion », alone nothing else),
inspecteur, admin-academique (in his académie), admin-national, support. Teachers and tutors have no
role here, and who has none has no right.
"""

_ROWS: Sequence[tuple[str, str, Sequence[Action]]] = (
    # who: dir gest del insp acad nat supp
    ("read card, logo, contacts, modules, and what mails went out", "yes yes - - yes yes -",
     [Action.READ_SCHOOL, Action.READ_MAILS]),
    ("write card, logo, cachet, contacts, modules", "yes yes - - - - -", [Action.EDIT_SCHOOL]),
    ("see the cachet", "yes yes - - yes yes -", [Action.SEE_STAMP]),
    ("import", "yes yes - - - - -", [Action.IMPORT]),
    ("read imports, their lists and reports", "yes yes - - yes yes -", [Action.READ_IMPORTS]),
    ("read learners", "yes yes - - yes yes -", [Action.READ_PUPILS]),
    ("enter and change learners", "yes yes - - - - -", [Action.EDIT_PUPILS]),
    ("name, e-mail, UAI of a card; invite its head", "- - - - yes yes -",
     [Action.NAME_SCHOOL, Action.INVITE_HEAD]),
    ("switch transfers, switch inspectors, users of the school", "yes - yes - - - -",
     [Action.SWITCH_TRANSFERS, Action.SWITCH_INSPECTORS, Action.MANAGE_USERS]),
    ("see who the users are", "yes - yes - yes yes -", [Action.READ_USERS]),
    ("see transfers and the inspectors' switches", "yes yes - - yes yes -",
     [Action.SEE_TRANSFERS, Action.SEE_INSPECTORS]),
    ("record an authorisation, transfer by hand, accept, refuse", "yes yes - - - - -",
     [Action.TRANSFER_BY_HAND]),
    ("decide a review, reverse", "yes yes - - yes yes -", [Action.REVIEW]),
    ("merge learners, undo, ask a return", "yes yes - - - - -", [Action.DECIDE]),
    ("open a dossier", "yes yes - - - - -", [Action.READ_RECORDS]),
    ("open what a school has opened to inspectors", "- - - yes - - -", [Action.INSPECT]),
    ("« Pourquoi ? »", "yes yes - - yes yes yes", [Action.EXPLAIN]),
    ("schools, diplomas, MEF, inspectors, subscriptions, figures", "- - - - yes yes -",
     [Action.MANAGE_SCHOOLS, Action.MANAGE_DIPLOMAS, Action.READ_FIGURES]),
    ("what diplomas are called", "- - - - - yes -", [Action.NAME_DIPLOMAS]),
    ("access log, erasure, requests about one's data", "yes - - - - - -", [Action.HANDLE_DATA]),
    ("find a school by its name", "yes yes yes yes yes yes yes", [Action.FIND_SCHOOLS]),
    ("what modules and services do, and no person", "- - - - - - -",
     [Action.WRITE_RECORDS, Action.RESOLVE_PUPILS, Action.MAKE_KEYS, Action.READ_UNDER_WAY,
      Action.COUNT_TO_DO, Action.SIGN_IN, Action.READ_HOLDERS, Action.READ_MEFS,
      Action.READ_PARKED, Action.CATCH_UP, Action.OWN_PASSEPORT]),
)  # fmt: skip

PERSONS: Mapping[Action, frozenset[Role]] = {
    action: frozenset(
        role for role, cell in zip(COLUMNS, cells.split(), strict=True) if cell == "yes"
    )
    for _, cells, actions in _ROWS
    for action in actions
}
"""Which roles do what in their school, or in the schools that they are in charge of."""

MODULES: Mapping[str, set[Action]] = {
    "records:write": {Action.READ_RECORDS, Action.WRITE_RECORDS},
    "records:read": {Action.READ_RECORDS},
    "pupils:read": {Action.READ_PUPILS},
    "schools:read": {Action.READ_SCHOOL},
    "documents:make": {Action.READ_SCHOOL, Action.SEE_STAMP, Action.FIND_SCHOOLS},
    "passeport:own": {Action.OWN_PASSEPORT},
}
"""What other modules, and a learner's own token, are given scopes for."""

SERVICES: Mapping[str, set[Action]] = {
    "dossier": {Action.RESOLVE_PUPILS, Action.CATCH_UP},
    "etablissement": set(),
    "gateway": {Action.SIGN_IN, Action.READ_SCHOOL},
    "inspector_access": {Action.READ_MEFS},
    "notifier": {Action.COUNT_TO_DO, Action.READ_HOLDERS},
    "siecle_import": {Action.READ_UNDER_WAY, Action.CATCH_UP},
    "transfer": {Action.MAKE_KEYS, Action.READ_PARKED, Action.CATCH_UP},
}
"""What each service asks of the others in its own name."""
