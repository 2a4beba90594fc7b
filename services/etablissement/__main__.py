"""`python -m services.etablissement serve | migrate`."""

from pathlib import Path

from shared.service import Service, command_line

service = Service(name="etablissement", folder=Path(__file__).parent)

if __name__ == "__main__":
    command_line(service)()
