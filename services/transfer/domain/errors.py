"""Why something that people want to do with a transfer is refused."""

from collections.abc import Mapping

from services.transfer.domain.offering import Refused


class UnknownTransferError(Exception):
    """The school has no such transfer."""


class UnknownLearnerError(Exception):
    """The school has no such learner, or the pupil base has not told of him yet."""


class UnknownPairError(Exception):
    """No departure and arrival with an INE in common, or their transfer is decided."""


class WrongStateError(Exception):
    """The transfer has moved on: someone else was faster, or it can't be done any more."""


class ChangedMeanwhileError(Exception):
    """Someone else has set the switch since the caller read it."""


class TooLateError(Exception):
    """A transfer is reversed within 30 days."""


class MovedOnError(Exception):
    """The records have gone on to a further school, which must reverse first."""


class BusyError(Exception):
    """Another request about one of the learners is under way: it is a matter of seconds."""


class MatchedError(Exception):
    """The rule has found the learner elsewhere: the origin must choose first."""


class NotHereError(Exception):
    """The learner to whom an offer is attached is not active in the receiving school."""


class RefusedOffersError(Exception):
    """Some offers can't be made or accepted; none was. `reasons` are by place in the request."""

    def __init__(self, reasons: Mapping[int, Refused]) -> None:
        super().__init__(len(reasons))
        self.reasons = reasons
