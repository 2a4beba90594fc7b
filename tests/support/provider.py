"""An identity provider that says whatever a test wants, true or false."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fastapi import FastAPI, Request
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from deploy.local.kept import free_port
from tests.support.serving import served


def new_key(kid: str) -> RSAKey:
    """A signing key of a provider."""
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig"})


@dataclass
class FakeProvider:
    """Its id tokens say `claims` over the usual ones; `asked` is what the gateway asked for."""

    issuer: str
    key: RSAKey = field(default_factory=lambda: new_key("first"))
    claims: dict[str, Any] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)
    exchanged: dict[str, str] = field(default_factory=dict)
    published: RSAKey | None = None

    def visited(self, url: str) -> None:
        """The browser comes with the gateway's request."""
        self.asked = {name: one[0] for name, one in parse_qs(urlsplit(url).query).items()}

    def token(self) -> str:
        """The id token."""
        now = int(time.time())
        usual = {
            "iss": self.issuer, "aud": "cpro", "sub": "1234", "iat": now, "exp": now + 60,
            "nonce": self.asked["nonce"], "email": "head@demo.example", "email_verified": True,
            "name": "Claire Martin",
        }  # fmt: skip
        header = {"alg": "RS256", "kid": self.key.kid}
        return jwt.encode(header, usual | self.claims, self.key, algorithms=["RS256"])

    def app(self) -> FastAPI:
        """Its HTTP side."""
        app = FastAPI()

        @app.get("/.well-known/openid-configuration")
        async def description() -> dict[str, str]:
            names = ("authorization", "token", "end_session")
            told = {f"{name}_endpoint": f"{self.issuer}/{name}" for name in names}
            return {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys", **told}

        @app.get("/keys")
        async def keys() -> Any:
            return KeySet([self.published or self.key]).as_dict(private=False)

        @app.post("/token")
        async def exchange(request: Request) -> dict[str, str]:
            form = await request.form()
            self.exchanged = {name: str(value) for name, value in form.items()}
            return {"id_token": self.token(), "access_token": "a", "token_type": "Bearer"}

        return app


@asynccontextmanager
async def provided() -> AsyncIterator[FakeProvider]:
    """A provider that listens until the block ends."""
    port = free_port()
    made = FakeProvider(f"http://127.0.0.1:{port}")
    async with served(made.app(), port):
        yield made
