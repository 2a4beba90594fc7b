"""The rules of diplomas, tables and access, without I/O."""
