"""Who signs in is who the provider says, and nobody else; a session ends when it must."""

import base64
import datetime as dt
import hashlib
import time

import pytest

from services.gateway.domain.sessions import School
from services.gateway.store import sessions as store
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
    assert (await place.http.get("/connexion/aller")).status_code == 303
    await place.database.pool.execute(
        "INSERT INTO attempts SELECT subject, begins_at + later, 600 FROM attempts, "
        "(VALUES (interval '0'), ('10 min')) AS window_ (later) "
        "ON CONFLICT (subject, begins_at) DO UPDATE SET count = 600"
    )
    assert (await place.http.get("/connexion/aller")).status_code == 429


async def test_two_sign_ins_in_two_tabs_do_not_spoil_each_other(place: Place) -> None:
    first = await place.http.get("/connexion/aller")
    place.provider.visited(first.headers["location"])
    earlier = {"code": "abc", "state": place.provider.asked["state"]}
    second = await place.http.get("/connexion/aller")
    place.provider.visited(second.headers["location"])
    assert (await place.http.get("/connexion/retour", params=earlier)).status_code == 400
    later = {"code": "abc", "state": place.provider.asked["state"]}
    assert (await place.http.get("/connexion/retour", params=later)).status_code == 303


async def test_signing_out_needs_neither_rights_nor_the_school_of_the_form(place: Place) -> None:
    await place.sign_in()
    csrf = await place.csrf()
    await place.database.pool.execute(
        "UPDATE sessions SET ask_again_at = now() - interval '10 years', person = gen_random_uuid()"
    )
    refused = await place.http.post("/deconnexion", data={"csrf": "another"})
    assert (refused.status_code, "Formulaire périmé" in refused.text) == (403, True)
    gone = await place.http.post("/deconnexion", data={"csrf": csrf, "pour": "9990002Y"})
    assert (gone.status_code, "Votre session est terminée" in gone.text) == (200, True)
    assert await place.database.pool.fetchval("SELECT count(*) FROM sessions") == 0


async def test_a_form_sent_after_the_session_has_ended_says_that_nothing_was_saved(
    place: Place,
) -> None:
    await place.sign_in()
    form = {"csrf": await place.csrf(), "pour": "9990001X"}
    await place.database.pool.execute("TRUNCATE sessions")
    told = await place.http.post("/etablissement", data=form)
    assert (told.status_code, "rien n&#39;a été enregistré" in told.text) == (401, True)


async def test_a_school_chosen_while_rights_are_asked_stays_chosen(place: Place) -> None:
    await place.sign_in()
    async with place.database.connection() as connection:
        row = await connection.fetchrow("SELECT id_hash, seen_at FROM sessions")
        assert row is not None
        read = await store.seen(
            connection, row["id_hash"], row["seen_at"], row["seen_at"] - dt.timedelta(hours=1)
        )
        assert read is not None
        assert read.school is not None
        chosen = School("9990002Y", "Lycée polyvalent Bréguet", frozenset())
        await store.choose(connection, row["id_hash"], chosen)
        await store.set_rights(connection, read, read.school)
        assert await connection.fetchval("SELECT school FROM sessions") == chosen.uai
        await store.set_rights(connection, read, chosen)
        assert await connection.fetchval("SELECT school FROM sessions") == read.school.uai
