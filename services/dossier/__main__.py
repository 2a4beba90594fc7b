"""`python -m services.dossier serve | migrate`."""

from pathlib import Path

from services.dossier import api, handlers
from shared.service import Service, command_line

service = Service(
    name="dossier",
    folder=Path(__file__).parent,
    routers=api.ROUTERS,
    handle=handlers.handle,
    problems=api.PROBLEMS,
)

if __name__ == "__main__":
    command_line(service)()
