"""Signing in by OpenID Connect: authorisation code with PKCE (S256), state and nonce.

Sources: OpenID Connect Core 1.0 (3.1), Discovery 1.0, RP-Initiated Logout 1.0, RFC 7636.
"""

import asyncio
import base64
import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import httpx
from joserfc import jwt
from joserfc.jwk import KeySet

from services.gateway.domain.sessions import Account, person_of
from services.gateway.settings import GatewaySettings

CACHE_SECONDS: Final = 3600.0
CALL_SECONDS: Final = 5.0
LEEWAY_SECONDS: Final = 30
ALGORITHMS: Final = ["RS256", "PS256", "ES256"]


class ProviderDownError(Exception):
    """The identity provider does not answer, or not as the standard says; or none is set."""


class SignInRefusedError(Exception):
    """What the provider has sent back proves nothing: token, nonce, audience, issuer or hour."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """What binds the provider's answer to the browser that asked."""

    state: str
    nonce: str
    verifier: str

    @classmethod
    def new(cls) -> "Secrets":
        """New ones, for one sign-in."""
        return cls(*(secrets.token_urlsafe(32) for _ in range(3)))

    @property
    def challenge(self) -> str:
        """The S256 challenge of the verifier."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class Provider:
    """The identity provider; its description and keys are kept for an hour."""

    def __init__(self, settings: GatewaySettings, http: httpx.AsyncClient) -> None:
        self._settings = settings
        self._http = http
        self._known: Mapping[str, Any] = {}
        self._keys: KeySet | None = None
        self._until = 0.0
        self._lock = asyncio.Lock()

    @property
    def redirect_uri(self) -> str:
        """Where the provider sends people back to."""
        return f"{self._settings.address}/connexion/retour"

    async def sign_in_url(self, bound: Secrets) -> str:
        """Where the browser is sent to sign in.

        Raises:
            ProviderDownError
        """
        known = await self._description()
        query = {
            "response_type": "code",
            "client_id": self._settings.oidc_client_id,
            "redirect_uri": self.redirect_uri,
            "scope": self._settings.oidc_scope,
            "state": bound.state,
            "nonce": bound.nonce,
            "code_challenge": bound.challenge,
            "code_challenge_method": "S256",
        }
        return f"{known['authorization_endpoint']}?{urlencode(query)}"

    async def sign_out_url(self, id_token: str) -> str | None:
        """Where the browser is sent to sign out at the provider too; None if it has no such place.

        Raises:
            ProviderDownError
        """
        endpoint = (await self._description()).get("end_session_endpoint")
        query = {
            "id_token_hint": id_token,
            "post_logout_redirect_uri": f"{self._settings.address}/",
            "state": secrets.token_urlsafe(16),
        }
        return f"{endpoint}?{urlencode(query)}" if endpoint else None

    async def account(self, code: str, bound: Secrets) -> Account:
        """Who has signed in: the code exchanged, the id token checked.

        Raises:
            ProviderDownError
            SignInRefusedError
        """
        tokens = await self._exchange(code, bound)
        claims = await self._verified(str(tokens.get("id_token", "")), bound.nonce)
        if "email" not in claims:  # ProConnect tells them apart
            claims = {**claims, **await self._userinfo(str(tokens.get("access_token", "")), claims)}
        return self._account(claims, str(tokens["id_token"]))

    def _account(self, claims: Mapping[str, Any], id_token: str) -> Account:
        parts = (
            claims.get("given_name"),
            claims.get("usual_name") or claims.get("family_name"),
        )
        name = claims.get("name") or " ".join(str(part) for part in parts if part)
        return Account(
            person=person_of(str(self._settings.oidc_issuer), claims["sub"]),
            email=str(claims.get("email", ""))[:254],
            email_verified=self._settings.oidc_emails_verified
            or claims.get("email_verified") is True,
            name="".join(c for c in str(name) if c.isprintable())[:200],
            id_token=id_token,
        )

    async def _exchange(self, code: str, bound: Secrets) -> Mapping[str, Any]:
        known, settings = await self._description(), self._settings
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "client_id": settings.oidc_client_id,
            "client_secret": settings.oidc_client_secret.get_secret_value(),
            "code_verifier": bound.verifier,
        }
        response = await self._call("POST", known["token_endpoint"], data=form)
        if response.is_client_error:
            raise SignInRefusedError
        return _json(response)

    async def _verified(self, token: str, nonce: str) -> Mapping[str, Any]:
        claims = await self._decoded(token)
        registry = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": str(self._settings.oidc_issuer)},
            aud={"essential": True, "value": self._settings.oidc_client_id},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            registry.validate(dict(claims))
        except Exception:  # noqa: BLE001 - a hostile token ends the library in many ways
            raise SignInRefusedError from None
        if claims.get("azp", self._settings.oidc_client_id) != self._settings.oidc_client_id:
            raise SignInRefusedError
        return claims

    async def _decoded(self, token: str) -> Mapping[str, Any]:
        """The claims of a token that the provider has signed; keys it has changed are fetched."""
        try:
            keys = await self._published(_key_id(token))
            return jwt.decode(token, keys, algorithms=ALGORITHMS).claims
        except ProviderDownError:
            raise
        except Exception:  # noqa: BLE001 - a hostile token ends the library in many ways
            raise SignInRefusedError from None

    async def _userinfo(self, access: str, claims: Mapping[str, Any]) -> Mapping[str, Any]:
        url = (await self._description()).get("userinfo_endpoint")
        if not url:
            return {}
        response = await self._call("GET", url, headers={"Authorization": f"Bearer {access}"})
        signed = response.headers.get("content-type", "").startswith("application/jwt")
        told = await self._decoded(response.text) if signed else _json(response)
        if told.get("sub") != claims["sub"]:
            raise SignInRefusedError
        names = ("email", "email_verified", "name", "given_name", "usual_name", "family_name")
        return {name: told[name] for name in names if name in told}

    async def _description(self) -> Mapping[str, Any]:
        async with self._lock:
            if time.monotonic() > self._until:
                await self._fetch()
            return self._known

    async def _published(self, key_id: str | None) -> KeySet:
        """The provider's keys; fetched anew when they lack the one that is asked for."""
        async with self._lock:
            keys = self._keys
            if keys is None or key_id not in {key.kid for key in keys.keys}:
                keys = await self._fetch_keys()
            return keys

    async def _fetch(self) -> None:
        issuer = self._settings.oidc_issuer
        if issuer is None:
            raise ProviderDownError
        url = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        known = _json(await self._call("GET", url))
        if known.get("issuer") != issuer or "token_endpoint" not in known:
            raise ProviderDownError
        self._known, self._keys = known, None
        self._until = time.monotonic() + CACHE_SECONDS

    async def _fetch_keys(self) -> KeySet:
        found = _json(await self._call("GET", self._known["jwks_uri"]))
        try:
            self._keys = KeySet.import_key_set(found)  # type: ignore[arg-type]
        except Exception:  # noqa: BLE001 - keys of kinds that the library does not know
            raise ProviderDownError from None
        return self._keys

    async def _call(self, method: str, url: str, **options: Any) -> httpx.Response:
        try:
            response = await self._http.request(method, url, timeout=CALL_SECONDS, **options)
        except httpx.HTTPError:
            raise ProviderDownError from None
        if response.is_server_error:
            raise ProviderDownError
        return response


def _key_id(token: str) -> str | None:
    """The key that a token says to be signed with; not checked."""
    head = token.partition(".")[0]
    header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    kid: str | None = header.get("kid")
    return kid


def _json(response: httpx.Response) -> Mapping[str, Any]:
    try:
        found = response.json()
    except ValueError:
        raise ProviderDownError from None
    if not isinstance(found, dict):
        raise ProviderDownError
    return found
