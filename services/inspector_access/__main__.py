"""`python -m services.inspector_access serve | migrate`."""

from pathlib import Path

from services.inspector_access import api, handlers, retention, settling
from services.inspector_access.settings import AccessSettings
from shared.service import Service, command_line

service = Service(
    name="inspector_access",
    folder=Path(__file__).parent,
    settings=AccessSettings,
    routers=api.ROUTERS,
    problems=api.PROBLEMS,
    handle=handlers.handle,
    jobs=[settling.run, retention.run],
)

if __name__ == "__main__":
    command_line(service)()
