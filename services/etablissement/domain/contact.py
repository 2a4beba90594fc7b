"""E-mail addresses, telephone numbers and postcodes as they are kept; refusals are in French."""

import re
from typing import Final

from email_validator import EmailNotValidError, validate_email

_ORDINARY_EMAIL = re.compile(
    r"[a-z0-9_+-]+(\.[a-z0-9_+-]+)*@([a-z0-9]+(-[a-z0-9]+)*\.)+[a-z]{2,12}"
)
_WANTED = "adresse électronique attendue, par exemple nom@exemple.fr"
_EMAIL_LENGTH = 254
_LOCAL_LENGTH = 64
_POSTCODE = re.compile(r"[0-9]{5}")
_TRUNK_IN_BRACKETS = re.compile(r"\(0\)")
_SEPARATORS = re.compile(r"[\s.\-/()\u00a0\u202f]")

_COUNTRY_OF: Final = {
    "0590": "+590", "0690": "+590", "0691": "+590",
    "0594": "+594", "0694": "+594",
    "0596": "+596", "0696": "+596", "0697": "+596",
    "0262": "+262", "0263": "+262", "0269": "+262", "0639": "+262", "0692": "+262", "0693": "+262",
}  # fmt: skip
"""How national numbers of the overseas départements begin (ARCEP's numbering plan)."""

_INTERNATIONAL = re.compile(
    r"\+33[1-9][0-9]{8}"
    r"|\+590[5-7][0-9]{8}|\+594[5-7][0-9]{8}|\+596[5-7][0-9]{8}|\+262[2-7][0-9]{8}"
    r"|\+508[0-9]{6}|\+681[0-9]{6}|\+687[0-9]{6}|\+689[0-9]{8}"
)


class InvalidContact(ValueError):  # noqa: N818 - its message is for people
    """A way to reach someone that can't be right; the message says what is expected."""


def email(text: str) -> str:
    """An address in lower case, its domain checked by form, without asking the network.

    Raises:
        InvalidContact: it is no address, or it would become that of someone else: the Kelvin sign
            (U+212A) is a « k » in lower case.
    """
    typed = text.strip()
    address = typed.lower()
    if typed.isascii() and _is_ordinary(address):
        return address
    try:
        kept = validate_email(address, check_deliverability=False, strict=True).normalized.lower()
    except EmailNotValidError:
        raise InvalidContact(_WANTED) from None
    if _local(kept).isascii() and not _local(typed).isascii():
        raise InvalidContact(_WANTED)
    return kept


def _local(address: str) -> str:
    return address.partition("@")[0]


def _is_ordinary(address: str) -> bool:
    """Whether an address is plainly right: the library takes a hundred times as long to say so,
    and a directory has 70,000. Whatever is special about an address is left to the library.
    """
    local, _, domain = address.partition("@")
    return (
        len(address) <= _EMAIL_LENGTH
        and len(local) <= _LOCAL_LENGTH
        and domain.endswith(".fr")
        and all(len(label) < _LOCAL_LENGTH for label in domain.split("."))
        and _ORDINARY_EMAIL.fullmatch(address) is not None
        and "--" not in domain
    )


def phone(text: str) -> str:
    """A French number, of the overseas territories too, in the form +33123456789 (E.164).

    Raises:
        InvalidContact: it is none.
    """
    number = _SEPARATORS.sub("", _TRUNK_IN_BRACKETS.sub("", text))
    if number.startswith("00"):
        number = f"+{number[2:]}"
    elif number.startswith("0508"):
        number = f"+{number[1:]}"
    elif number.startswith("0"):
        number = _COUNTRY_OF.get(number[:4], "+33") + number[1:]
    if not _INTERNATIONAL.fullmatch(number):
        raise InvalidContact(
            "numéro de téléphone français attendu : 10 chiffres, ou l'indicatif (+33, +262, +687…) "
            "suivi du numéro"
        )
    return number


def postcode(text: str) -> str:
    """A postcode: five figures.

    Raises:
        InvalidContact: it has another form.
    """
    code = "".join(text.split())
    if not _POSTCODE.fullmatch(code):
        raise InvalidContact("code postal attendu : 5 chiffres")
    return code
