"""The data of the demonstration, a module a subject."""
