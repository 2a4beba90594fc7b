"""`python -m services.gateway serve | migrate`."""

from pathlib import Path

from shared.service import Service, command_line

service = Service(name="gateway", folder=Path(__file__).parent)

if __name__ == "__main__":
    command_line(service)()
