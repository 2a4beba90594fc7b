"""The rules of `docs/mails.md`, without I/O."""
