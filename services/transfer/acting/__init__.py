"""What people do with transfers: each act in one deciding transaction, with its trace.

The caller has checked who may; what can't be done is told by the exceptions of `domain.errors`.
"""

from services.transfer.acting.learners import judge, oppose
from services.transfer.acting.offers import (
    accept_offer,
    keep_offer,
    offer,
    refuse_offer,
    withdraw_offer,
)
from services.transfer.acting.participation import switch
from services.transfer.acting.reversals import ask_return, decline_return, lift_hold, reverse

__all__ = [
    "accept_offer",
    "ask_return",
    "decline_return",
    "judge",
    "keep_offer",
    "lift_hold",
    "offer",
    "oppose",
    "refuse_offer",
    "reverse",
    "switch",
    "withdraw_offer",
]
