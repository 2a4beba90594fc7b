"""Names as they are compared: the same person may be spelt in several ways."""

import unicodedata
from functools import lru_cache


@lru_cache(maxsize=20_000)  # an import folds each name several times
def fold(name: str) -> str:
    """A name without case, accents, ligatures, spaces, hyphens and apostrophes."""
    text = name.casefold()
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text.replace("œ", "oe").replace("æ", "ae"))
    return text if text.isascii() and text.isalnum() else "".join(filter(str.isalnum, text))
