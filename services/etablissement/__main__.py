"""`python -m services.etablissement serve | migrate`."""

from pathlib import Path

from services.etablissement import api
from shared.service import Service, command_line

service = Service(
    name="etablissement",
    folder=Path(__file__).parent,
    routers=api.ROUTERS,
    problems=api.PROBLEMS,
)

if __name__ == "__main__":
    command_line(service)()
