"""Match keys: equal for the same person, different for another, and nothing to read in them."""

import datetime as dt
from pathlib import Path

import pytest

from services.siecle_import.folding import fold
from services.siecle_import.keys import KeyMaker

MAKER = KeyMaker(b"s" * 32, 1)
BORN = dt.date(2009, 3, 14)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("BÉCŒUR", "Becoeur"),
        ("N'DIAYE", "NDIAYE"),
        ("Jean-Paul", "JEAN PAUL"),
        ("Strauß", "STRAUSS"),
    ],
)
def test_a_name_is_the_same_in_every_spelling(one: str, other: str) -> None:
    assert fold(one) == fold(other)


def test_the_same_person_has_the_same_keys() -> None:
    one = MAKER.keys("990324679CC", BORN, ["MUTÉ"], "Maëlys")
    assert one == MAKER.keys("990324679CC", BORN, ["Muté"], "MAELYS")


def test_each_part_has_its_key() -> None:
    one = MAKER.keys("990324679CC", BORN, ["MUTÉ", "DUPONT"], "Maëlys")
    other = MAKER.keys("990324679CC", dt.date(2008, 8, 2), ["DUPONT"], "Zoé")
    assert one.ine_key == other.ine_key
    assert one.birth_key != other.birth_key
    assert len(one.family_keys) == 2
    assert set(one.family_keys) & set(other.family_keys)
    assert one.first_keys != other.first_keys


def test_names_and_birth_dates_cannot_be_compared_across_two_ines() -> None:
    one = MAKER.keys("990324679CC", BORN, ["MUTÉ"], "Maëlys")
    other = MAKER.keys("990007919HH", BORN, ["MUTÉ"], "Maëlys")
    everything = [{k.ine_key, k.birth_key, *k.family_keys, *k.first_keys} for k in (one, other)]
    assert not everything[0] & everything[1]


def test_a_name_that_siecle_has_damaged_gives_no_key() -> None:
    keys = MAKER.keys("990324679CC", BORN, ["MUT?", ""], "Ma?lys")
    assert (keys.family_keys, keys.first_keys) == ((), ())


def test_another_secret_gives_other_keys(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"t" * 32)
    other = KeyMaker.from_file(tmp_path / "key", 2)
    assert other.keys("990324679CC", BORN, [], "Zoé") != MAKER.keys("990324679CC", BORN, [], "Zoé")


def test_a_short_secret_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"short")
    with pytest.raises(ValueError, match="32 bytes"):
        KeyMaker.from_file(tmp_path / "key", 1)
