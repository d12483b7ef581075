"""The shipped rules on names as ERP systems, shops and people write them: the right answer, or a refusal."""

import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from importer.adapters.patterns import compile_pattern
from importer.adapters.rules_file import load_rules
from importer.core.rules import FileName, Match, lint, readable, run_examples
from tests.names_of_systems import COPY_MARKS, NO_COPY_MARKS, SYSTEMS

FILE = Path(__file__).parents[1] / "config" / "rules.toml"
RULES = load_rules(FILE, compile_pattern, run_their_examples=False)

SAID = """
RE12345.pdf                                     | RE12345 invoice
RE-12345.pdf                                    | RE-12345 invoice
RE_12345.pdf                                    | RE_12345 invoice
RE 12345.pdf                                    | RE 12345 invoice
re12345.pdf                                     | re12345 invoice
RG12345.pdf                                     | RG12345 invoice
RG-2024-0007.pdf                                | RG-2024-0007 invoice
RE2024-00123.pdf                                | RE2024-00123 invoice
RE-24-0001.pdf                                  | RE-24-0001 invoice
RE-2024-01-0001.pdf                             | RE-2024-01-0001 invoice
RE20240001.pdf                                  | RE20240001 invoice
RE0001.pdf                                      | RE0001 invoice
RE-1001.pdf                                     | RE-1001 invoice
INV12345.pdf                                    | INV12345 invoice
INV-2024-0001.pdf                               | INV-2024-0001 invoice
INV_2024_00001.pdf                              | INV_2024_00001 invoice
INV_2024_01_0001.pdf                            | INV_2024_01_0001 invoice
Invoice - INV_2024_00001.pdf                    | INV_2024_00001 invoice
Rechnung_RE-2024-00123.pdf                      | RE-2024-00123 invoice
RE-2024-00123_Kunde Müller.pdf                  | RE-2024-00123 invoice
RE-2024-00123, Müller & Söhne GmbH.pdf          | RE-2024-00123 invoice
RE12345 (1).pdf                                 | RE12345 invoice
Invoice INV-2024-0001.pdf                       | INV-2024-0001 invoice
Ihre Rechnung RE12345.pdf                       | RE12345 invoice
Rechnung RE 12345.pdf                           | RE 12345 invoice
Rechnung Nr. RE12345.pdf                        | RE12345 invoice
Rechnung RE12345 vom 15.01.2024.pdf             | RE12345 invoice
2024-01-15 - Rechnung - RE12345 - Müller.pdf    | RE12345 invoice
20240115_RE12345.pdf                            | RE12345 invoice
RE12345_20240115.pdf                            | RE12345 invoice
Schlussrechnung RE12345.pdf                     | RE12345 invoice
E-Rechnung_RE12345.pdf                          | RE12345 invoice
2024-01-15_Rechnung_12345.pdf                   | 12345 invoice
Rechnung Nr. 12345.pdf                          | 12345 invoice
Rechnung Nr 12345.pdf                           | 12345 invoice
Rechnungsnummer 12345.pdf                       | 12345 invoice
Rechnungs-Nr. 2024-0815.pdf                     | 2024-0815 invoice
Rechnung-12345.pdf                              | 12345 invoice
Rechnung_12345.pdf                              | 12345 invoice
rechnung12345.pdf                               | 12345 invoice
RNr12345.pdf                                    | 12345 invoice
RNr. 12345.pdf                                  | 12345 invoice
R-Nr. 12345.pdf                                 | 12345 invoice
RE-Nr. 12345.pdf                                | 12345 invoice
RG-Nr 12345.pdf                                 | 12345 invoice
Rechnung 2024-00123.pdf                         | 2024-00123 invoice
Rechnung-2024-10001.pdf                         | 2024-10001 invoice
Rechnung R-12345.pdf                            | R-12345 invoice
Rechnung AR-2024-0001.pdf                       | AR-2024-0001 invoice
invoice_10001.pdf                               | 10001 invoice
invoice-1234.pdf                                | 1234 invoice
Invoice #1001.pdf                               | 1001 invoice
Invoice No. 10045.pdf                           | 10045 invoice
Sales Invoice 103001.pdf                        | 103001 invoice
Verkaufsrechnung 103001.pdf                     | 103001 invoice
Billing_Document_0090001234.pdf                 | 0090001234 invoice
Faktura 90001234.pdf                            | 90001234 invoice
12345_Rechnung.pdf                              | 12345 invoice
Rechnung 12345 Müller GmbH.pdf                  | 12345 invoice
Müller GmbH_Rechnung_12345.pdf                  | 12345 invoice
Gutschrift GS-2023-0099.pdf                     | GS-2023-0099 creditnote
GS-2023-0099.pdf                                | GS-2023-0099 creditnote
Credit Note CN-2024-17.pdf                      | CN-2024-17 creditnote
CreditNote_CN-2024-0017.pdf                     | CN-2024-0017 creditnote
RINV_2024_00001.pdf                             | RINV_2024_00001 creditnote
Gutschrift 12345.pdf                            | 12345 creditnote
Gutschrift Nr. 12345.pdf                        | 12345 creditnote
Gutschrift RE12345.pdf                          | RE12345 creditnote
Zahlungserinnerung_RE12345.pdf                  | RE12345 reminder
1. Zahlungserinnerung RE12345.pdf               | RE12345 reminder
RE12345_Zahlungserinnerung.pdf                  | RE12345 reminder
Reminder_INV-2024-0001.pdf                      | INV-2024-0001 reminder
Payment Reminder INV-2024-0001.pdf              | INV-2024-0001 reminder
1. Mahnung RE12345.pdf                          | RE12345 dunning1
Erste Mahnung RE12345.pdf                       | RE12345 dunning1
Mahnung2_RE12345.pdf                            | RE12345 dunning2
Mahnung-2-RE12345.pdf                           | RE12345 dunning2
2.Mahnung_RE-2024-00123.pdf                     | RE-2024-00123 dunning2
MAHNUNG_NR_2_RE12345.PDF                        | RE12345 dunning2
RE12345_Mahnstufe_3.pdf                         | RE12345 dunning3
RE12345_3. Mahnung.pdf                          | RE12345 dunning3
RE12345_Müller GmbH_Mahnstufe 3.pdf             | RE12345 dunning3
Müller GmbH 2. Mahnung RE12345.pdf              | RE12345 dunning2
Dunning Level 4 INV-2024-0001.pdf               | INV-2024-0001 dunning4
1st Dunning INV-2024-0001.pdf                   | INV-2024-0001 dunning1
Brief RE12345.pdf                               | RE12345 letter
Anschreiben_RE12345_Müller.pdf                  | RE12345 letter
E-Mail RE12345.eml                              | RE12345 email
email_RE12345.eml                               | RE12345 email
E-Mail RE12345.pdf                              | RE12345 email
RE12345.eml                                     | RE12345 email
RE12345 Ihre Frage.eml                          | RE12345 email
AW RE12345.eml                                  | RE12345 email
Frage zu RE12345 von Müller.eml                 | RE12345 email
Rechnung_RE12345.eml                            | RE12345 invoice
1. Mahnung RE12345.eml                          | RE12345 dunning1
RE12345_Rechnung_Müller.pdf                     | RE12345 invoice
RE12345 Müller GmbH & Co. KG.pdf                | RE12345 invoice
RE12345 Firma Müller.pdf                        | RE12345 invoice
RE12345 KdNr 4711.pdf                           | RE12345 invoice
RE12345 Kunde Müller (1).pdf                    | RE12345 invoice
RE12345 Müller GmbH vom 15.01.2024.pdf          | RE12345 invoice
RE12345_ZUGFeRD.pdf                             | RE12345 invoice
Rechnung_RE12345_ZUGFeRD.pdf                    | RE12345 invoice
ZUGFeRD_RE12345.pdf                             | RE12345 invoice
Müller GmbH RE12345.pdf                         | RE12345 invoice
INV-001.pdf                                     | INV-001 invoice
Rg. 12345.pdf                                   | 12345 invoice
Rechnung 201713.pdf                             | 201713 invoice
Rechnung 451345.pdf                             | 451345 invoice
2. Mahnung zu Rechnung RE12345.pdf              | RE12345 dunning2
2. Mahnung zur Rechnung RE12345.pdf             | RE12345 dunning2
2. Mahnung zu Rechnung 12345.pdf                | 12345 dunning2
Mahnung 2 Rechnung 12345.pdf                    | 12345 dunning2
1. Mahnung Rechnung RE12345.pdf                 | RE12345 dunning1
Zahlungserinnerung zu Rechnung RE12345.pdf      | RE12345 reminder
Payment Reminder for Invoice INV-2024-0001.pdf  | INV-2024-0001 reminder
Gutschrift zu Rechnung RE12345.pdf              | RE12345 creditnote
Brief zu Rechnung RE12345.pdf                   | RE12345 letter
Mahnung3_2024-01-15_RE12345.pdf                 | RE12345 dunning3
Brief_2024-01-15_RE12345.pdf                    | RE12345 letter
Mahnung 1 - Müller GmbH - RE12345.pdf           | RE12345 dunning1
AW_ Rechnung RE12345.eml                        | RE12345 email
WG_ Rechnung RE12345.eml                        | RE12345 email
"""

REFUSED = """
12345.pdf                               a customer's number, a date, anything
20240115.pdf                            a date
2024-00123.pdf                          nobody says of what
scan0001.pdf                            a scanner's count
Dokument.pdf                            nothing
Rechnung.pdf                            no number
RE.pdf                                  no number
RE123.pdf                               too short to be told from anything else
RE2024.pdf                              a year
RE2024_17.pdf                           a year and something
RE-2024-01-15.pdf                       a date
Rechnung 2024.pdf                       a year
Rechnung 2024-01.pdf                    a month
Rechnung 01-2024.pdf                    a month
Rechnung Januar 2024.pdf                a month
Rechnung 2024 12.pdf                    a month
Rechnung_2024-01-15.pdf                 a date
Rechnung 20240115.pdf                   a date
Rechnung 15012024.pdf                   a date
Rechnung KD12345.pdf                    a customer's number
12345 Rechnung 67890.pdf                two numbers
Rechnung_12345_67890.pdf                two numbers
Rechnung 12345-1.pdf                    part of a number
Rechnung 12345 und 12346.pdf            two invoices
RE12345_RE12346.pdf                     two invoices
RE12345 und 12346.pdf                   two invoices
RE12345-RE12346.pdf                     two invoices
Rechnung RE12345 und RE12346.pdf        two invoices
Rechnung RE12345, INV-2024-0001.pdf     two invoices
RE12345_2.pdf                           a page, a version
RE12345_4711.pdf                        a second number that nobody names
Mahnung RE12345.pdf                     which level?
Mahnung_12345.pdf                       which level, whose number?
Letzte Mahnung RE12345.pdf              which level?
5. Mahnung RE12345.pdf                  there is no fifth
Mahnung 10 RE12345.pdf                  there is no tenth
RE12345-1 Mahnung.pdf                   a first dunning letter, or a number's end?
Mahnung 1-2024 RE12345.pdf              a level, or a run's number?
2nd reminder INV-2024-0001.pdf          a reminder or a dunning letter?
2. Zahlungserinnerung RE12345.pdf       a reminder or a dunning letter?
Zahlungserinnerung2_RE12345.pdf         a reminder or a dunning letter?
Final Notice INV-2024-0001.pdf          which level?
1. Mahnung 12345.pdf                    perhaps the customer's number
Brief 12345.pdf                         perhaps the customer's number
12345.eml                               perhaps the customer's number
Mahnung 1 Mahnung 2 RE12345.pdf         two levels
Rechnung und 1. Mahnung RE12345.pdf     two kinds
Rechnung_1. Mahnung_RE12345.pdf         two kinds
RE12345_Rechnung_Mahnung 1.pdf          two kinds
Gutschrift, Rechnung RE12345.pdf        two documents
Gutschrift Rechnung RE12345.pdf         one document or two
Brief_Rechnung_RE12345.pdf              one document or two
E-Mail Rechnung RE12345.pdf             the mail, or what was sent with it
Schlussrechnung zu Rechnung RE12345.pdf  another invoice, which has a number of its own
Schlussrechnung Rechnung RE12345.pdf    another invoice?
1. Mahnung + Rechnung RE12345.pdf       two documents
Gutschrift GS-2023-0099 zu RE12345.pdf  two numbers
Rechnung GS-2023-0099.pdf               word and number disagree
Gutschrift 12345 Rechnung 67890.pdf     two kinds, two numbers
Lieferschein RE12345.pdf                none of the nine
RE12345_Lieferschein.pdf                none of the nine
Angebot RE12345.pdf                     none of the nine
RE12345 Auftragsbestätigung.pdf         none of the nine
RE12345 Auftragsbestaetigung.pdf        none of the nine
Bestellung RE12345.pdf                  none of the nine
RE12345_Anlage.pdf                      only attached to it
RE12345 Stundennachweis Mai.pdf         only attached to it
RE12345_Entwurf.pdf                     not sent yet
Entwurf Rechnung RE12345.pdf            not sent yet
Proforma Rechnung RE12345.pdf           no claim
Proforma-Rechnung_12345.pdf             no claim
RE12345 Kopie Müller.pdf                not what was sent
Kopie RE12345.pdf                       not what was sent
Rechnungskopie RE12345.pdf              not what was sent
Storno RE12345.pdf                      the cancelled one or the cancellation?
Stornorechnung RE12345.pdf              a credit note only to some
RE12345_storniert.pdf                   no longer
RE12345 bezahlt.pdf                     not what was sent
Rechnungskorrektur RE12345.pdf          a credit note or a new invoice?
Eingangsrechnung RE12345.pdf            a supplier's
Scan RE12345.pdf                        a scan of what?
Müller_RE12345.pdf                      what is it?
Quittung_RE12345.pdf                    none of the nine
Re_ Rechnung RE12345.eml                an answer, or the invoice?
RE Rechnung RE12345.eml                 an answer, or a system's word for invoice?
Frage zu Rechnung RE12345.pdf           a customer's question
1. Mahnbrief Rechnung RE12345.pdf       is that a dunning letter?
M1 Rechnung RE12345.pdf                 is that a dunning letter?
Rechnung RE12345 M1.pdf                 is that a dunning letter?
Mahnung 1 RE12345 Zweitmahnung.pdf      two levels
Mahnung1zwei RE12345.pdf                part of a word
Vormahnung 1 RE12345.pdf                which level?
Overdue Invoice INV-2024-0001.pdf       is that a dunning letter?
Payment for Invoice INV-2024-0001.pdf   a payment
AGB zu Rechnung RE12345.pdf             only attached to it
RE 1500 Euro Müller.pdf                 an amount
RE 2500 EUR.pdf                         an amount
INV 1000 EUR.pdf                        an amount
INV 1000 €.pdf                          an amount
Rechnung RE 1500 Euro Müller.pdf        an amount
Rechnung 5000 EUR Müller.pdf            an amount
Rechnung 5000EUR.pdf                    an amount
Rechnung 3500 Stück.pdf                 a quantity
Rechnung 3500 Stk Müller GmbH.pdf       a quantity
Rechnung 10115 Berlin.pdf               a place
Rechnung 12345 Müller.pdf               a place?
Rechnung 202401.pdf                     a month
Rechnung 012024.pdf                     a month
Rechnung 150124.pdf                     a date
Rechnung 240115.pdf                     a date
Rechnung 311299.pdf                     a date
Rechnung 199912.pdf                     a month
Rechnung 121999.pdf                     a month
RE12345_Müller.pdf                      a name, or a kind unknown to us?
RE-2024-00123-Müller.pdf                a name, or a kind unknown to us?
Müller_Rechnung_RE12345.pdf             a name, or a kind unknown to us?
RE12345_Müller_Mahnstufe 3.pdf          a name, or a kind unknown to us?
RE12345_Kunde Müller Sperrvermerk.pdf   a kind unknown to us
RE12345_Kunde Müller-Sperrvermerk.pdf   a kind unknown to us
RE12345_Sperrvermerk Müller GmbH.pdf    a kind unknown to us
Sperrvermerk Rechnung RE12345.pdf       a kind unknown to us
INV-001-2.pdf                           a page, a version
INV 001.pdf                             too short to be told from anything else
RE12345.Rechnung.Mahnung.pdf            two kinds
Rechnungen RE12345.pdf                  several
RE12345x.pdf                            part of a word
PRE12345.pdf                            part of a word
RE1234567890123456.pdf                  too long
"""


# Words that stand beside a number on papers that are none of the nine kinds, or of a level that they do not say.
OTHER_PAPERS = """
Erstmahnung Zweitmahnung Schlussmahnung Vormahnung Kundenmahnung Mahnbrief Abmahnung Mahngebühr Mahngebühren Mahnung
OverdueNotice overdue PastDue Past_Due Zahlungserinnerungen Erinnerungsschreiben Zahlerinnerung ZE GS GU Gutschriften
Teilgutschrift Stornobeleg ST credit refund reversal Begleitschreiben Kundenbrief Kundenschreiben Anwaltsschreiben
coverletter Mailverkehr Korrespondenz LS AB KV MB PO AGB terms Deckblatt Aufmaß Aufmass Protokoll Abnahmeprotokoll
Regiebericht Ratenzahlungsvereinbarung Tilgungsplan Zahlung payment remittance Verzug Verzugszinsen Einspruch
Widerspruch Klage Inkassoauftrag Abtretung Vollmacht Notiz Telefonnotiz falsch alt alt_nicht_senden NICHT_VERWENDEN
zurückgezogen unvollständig Anlagen Lieferscheine Rechnungskopie Stornorechnung Kündigung Mahnbescheid Bestellschein
"""
FRAMES = """
RE12345_{}.pdf
2024-01-15_RE12345_{}.pdf
RE12345_Kunde {}.pdf
{} RE12345.pdf
{} GmbH RE12345.pdf
{} Rechnung RE12345.pdf
{} zu Rechnung RE12345.pdf
Rechnung RE12345 {}.pdf
Rechnung {} RE12345.pdf
RE12345_Rechnung_{}.pdf
RE12345_{}_Rechnung.pdf
1. Mahnung RE12345 {}.pdf
Rechnung 12345 {}.pdf
{} Rechnung 12345.pdf
Gutschrift 12345 {}.pdf
""".strip().splitlines()


def rows(table, separator):
    return [tuple(part.strip() for part in line.split(separator, 1)) for line in table.strip().splitlines()]


@pytest.mark.parametrize(("name", "answer"), rows(SAID, "|"))
def test_a_name_that_says_it_is_understood(name, answer):
    for spelling in (name, unicodedata.normalize("NFD", name)):
        inference = RULES.infer(FileName.parse(spelling))
        assert isinstance(inference, Match), inference.reason.message
        assert f"{inference.reference} {inference.kind}" == answer


@pytest.mark.parametrize(("name", "why"), rows(REFUSED, "  "))
def test_a_name_of_which_nobody_could_tell_is_refused(name, why):
    inference = RULES.infer(FileName.parse(name))

    assert not isinstance(inference, Match), f"{inference.reference} {inference.kind} by {inference.rule}, but: {why}"
    assert name in inference.reason.message


def systems():
    for system, table in SYSTEMS.items():
        for name, answer in rows(table, "|"):
            yield pytest.param(name, answer.split("#")[0].strip(), id=f"{system}: {name}")


@pytest.mark.parametrize(("name", "answer"), list(systems()))
def test_the_names_of_erp_and_shop_systems(name, answer):
    for spelling in (name, unicodedata.normalize("NFD", name)):
        assert answer_of(spelling) == answer


def test_a_dozen_systems_and_150_names_are_documented_refusals_included():
    answers = [parameter.values[1] for parameter in systems()]

    assert len(SYSTEMS) > 12
    assert len(answers) > 150
    assert 40 < answers.count("refused") < len(answers) / 2


@pytest.mark.parametrize("mark", COPY_MARKS)
def test_what_copying_programs_add_changes_nothing(mark):
    for stem, answer in [
        ("RE-2024-0815", "RE-2024-0815 invoice"),
        ("Rechnung 12345", "12345 invoice"),
        ("RE12345_2. Mahnung", "RE12345 dunning2"),
        ("Gutschrift GS-2023-0099", "GS-2023-0099 creditnote"),
        ("Mahnung RE12345", "refused"),
        ("Rechnung", "refused"),
        ("RE2024", "refused"),
    ]:
        assert answer_of(f"{mark.format(stem)}.pdf") == answer


@pytest.mark.parametrize(("stem", "why"), [line.split("  ", 1) for line in NO_COPY_MARKS])
def test_what_only_looks_like_a_copy_is_refused_as_ever(stem, why):
    assert answer_of(f"{stem}.pdf") in ("refused", f"{stem} invoice"), why


@pytest.mark.parametrize("level", range(1, 100))
def test_a_counter_is_never_a_level_and_a_level_never_a_counter(level):
    assert answer_of(f"RE12345 Mahnung ({level}).pdf") == "refused"
    assert answer_of(f"Mahnung ({level}) RE12345.pdf") == "refused"
    assert answer_of(f"RE12345 1. Mahnung ({level}).pdf") == "RE12345 dunning1"
    assert answer_of(f"RE12345 Zahlungserinnerung ({level}).pdf") == ("RE12345 reminder" if level == 1 else "refused")


def answer_of(path):
    inference = RULES.infer(FileName.parse(path))
    return f"{inference.reference} {inference.kind}" if isinstance(inference, Match) else "refused"


def test_no_shipped_rule_is_without_effect():
    assert lint(RULES) == ()


@pytest.mark.parametrize("word", OTHER_PAPERS.split())
def test_another_paper_is_never_taken_for_one_of_the_nine_kinds(word):
    names = [frame.format(spelling) for frame in FRAMES for spelling in (word, word.upper(), word.replace("_", " "))]

    taken = [name for name in names if isinstance(RULES.infer(FileName.parse(name)), Match)]

    assert taken == []


@pytest.mark.parametrize("frame", FRAMES)
def test_the_same_names_are_taken_with_a_company_so_it_is_the_word_that_is_refused(frame):
    name = frame.format("Müller GmbH").replace("Müller GmbH GmbH", "Müller GmbH").replace("zu Rechnung", "Rechnung")

    assert isinstance(RULES.infer(FileName.parse(name)), Match), name


@given(word=st.text(st.characters(categories=["L"]), min_size=1, max_size=12))
def test_a_word_that_nobody_knows_never_stands_where_no_kind_word_does(word):
    for frame in ("RE12345_{}.pdf", "{} RE12345.pdf", "{}_Rechnung_RE12345.pdf", "Rechnung 12345 {}.pdf"):
        inference = RULES.infer(FileName.parse(frame.format(f"x{word}")))
        assert not isinstance(inference, Match)


def test_the_shipped_examples_hold_and_every_rule_has_one_that_it_decides():
    failed = [str(result.fault) for result in run_examples(RULES) if not result.passed]
    assert failed == []

    for rule in RULES.rules:
        accounts = [
            account
            for path in rule.examples
            for account in RULES.infer(FileName.parse(path)).accounts
            if account.matched
        ]
        assert rule.name in {account.rule for account in accounts}


def test_the_commented_recipes_work_as_they_are_printed(tmp_path):
    shipped, recipes = FILE.read_text().split("# ---------- to make your own")
    code = "\n".join(
        line.removeprefix("# ") for line in recipes.splitlines() if "=" in line or line.lstrip("# ").startswith("[")
    )
    found = re.search(r"replace `(.+?)` by\s+# `(.+?)`", recipes)
    assert found
    path = tmp_path / "rules.toml"
    path.write_text(shipped.replace(*found.groups()) + code)

    rules = load_rules(path, compile_pattern)

    odoo = rules.infer(FileName.parse("INV_2024_00001.pdf"))
    assert isinstance(odoo, Match)
    assert (odoo.reference, odoo.rule) == ("INV/2024/00001", "Odoo")
    assert "first dunning letters" in {result.rule for result in run_examples(rules)}


PIECES = ["RE12345", "RE-2024-00123", "INV_2024_00001", "GS-2023-0099", "12345", "2024", "2024-01-15", "1", "Rechnung",
          "Mahnung", "Mahnung 2", "1. Mahnung", "Gutschrift", "Brief", "Entwurf", "Müller", "Kunde", "und", "E-Mail",
          "_", "-", " ", ".", "x", "é", "\u200b", "\u00a0"]  # fmt: skip


@given(
    stem=st.lists(st.sampled_from(PIECES), max_size=9).map("".join) | st.text(max_size=40),
    extension=st.sampled_from(["pdf", "eml", "PDF"]),
)
def test_a_reference_stands_in_the_name_as_it_is_sent(stem, extension):
    name = f"{stem}.{extension}"

    inference = RULES.infer(FileName((), name))

    if isinstance(inference, Match):
        assert inference.reference
        assert inference.reference in readable(name)
        assert any(digit.isdigit() for digit in inference.reference)


@given(
    first=st.integers(10000, 99999), second=st.integers(10000, 99999), glue=st.sampled_from(["_", " ", "-", " und "])
)
def test_two_references_are_never_one(first, second, glue):
    for prefix in ("", "Rechnung ", "1. Mahnung ", "Müller GmbH Rechnung "):
        inference = RULES.infer(FileName((), f"{prefix}RE{first}{glue}RE{second}.pdf"))
        assert not isinstance(inference, Match)
