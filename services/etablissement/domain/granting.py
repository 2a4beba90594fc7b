"""Who may give and end which right in a school (docs/schools.md, « Rights »)."""

from collections.abc import Collection

from services.etablissement.domain.errors import LastHeadError, NotYoursToGiveError
from shared.rights import Role

GIVEN_IN_SCHOOLS = (Role.DIRECTION, Role.GESTION, Role.DELEGATE)
"""The roles that a school's users have."""

ADMINISTRATORS = (Role.ACADEMIE, Role.NATIONAL)


def given_together(role: Role) -> tuple[Role, ...]:
    """The roles that are given for one: a delegation is added to « gestion »."""
    return (Role.GESTION, Role.DELEGATE) if role is Role.DELEGATE else (role,)


def ended_together(role: Role) -> tuple[Role, ...]:
    """The roles that end with one: a delegation does not outlive « gestion »."""
    return (Role.GESTION, Role.DELEGATE) if role is Role.GESTION else (role,)


def check_gives(giver: Collection[Role], role: Role) -> None:
    """A head gives and ends any role, who holds a delegation only « gestion ».

    Raises:
        NotYoursToGiveError: this giver may not.
    """
    if role is not Role.GESTION and Role.DIRECTION not in giver:
        raise NotYoursToGiveError


def check_ends(giver: Collection[Role], roles: Collection[Role], other_heads: int) -> None:
    """The same for ending rights; the only head stays until there is another.

    Raises:
        NotYoursToGiveError: this giver may not end one of them.
        LastHeadError: the school would have no head.
    """
    for role in roles:
        check_gives(giver, role)
    if Role.DIRECTION in roles and other_heads == 0:
        raise LastHeadError
