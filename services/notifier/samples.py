"""Sample data of each mail, for `preview` and for whoever changes a template."""

from collections.abc import Mapping
from typing import Any

from services.notifier.domain.mails import Kind

_SCHOOL = {"school": "Lycée professionnel Émile-Zola", "uai": "9990001X", "town": "Lille"}
_ACCESS = {
    **_SCHOOL,
    "diploma": "2de famille de métiers des Transitions numérique et énergétique",
    "active": True,
    "because": "switched",
    "by_name": "Mme Martin",
    "by_function": "proviseure",
    "when": "mardi 20 janvier 2026 à 14 h 05",
}
_ARRIVAL = {
    **_SCHOOL,
    "origin": "CFA des Hauts-de-France",
    "origin_uai": "9990002Y",
    "origin_town": "Arras",
    "reminder": False,
    "count": 1,
}
_COUNTS = {"await_import": 3, "await_switch": 1, "await_acceptance": 2, "await_opinion": 1}

SAMPLES: Mapping[Kind, Mapping[str, Mapping[str, Any]]] = {
    Kind.ACCESS: {
        "accès ouvert": _ACCESS,
        "accès fermé": {**_ACCESS, "active": False},
        "référent désigné": {**_ACCESS, "because": "referent-named"},
        "référent retiré": {**_ACCESS, "active": False, "because": "referent-removed"},
        "abonnement terminé": {**_ACCESS, "active": False, "because": "subscription-ended"},
    },
    Kind.ARRIVAL: {
        "arrivée": _ARRIVAL,
        "classe entière": {**_ARRIVAL, "count": 24},
        "rappel": {**_ARRIVAL, "reminder": True},
    },
    Kind.TO_DO: {
        "à faire": {**_SCHOOL, "counts": _COUNTS},
        "une seule chose": {**_SCHOOL, "counts": dict.fromkeys(_COUNTS, 0) | {"await_import": 1}},
    },
    Kind.DIGEST: {
        "récapitulatif": {**_SCHOOL, "counts": {"received": 4, "sent": 1, "returned": 1}},
        "un seul dossier": {**_SCHOOL, "counts": {"received": 0, "sent": 1, "returned": 0}},
    },
}
