"""Identifiers of the field: shapes, keys, school years, time zones."""

import pytest
from pydantic import TypeAdapter, ValidationError

from shared.identifiers import InvalidUai, Uai


@pytest.mark.parametrize("code", ["0750654D", "0752524L", "0920131T", "6200003J", "9990001X"])
def test_a_right_uai_is_accepted_whatever_its_case_and_spaces(code: str) -> None:
    assert Uai.parse(f"  {code.lower()}\n") == code


@pytest.mark.parametrize(
    "text",
    ["", "0750654", "0750654I", "0750654E", "750654D", "07506540D", "075 0654D", "٠٧٥٠٦٥٤D"],
)
def test_a_uai_of_wrong_shape_or_key_is_refused(text: str) -> None:
    with pytest.raises(InvalidUai):
        Uai.parse(text)


def test_a_uai_is_a_pydantic_type() -> None:
    adapter = TypeAdapter(Uai)
    parsed = adapter.validate_python(" 9990001x ")
    assert isinstance(parsed, Uai)
    assert adapter.dump_json(parsed) == b'"9990001X"'
    assert adapter.json_schema()["type"] == "string"
    with pytest.raises(ValidationError, match="la lettre ne correspond pas"):
        adapter.validate_python("9990001A")
