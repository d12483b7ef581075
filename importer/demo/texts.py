"""What the samples say: four invoices of an invented company and what became of them."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from importer.demo.letter import Letter, Position

_SCHULZE = ("Bäckerei Schulze & Söhne OHG", "Frau Jördis Schulze", "Mühlenweg 7", "24103 Kiel")
_MULLER = ("Müller Trading Ltd.", "Accounts Payable", "18 Harbour Street", "London E1W 3TB", "United Kingdom")
_KRAUSS = ("Autohaus Krauß e. K.", "Äußere Ringstraße 101", "90402 Nürnberg")

_FIRST = Position("Rechnung RE-2024-00125 vom 03.05.2024", Decimal("1284.01"))
_SINCERELY = "Mit freundlichen Grüßen"


def invoice(number: str = "RE-2024-00123") -> Letter:
    return Letter(
        title="Rechnung",
        number=number,
        date=date(2024, 4, 15),
        address=_SCHULZE,
        text="Sehr geehrte Frau Schulze,\nvielen Dank für Ihren Auftrag. Wir haben geliefert und berechnen:",
        positions=(
            Position("Kopierpapier A4, 80 g, Karton zu 2.500 Blatt", Decimal("27.90"), 12),
            Position("Thermorollen für Kassen, 80 mm, 50 Stück", Decimal("38.50"), 4),
            Position("Lieferung frei Haus, Zone Küste", Decimal("9.80")),
        ),
        closing=f"Bitte zahlen Sie bis zum 29.04.2024 unter Angabe der Rechnungsnummer.\n\n{_SINCERELY}",
    )


def english_invoice() -> Letter:
    return Letter(
        title="Invoice",
        number="RE-2024-00124",
        date=date(2024, 4, 22),
        address=_MULLER,
        text="Dear Sir or Madam,\nthank you for your order. We delivered the following goods:",
        positions=(
            Position("Office chair, model Fjord", Decimal("349.00"), 3),
            Position("Standing desk, 160 x 80 cm", Decimal("612.50"), 2),
        ),
        closing="Please pay by 22 May 2024 and quote the invoice number.\n\nYours faithfully",
        language="en",
    )


def credit_note() -> Letter:
    return Letter(
        title="Gutschrift",
        number="GS-2023-0099",
        date=date(2023, 11, 30),
        address=_KRAUSS,
        text="Sehr geehrte Damen und Herren,\nfür Ihre Rücksendung schreiben wir Ihnen gut:",
        positions=(Position("Aktenschrank, Rücknahme wegen Transportschadens", Decimal("289.00")),),
        closing=f"Der Betrag wird mit der nächsten Rechnung verrechnet.\n\n{_SINCERELY}",
    )


def reminder() -> Letter:
    return Letter(
        title="Zahlungserinnerung",
        number="RE-2024-00123",
        date=date(2024, 5, 6),
        address=_SCHULZE,
        text="Sehr geehrte Frau Schulze,\nsicher haben Sie es nur übersehen: Diese Rechnung ist noch offen.",
        positions=(Position("Rechnung RE-2024-00123 vom 15.04.2024", Decimal("593.33")),),
        taxed=False,
        closing=f"Bitte überweisen Sie den Betrag bis zum 16.05.2024.\n\n{_SINCERELY}",
    )


def dunning(level: int) -> Letter:
    """The first to the fourth; each adds its fee."""
    fees = tuple(Position(f"Mahngebühr {step}. Mahnung", Decimal("5.00")) for step in range(1, level + 1))
    threat = "Danach übergeben wir die Forderung an ein Inkassobüro." if level == 4 else "Danach mahnen wir erneut."
    return Letter(
        title=f"{level}. Mahnung",
        number="RE-2024-00125",
        date=date(2024, 5 + level, 10),
        address=_KRAUSS,
        text="Sehr geehrte Damen und Herren,\nauf unsere Rechnung haben wir noch keine Zahlung erhalten.",
        positions=(_FIRST, *fees),
        taxed=False,
        closing=f"Bitte zahlen Sie innerhalb von zehn Tagen. {threat}\n\n{_SINCERELY}",
    )


def plain_letter() -> Letter:
    return Letter(
        title="Ihre Anfrage zur Rechnung RE-2024-00123",
        number="RE-2024-00123",
        date=date(2024, 4, 18),
        address=_SCHULZE,
        text="Sehr geehrte Frau Schulze,\nSie fragten nach der Zahl der gelieferten Kartons: zwölf, der Lieferschein "
        "mit der Unterschrift von Herrn Böttcher liegt uns vor. Für Rückfragen erreichen Sie uns täglich ab acht Uhr.",
        closing=_SINCERELY,
    )


def price_list() -> Letter:
    return replace(
        english_invoice(),
        title="Preisliste Frühling 2024",
        number="ohne",
        text="Unsere Preise für das Frühjahr, gültig bis zum 30.06.2024:",
        closing="Irrtum und Änderungen vorbehalten.",
        address=("An unsere Kundinnen und Kunden",),
        taxed=False,
        language="de",
        positions=(
            Position("Bürostuhl Fjord", Decimal("349.00")),
            Position("Stehschreibtisch, 160 x 80 cm", Decimal("612.50")),
        ),
    )
