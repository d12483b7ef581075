"""Names as ERP, invoicing and shop systems give them to their documents, with the right answer by the shipped rules.

By system: its default names, and what people and programs make of them. `refused` where nobody could tell; the comment
says why.
"""

SYSTEMS = {
    "SAP": """
Billing_Document_0090001234.pdf                  | 0090001234 invoice
Billing Document 90001234.pdf                    | 90001234 invoice
Invoice_0090001234.pdf                           | 0090001234 invoice
Faktura_90001234.pdf                             | 90001234 invoice
Customer Invoice 90001234.pdf                    | refused   # whose? `Customer Invoice` is in no list
0090001234.pdf                                   | refused   # any document has such a number
Dunning Notice 1 RE90001234.pdf                  | RE90001234 dunning1
Dunning_Level_2_RE90001234.pdf                   | RE90001234 dunning2
Credit Memo 90001235.pdf                         | 90001235 creditnote
Rechnung 90001234 Debitor 10023.pdf              | 90001234 invoice
""",
    "DATEV": """
Rechnung_2024-00123.pdf                          | 2024-00123 invoice
Rechnung 2024-00123 Kd 10023.pdf                 | 2024-00123 invoice
Rechnung_10023_RE-2024-00123.pdf                 | RE-2024-00123 invoice
2024-01-15_Rechnung_10023.pdf                    | 10023 invoice
Mahnstufe 1_RE-2024-00123.pdf                    | RE-2024-00123 dunning1
Mahnstufe_3_RE-2024-00123_Debitor 10023.pdf      | RE-2024-00123 dunning3
Buchungsbeleg RE-2024-00123.pdf                  | refused   # a voucher for the books
10023_Rechnung_2024-00123.pdf                    | refused   # two numbers
""",
    "Lexware": """
Rechnung_RE2024-0815.pdf                         | RE2024-0815 invoice
Rechnung RE20240815 Müller GmbH.pdf              | RE20240815 invoice
RE20240815.pdf                                   | RE20240815 invoice
Gutschrift_GU20240012.pdf                        | GU20240012 creditnote
Zahlungserinnerung RE20240815.pdf                | RE20240815 reminder
1. Mahnung RE20240815.pdf                        | RE20240815 dunning1
Mahnung zu RE20240815.pdf                        | refused   # which level?
Auftragsbestätigung AB20240815.pdf               | refused   # none of the nine
Lieferschein LS20240815.pdf                      | refused   # none of the nine
Stornorechnung RE20240815.pdf                    | refused   # a credit note only to some
""",
    "lexoffice": """
Rechnung_RE0001.pdf                              | RE0001 invoice
RE0001.pdf                                       | RE0001 invoice
Rechnung RE1234 (1).pdf                          | RE1234 invoice
Rechnungskorrektur_GS0001.pdf                    | refused   # a credit note or a new invoice?
Mahnung_RE0001.pdf                               | refused   # which level?
Abschlagsrechnung_RE0002.pdf                     | RE0002 invoice
Angebot_AG0001.pdf                               | refused   # none of the nine
""",
    "sevDesk": """
Rechnung_RE-1001.pdf                             | RE-1001 invoice
RE-1001.pdf                                      | RE-1001 invoice
Rechnung-RE-1001.pdf                             | RE-1001 invoice
Zahlungserinnerung-RE-1001.pdf                   | RE-1001 reminder
1. Mahnung-RE-1001.pdf                           | RE-1001 dunning1
2.Mahnung-RE-1001.pdf                            | RE-1001 dunning2
Stornorechnung SR-1002.pdf                       | refused   # a credit note only to some
RE-1001 (2).pdf                                  | RE-1001 invoice
Gutschrift-GS-1001.pdf                           | GS-1001 creditnote
""",
    "Billomat": """
RE123456.pdf                                     | RE123456 invoice
Rechnung RE123456.pdf                            | RE123456 invoice
GS12345.pdf                                      | GS12345 creditnote
Mahnung 1 RE123456.pdf                           | RE123456 dunning1
Mahnung RE123456 (2).pdf                         | refused   # which level? the bracket is a counter
RE1.pdf                                          | refused   # too short to be told from anything else
""",
    "FastBill": """
Rechnung 10045.pdf                               | 10045 invoice
Rechnung-10045.pdf                               | 10045 invoice
Rechnung Nr 10045 vom 15.01.2024.pdf             | 10045 invoice
Rechnung 2024-10045 - Kopie.pdf                  | 2024-10045 invoice
Gutschrift 10046.pdf                             | 10046 creditnote
Zahlungserinnerung 10045.pdf                     | refused   # perhaps the customer's number
""",
    "WISO": """
Rechnung R-12345.pdf                             | R-12345 invoice
Rechnung Nr. R12345.pdf                          | R12345 invoice
Rechnung AR-2024-0001.pdf                        | AR-2024-0001 invoice
Ausgangsrechnung AR-2024-0001.pdf                | AR-2024-0001 invoice
Mahnung 2 - RG-2024-0001.pdf                     | RG-2024-0001 dunning2
Quittung RG-2024-0001.pdf                        | refused   # none of the nine
""",
    "Sage": """
RG2024-00123.pdf                                 | RG2024-00123 invoice
Rechnung RG2024-00123.pdf                        | RG2024-00123 invoice
Sales Invoice 103001.pdf                         | 103001 invoice
Invoice_103001_20240115.pdf                      | 103001 invoice
Credit Note 103002.pdf                           | 103002 creditnote
Statement RG2024-00123.pdf                       | refused   # a statement of account
Reminder Letter 2 RG2024-00123.pdf               | refused   # a reminder or a dunning letter?
""",
    "JTL": """
Rechnung_2024-00123.pdf                          | 2024-00123 invoice
Rechnung-RE2024-10001.pdf                        | RE2024-10001 invoice
Rechnung RE2024-10001 AU2024-20001.pdf           | refused   # two numbers
Mahnstufe1_RE2024-10001.pdf                      | RE2024-10001 dunning1
MAHNSTUFE_2_RE2024-10001.PDF                     | RE2024-10001 dunning2
Gutschrift_GU2024-10002.pdf                      | GU2024-10002 creditnote
Rechnungskorrektur RE2024-10001.pdf              | refused   # a credit note or a new invoice?
Lieferschein_LS2024-30001.pdf                    | refused   # none of the nine
""",
    "Shopware": """
invoice_10001.pdf                                | 10001 invoice
rechnung_10001.pdf                               | 10001 invoice
credit_note_10002.pdf                            | 10002 creditnote
delivery_note_10003.pdf                          | refused   # none of the nine
storno_10004.pdf                                 | refused   # a credit note only to some
invoice_10001 (1).pdf                            | 10001 invoice
invoice_10001_copy.pdf                           | 10001 invoice
""",
    "WooCommerce": """
invoice-1234.pdf                                 | 1234 invoice
rechnung-1234.pdf                                | 1234 invoice
invoice-2024-0001.pdf                            | 2024-0001 invoice
Invoice_INV-2024-0001.pdf                        | INV-2024-0001 invoice
packing-slip-1234.pdf                            | refused   # none of the nine
proforma-invoice-1234.pdf                        | refused   # no claim
invoice-12.pdf                                   | refused   # too short to be told from anything else
""",
    "Shopify": """
Invoice #1001.pdf                                | 1001 invoice
Invoice-#1001.pdf                                | 1001 invoice
Invoice 1001 copy 2.pdf                          | 1001 invoice
order_1001.pdf                                   | refused   # an order
refund_1001.pdf                                  | refused   # a credit note only to some
#1001.pdf                                        | refused   # nobody says of what
""",
    "Odoo": """
INV_2024_00001.pdf                               | INV_2024_00001 invoice
Invoice - INV_2024_00001.pdf                     | INV_2024_00001 invoice
INV_2024_01_0001.pdf                             | INV_2024_01_0001 invoice
RINV_2024_00001.pdf                              | RINV_2024_00001 creditnote
INV_2024_00001 - Copy.pdf                        | INV_2024_00001 invoice
Quotation - S00021.pdf                           | refused   # none of the nine
BILL_2024_01_0001.pdf                            | refused   # a supplier's
""",
    "ERPNext": """
INV-2024-00001.pdf                               | INV-2024-00001 invoice
Sales Invoice INV-2024-00001.pdf                 | INV-2024-00001 invoice
ACC-SINV-2024-00001.pdf                          | refused   # a prefix of its own wants a token of its own
Dunning 1 INV-2024-00001.pdf                     | INV-2024-00001 dunning1
First Dunning INV-2024-00001.pdf                 | INV-2024-00001 dunning1
Dunning INV-2024-00001.pdf                       | refused   # which level?
Payment Entry INV-2024-00001.pdf                 | refused   # a payment
""",
    "Microsoft Dynamics": """
Sales Invoice 103001.pdf                         | 103001 invoice
Verkaufsrechnung 103001.pdf                      | 103001 invoice
Sales Credit Memo 104001.pdf                     | 104001 creditnote
Verkaufsrechnung - 103001.pdf                    | 103001 invoice
Reminder INV-103001.pdf                          | INV-103001 reminder
Reminder INV-103001 (3).pdf                      | INV-103001 reminder
INV-103001 Reminder (3).pdf                      | refused   # a counter, or the third reminder?
Issued Reminder 105001.pdf                       | refused   # the reminder's number, not the invoice's
Final Reminder INV-103001.pdf                    | refused   # which level?
""",
    "proAlpha": """
Rechnung_RE_240815.pdf                           | RE_240815 invoice
Rechnung RE-24-0815.pdf                          | RE-24-0815 invoice
1_Mahnung_RE-24-0815.pdf                         | RE-24-0815 dunning1
RE-24-0815_2_Mahnung.pdf                         | RE-24-0815 dunning2
RE-24-0815-2 Mahnung.pdf                         | refused   # the number's end, or the level?
Ausgangsrechnung_RE-24-0815_Kunde 10023.pdf      | RE-24-0815 invoice
""",
    "abas": """
Faktura_RE-100815.pdf                            | RE-100815 invoice
Faktura 451345.pdf                               | 451345 invoice
Faktura 100815.pdf                               | refused   # the 10th of August?
Sammelrechnung_RE-100815.pdf                     | RE-100815 invoice
Mahnung_2_RE-100815_15.01.2024.pdf               | RE-100815 dunning2
Bestellung_RE-100815.pdf                         | refused   # none of the nine
""",
    "weclapp": """
Rechnung_RE1001.pdf                              | RE1001 invoice
Rechnung RE1001 - Müller GmbH.pdf                | RE1001 invoice
Müller GmbH - Rechnung - RE1001.pdf              | RE1001 invoice
Schlussrechnung_RE1002.pdf                       | RE1002 invoice
Mahnung_1_RE1001.pdf                             | RE1001 dunning1
Müller - Rechnung - RE1001.pdf                   | refused   # a name, or a kind unknown to us?
""",
    "Xentral": """
20240115_RE400123.pdf                            | RE400123 invoice
20240115_Rechnung_RE400123.pdf                   | RE400123 invoice
2024-01-15 RE400123 Müller GmbH.pdf              | RE400123 invoice
20240115_GS500012.pdf                            | refused   # a credit note's number beside a date, without its word
20240115_Gutschrift_GS500012.pdf                 | GS500012 creditnote
20240115_Mahnung1_RE400123.pdf                   | RE400123 dunning1
""",
    "plentymarkets": """
Rechnung RE-2024-0001.pdf                        | RE-2024-0001 invoice
invoice_INV-20240001.pdf                         | INV-20240001 invoice
Rechnung_RE-2024-0001_Kunde 4711.pdf             | RE-2024-0001 invoice
Rechnung_RE-2024-0001_4711.pdf                   | refused   # a second number that nobody names
Mahnung 4 RE-2024-0001.pdf                       | RE-2024-0001 dunning4
Vierte Mahnung RE-2024-0001.pdf                  | RE-2024-0001 dunning4
""",
    "people": """
Rechnung für Müller RE12345.pdf                  | refused   # a name, or a kind unknown to us?
zur zweiten Mahnung RE12345.pdf                  | refused   # about it, or the letter itself?
2te Mahnung RE12345.pdf                          | RE12345 dunning2
Zweiten Mahnung RE12345.pdf                      | RE12345 dunning2
RECHNUNG RE12345.PDF                             | RE12345 invoice
Rechnung__RE12345.pdf                            | RE12345 invoice
Rechnung,RE12345.pdf                             | RE12345 invoice
Rechnung.RE12345.pdf                             | RE12345 invoice
Letzte Mahnung RE12345.pdf                       | refused   # which level?
Mahnung_2_RE12345.pdf                            | RE12345 dunning2
Mahnung (2) RE12345.pdf                          | refused   # the second letter, or a second copy?
RE12345 Mahnung (2).pdf                          | refused   # the second letter, or a second copy?
RE12345 Zahlungserinnerung (2).pdf               | refused   # the second reminder, or a second copy?
RE12345 Zahlungserinnerung (7).pdf               | refused   # a seventh, or a copy?
RE12345 Zahlungserinnerung (1).pdf               | RE12345 reminder
RE12345 Mahnung 1 (2).pdf                        | RE12345 dunning1
Mahnungen/RE12345.pdf                            | RE12345 invoice
2024-02-30_Rechnung_RE12345.pdf                  | refused   # no date of the calendar
15.01.2024 Rechnung RE12345.pdf                  | RE12345 invoice
15.01.24 Rechnung RE12345.pdf                    | refused   # perhaps a date
KdNr 12345 Rechnung.pdf                          | refused   # the customer's number
Rechnung KdNr 12345.pdf                          | refused   # the customer's number
K12345 Rechnung RE12345.pdf                      | refused   # a number that nobody names
""",
}

COPY_MARKS = """
{} (1)
{}(1)
{}_(2)
{} (12)
{} (002)
{} - Kopie
{} - Kopie (2)
{} - Kopie - Kopie
{} Kopie
{} Kopie 2
{}_kopie
{}-kopie
{} - Copy
{} - Copy (3)
{} copy
{} copy 2
{}_copy
{}-copy-2
{} (Kopie)
{} (weitere Kopie)
{} (3. Kopie)
{} (copy)
{} (another copy)
{} (3rd copy)
{}~2
Kopie von {}
Kopie (2) von {}
Copy of {}
Copy (2) of {}
""".strip().splitlines()
"""What Windows, macOS, Linux, browsers, Outlook and the importer itself make of a name that is taken."""

NO_COPY_MARKS = """
RE12345-2               a part of the number
RE12345 2               a number that nobody names
RE12345_2               a number that nobody names
RE12345 (2024)          a year
RE12345 (123)           no count
RE12345 Kopie 2024      a year
RE12345 Kopie Müller    not at the end
Kopie RE12345           not what a program writes
Rechnungskopie RE12345  a word of its own
RE12345 Kopien          a word of its own
RE12345 (x)             no count
""".strip().splitlines()
"""What only looks like it; a number at the end never becomes the reference either."""
