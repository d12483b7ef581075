"""Documents built byte by byte, to the taste of each test."""

import zlib

CATALOG = b"<</Type/Catalog/Pages 2 0 R %s>>"
PAGES = b"<</Type/Pages/Kids[3 0 R]/Count 1>>"
PAGE = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R>>"
CONTENT = b"<</Length 4>>stream\nq  Q\nendstream"

EML = (
    b"From: Nordlicht <rechnung@nordlicht.example>\r\n"
    b"To: =?utf-8?q?J=C3=B6rdis?= <j@example.org>\r\n"
    b"Subject: =?utf-8?q?Ihre_Rechnung_=C3=BCber_B=C3=BCrobedarf?=\r\n"
    b"Date: Mon, 15 Apr 2024 09:12:41 +0200\r\n"
    b"MIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n"
    b"Content-Transfer-Encoding: 8bit\r\n"
    b"\r\n"
    b"Sehr geehrte Frau Schulze, anbei die Rechnung.\r\n"
)


def pdf(*objects: bytes, version: bytes = b"1.7") -> bytes:
    """A PDF of these objects, numbered from 1; the first is the catalog."""
    content = b"%PDF-" + version + b"\n"
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(content))
        content += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    start = len(content)
    content += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    content += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    content += b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return content


def one_page(catalog: bytes = b"", *more: bytes) -> bytes:
    """A PDF of one page, with these entries in the catalog, and further objects from number 5 on."""
    return pdf(CATALOG % catalog, PAGES, PAGE, CONTENT, *more)


def stream(content: bytes, entries: bytes = b"") -> bytes:
    return b"<<%s/Length %d>>stream\n%s\nendstream" % (entries, len(content), content)


def embedding(name: bytes) -> bytes:
    """A PDF that carries a file of that name."""
    return one_page(
        b"/Names<</EmbeddedFiles<</Names[(x) 5 0 R]>>>>",
        b"<</Type/Filespec/F(%s)/EF<</F 6 0 R>>>>" % name,
        stream(b"content", b"/Type/EmbeddedFile"),
    )


def endless_pdf() -> bytes:
    """Half a megabyte for minutes of work: each of many lost objects is looked for in the whole file."""
    lost = b" ".join(b"%d 0 R" % number for number in range(10_000, 30_000))
    return one_page(b"/Fields[" + lost + b"]", stream(b"0 1 obj_" * 40_000))


def packed_pdf(catalog: bytes, *packed: bytes) -> bytes:
    """A PDF of one page whose further objects, from number 10 on, lie compressed in an object stream."""
    starts = [sum(len(body) + 1 for body in packed[:n]) for n in range(len(packed))]
    index = b" ".join(b"%d %d" % (10 + n, start) for n, start in enumerate(starts)) + b" "
    entries = b"/Type/ObjStm/Filter/FlateDecode/N %d/First %d" % (len(packed), len(index))
    objects = (CATALOG % catalog, PAGES, PAGE, CONTENT, stream(zlib.compress(index + b" ".join(packed)), entries))
    content = b"%PDF-1.7\n"
    rows = [bytes(6)]
    for number, body in enumerate(objects, start=1):
        rows.append(b"\x01" + len(content).to_bytes(4, "big") + b"\x00")
        content += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    rows += [b"\x02" + (5).to_bytes(4, "big") + bytes([n]) for n in range(len(packed))]
    table = b"/Type/XRef/Root 1 0 R/W[1 4 1]/Size 99/Index[0 6 10 %d]" % len(packed)
    return content + b"9 0 obj\n%s\nendobj\nstartxref\n%d\n%%%%EOF\n" % (stream(b"".join(rows), table), len(content))


def greedy_pdf() -> bytes:
    """A few kilobytes that unfold to objects of fifty megabytes and more."""
    return packed_pdf(b"/Greed 10 0 R", *[b"[" + b"0 " * 90_000 + b"]"] * 8)


def unfolding_pdf() -> bytes:
    """As many kilobytes as its eight attachments unfold to megabytes (160), in few objects."""
    large = zlib.compress(b"<x>" + b" " * 20_000_000 + b"</x>", 9)
    names, objects = b"", []
    for number in range(5, 21, 2):
        names += b"(x%d.xml) %d 0 R " % (number, number)
        objects.append(b"<</Type/Filespec/F(x%d.xml)/EF<</F %d 0 R>>>>" % (number, number + 1))
        objects.append(stream(large, b"/Type/EmbeddedFile/Filter/FlateDecode"))
    return one_page(b"/Names<</EmbeddedFiles<</Names[" + names + b"]>>>>", *objects)
