"""`python -m services.inspector_access serve | migrate`."""

from pathlib import Path

from shared.service import Service, command_line

service = Service(name="inspector_access", folder=Path(__file__).parent)

if __name__ == "__main__":
    command_line(service)()
