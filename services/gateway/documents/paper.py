"""A4 paper: what the documents are drawn with.

Lines are broken here and not by fpdf2, which measures a line anew at each of its characters (some
forty times slower for long texts). Title, language and sections (bookmarks, structure) are set, and
images have an alternative text; fpdf2 tags no running text.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

from fpdf import FPDF, ViewerPreferences, XPos, YPos
from fpdf.fonts import TTFFont

FONTS: Final = Path(__file__).parents[1] / "fonts"
FAMILY: Final = "dejavu"
MARGIN: Final = 18
SIZE: Final = 10.0
LEADING: Final = 1.45
"""Height of a line, by the size of its letters."""

POINT: Final = 0.3528
"""Millimetres."""

INK: Final = (29, 36, 48)
MUTED: Final = (74, 83, 98)
ACCENT: Final = (31, 78, 140)
HEADINGS: Final = {0: 14.0, 1: 11.5}


class Paper(FPDF):
    """A document; `note` stands at the foot of each page, before its number."""

    def __init__(self, title: str, note: str, author: str, made_at: dt.datetime) -> None:
        super().__init__(format="A4")
        self._note = note
        self.set_title(title)
        self.set_author(author)
        self.set_lang("fr-FR")
        self.set_creation_date(made_at)
        self.viewer_preferences = ViewerPreferences(display_doc_title=True)
        self.add_font(FAMILY, "", FONTS / "DejaVuSans.ttf")
        self.add_font(FAMILY, "B", FONTS / "DejaVuSans-Bold.ttf")
        self.set_margins(MARGIN, MARGIN)
        self.set_auto_page_break(auto=True, margin=MARGIN + 6)
        self._widths: dict[tuple[str, float, str], float] = {}
        self._write(SIZE)
        self.add_page()

    def footer(self) -> None:
        """At the foot of each page: what it belongs to, its number."""
        self.set_y(-MARGIN)
        self._write(8, colour=MUTED)
        self.cell(self.epw / 2, 5, printable(self._note))
        number = f"Page {self.page_no()}/{{nb}}"
        self.cell(self.epw / 2, 5, number, align="R")

    def heading(self, text: str, level: int = 0) -> None:
        """A section: printed, among the bookmarks, in the structure."""
        size = HEADINGS[level]
        self.keep(4 * size * LEADING * POINT)
        if self.get_y() > MARGIN:
            self.ln(size * POINT)
        self.start_section(printable(text)[:200], level, strict=False)
        self.paragraph(text, size=size, bold=True, colour=ACCENT if level == 0 else INK)
        self.ln(1)

    def paragraph(
        self,
        text: str,
        *,
        size: float = SIZE,
        bold: bool = False,
        indent: float = 0,
        colour: tuple[int, int, int] = INK,
    ) -> None:
        """A text; each of its own lines begins a new one."""
        self._write(size, bold=bold, colour=colour)
        height = size * LEADING * POINT
        for line in self._broken(printable(text), self.epw - indent):
            self.set_x(self.l_margin + indent)
            self.cell(0, height, line, new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def bullets(self, texts: Iterable[str]) -> None:
        """A list."""
        for text in texts:
            self.keep(2 * SIZE * LEADING * POINT)
            above, page = self.get_y(), self.page
            self.paragraph(text, indent=5)
            if self.page == page:
                below = self.get_y()
                self.set_xy(self.l_margin, above)
                self.cell(5, SIZE * LEADING * POINT, "•")
                self.set_xy(self.l_margin, below)

    def keep(self, height: float) -> None:
        """Begin a new page unless so much room is left on this one."""
        if self.will_page_break(height):
            self.add_page()

    def picture(self, png: bytes, told: str, *, x: float, y: float, room: float) -> None:
        """An image within a square of `room` millimetres."""
        self.image(png, x=x, y=y, w=room, h=room, keep_aspect_ratio=True, alt_text=told)

    def rule(self) -> None:
        """A line across."""
        self.ln(2)
        self.set_draw_color(*MUTED)
        self.line(self.l_margin, self.get_y(), self.w - self.r_margin, self.get_y())
        self.ln(3)

    def finished(self) -> bytes:
        """The file."""
        return bytes(self.output())

    def _write(
        self, size: float, *, bold: bool = False, colour: tuple[int, int, int] = INK
    ) -> None:
        self.set_font(FAMILY, "B" if bold else "", size)
        self.set_text_color(*colour)

    def _broken(self, text: str, room: float) -> Iterator[str]:
        """The lines of a text that fit into `room`."""
        space = self._width(" ")
        for given in text.split("\n"):
            line, width = "", 0.0
            for word in self._short(given.split(" "), room):
                wide = self._width(word)
                if line and width + space + wide > room:
                    yield line
                    line, width = word, wide
                else:
                    line = f"{line} {word}" if line else word
                    width += wide + (space if width else 0)
            yield line

    def _short(self, words: Iterable[str], room: float) -> Iterator[str]:
        """The words; one that is too long for a line is cut."""
        for word in words:
            rest = word
            while len(rest) > 1 and self._width(rest) > room:
                fits = max(1, int(len(rest) * room / self._width(rest)) - 1)
                yield rest[:fits]
                rest = rest[fits:]
            yield rest

    def _width(self, word: str) -> float:
        key = (self.font_style, self.font_size_pt, word)
        found = self._widths.get(key)
        if found is None:
            found = self.get_string_width(word)
            if len(word) < 30:
                self._widths[key] = found
        return found


@cache
def _glyphs() -> frozenset[int]:
    """The characters that both fonts have."""
    paper = FPDF()
    paper.add_font(FAMILY, "", FONTS / "DejaVuSans.ttf")
    paper.add_font(FAMILY, "B", FONTS / "DejaVuSans-Bold.ttf")
    return frozenset.intersection(
        *(frozenset(one.cmap) for one in paper.fonts.values() if isinstance(one, TTFFont))
    )


def printable(text: str) -> str:
    """The text with what the fonts can't show replaced, so that nothing is lost unseen."""
    known = _glyphs()
    flat = text.replace("\r\n", "\n").replace("\t", " ")
    return "".join(c if c == "\n" or ord(c) in known else "□" for c in flat)
