"""The catalogue of modules: one that is wrong stops the start, with a message that says where."""

from pathlib import Path

import pytest

from services.etablissement.catalogue import CATALOGUE, BrokenCatalogueError, read
from services.etablissement.domain.differences import changed
from services.etablissement.domain.modules import Chosen, in_force, kept

GOOD = """
[modules.a]
label = "A"
description = "Un module"
on = true
[modules.a.options.n]
type = "integer"
label = "Nombre"
default = 3
minimum = 1
maximum = 5
"""


def file_with(folder: Path, text: str) -> Path:
    file = folder / "catalogue.toml"
    file.write_text(text)
    return file


def test_the_catalogue_has_the_first_modules_and_every_default_is_allowed() -> None:
    assert list(CATALOGUE.modules) == [
        "bilans", "fiches", "evaluations", "pfmp", "passeport", "livret",
    ]  # fmt: skip
    defaults = in_force(CATALOGUE, {})
    assert kept(CATALOGUE, defaults) == {}, "what is as by default is not kept"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("default = 3", "default = 9"), "modules.a.options.n.integer: .*de 1 à 5"),
        (("default = 3", "default = true"), "modules.a.options.n.integer.default"),
        (("default = 3", ""), "modules.a.options.n.integer.default"),
        (('type = "integer"', 'type = "date"'), "modules.a.options.n"),
        (("on = true", 'on = "oui"'), "modules.a.on"),
        (("on = true", "on = true\ncolour = 1"), "modules.a.colour"),
        (('label = "A"', ""), "modules.a.label"),
        (("[modules.a]", '[modules."A b"]'), "modules"),
        (("[modules.a]", "[modules.a"), "catalogue.toml: "),
    ],
)
def test_a_broken_catalogue_says_where(tmp_path: Path, change: tuple[str, str], told: str) -> None:
    read(file_with(tmp_path, GOOD))
    with pytest.raises(BrokenCatalogueError, match=told):
        read(file_with(tmp_path, GOOD.replace(*change)))
    with pytest.raises(BrokenCatalogueError, match="absent"):
        read(tmp_path / "absent.toml")


def test_a_new_default_reaches_the_schools_that_have_not_decided(tmp_path: Path) -> None:
    before = read(file_with(tmp_path, GOOD))
    decided = kept(before, {"a": Chosen(on=False)})
    after = read(file_with(tmp_path, GOOD.replace("default = 3", "default = 4")))
    assert in_force(after, decided)["a"] == Chosen(on=False, options={"n": 4})
    narrower = read(file_with(tmp_path, GOOD.replace("maximum = 5", "maximum = 4")))
    too_much = kept(before, {"a": Chosen(options={"n": 5})})
    assert in_force(narrower, too_much)["a"].options == {"n": 3}


def test_a_history_says_where_and_never_what() -> None:
    before = {"a": 1, "b": {"c": [1, {"d": 2}]}, "gone": {"x": 1}}
    after = {"a": 1, "b": {"c": [1, {"d": 3}, {"d": 4}]}, "new": {"y": None, "z": [1]}}
    assert changed(before, after) == ["b.c.1.d", "b.c.2.d", "gone.x", "new.z.0"]
    assert changed(before, before) == []
