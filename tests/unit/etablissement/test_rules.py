"""The rules of the registry and of rights, without a database."""

import datetime as dt

import pytest

from services.etablissement import user_table
from services.etablissement.domain.academies import ACADEMIES, academie_named, departement_of
from services.etablissement.domain.errors import LastHeadError, NotYoursToGiveError
from services.etablissement.domain.granting import check_ends, check_gives
from services.etablissement.domain.terms import EndsBeforeItBegins, term
from services.etablissement.domain.words import begin_of_uai, fold
from shared.rights import Role

NOW = dt.datetime(2026, 1, 20, 9, tzinfo=dt.UTC)


def test_an_academie_has_one_spelling() -> None:
    for name in ACADEMIES:
        assert academie_named(name) == academie_named(name.upper()) == name
    assert academie_named("Académie de Créteil") == "Créteil"
    assert academie_named("académie d’Orléans-Tours") == "Orléans-Tours"
    assert academie_named("REUNION") == "La Réunion"
    assert academie_named("Rouen") == "Normandie"
    assert academie_named("Atlantide") is None


def test_the_departement_is_told_by_the_uai() -> None:
    codes = ("0690001A", "0010001A", "6200001A", "7200001A", "9740001A")
    assert [departement_of(code) for code in codes] == ["69", "01", "2A", "2B", "974"]


def test_names_are_folded_to_words() -> None:
    assert fold("  L’Haÿ-les-Roses ") == fold("L'HAY LES ROSES") == "l hay les roses"
    assert fold("Œuvre") == "oeuvre"
    assert fold("!?") == ""
    assert (begin_of_uai("069"), begin_of_uai("0690001a")) == ("069", "0690001A")
    assert begin_of_uai("06900012") is begin_of_uai("lyon") is begin_of_uai("1") is None


def test_only_the_head_gives_and_ends_what_widens_rights() -> None:
    check_gives({Role.DELEGATE}, Role.GESTION)
    for role in (Role.DIRECTION, Role.DELEGATE):
        check_gives({Role.DIRECTION}, role)
        with pytest.raises(NotYoursToGiveError):
            check_gives({Role.GESTION, Role.DELEGATE}, role)
    check_ends({Role.DELEGATE}, {Role.GESTION}, other_heads=0)
    with pytest.raises(NotYoursToGiveError):
        check_ends({Role.DELEGATE}, {Role.GESTION, Role.DELEGATE}, other_heads=1)
    check_ends({Role.DIRECTION}, {Role.DIRECTION}, other_heads=1)
    with pytest.raises(LastHeadError):
        check_ends({Role.DIRECTION}, {Role.DIRECTION}, other_heads=0)


def test_a_right_holds_from_its_first_day_to_the_end_of_its_last_in_paris() -> None:
    assert term(None, None, NOW) == (NOW, None)
    begin, end = term(dt.date(2026, 7, 1), dt.date(2026, 7, 1), NOW)
    assert end is not None
    assert end - begin == dt.timedelta(days=1)
    assert begin == dt.datetime(2026, 6, 30, 22, tzinfo=dt.UTC)
    assert term(dt.date(2020, 1, 1), None, NOW) == (NOW, None), "nobody had a right yesterday"
    for first, last in ((None, dt.date(2026, 1, 19)), (dt.date(2026, 3, 2), dt.date(2026, 3, 1))):
        with pytest.raises(EndsBeforeItBegins):
            term(first, last, NOW)


def test_a_table_of_users_tells_all_that_is_wrong_with_it() -> None:
    header = "Courriel;Nom;Fonction;Rôle;Du;Au\n"
    users, wrong = user_table.read(f"{header}a@x.fr;Zoé;CPE;Délégation;01/09/2026;\n".encode())
    assert wrong == []
    [user] = users
    assert (user.role, user.valid_from) == (Role.DELEGATE, dt.date(2026, 9, 1))
    for content in (b"", b"Nom\nx\n", b'Courriel;Nom\n"x', (header + "a@x.fr;N\n" * 501).encode()):
        users, wrong = user_table.read(content)
        assert (users, [one.line for one in wrong]) == ([], [0]), content[:40]
    _, wrong = user_table.read(f"{header}a@x.fr;\n;Nom\na@x.fr;N;;;1/9/26;\n".encode())
    assert [one.line for one in wrong] == [2, 3, 4]
