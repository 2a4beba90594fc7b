"""`python -m services.siecle_import serve | migrate`."""

from pathlib import Path

from services.siecle_import import api, handlers, importing
from services.siecle_import.settings import ImportSettings
from shared.service import Service, command_line

service = Service(
    name="siecle_import",
    folder=Path(__file__).parent,
    settings=ImportSettings,
    routers=[api.router],
    problems=api.PROBLEMS,
    handle=handlers.handle,
    jobs=[importing.run],
)

if __name__ == "__main__":
    command_line(service)()
