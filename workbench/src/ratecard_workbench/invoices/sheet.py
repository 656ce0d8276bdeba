"""A sheet of A4 with the house's type: what all parts of a page are drawn on."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from fpdf import FPDF
from fpdf.enums import XPos, YPos
from fpdf.fonts import TTFFont

from ratecard.billing.rendering.page import Fact
from ratecard.billing.rendering.parties import Party
from ratecard.kernel.errors import ErrorKind, RatecardError

FAMILY = "page"
INK, SOFT, LINE = (22, 32, 44), (90, 102, 117), (205, 211, 219)
SIZE = 9.0
_FONTS = Path(__file__).parent / "fonts"
_LABEL_WIDTH = 32.0


class UnusableFontError(RatecardError):
    """The file is not a font that can be put into a PDF."""

    code = "unusable_font"
    kind = ErrorKind.INVALID


class Sheet(FPDF):  # type: ignore[misc,unused-ignore]
    """Pages with a footer, and the few ways in which text is set. Lengths are millimetres, sizes points."""

    def __init__(self, title: str) -> None:
        super().__init__(format="A4")
        self._title_below = title
        self.set_margin(18)
        self.c_margin = 0
        self.set_auto_page_break(True, margin=20)
        self.set_title(title)
        self.set_lang("en")
        self.set_creator("Ratecard")

    def footer(self) -> None:
        """Write title and page number below each page."""
        self.set_y(-14)
        self.style(SIZE - 1.5, soft=True)
        self.cell(self.epw / 2, 4, self._title_below)
        self.cell(self.epw / 2, 4, f"Page {self.page_no()} of {{nb}}", align="R")

    def style(self, size: float = SIZE, *, bold: bool = False, soft: bool = False) -> None:
        """Choose size, weight and colour of what follows."""
        self.set_font(FAMILY, "B" if bold else "", size)
        self.set_text_color(*(SOFT if soft else INK))

    def text_line(
        self, text: str, *, size: float = SIZE, bold: bool = False, soft: bool = False, height: float = 5
    ) -> None:
        """Write text from the left margin to the right, in as many lines as it needs."""
        self.style(size, bold=bold, soft=soft)
        self.multi_cell(0, height, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def paragraph(self, text: str, *, bold: bool = False) -> None:
        """Write a sentence of its own."""
        self.text_line(text, bold=bold, soft=not bold)
        self.ln(3)

    def heading(self, text: str) -> None:
        """Write a heading; what it heads should fit below, see `room_for`."""
        self.text_line(text, size=11, bold=True, height=7)

    def column(self, label: str, party: Party, width: float) -> None:
        """Write one side's name and address from the present place on."""
        left = self.get_x()
        for text, bold, soft in (
            (label, False, True),
            (party.name, True, False),
            *((line, False, False) for line in party.lines),
        ):
            self.style(SIZE, bold=bold, soft=soft)
            self.set_x(left)
            self.multi_cell(width, 4.6, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def facts(self, facts: tuple[Fact, ...]) -> None:
        """Write labels and what they stand for, in two columns."""
        for fact in facts:
            self.style(soft=True)
            self.cell(_LABEL_WIDTH, 5, fact.label)
            self.style(SIZE - 1 if fact.code else SIZE)
            self.multi_cell(0, 5, fact.value, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.ln(4)

    def room_for(self, height: float) -> None:
        """Begin a new page if less than this is left of the present one."""
        if self.will_page_break(height):
            self.add_page()

    def rule(self, *, strong: bool = False, width: float | None = None) -> None:
        """Draw a line at the present height, across or from the right."""
        self.set_draw_color(*(INK if strong else LINE))
        self.set_line_width(0.3 if strong else 0.15)
        self.line(self.w - self.r_margin - (width or self.epw), self.get_y(), self.w - self.r_margin, self.get_y())


def open_sheet(title: str, dated_at: datetime, font: Path | None) -> tuple[Sheet, frozenset[int]]:
    """Return an empty sheet and the code points that its font has.

    Raises
    ------
    UnusableFontError
        If the file is no font.
    """
    sheet = Sheet(title)
    sheet.set_creation_date(dated_at)
    files = (font, font) if font else (_FONTS / "DejaVuSans-subset.ttf", _FONTS / "DejaVuSans-Bold-subset.ttf")
    try:
        for style, path in zip(("", "B"), files, strict=True):
            sheet.add_font(FAMILY, style, path)
    except Exception as error:  # fontTools raises whatever a file that is no font leads it to
        raise UnusableFontError(f"{font} is not a TrueType or OpenType font") from error
    faces = [face for face in sheet.fonts.values() if isinstance(face, TTFFont)]
    return sheet, frozenset.intersection(*(frozenset(face.cmap) for face in faces))
