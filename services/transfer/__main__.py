"""`python -m services.transfer serve | migrate`."""

from pathlib import Path

from services.transfer import api, handlers, reconcile
from shared.service import Service, command_line

service = Service(
    name="transfer",
    folder=Path(__file__).parent,
    routers=api.ROUTERS,
    problems=api.PROBLEMS,
    handle=handlers.handle,
    jobs=[reconcile.run],
)

if __name__ == "__main__":
    command_line(service)()
