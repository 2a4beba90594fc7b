"""Who signs in is who the provider says, and nobody else; a session ends when it must."""

import base64
import hashlib
import time

import pytest

from tests.integration.gateway.support import Place
from tests.support.provider import new_key


async def test_the_right_person_enters(place: Place) -> None:
    assert (await place.http.get("/")).headers["location"] == "/connexion"
    back = await place.sign_in()
    assert (back.status_code, back.headers["location"]) == (303, "/"), back.text
    cookie = back.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    home = await place.http.get("/")
    assert "Lycée professionnel Ampère" in home.text
    digest = hashlib.sha256(place.provider.exchanged["code_verifier"].encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert place.provider.asked["code_challenge"] == challenge
    assert place.provider.asked["code_challenge_method"] == "S256"
    assert "form-action 'self'" in home.headers["content-security-policy"]


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"aud": "another"},
        {"aud": ["cpro", "another"], "azp": "another"},
        {"iss": "https://another.example"},
        {"exp": int(time.time()) - 3600},
    ],
    ids=["nonce", "audience", "party", "issuer", "expired"],
)
async def test_a_token_that_is_not_for_us_is_refused(
    place: Place, claims: dict[str, object]
) -> None:
    place.provider.claims |= claims
    back = await place.sign_in()
    assert back.status_code == 400
    assert "Connexion refusée" in back.text
    assert (await place.http.get("/")).status_code == 303


async def test_an_answer_that_nobody_asked_for_is_refused(place: Place) -> None:
    assert (await place.sign_in(state="another")).status_code == 400
    first = await place.sign_in()
    assert first.status_code == 303
    again = {"code": "abc", "state": place.provider.asked["state"]}
    assert (await place.http.get("/connexion/retour", params=again)).status_code == 400


async def test_keys_that_the_provider_changes_are_fetched(place: Place) -> None:
    assert (await place.sign_in()).status_code == 303
    place.provider.key = new_key("second")
    assert (await place.sign_in()).status_code == 303
    place.provider.published, place.provider.key = place.provider.key, new_key("second")
    assert (await place.sign_in()).status_code == 400, "the right name, another key"
    place.provider.key = place.provider.published


async def test_the_unknown_are_told_why_and_whom_to_ask(place: Place) -> None:
    place.provider.claims = {"sub": "nobody", "email": "nobody@demo.example"}
    back = await place.sign_in()
    assert back.status_code == 403
    assert "Demandez à la direction" in back.text
    assert await place.database.pool.fetchval("SELECT count(*) FROM sessions") == 0


async def test_a_session_ends_when_idle_and_at_the_latest_after_twelve_hours(place: Place) -> None:
    for column, hours in (("seen_at", 2), ("expires_at", 12)):
        await place.sign_in()
        assert (await place.http.get("/")).status_code == 200
        await place.database.pool.execute(
            f"UPDATE sessions SET {column} = {column} - make_interval(hours => $1, mins => 1)",
            hours,
        )
        assert (await place.http.get("/")).headers["location"] == "/connexion", column


async def test_rights_that_end_end_the_session(place: Place) -> None:
    await place.sign_in()
    await place.database.pool.execute(
        "UPDATE sessions SET ask_again_at = now() - interval '10 years', email = 'x@demo.example',"
        " person = gen_random_uuid()"
    )
    gone = await place.http.get("/")
    assert (gone.status_code, "Aucun accès" in gone.text) == (403, True)
    assert (await place.http.get("/")).status_code == 303


async def test_signing_in_too_often_is_stopped(place: Place) -> None:
    answers = {(await place.http.get("/connexion/aller")).status_code for _ in range(61)}
    assert answers == {303, 429}
