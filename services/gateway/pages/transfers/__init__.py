"""« Transferts »: the switch, the three lists, transfers by hand, reviews, one of each."""

from services.gateway.pages.transfers import (
    by_hand,
    incidents,
    learner,
    lists,
    overview,
    received,
    reviews,
    story,
)

ROUTERS = (
    overview.router,
    lists.router,
    by_hand.router,
    received.router,
    reviews.router,
    incidents.router,
    learner.router,
    story.router,
)
"""`story` last: its path takes any id."""
