"""Whatever is sent to a route by someone who has every right, no service answers 5xx.

The inputs are made from what each service describes (OpenAPI), fitting and not; where a value
names a school, a learner or the like, often one that is there. `FUZZ_EXAMPLES` sets how many calls
of each kind a route gets (2 by default), `FUZZ_SEED` which.
"""

import asyncio
import os
import random
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.core.result import Ok

from docs.reference import service
from tests.integration.test_story import A, B
from tests.support.belongings import Known, inspection_of, of_everyone
from tests.support.system import System

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "2"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
MEFS = ("2473121431", "24731214310")
Operation = APIOperation[Any, Any, Any, Any]
fuzzed = settings(
    max_examples=EXAMPLES,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def with_known(content: Any, known: Known, chosen: random.Random) -> Any:
    """The same with values that are there, half of the times."""
    if isinstance(content, dict):
        return {
            name: chosen.choice(known[name])
            if known.get(name) and chosen.random() < 0.5
            else with_known(value, known, chosen)
            for name, value in content.items()
        }
    if isinstance(content, list):
        return [with_known(value, known, chosen) for value in content]
    return content


def without_tokens(described: dict[str, Any]) -> dict[str, Any]:
    """The description of a service that asks for no token: bad ones are the walk's matter."""
    described["components"].pop("securitySchemes", None)
    for operations in described["paths"].values():
        for operation in operations.values():
            operation.pop("security", None)
    return described


def attack(
    operation: APIOperation[Any, Any, Any, Any], url: str, token: Callable[[], str], known: Known
) -> list[str]:
    """Call a route with many inputs; those that ended in a defect of the service, or did not get as
    far as the route.
    """
    found, called = [], 0

    def call(case: Case[Any], chosen: random.Random) -> None:
        nonlocal called
        called += 1
        sure = {**known, "uai": known["uai"][:1]}  # another one goes no further than the walk
        for name in case.path_parameters or {}:
            if sure.get(name) and (name in {"uai", "academie"} or chosen.random() < 0.7):
                case.path_parameters[name] = chosen.choice(sure[name])
        case.body = with_known(case.body, known, chosen)
        answer = case.call(base_url=url, headers={"Authorization": f"Bearer {token()}"})
        if answer.status_code >= 500 or answer.status_code == 401:
            found.append(f"{answer.status_code} {case.as_curl_command()[:1500]}")

    for mode in GenerationMode:
        made = operation.as_strategy(generation_mode=mode)
        with suppress(Unsatisfiable):  # a route without input has none that does not fit
            seed(SEED)(fuzzed(given(made, st.randoms(use_true_random=False))(call)))()
    return found if called else [f"{operation.label} was not called"]


@pytest.mark.filterwarnings(
    "ignore::hypothesis.errors.HypothesisDeprecationWarning"
)  # Schemathesis'
async def test_no_input_ends_in_a_server_error(everyone: System, known: Known) -> None:
    tokens = partial(of_everyone, everyone, A, B), partial(inspection_of, everyone, A, *MEFS)
    found: list[str] = []
    for name, url in everyone.urls.items():
        schema = schemathesis.openapi.from_dict(without_tokens(service(name).app().openapi()))
        for result in schema.get_all_operations():
            assert isinstance(result, Ok), "the service describes itself rightly"
            operation = result.ok()
            token = tokens["/inspection/" in operation.path]
            found += await asyncio.to_thread(attack, operation, url, token, known)
    assert found == []
