"""What can't be done with schools, persons and rights."""


class UnknownSchoolError(Exception):
    """The registry does not have this school."""


class KnownSchoolError(Exception):
    """The registry has this school already."""


class OtherAcademieError(Exception):
    """The school is not in the académie that the administrator acts for."""


class StaleVersionError(Exception):
    """Someone else has changed the school since it was read."""


class NotOpenError(Exception):
    """The school is closed."""


class NotClosedError(Exception):
    """The school is open: there is nothing to reopen."""


class WrongSuccessorError(Exception):
    """The successor is the school itself, unknown or closed."""


class IncompleteCardError(Exception):
    """The card lacks what users and the passeport need; `missing` are the fields."""

    def __init__(self, missing: tuple[str, ...]) -> None:
        super().__init__("incomplete card")
        self.missing = missing


class UnknownRightError(Exception):
    """The school has no such right of a person that could be ended."""


class LastHeadError(Exception):
    """The right is that of the only head: the school would have nobody who gives rights."""


class NotYoursToGiveError(Exception):
    """Only the head gives and ends the rights of heads and delegations."""


class OwnRightsError(Exception):
    """Nobody widens his own rights, nor makes them last."""


class UnknownDirectoryImportError(Exception):
    """There is no such file of the directory that waits to be applied."""
