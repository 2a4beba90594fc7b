"""The rules of `docs/transfer.md`, without I/O."""
