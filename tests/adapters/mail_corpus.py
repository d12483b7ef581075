"""E-mails as mail systems write them: each with what it is called, its bytes and what must be told of it."""

import base64
from dataclasses import dataclass, field
from typing import Any

from tests.adapters.probe_documents import one_page

DATE = b"Date: Mon, 3 Mar 2025 10:00:00 +0100\r\n"
SENDER = b"From: Nordlicht <rechnung@nordlicht.example>\r\n"
SUBJECT = b"Subject: Rechnung RE-2024-0815\r\n"
MIME = b"MIME-Version: 1.0\r\n"
TOP = SENDER + b"To: kunde@example.org\r\n" + DATE
TEXT = b"Content-Type: text/plain; charset=utf-8\r\n\r\nAnbei die Rechnung.\r\n"


@dataclass(frozen=True)
class Mail:
    """One of the corpus."""

    name: str
    content: bytes
    told: dict[str, Any] = field(default_factory=dict)
    """Fields of EmlFacts."""
    damage: str = ""
    """A piece of it; empty for none."""
    verdict: str = "accepted"
    """`accepted`, or the first reason's code."""


def folded64(content: bytes, end: bytes = b"\r\n") -> bytes:
    lines = base64.encodebytes(content)
    return lines.replace(b"\n", end)


def part(headers: bytes, body: bytes) -> bytes:
    return headers + b"\r\n" + body + b"\r\n"


def attachment(disposition: bytes = b'attachment; filename="RE-2024-0815.pdf"', body: bytes | None = None) -> bytes:
    content = folded64(one_page()) if body is None else body
    headers = b"Content-Type: application/pdf\r\nContent-Disposition: " + disposition + b"\r\n"
    return part(headers + b"Content-Transfer-Encoding: base64\r\n", content)


def multipart(*parts: bytes, kind: bytes = b"mixed", boundary: bytes = b"=_b", extra: bytes = b"") -> bytes:
    """The Content-Type header, the blank line and the parts."""
    head = b"Content-Type: multipart/" + kind + b'; boundary="' + boundary + b'"' + extra + b"\r\n\r\n"
    return head + b"".join(b"--" + boundary + b"\r\n" + each for each in parts) + b"--" + boundary + b"--\r\n"


def mail(*headers: bytes, body: bytes = TEXT) -> bytes:
    return TOP + b"".join(headers) + MIME + body


def with_attachment(disposition: bytes, body: bytes | None = None) -> bytes:
    return mail(SUBJECT, body=multipart(TEXT, attachment(disposition, body)))


WHOLE = mail(SUBJECT, body=multipart(TEXT, attachment()))
FORWARDED = b"Content-Type: message/rfc822\r\nContent-Disposition: attachment\r\n"
PLAIN = {"subject": "Rechnung RE-2024-0815", "date": "2025-03-03T10:00:00+01:00", "has_body": True}


def subject(raw: bytes, expected: str, name: str) -> Mail:
    return Mail(name, mail(b"Subject: " + raw + b"\r\n"), {"subject": expected})


SUBJECTS = [
    subject(b"=?utf-8?Q?Ihre_Rechnung_=C3=BCber_5_=E2=82=AC?=", "Ihre Rechnung über 5 €", "quoted-printable"),
    subject(b"=?UTF-8?B?UmVjaG51bmc=?=\r\n =?UTF-8?B?IGbDvHIgTcOkcno=?=", "Rechnung für März", "two words, no blank"),
    subject(b"=?utf-8?B?w?=\r\n =?utf-8?Q?x?=", "=?utf-8?B?w?= x", "base64 that is none stays"),
    subject(b"=?utf-8?Q?M=C3?=\r\n =?utf-8?Q?=A4rz?=", "März", "a character over two words"),
    subject(b"=?utf-8?B?TcM=?= =?utf-8?B?pHJ6?=", "März", "a character over two words in base64"),
    subject(b"=?iso-8859-1?Q?Preis_5_=80_=96_brutto?=", "Preis 5 € – brutto", "windows-1252 said to be iso-8859-1"),
    subject(b"=?gb2312?B?t6LGsQ==?= RE-1", "发票 RE-1", "gb2312"),
    subject(b"=?koi8-r?B?88PFzsE=?= =?koi8-r?Q?_RE-1?=", "Сцена RE-1", "koi8-r"),
    subject(b"=?unknown-8bit?Q?M=E4rz?=", "März", "unknown-8bit"),
    subject(b"=?x-nonsense?Q?M=C3=A4rz?=", "März", "a charset that nobody knows"),
    subject(b"=?unicode_escape?Q?=5Cx41?=", "\\x41", "a codec of Python's is no charset"),
    subject(b"=?utf-8*de?Q?M=C3=A4rz?=", "März", "with a language"),
    subject(b"=?utf-8?Q?Ihre Rechnung?=", "Ihre Rechnung", "blanks inside a word"),
    subject(b"=?utf-8?Q?RE-12=3?=4", "=?utf-8?Q?RE-12=3?=4", "a broken word stays as it is"),
    subject("Rechnung für März".encode("latin-1"), "Rechnung für März", "raw latin-1"),
    subject("Rechnung für März".encode(), "Rechnung für März", "raw UTF-8"),
    subject(b"Rechnung\r\n RE-1\r\n\tvom 3.3.", "Rechnung RE-1 vom 3.3.", "folded"),
    subject(b"=?us-ascii?Q?a?= b =?us-ascii?Q?c?=", "a b c", "words and text"),
    subject(b"a\x00b\x1b[31m", "a b [31m", "control characters"),
]


def dated(raw: bytes, expected: str, name: str) -> Mail:
    verdict = "accepted" if expected else "no_date"
    return Mail(name, SENDER + raw + MIME + TEXT, {"date": expected, "subject": ""}, verdict=verdict)


DATES = [
    dated(b"", "", "no date"),
    dated(b"Date: Mo, 3 Mrz 2025 10:00:00 +0100\r\n", "2025-03-03T10:00:00+01:00", "a German date"),
    dated("Date: Montag, 3. März 2025 10:00:00 +0100\r\n".encode(), "2025-03-03T10:00:00+01:00", "a longer one"),
    dated(b"Date: Wed, 31 Dez 2025 23:30:00 -0500\r\n", "2025-12-31T23:30:00-05:00", "another offset"),
    dated(b"Date: Mon, 3 Mar 25 10:00 EST\r\n", "2025-03-03T10:00:00-05:00", "an obsolete zone and a short year"),
    dated(b"Date: Mon, 3 Mar 2025 10:00:00 GMT\r\n", "2025-03-03T10:00:00+00:00", "GMT"),
    dated(b"Date: Mon, 03 Mar 2025 10:00:00 MEZ\r\n", "2025-03-03T10:00:00+00:00", "a zone that nobody knows"),
    dated(b"Date: Mon, 3 Mar 2025 10:00:00 +0100 (CET)\r\n", "2025-03-03T10:00:00+01:00", "with a comment"),
    dated(b"Date: 2025-03-03T10:00:00+01:00\r\n", "2025-03-03T10:00:00+01:00", "as in JSON"),
    dated(b"Date: 2025-03-03 10:00:00 +0100\r\n", "2025-03-03T10:00:00+01:00", "as git writes it"),
    dated(b"Date: 3.3.2025\r\n", "", "no time"),
]


def named(disposition: bytes, *names: str) -> Mail:
    told = {"attachments": names, "parts": 3, "has_body": True}
    return Mail(f"an attachment named by {disposition!r}", with_attachment(disposition), told)


NAMES = [
    named(b'attachment; filename="RE-1.pdf"', "RE-1.pdf"),
    named(b"attachment; filename=Rechnung RE 1.pdf", "Rechnung RE 1.pdf"),
    named(b"attachment; filename*=utf-8''Rechnung%20f%C3%BCr%20M%C3%A4rz.pdf", "Rechnung für März.pdf"),
    named(
        b"attachment;\r\n filename*0*=iso-8859-1'de'Rechnung%20f%FCr;\r\n filename*1*=%20M%E4rz;\r\n filename*2=.pdf",
        "Rechnung für März.pdf",
    ),
    named(b'attachment; filename="=?utf-8?Q?M=C3=A4rz?= =?utf-8?Q?_RE-1.pdf?="', "März RE-1.pdf"),
    named(b'attachment; filename="M\xe4rz.pdf"', "März.pdf"),
    named(b"attachment", "application/pdf"),
    Mail(
        "an attachment with two names",
        mail(
            body=multipart(
                TEXT,
                part(
                    b'Content-Type: application/pdf; name="a.pdf.exe"\r\n'
                    b"Content-Disposition: attachment; filename=a.pdf\r\n",
                    b"x",
                ),
            )
        ),
        {"attachments": ("a.pdf", "a.pdf.exe"), "active": ("the attached program a.pdf.exe",)},
        verdict="active_content",
    ),
]

REPORT = mail(
    b"Subject: Undeliverable: Rechnung RE-2024-0815\r\nAuto-Submitted: auto-replied\r\n",
    body=multipart(
        part(b"Content-Type: text/plain; charset=us-ascii\r\n", b"Your message could not be delivered."),
        part(b"Content-Type: message/delivery-status\r\n", b"Reporting-MTA: dns;ex.example\r\n\r\nAction: failed"),
        part(b"Content-Type: message/rfc822\r\n", WHOLE),
        kind=b"report",
        boundary=b"_000_exchange_",
        extra=b"; report-type=delivery-status",
    ),
)
SIGNATURE = part(
    b"Content-Type: application/pkcs7-signature; name=smime.p7s\r\nContent-Transfer-Encoding: base64\r\n"
    b"Content-Disposition: attachment; filename=smime.p7s\r\n",
    folded64(b"\x30\x80signature"),
)


def smime(smime_type: bytes) -> bytes:
    kind = b"Content-Type: application/pkcs7-mime; " + smime_type + b"name=smime.p7m\r\n"
    return mail(SUBJECT, body=kind + b"Content-Transfer-Encoding: base64\r\n\r\n" + folded64(b"\x30\x80sealed"))


TNEF = part(
    b"Content-Type: application/ms-tnef; name=winmail.dat\r\nContent-Transfer-Encoding: base64\r\n",
    folded64(b"\x78\x9f\x3e\x22" + bytes(40)),
)
ENCRYPTED = (
    part(b"Content-Type: application/pgp-encrypted\r\n", b"Version: 1"),
    part(b"Content-Type: application/octet-stream; name=encrypted.asc\r\n", b"-----BEGIN PGP MESSAGE-----"),
)
ENVELOPE = b"From rechnung@nordlicht.example Mon Mar  3 10:00:00 2025\r\n"

STRUCTURES = [
    Mail("whole", WHOLE, PLAIN | {"attachments": ("RE-2024-0815.pdf",), "parts": 3}),
    Mail("LF alone", WHOLE.replace(b"\r\n", b"\n"), PLAIN | {"parts": 3}),
    Mail("CR alone", WHOLE.replace(b"\r\n", b"\r"), PLAIN | {"parts": 3}),
    Mail("CR CR LF", WHOLE.replace(b"\r\n", b"\r\r\n"), PLAIN | {"parts": 3}),
    Mail("mixed line ends", WHOLE.replace(b"\r\n", b"\n", 3), PLAIN | {"parts": 3}),
    Mail("a byte order mark", b"\xef\xbb\xbf" + WHOLE, PLAIN | {"parts": 3}),
    Mail("saved as UTF-16", WHOLE.decode().encode("utf-16"), PLAIN | {"parts": 3}, "UTF-16", "damaged"),
    Mail("saved as UTF-16 BE", b"\xfe\xff" + WHOLE.decode().encode("utf-16-be"), PLAIN, "UTF-16", "damaged"),
    Mail("no MIME-Version", WHOLE.replace(MIME, b""), PLAIN | {"defects": ("no MIME-Version",)}),
    Mail("an mbox of one", ENVELOPE + WHOLE, PLAIN | {"parts": 3}),
    Mail("a quoted envelope", b">" + ENVELOPE + WHOLE, PLAIN | {"parts": 3}),
    Mail("a quoted envelope among the headers", mail(b">" + ENVELOPE, SUBJECT), PLAIN),
    Mail("quoted From in the text", ENVELOPE + mail(SUBJECT) + b"\r\n>From now on\r\n", PLAIN),
    Mail("another message follows", WHOLE + b"\r\n" + ENVELOPE + WHOLE, PLAIN, "another message", "damaged"),
    Mail("another message without an envelope", WHOLE + b"\r\n" + WHOLE, PLAIN, "another message", "damaged"),
    Mail("an epilogue is none", WHOLE + b"\r\n-- \r\nA mailing list\r\n", PLAIN | {"parts": 3}),
    Mail(
        "two subjects",
        mail(SUBJECT, b"Subject: Rechnung RE-2024-9999\r\n"),
        {"doubled": ("subject",)},
        "Subject",
        "damaged",
    ),
    Mail("twice the same subject", mail(SUBJECT, SUBJECT), PLAIN | {"doubled": ()}),
    Mail("a subject behind a CR", mail(b"Subject: a\rSubject: b\r\n"), {"doubled": ("subject",)}, "Subject", "damaged"),
    Mail("two dates", mail(SUBJECT, DATE.replace(b"2025", b"2024")), {"doubled": ("date",)}, "Date", "damaged"),
    Mail("two senders", mail(SUBJECT, b"From: other@example.org\r\n"), {"doubled": ("from",)}, "From", "damaged"),
    Mail("two types", mail(b"Content-Type: text/html\r\n"), {}, "two different types", "damaged"),
    Mail("cut", WHOLE[: len(WHOLE) // 2], PLAIN, "the end of a part is missing", "damaged"),
    Mail("cut before the parts", WHOLE[: WHOLE.index(b"--=_b")], {}, "are missing", "no_content"),
    Mail("no boundary", WHOLE.replace(b'; boundary="=_b"', b""), {"has_body": False}, verdict="no_content"),
    Mail(
        "a boundary that begins another",
        mail(body=multipart(part(multipart(TEXT, TEXT, boundary=b"=_b2"), b""))),
        {"parts": 4},
    ),
    Mail("no blank line after the headers", TOP + b"Hello,\r\nthis is it.\r\n", {"has_body": True}),
    Mail("a header of 200 KB", b"X-Spam: " + b"word\r\n " * 30_000 + b"\r\n" + WHOLE, PLAIN | {"parts": 3}),
    Mail(
        "a subject of 200 KB", mail(b"Subject: RE-1" + b" =?utf-8?Q??=" * 20_000 + b" RE-2\r\n"), {"subject": "RE-1 …"}
    ),
    Mail(
        "broken base64",
        with_attachment(b"attachment; filename=a.pdf", b"QUJD!!QUJD"),
        PLAIN,
        "do not belong",
        "damaged",
    ),
    Mail("cut base64", with_attachment(b"attachment; filename=a.pdf", b"QUJDR"), PLAIN, "cut short", "damaged"),
    Mail(
        "broken quoted-printable in a text",
        mail(SUBJECT, b"Content-Transfer-Encoding: quoted-printable\r\n") + b"a=ZZ\r\n",
        PLAIN,
    ),
    Mail(
        "blank quoted-printable",
        mail(b"Content-Transfer-Encoding: quoted-printable\r\n", body=b"\r\n=20=\r\n\r\n"),
        {"has_body": False},
        verdict="no_content",
    ),
    Mail("headers alone", TOP, {"has_body": False}, verdict="no_content"),
    Mail(
        "one of several",
        mail(body=b"Content-Type: message/partial; number=1; total=3\r\n\r\nx"),
        {},
        "several pieces",
        "damaged",
    ),
    Mail(
        "forwarded as an attachment",
        mail(
            SUBJECT,
            body=multipart(
                TEXT, part(FORWARDED, mail(b"Subject: RE-9\r\n", body=multipart(TEXT, attachment(), boundary=b"in")))
            ),
        ),
        PLAIN | {"attachments": ("message/rfc822", "RE-2024-0815.pdf"), "parts": 6},
    ),
    Mail(
        "a boundary inside itself",
        mail(SUBJECT, body=multipart(TEXT, part(FORWARDED, WHOLE))),
        PLAIN,
        "missing",
        "damaged",
    ),
    Mail(
        "forwarded in base64",
        mail(body=multipart(TEXT, part(FORWARDED + b"Content-Transfer-Encoding: base64\r\n", folded64(WHOLE)))),
        {"attachments": ("message/rfc822", "RE-2024-0815.pdf"), "parts": 6},
    ),
    Mail(
        "a digest",
        mail(body=multipart(b"\r\n" + mail(SUBJECT), kind=b"digest")),
        {"attachments": ("message/rfc822",), "parts": 3},
    ),
    Mail(
        "a delivery report",
        REPORT,
        {
            "report": "delivery-status",
            "attachments": ("message/delivery-status", "message/rfc822", "RE-2024-0815.pdf"),
            "parts": 7,
        },
    ),
    Mail(
        "signed with S/MIME",
        mail(SUBJECT, body=multipart(TEXT, SIGNATURE, kind=b"signed", extra=b"; micalg=sha-256")),
        PLAIN | {"signed": True, "attachments": ("smime.p7s",)},
    ),
    Mail(
        "signed with PGP",
        mail(
            SUBJECT,
            body=multipart(
                TEXT, part(b"Content-Type: application/pgp-signature; name=signature.asc\r\n", b"x"), kind=b"signed"
            ),
        ),
        PLAIN | {"signed": True},
    ),
    Mail(
        "signed and opaque",
        smime(b"smime-type=signed-data; "),
        {"signed": True, "encrypted": False},
        "sealed",
        "damaged",
    ),
    Mail("sealed without saying how", smime(b""), {"signed": False, "encrypted": False}, "sealed", "damaged"),
    Mail("encrypted with S/MIME", smime(b"smime-type=enveloped-data; "), {"encrypted": True}, verdict="encrypted"),
    Mail(
        "encrypted with PGP",
        mail(SUBJECT, body=multipart(*ENCRYPTED, kind=b"encrypted")),
        {"encrypted": True},
        verdict="encrypted",
    ),
    Mail(
        "encrypted in the text",
        mail(SUBJECT, body=b"\r\n-----BEGIN PGP MESSAGE-----\r\nx\r\n"),
        {"encrypted": True},
        verdict="encrypted",
    ),
    Mail(
        "an encrypted mail forwarded",
        mail(body=multipart(TEXT, part(FORWARDED, smime(b"smime-type=enveloped-data; ")))),
        {"encrypted": False},
        "sealed",
        "damaged",
    ),
    Mail(
        "winmail.dat",
        mail(SUBJECT, body=multipart(TEXT, TNEF)),
        PLAIN
        | {
            "attachments": ("winmail.dat",),
            "active": (),
            "defects": ("an attachment that only Outlook opens (winmail.dat)",),
        },
    ),
    Mail(
        "thousands of parts",
        mail(body=multipart(TEXT, *[attachment(b"inline; filename=%d.png" % n, b"QUJD") for n in range(5000)])),
        {"parts": 5002, "names_left_out": 4900, "has_body": True},
    ),
    Mail(
        "a program behind a hundred names",
        mail(
            body=multipart(
                *[attachment(b"inline; filename=%d.png" % n, b"QUJD") for n in range(100)],
                attachment(b"attachment; filename=x.exe"),
            )
        ),
        {"active": ("the attached program x.exe",)},
        verdict="active_content",
    ),
    Mail("text of no charset", mail(SUBJECT, body=b"\r\nGr\xfc\xdfe\r\n"), PLAIN),
]

CORPUS = [*SUBJECTS, *DATES, *NAMES, *STRUCTURES]
