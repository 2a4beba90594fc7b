"""The usual way, as an opponent that works: one row, one transaction, one awaited publish, one
acknowledgement at a time; ElementTree, asyncpg and aio-pika as their guides show them, no ORM.

It does less than ours: no previews, no lists, no names compared, no answer asked again.
"""

from pathlib import Path

TABLES = Path(__file__).with_name("tables.sql").read_text()
"""The statements that make the tables of all naive services."""

ROLES = ("import", "transfer", "dossier")
"""The naive services."""
