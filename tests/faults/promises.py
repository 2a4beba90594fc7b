"""What is broken when something does not hold."""


class BrokenPromiseError(Exception):
    """An invariant does not hold; the message says which, and of what."""


def promised(holds: bool, what: str) -> None:
    """Fail unless it holds.

    Raises:
        BrokenPromiseError
    """
    if not holds:
        raise BrokenPromiseError(what)


def nothing(found: object, what: str) -> None:
    """Fail with what was found, if anything was.

    Raises:
        BrokenPromiseError
    """
    promised(not found, f"{what}: {found}")
