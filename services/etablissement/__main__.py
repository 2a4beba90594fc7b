"""`python -m services.etablissement serve | migrate | schools | users`."""

from pathlib import Path

from services.etablissement import api, retention
from services.etablissement.commands import schools_app, users_app
from shared.service import Service, command_line

service = Service(
    name="etablissement",
    folder=Path(__file__).parent,
    routers=api.ROUTERS,
    problems=api.PROBLEMS,
    jobs=[retention.run],
)

commands = command_line(service)
commands.add_typer(schools_app, name="schools")
commands.add_typer(users_app, name="users")

if __name__ == "__main__":
    commands()
