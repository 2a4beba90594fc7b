"""The XML itself: encodings, DOCTYPE, what is well-formed, and where elements must stand."""

import pytest

from services.siecle_import.files import reader
from tests.unit.siecle_import.files import (
    BEA,
    INE,
    PARAMETERS,
    codes,
    document,
    eleve,
    latin9,
    reading_of,
    reading_of_one,
)

NAME = "BÉCŒUR"
NAMED = document(eleve(NOM_DE_FAMILLE=NAME))


def _declared(label: str, text: str = NAMED) -> str:
    return f'<?xml version="1.0" encoding="{label}"?>\n{text}'


def _name(content: bytes) -> str:
    return reading_of(content).pupils[0].family_name


@pytest.mark.parametrize(
    "content",
    [
        latin9(NAMED),
        _declared("iso-8859-15").encode("iso8859-15"),
        _declared("windows-1252").encode("cp1252"),
        _declared("UTF-8").encode(),
        _declared("utf-8").encode("utf-8-sig"),
        NAMED.encode(),
        NAMED.encode("utf-8-sig"),
        _declared("UTF-16").encode("utf-16"),
        _declared("UTF-16").encode("utf-16-le"),
        _declared("UTF-16BE").encode("utf-16-be"),
        b"\xfe\xff" + _declared("utf-16").encode("utf-16-be"),
        NAMED.encode("utf-16"),
        _declared("US-ASCII").replace("É", "&#201;").replace("Œ", "&#x152;").encode("ascii"),
    ],
)
def test_names_are_read_right_in_every_encoding_that_siecle_or_an_editor_writes(
    content: bytes,
) -> None:
    assert (_name(content), codes(reading_of(content))) == (NAME, [])


def test_iso_8859_1_is_read_as_what_it_is() -> None:
    content = _declared("ISO-8859-1", NAMED.replace("Œ", "E")).encode("latin-1")
    assert _name(content) == "BÉCEUR"


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (_declared("ISO-8859-15").encode(), ("ISO-8859-15", "UTF-8")),
        (_declared("ISO-8859-1").encode(), ("ISO-8859-1", "UTF-8")),
        (_declared("windows-1252").encode(), ("windows-1252", "UTF-8")),
        (_declared("ISO-8859-15").encode("utf-8-sig"), ("ISO-8859-15", "UTF-8")),
        (_declared("ISO-8859-15").encode("utf-16"), ("ISO-8859-15", "UTF-16")),
        (_declared("UTF-8").encode("utf-16"), ("UTF-8", "UTF-16")),
    ],
)
def test_a_file_wrongly_declared_is_read_as_it_is_written_with_a_warning(
    content: bytes, shown: tuple[str, str]
) -> None:
    reading = reading_of(content)
    assert (reading.verdict, codes(reading)) == ("accepted", ["encoding_mismatch"])
    assert reading.pupils[0].family_name == NAME
    assert all(name in reading.findings[0].message for name in shown)


def test_a_latin_9_file_with_one_utf_8_name_is_what_it_declares() -> None:
    two = document(eleve(NOM_DE_FAMILLE="@") + eleve("2", NOM_DE_FAMILLE="É", ID_NATIONAL=INE[1]))
    content = latin9(two).replace(b"@", "É".encode())
    assert reading_of(content).pupils[0].family_name == "Ã?"


@pytest.mark.parametrize("label", ["klingon", "UTF-7", "EBCDIC-CP-FR", "UTF-32", "idna", "hex"])
def test_an_unknown_encoding_is_refused(label: str) -> None:
    assert codes(reading_of(_declared(label).encode())) == ["encoding_unknown"]


def test_utf_32_is_refused() -> None:
    assert codes(reading_of(_declared("UTF-32").encode("utf-32"))) == ["encoding_unknown"]


@pytest.mark.parametrize(
    "content",
    [
        _declared("UTF-8").encode("iso8859-15"),
        _declared("US-ASCII").encode("iso8859-15"),
        _declared("windows-1252").encode("iso8859-15").replace(b"MEF", b"M\x81F", 1),
        _declared("UTF-16").encode(),
        _declared("ISO-8859-15").encode("utf-16-le"),
        _declared("UTF-8").encode().replace("É".encode(), b"\xed\xa0\x80"),
        _declared("UTF-8").encode() + b"\xc3",
        _declared("UTF-16").encode("utf-16")[:-1],
    ],
)
def test_bytes_that_are_not_valid_in_the_declared_encoding_are_refused(content: bytes) -> None:
    reading = reading_of(content)
    assert (codes(reading), reading.read) == (["encoding_invalid_bytes"], 0)


@pytest.mark.parametrize("where", [b"<ELEVES>", b"MARTEL", b"</BEE_ELEVES>"])
def test_a_nul_character_is_refused(where: bytes) -> None:
    content = latin9(document(eleve())).replace(where, where + b"\0")
    assert codes(reading_of(content)) == ["nul_character"]


_DOCTYPES = [
    "<!DOCTYPE BEE_ELEVES>",
    '<!DOCTYPE BEE_ELEVES SYSTEM "file:///etc/passwd">',
    '<!DOCTYPE BEE_ELEVES PUBLIC "-//X//Y" "http://127.0.0.1:1/x.dtd">',
    '<!DOCTYPE x [<!ENTITY a "b">]>',
    '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:1/p"> %p;]>',
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;">]>',
    "\n  <!-- avant -->\n<?pi x?>\n  <!DOCTYPE\tBEE_ELEVES\n>",
    "<!-- " + "x" * 60_000 + " --><!DOCTYPE x>",
]


@pytest.mark.parametrize("doctype", _DOCTYPES)
@pytest.mark.parametrize("encoding", ["iso8859-15", "utf-8-sig", "utf-16", "utf-16-be"])
def test_any_doctype_is_refused_whatever_its_form_and_encoding(doctype: str, encoding: str) -> None:
    label = "UTF-16" if "16" in encoding else "ISO-8859-15" if "iso" in encoding else "UTF-8"
    content = _declared(label, doctype + document(eleve(NOM_DE_FAMILLE="&c;"))).encode(encoding)
    reading = reading_of(content)
    assert (codes(reading), reading.read) == (["doctype"], 0)


def test_a_doctype_without_declaration_or_after_the_root_is_refused() -> None:
    assert codes(reading_of(b"  <!DOCTYPE x><x/>")) == ["doctype"]
    content = document(eleve()).replace("<DONNEES>", "<!DOCTYPE x><DONNEES>")
    assert codes(reading_of(content)) == ["xml_malformed"]


@pytest.mark.parametrize(
    "text",
    [
        NAMED.replace("</PRENOM>", ""),
        NAMED.replace("</PRENOM>", "</PRENOM >>&"),
        NAMED.replace("Éloi", "&eacute;loi"),
        NAMED.replace("Éloi", "&#0;"),
        NAMED.replace("Éloi", "&#xD800;"),
        NAMED.replace("Éloi", "&#1;"),
        NAMED.replace("Éloi", "\x01"),
        NAMED.replace("Éloi", "a < b"),
        NAMED.replace('ELEVE_ID="1"', "ELEVE_ID=1"),
        NAMED.replace('ELEVE_ID="1"', 'ELEVE_ID="1" ELEVE_ID="2"'),
        NAMED + "<suite/>",
        NAMED + "suite",
        NAMED.replace("<PRENOM>", "<x:PRENOM>").replace("</PRENOM>", "</x:PRENOM>"),
        "<?xml version='1.0'?>" + NAMED,
    ],
)
def test_a_file_that_is_not_well_formed_is_refused_at_the_first_error(text: str) -> None:
    reading = reading_of(text)
    assert (codes(reading), reading.read) == (["xml_malformed"], 0)


@pytest.mark.parametrize("end", [40, 61, 400, -1, -14, -20])
def test_a_truncated_file_is_refused(end: int) -> None:
    reading = reading_of(latin9(NAMED)[:end])
    assert (reading.verdict, reading.read) == ("refused", 0)
    assert codes(reading) in (["xml_truncated"], ["xml_malformed"])


def test_a_file_cut_between_two_elements_is_told_to_be_incomplete() -> None:
    content = latin9(NAMED)
    assert codes(reading_of(content[: content.index(b"<DONNEES>")])) == ["xml_truncated"]
    assert codes(reading_of(content[: content.index(b"</PRENOM>")])) == ["xml_truncated"]


def test_comments_processing_instructions_and_cdata_are_read_as_xml_says() -> None:
    text = NAMED.replace(
        NAME, "<!-- a --><![CDATA[O'NEIL & <FILS>]]><?rien?> &amp;&#32;C<!-- b -->ie"
    ).replace("<ELEVES>", "<!-- <ELEVE ELEVE_ID='9'/> --><?x <ELEVE/> ?><ELEVES>")
    text = text.replace("<CODE_STRUCTURE>", "<CODE_STRUCTURE><!-- a --><?rien?>Ter<?rien?>")
    reading = reading_of(text)
    assert reading.read == 1
    assert reading.pupils[0].family_name == "O'NEIL & <FILS> & Cie"
    assert (reading.pupils[0].division or "").startswith("Ter")


def test_characters_beyond_the_basic_plane_are_read() -> None:
    name = "\U00020bb7田\U0001f600"
    assert _name(_declared("UTF-8", document(eleve(NOM_DE_FAMILLE=name))).encode()) == name


def test_a_root_in_a_namespace_is_not_the_root_of_siecle() -> None:
    reading = reading_of(document(eleve(), root=' xmlns="urn:autre"'))
    assert codes(reading) == ["unknown_root"]
    assert "urn:autre" in reading.findings[0].message
    assert codes(reading_of('<x:BEE_ELEVES xmlns:x="urn:autre"/>')) == ["unknown_root"]


def test_a_declared_prefix_that_is_not_used_changes_nothing() -> None:
    root = (
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" VERSION="3.0"'
        ' xsi:noNamespaceSchemaLocation="http://127.0.0.1:1/x.xsd"'
    )
    assert codes(reading_of(document(eleve(), root=root))) == []


def test_an_element_in_a_namespace_is_another_element() -> None:
    autre = '<PRENOM xmlns="urn:autre">Autre</PRENOM>'
    text = document(eleve()).replace("</ELEVE>", f'{autre}</ELEVE><ELEVE xmlns="urn:x"/>')
    reading = reading_of(text)
    assert (reading.read, reading.pupils[0].first_name) == (1, "Éloi")


def test_elements_count_only_where_they_stand_in_a_pupil_file() -> None:
    stray = eleve("7", ID_NATIONAL=BEA)
    text = document(eleve(AUTRE=f"<PRENOM>Autre</PRENOM>{stray}")).replace(
        "<DONNEES>", f"<DONNEES>{stray}<X><ELEVES>{stray}</ELEVES></X><BEE_ELEVES/>"
    )
    reading = reading_of(text)
    assert (reading.read, reading.pupils[0].first_name) == (1, "Éloi")


def test_the_parts_of_a_file_may_come_in_any_order() -> None:
    text = document(eleve())
    start, end = text.index("<PARAMETRES>"), text.index("<DONNEES>")
    moved = text[:start] + text[end:].replace("</BEE", f"{text[start:end]}</BEE")
    reading = reading_of(moved)
    assert (reading.uai, reading.read, codes(reading)) == ("9990001X", 1, [])


def test_of_a_tag_written_twice_one_is_taken() -> None:
    twice = eleve(PRENOM="Anne</PRENOM><PRENOM>Lou")
    parameters = PARAMETERS + "<UAJ/><UAJ>9990002Y</UAJ>"
    reading = reading_of(document(twice, parameters=parameters))
    assert (reading.pupils[0].first_name, reading.uai) == ("Lou", "9990001X")


def test_values_of_white_space_only_are_absent() -> None:
    reading = reading_of_one(eleve(DATE_SORTIE="\n\t ", NOM_USAGE="\u00a0", CODE_MOTIF_SORTIE=" "))
    pupil = reading.pupils[0]
    assert pupil.present
    assert (pupil.usage_name, pupil.exit_reason) == (None, None)


def test_more_pupils_than_a_school_can_have_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MAX_PUPILS", 2)
    pupils = "".join(eleve(str(n), ID_NATIONAL=None) for n in range(3))
    assert codes(reading_of(document(pupils))) == ["xml_abnormal"]
    assert codes(reading_of(document(eleve()))) == ["xml_abnormal"]  # classes of three pupils


def test_a_value_of_the_file_is_shown_short_and_without_control_characters() -> None:
    nasty = "\u202e\x9b31m" + "A" * 300 + "\u2028;"
    reading = reading_of(document(eleve(DATE_NAISS=nasty, PRENOM=nasty)).encode())
    for finding in reading.findings:
        for text in (finding.message, finding.name or "", finding.value or ""):
            assert text.isprintable()
            assert len(text) < 500
