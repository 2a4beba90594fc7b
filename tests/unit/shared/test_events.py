"""A match key is 16 bytes; in JSON it is their base64 and nothing else."""

import binascii
import json
from collections.abc import Callable

import pytest

from shared.events import MatchKeys

KEY = bytes(range(16))
TEXT = binascii.b2a_base64(KEY, newline=False).decode()


@pytest.mark.parametrize("value", [KEY, TEXT])
def test_a_key_is_bytes_or_their_base64(value: object) -> None:
    assert MatchKeys.model_validate({"ine_key": value}).ine_key == KEY


def test_a_key_goes_through_json_as_base64() -> None:
    text = MatchKeys(ine_key=KEY, family_keys=(KEY,)).model_dump_json()
    assert json.loads(text)["family_keys"] == [TEXT]
    assert MatchKeys.model_validate_json(text).ine_key == KEY


@pytest.mark.parametrize("value", ["", "a" * 16, "é" * 24, TEXT[:-4], TEXT + TEXT, "?" * 24])
@pytest.mark.parametrize(
    "read", [MatchKeys.model_validate, lambda keys: MatchKeys.model_validate_json(json.dumps(keys))]
)
def test_a_text_that_is_not_16_bytes_is_no_key(
    value: str, read: Callable[[object], MatchKeys]
) -> None:
    with pytest.raises(ValueError, match="ine_key"):
        read({"ine_key": value})


@pytest.mark.parametrize("value", [KEY[:-1], KEY + KEY, 16, None])
def test_no_other_value_is_a_key(value: object) -> None:
    with pytest.raises(ValueError, match="ine_key"):
        MatchKeys.model_validate({"ine_key": value})
