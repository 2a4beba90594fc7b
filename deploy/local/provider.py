"""The identity provider of the local stack: `python -m deploy.local.provider PORT [HOST]`.

It believes whoever says who he is, so it listens on the loopback alone, in a container (`HOST`) on
the network of the stack, and nothing but the local stacks starts it.
"""

import sys

from oidc_provider_mock import User, app
from werkzeug.serving import make_server

from deploy.local.people import FURTHER_PEOPLE, PEOPLE


def main(port: int, host: str = "127.0.0.1") -> None:
    """Serve until told to stop."""
    users = [
        User(
            sub=one.subject,
            claims={"email": one.email, "email_verified": True, "name": one.name},
        )
        for one in (*PEOPLE, *FURTHER_PEOPLE)
    ]
    served = app(user_claims=users, require_nonce=True)
    served.debug = False
    make_server(host, port, served, threaded=True).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
