"""The embedded stack: PostgreSQL, RabbitMQ and all services, out of this tree, on the loopback.

For demonstrations, development and tests on one machine; not for production.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The checkout."""

LOCAL = ROOT / ".local"
"""Everything that the stack installs and keeps."""
