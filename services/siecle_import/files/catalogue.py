"""The texts of the findings: every code, how grave it is, its French message, what it means.

A message says what is wrong and what to do in SIECLE, because the cause is nearly always there.
`docs/siecle.md` repeats this table; a test keeps them alike.
"""

from typing import Literal, NamedTuple

Level = Literal["refusal", "confirmation", "line", "warning"]

LEVELS: dict[Level, str] = {
    "refusal": "refus",
    "confirmation": "à confirmer",
    "line": "ligne en erreur",
    "warning": "avertissement",
}
"""The levels as staff read them, the gravest first."""

# What to do, as the messages of the catalogue end: {deposit}, {again}, {fix}, {complete}.
ADVICE = {
    "deposit": "déposez ElevesSansAdresses (zip ou xml)",
    "again": "refaites l'export dans SIECLE, puis déposez le fichier .zip tel quel",
    "fix": "Corrigez la fiche dans SIECLE puis refaites l'export.",
    "complete": "Complétez la fiche dans SIECLE puis refaites l'export.",
}

TABLE_WORDS = (
    ("dans SIECLE puis refaites l'export", "dans le tableau puis déposez-le à nouveau"),
    ("dans SIECLE, puis refaites l'export", "dans le tableau, puis déposez-le à nouveau"),
    ("dans SIECLE", "dans le tableau"),
    ("attendu 1 ou 2", "attendu M ou F"),
)
"""What is said instead of a CSV, which does not come from SIECLE: it is corrected itself."""


class Rule(NamedTuple):
    """A kind of finding: how grave, the French message, what it means (for `docs/siecle.md`).

    In the message `{who}` is the pupil with his INE, `{value}` what the file holds, `{other}` what
    it is compared with.
    """

    level: Level
    message: str
    meaning: str


_REFUSALS = {
    "empty_file": (
        "Ce fichier est vide : {again}.",
        "The file holds no byte.",
    ),
    "csv_file": (
        "Ce fichier est un tableau CSV : {deposit} tel que SIECLE le donne, sans l'ouvrir dans "
        "Excel.",
        "A CSV, often saved from Excel.",
    ),
    "csv_columns": (
        "Il manque des colonnes à ce tableau ({value}) : reprenez le modèle, avec toutes ses "
        "colonnes.",
        "A CSV of learners outside SIECLE that lacks columns of the model.",
    ),
    "csv_malformed": (
        "Ce tableau est illisible à la ligne {value} : vérifiez les guillemets et le nombre de "
        "colonnes (séparées par « ; »).",
        "A row of a CSV of learners that cannot be read, or has another number of columns.",
    ),
    "office_file": (
        "Ce fichier est un document de tableur ou de traitement de texte : {deposit} tel que "
        "SIECLE le donne, sans l'ouvrir dans Excel.",
        "An Excel, LibreOffice or Word document.",
    ),
    "not_xml": (
        "Ce fichier n'est pas un export de SIECLE ({value}) : {deposit}.",
        "Neither XML nor zip; the format is named when its first bytes tell it.",
    ),
    "wrong_export": (
        "Ce fichier est un export {value} : {deposit}.",
        "The root element is that of another export of SIECLE or STS.",
    ),
    "unknown_root": (
        "Ce fichier XML n'est pas un export de SIECLE (racine « {value} ») : {deposit}.",
        "The root element is not known, or stands in a namespace.",
    ),
    "school_closed": (
        "Cet établissement a fermé avant que l'import soit appliqué : refaites l'export pour "
        "l'établissement qui lui succède ({value}).",
        "The registry has told that the school is closed while its file waited.",
    ),
    "zip_too_large": (
        "Cette archive dépasse {value} : {again}.",
        "The zip itself is over 20 MB.",
    ),
    "zip_corrupt": (
        "Cette archive zip est abîmée ou incomplète : {again}.",
        "The zip cannot be read to its end, or its checksum is wrong.",
    ),
    "zip_encrypted": (
        "Cette archive zip est protégée par un mot de passe : {again}.",
        "An entry of the zip is encrypted.",
    ),
    "zip_method": (
        "Cette archive zip est comprimée d'une manière qui n'est pas acceptée : {again}.",
        "An entry is compressed otherwise than by deflate, whose unfolding can be bounded.",
    ),
    "zip_path_outside": (
        "Cette archive zip contient un chemin interdit (« {value} ») : {again}.",
        "An entry has an absolute path or one that climbs out of its folder.",
    ),
    "zip_too_many_files": (
        "Cette archive zip contient trop de fichiers : {again}.",
        "More entries than an export can have.",
    ),
    "zip_no_pupil_file": (
        "Cette archive zip ne contient pas de fichier d'élèves : {deposit}.",
        "No entry is a pupil file; when all are of one other kind, the kind is told.",
    ),
    "zip_several_pupil_files": (
        "Cette archive zip contient plusieurs fichiers d'élèves ({value}) : déposez celle que "
        "SIECLE donne, avec un seul fichier.",
        "Two entries or more are pupil files.",
    ),
    "zip_ratio": (
        "Cette archive zip se déplie plus de {value} fois : {again}.",
        "Declared or counted while reading, the XML is over 200 times its packed size.",
    ),
    "xml_too_large": (
        "Ce fichier dépasse {value} une fois déplié : {again}.",
        "Declared or counted while reading, the XML is over 100 MB.",
    ),
    "encoding_unknown": (
        "L'encodage annoncé par ce fichier (« {value} ») n'est pas connu : {again}.",
        "Encodings read: ISO-8859-15 and -1, windows-1252, ASCII, UTF-8, UTF-16.",
    ),
    "encoding_invalid_bytes": (
        "Ce fichier contient des octets impossibles dans l'encodage qu'il annonce ({value}) : "
        "il a été modifié ou abîmé ; {again}.",
        "The bytes are not valid in the declared encoding.",
    ),
    "nul_character": (
        "Ce fichier contient des caractères nuls : il est abîmé ; {again}.",
        "A NUL character.",
    ),
    "doctype": (
        "Ce fichier contient un DOCTYPE, que SIECLE n'écrit jamais : {again}.",
        "Any DOCTYPE, with or without entities; nothing it names is read.",
    ),
    "xml_truncated": (
        "Ce fichier XML est incomplet (il s'arrête à la ligne {value}) : {again}.",
        "The XML ends before its root element is closed.",
    ),
    "xml_malformed": (
        "Ce fichier XML est abîmé (ligne {value}) : {again}.",
        "The XML is not well-formed; reading stops at the first such error.",
    ),
    "xml_abnormal": (
        "Ce fichier XML est démesuré ({value}) : {again}.",
        "Depth, length of a markup, number of names or of pupils that no export reaches.",
    ),
    "uai_missing": (
        "Ce fichier ne dit pas de quel établissement il vient (UAJ) : {again}.",
        "No UAJ in PARAMETRES.",
    ),
    "uai_invalid": (
        "Le code d'établissement de ce fichier (UAJ « {value} ») est faux : {again}.",
        "The UAJ has a wrong shape or key.",
    ),
    "other_school": (
        "Ce fichier vient de l'établissement {value}, et non de {other} : faites l'export dans la "
        "base SIECLE de votre établissement.",
        "The UAJ is not that of the school that imports.",
    ),
    "school_year_missing": (
        "Ce fichier ne dit pas son année scolaire : {again}.",
        "No ANNEE_SCOLAIRE in PARAMETRES.",
    ),
    "school_year_unreadable": (
        "L'année scolaire de ce fichier (« {value} ») est illisible : {again}.",
        "ANNEE_SCOLAIRE is not four figures.",
    ),
    "no_pupil": (
        "Ce fichier ne contient aucun élève : refaites l'export dans SIECLE en demandant tous les "
        "élèves de l'établissement.",
        "No ELEVE.",
    ),
    "no_active_pupil": (
        "Tous les élèves de ce fichier sont sortis : vérifiez dans SIECLE l'année de l'export, "
        "puis refaites l'export.",
        "Every ELEVE has left, and none is in error.",
    ),
    "ine_twice": (
        "L'INE {value} est porté par deux élèves inscrits : {who} et {other}. Corrigez dans "
        "SIECLE la fiche qui ne doit pas l'avoir, puis refaites l'export.",
        "Two active pupils without line error share an INE.",
    ),
    "eleve_id_twice": (
        "L'identifiant d'élève {value} est porté par deux lignes : {who} et {other}. "
        "Fusionnez ou corrigez ces fiches dans SIECLE, puis refaites l'export.",
        "Two ELEVE have the same ELEVE_ID.",
    ),
}

_CONFIRMATIONS = {
    "other_school_year": (
        "Ce fichier est de l'année scolaire {value}, et non de {other}. Vérifiez dans SIECLE "
        "l'année choisie pour l'export ; si c'est bien voulu, confirmez.",
        "ANNEE_SCOLAIRE is not the current year (in August, two years are current).",
    ),
    "older_file": (
        "Ce fichier date du {value} : il est plus ancien que le dernier import ({other}). Faites "
        "plutôt un nouvel export dans SIECLE ; si c'est bien voulu, confirmez.",
        "HORODATAGE is before that of the import in force (judged by the import, not by `check`).",
    ),
    "mass_deactivation": (
        "{value} élèves sur {other}. Vérifiez que l'export est complet, puis saisissez ce nombre "
        "pour confirmer.",
        "Over 20 % of the active pupils, and more than 5, would be deactivated (judged by the "
        "import, not by `check`).",
    ),
}

_LINE_ERRORS = {
    "eleve_id_missing": (
        "{who} : identifiant d'élève absent (ELEVE_ID). Refaites l'export dans SIECLE.",
        "The ELEVE has no ELEVE_ID.",
    ),
    "family_name_missing": (
        "{who} : nom de famille absent. {complete}",
        "Empty or absent NOM_DE_FAMILLE (or NOM).",
    ),
    "first_name_missing": (
        "{who} : prénom absent. {complete}",
        "Empty or absent PRENOM.",
    ),
    "birth_date_missing": (
        "{who} : date de naissance absente. {complete}",
        "Empty or absent DATE_NAISS; transfers depend on it.",
    ),
    "birth_date_unreadable": (
        "{who} : date de naissance illisible (« {value} », attendu JJ/MM/AAAA). {fix}",
        "DATE_NAISS is not a day of the calendar written JJ/MM/AAAA.",
    ),
    "birth_date_future": (
        "{who} : date de naissance dans le futur ({value}). {fix}",
        "DATE_NAISS is after today.",
    ),
    "ine_shape": (
        "{who} : INE « {value} » mal formé (11 caractères attendus). {fix}",
        "An INE has none of the three shapes.",
    ),
    "exit_date_unreadable": (
        "{who} : date de sortie illisible (« {value} », attendu JJ/MM/AAAA). {fix}",
        "DATE_SORTIE is not a day of the calendar written JJ/MM/AAAA.",
    ),
    "eleve_id_reassigned": (
        "{who} : le numéro {value} est dans la base celui d'un autre élève (numéro réattribué). "
        "Demandez à l'assistance de rattacher la fiche.",
        "ELEVE_ID known in the base under another birth date and no common INE.",
    ),
    "exit_before_entry": (
        "{who} : sortie le {value}, avant l'entrée le {other}. {fix}",
        "DATE_SORTIE is before DATE_ENTREE.",
    ),
    "line_twice": (
        "{who} : ce tableau a déjà une ligne pour cette personne (ligne {value}). {fix}",
        "A CSV has two rows with the same name, first name and birth date.",
    ),
    "value_too_long": (
        "{who} : {other} est trop long (« {value} »). {fix}",
        "A value is longer than any real one (200 characters).",
    ),
}

_WARNINGS = {
    "ine_missing": (
        "{who} : pas d'INE, pas de transfert automatique. {complete}",
        "No INE of any shape: this pupil cannot be transferred automatically.",
    ),
    "ine_key": (
        "{who} : la clé de l'INE {value} est fausse. Vérifiez l'INE dans SIECLE.",
        "The key of an INE does not agree with its figures (the rule is deduced from data).",
    ),
    "ine_conflict": (
        "{who} : deux INE de même forme, {value} et {other} ; le premier est retenu. Vérifiez "
        "l'INE dans SIECLE.",
        "Two different INE of one shape; the tag named after the shape wins over ID_NATIONAL.",
    ),
    "sex_missing": (
        "{who} : sexe absent. {complete}",
        "Empty or absent CODE_SEXE.",
    ),
    "sex_unknown": (
        "{who} : code de sexe inconnu (« {value} », attendu 1 ou 2). {fix}",
        "CODE_SEXE is neither 1 nor 2.",
    ),
    "division_missing": (
        "{who} : sans classe. Affectez-le à une division dans SIECLE quand elle est connue.",
        "A present pupil has no division, or groups only.",
    ),
    "divisions_several": (
        "{who} : deux divisions, {value} et {other} ; la première est retenue. "
        "Corrigez l'affectation dans SIECLE.",
        "Several divisions; the first of the file is kept.",
    ),
    "mef_missing": (
        "{who} : formation absente (MEF). {complete}",
        "A present pupil has no CODE_MEF.",
    ),
    "name_question_mark": (
        "{who} : le nom contient « ? », un caractère que SIECLE n'a pas pu écrire. Vérifiez la "
        "fiche dans SIECLE.",
        "A name holds `?`: the same person may be spelled otherwise in another school.",
    ),
    "ine_left_and_active": (
        "{who} est inscrit et {other} est sorti avec le même INE {value} : la fiche de l'élève "
        "inscrit est retenue. Fusionnez ces fiches dans SIECLE.",
        "One INE on an active and on a left line: the active one wins, the other is set aside.",
    ),
    "ine_also_in_error": (
        "{who} a le même INE {value} que {other}, dont la ligne est en erreur. Corrigez ces fiches "
        "dans SIECLE, puis refaites l'export.",
        "One INE on an active line and on a line in error.",
    ),
    "entry_date_unreadable": (
        "{who} : date d'entrée illisible (« {value} ») ; elle est laissée de côté. Corrigez la "
        "fiche dans SIECLE.",
        "DATE_ENTREE is not a day of the calendar written JJ/MM/AAAA; it is read as absent.",
    ),
    "encoding_mismatch": (
        "Ce fichier s'annonce en {value} mais il est écrit en {other} : il a été lu comme il est "
        "écrit. Il a sans doute été enregistré par un autre logiciel ; déposez plutôt le fichier "
        ".zip que SIECLE donne.",
        "Declared in one encoding (ISO-8859-15) and written in another (UTF-8): names are right.",
    ),
    "timestamp_unusable": (
        "La date d'export de ce fichier (« {value} ») est illisible ou dans le futur : le moment "
        "de la réception la remplace. Vérifiez la date de l'ordinateur, ou refaites l'export dans "
        "SIECLE.",
        "HORODATAGE is unreadable or later than the reception, which replaces it.",
    ),
}


def _catalogue() -> dict[str, Rule]:
    levels: tuple[tuple[Level, dict[str, tuple[str, str]]], ...] = (
        ("refusal", _REFUSALS),
        ("confirmation", _CONFIRMATIONS),
        ("line", _LINE_ERRORS),
        ("warning", _WARNINGS),
    )
    return {code: Rule(level, *texts) for level, rules in levels for code, texts in rules.items()}


CATALOGUE = _catalogue()
