"""`python -m services.siecle_import serve | migrate | check`."""

from pathlib import Path

from services.siecle_import import api, handlers, importing
from services.siecle_import.check import check
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

commands = command_line(service)
commands.command("check")(check)

if __name__ == "__main__":
    commands()
