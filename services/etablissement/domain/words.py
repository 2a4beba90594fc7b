"""Names as they are searched: without case, accents and punctuation."""

import re
import unicodedata

_NO_WORD = re.compile(r"[^a-z0-9]+")
_UAI_BEGIN = re.compile(r"[0-9]{2,7}|[0-9]{7}[A-Z]")
_SPELT_OUT = str.maketrans({"œ": "oe", "æ": "ae", "’": " ", "–": " ", "\u00a0": " "})


def fold(text: str) -> str:
    """The words of a text in lower case without accents, one space between them."""
    folded = text.casefold()
    if not folded.isascii():
        spelt = unicodedata.normalize("NFKD", folded.translate(_SPELT_OUT))
        folded = spelt.encode("ascii", "ignore").decode()
    return _NO_WORD.sub(" ", folded).strip()


def begin_of_uai(text: str) -> str | None:
    """The text as the beginning of a UAI, if it is one."""
    code = text.strip().upper()
    return code if _UAI_BEGIN.fullmatch(code) else None
