"""Why something that people want to do is refused."""


class NotSubscribedError(Exception):
    """The school is not subscribed to this diploma today, or there is no such school."""


class ClosedAccessError(Exception):
    """The caller has no open access to this diploma in this school, now."""


class UnknownMefError(Exception):
    """The diploma has no such MEF."""


class OwnerAwayError(Exception):
    """The service that holds the data asked for does not answer, or is not known here."""


class LearnersAwayError(OwnerAwayError):
    """Nobody can say who the learners are."""


class RecordsAwayError(OwnerAwayError):
    """Nobody can say what the records are."""


class NotThereError(Exception):
    """The owner has no such learner or record for this diploma in this school."""


class ListChangedError(Exception):
    """The learner behind whom a page was to begin has gone."""


class UnreadableFileError(Exception):
    """A file is not what was to be sent; `advice` says, in French, what is wrong and what to do."""

    def __init__(self, advice: str) -> None:
        super().__init__()
        self.advice = advice
