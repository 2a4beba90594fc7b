"""Addresses, telephone numbers and postcodes: what is accepted, and in which form it is kept."""

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given, settings
from hypothesis import strategies as st

from services.etablissement.domain import contact


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("04 78 12 34 56", "+33478123456"),
        ("04.78.12.34.56", "+33478123456"),
        ("+33 (0)4 78 12 34 56", "+33478123456"),
        ("0033478123456", "+33478123456"),
        ("09-70-00-00-00", "+33970000000"),
        ("0590 12 34 56", "+590590123456"),
        ("0691 12 34 56", "+590691123456"),
        ("0594123456", "+594594123456"),
        ("0696123456", "+596696123456"),
        ("0262 12 34 56", "+262262123456"),
        ("0639 12 34 56", "+262639123456"),
        ("+262 269 12 34 56", "+262269123456"),
        ("0508 41 23 45", "+508412345"),
        ("+687 12 34 56", "+687123456"),
        ("+689 40 12 34 56", "+68940123456"),
    ],
)
def test_french_telephone_numbers_are_kept_in_one_form(typed: str, kept: str) -> None:
    assert contact.phone(typed) == kept
    assert contact.phone(kept) == kept, "what is kept is accepted"


@pytest.mark.parametrize(
    "typed",
    ["", "12", "3615", "04 78 12 34", "0078123456789", "+44 20 7946 0958", "04 78 AB 34 56"],
)
def test_other_numbers_are_refused(typed: str) -> None:
    with pytest.raises(contact.InvalidContact):
        contact.phone(typed)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" CE.0690001A@AC-Lyon.FR ", "ce.0690001a@ac-lyon.fr"),
        ("Hélène@exemple.fr", "hélène@exemple.fr"),
        ("a+b@sub.domaine.org", "a+b@sub.domaine.org"),
    ],
)
def test_addresses_are_kept_in_lower_case(typed: str, kept: str) -> None:
    assert contact.email(typed) == kept


@pytest.mark.parametrize(
    "typed",
    ["", "x", "@exemple.fr", "a@", "a..b@exemple.fr", "a@exemple", "a b@exemple.fr", "a@-x.fr",
     "a@x.fr, b@x.fr", f"{'a' * 65}@exemple.fr", f"a@{'b' * 64}.fr",
     "mar\u212a@exemple.fr"],
)  # fmt: skip
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(contact.InvalidContact):
        contact.email(typed)


@settings(max_examples=100, deadline=None)
@given(st.from_regex(r"[a-zA-Z0-9._+-]{1,20}@[a-zA-Z0-9.-]{1,20}\.(fr|com|x)", fullmatch=True))
def test_the_short_way_accepts_nothing_that_the_library_refuses(address: str) -> None:
    try:
        kept = contact.email(address)
    except contact.InvalidContact:
        with pytest.raises(EmailNotValidError):
            validate_email(address.lower(), check_deliverability=False, strict=True)
    else:
        validated = validate_email(address.lower(), check_deliverability=False, strict=True)
        assert kept == validated.normalized.lower()


def test_postcodes_have_five_figures() -> None:
    assert contact.postcode(" 69 001 ") == "69001"
    for wrong in ("", "6900", "690011", "2A004"):
        with pytest.raises(contact.InvalidContact):
            contact.postcode(wrong)
