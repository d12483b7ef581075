"""Draws one business letter as a PDF, the same bytes every time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fpdf import FPDF

COMPANY = "Nordlicht Bürobedarf GmbH"
STREET = "Hafenstraße 12 · 20457 Hamburg"
FOOTER = "IBAN DE89 3704 0044 0532 0130 00 · USt-IdNr. DE123456789 · Amtsgericht Hamburg HRB 123456"
VAT_RATE = Decimal("0.19")
_BLUE = (24, 71, 112)

_WORDS: Mapping[str, Mapping[str, str]] = {
    "de": {"number": "Nummer", "date": "Datum", "item": "Bezeichnung", "count": "Menge", "price": "Preis EUR",
           "amount": "Betrag EUR", "net": "Nettobetrag", "vat": "USt. 19 %", "total": "Gesamtbetrag"},
    "en": {"number": "Number", "date": "Date", "item": "Description", "count": "Quantity", "price": "Price EUR",
           "amount": "Amount EUR", "net": "Net amount", "vat": "VAT 19 %", "total": "Total"},
}  # fmt: skip


class DemoError(Exception):
    """The samples cannot be made; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Position:
    item: str
    price: Decimal
    """Net, in EUR."""
    count: int = 1

    @property
    def amount(self) -> Decimal:
        return self.price * self.count


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    title: str
    number: str
    date: date
    address: tuple[str, ...]
    text: str
    closing: str
    positions: tuple[Position, ...] = ()
    taxed: bool = True
    language: str = "de"


def draw(letter: Letter, password: str = "") -> bytes:
    """The letter as a PDF of one page; with a password, nobody opens it without.

    Raises:
        DemoError: fpdf2 is not installed.
    """
    pdf = _blank(letter)
    if password:
        pdf.set_encryption(owner_password=f"{password}!", user_password=password)
    _letterhead(pdf)
    _address(pdf, letter)
    pdf.set_font(style="B", size=15)
    pdf.cell(text=letter.title, h=10, new_x="LMARGIN", new_y="NEXT")
    _paragraph(pdf, letter.text)
    if letter.positions:
        _table(pdf, letter)
    _paragraph(pdf, letter.closing)
    _paragraph(pdf, COMPANY)
    return bytes(pdf.output())


def _blank(letter: Letter) -> "FPDF":
    try:
        from fpdf import FPDF  # noqa: PLC0415  # an extra: only the demo needs it
    except ImportError as error:
        raise DemoError("drawing the samples needs fpdf2; from the check-out: pip install '.[demo]'") from error
    pdf = FPDF()
    pdf.set_creation_date(datetime(letter.date.year, letter.date.month, letter.date.day, 9, tzinfo=UTC))
    pdf.set_title(f"{letter.title} {letter.number}")
    pdf.set_author(COMPANY)
    pdf.set_margins(25, 15)
    pdf.add_page()
    pdf.set_font("helvetica", size=10)
    return pdf


def _letterhead(pdf: "FPDF") -> None:
    pdf.set_fill_color(*_BLUE)
    pdf.rect(0, 0, pdf.w, 6, style="F")
    pdf.set_text_color(*_BLUE)
    pdf.set_font(style="B", size=17)
    pdf.cell(text=COMPANY, h=8, new_x="LMARGIN", new_y="NEXT")
    pdf.set_font(style="", size=9)
    pdf.cell(text=STREET, new_x="LMARGIN", new_y="NEXT")
    pdf.line(25, 283, pdf.w - 25, 283)
    pdf.text(26, 288, FOOTER)
    pdf.set_text_color(0)


def _address(pdf: "FPDF", letter: Letter) -> None:
    words = _WORDS[letter.language]
    pdf.set_y(50)
    pdf.set_font(size=10)
    pdf.multi_cell(90, h=5, text="\n".join(letter.address))
    pdf.set_xy(120, 50)
    day = f"{letter.date:%d.%m.%Y}" if letter.language == "de" else f"{letter.date:%d %b %Y}"
    pdf.multi_cell(65, h=5, text=f"{words['number']}: {letter.number}\n{words['date']}: {day}", align="R")
    pdf.set_xy(25, 90)


def _paragraph(pdf: "FPDF", text: str) -> None:
    pdf.set_font(style="", size=10)
    pdf.ln(2)
    pdf.multi_cell(0, h=5.5, text=text, align="L", new_x="LMARGIN", new_y="NEXT")


def _table(pdf: "FPDF", letter: Letter) -> None:
    words = _WORDS[letter.language]
    pdf.ln(4)
    pdf.set_font(style="B")
    _row(pdf, (words["item"], words["count"], words["price"], words["amount"]), border="B")
    pdf.set_font(style="")
    for position in letter.positions:
        amounts = (_money(value, letter.language) for value in (position.price, position.amount))
        _row(pdf, (position.item, str(position.count), *amounts))
    net = sum((position.amount for position in letter.positions), Decimal())
    vat = (net * VAT_RATE).quantize(Decimal("0.01")) if letter.taxed else Decimal()
    if letter.taxed:
        _row(pdf, (words["net"], "", "", _money(net, letter.language)), border="T")
        _row(pdf, (words["vat"], "", "", _money(vat, letter.language)))
    pdf.set_font(style="B")
    _row(pdf, (words["total"], "", "", _money(net + vat, letter.language)), border="T")
    pdf.ln(4)


def _row(pdf: "FPDF", cells: tuple[str, ...], border: str = "") -> None:
    for width, text in zip((85, 20, 27, 28), cells, strict=True):
        pdf.cell(width, 7, text, border=border or 0, align="L" if width == 85 else "R")
    pdf.ln(7)


def _money(value: Decimal, language: str) -> str:
    text = f"{value:,.2f}"
    return text.translate(str.maketrans(",.", ".,")) if language == "de" else text
