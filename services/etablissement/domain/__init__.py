"""The rules of schools, cards, persons and rights, without I/O."""
