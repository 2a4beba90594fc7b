"""Names as they are compared: the same person may be spelt in several ways."""

import unicodedata


def fold(name: str) -> str:
    """A name without case, accents, ligatures, spaces, hyphens and apostrophes."""
    ligatures = name.casefold().replace("œ", "oe").replace("æ", "ae")
    letters = unicodedata.normalize("NFKD", ligatures)
    return "".join(letter for letter in letters if letter.isalnum())
