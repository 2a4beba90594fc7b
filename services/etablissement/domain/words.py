"""Texts as they are kept, on one line, and as they are searched, without case and accents."""

import re
import unicodedata

_SPACES = re.compile(r"[\u00a0\u2000-\u200a\u202f\u205f\u3000]")
_NO_WORD = re.compile(r"[^a-z0-9]+")
_UAI_BEGIN = re.compile(r"[0-9]{2,7}|[0-9]{7}[A-Z]")
_SPELT_OUT = str.maketrans({"œ": "oe", "æ": "ae", "’": " ", "–": " ", "\u00a0": " "})


def one_line(text: str) -> str:
    """A text in its one form: NFC, and an ordinary space for each of those that editors put before
    « : » and inside « ».

    Raises:
        ValueError: it has line breaks, or signs that nobody sees.
    """
    line = text.strip()
    if not is_one_line(line):
        raise ValueError("texte d'une seule ligne attendu, sans signe invisible")
    return unicodedata.normalize("NFC", _SPACES.sub(" ", line))


def is_one_line(text: str) -> bool:
    """Whether a text is one line of signs that one sees."""
    return _SPACES.sub(" ", text).isprintable()


def readable(text: str) -> str:
    """What can be read of a text that nobody can be asked to correct, on one line."""
    line = " ".join(text.split())
    return line if line.isprintable() else "".join(filter(str.isprintable, line)).strip()


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
