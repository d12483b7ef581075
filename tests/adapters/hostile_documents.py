"""PDFs made to hurt whoever reads them, each by its own trick; all of them small, or quickly made."""

import base64
import zlib
from collections.abc import Callable

from tests.adapters.probe_documents import CATALOG, CONTENT, PAGE, PAGES, endless_pdf, one_page, packed_pdf, pdf, stream


def bomb(layers: int, size: int = 10_000_000) -> bytes:
    """Zeros, packed once and again: each layer makes about a thousandth of it."""
    content = bytes(size)
    for _ in range(layers):
        content = zlib.compress(content, 9)
    return content


def flate_bomb() -> bytes:
    """Some ten kilobytes for ten gigabytes, in a stream that has to be unpacked before anything is known."""
    block = zlib.compress(bytes(10**7), 9)
    raw = zlib.compressobj(9)
    parts = [raw.compress(bytes(10**7)) for _ in range(20)] + [raw.flush()]
    inner = zlib.compress(b"".join(parts), 9)
    assert len(inner) < len(block)
    return _behind_an_object_stream(inner, b"/Filter[/FlateDecode/FlateDecode]/N 1/First 4")


def filter_chain(name: bytes, times: int, content: bytes) -> bytes:
    return _behind_an_object_stream(content, b"/Filter[" + (b"/" + name) * times + b"]/N 1/First 4")


def ascii85_chain() -> bytes:
    content = b"\x00" * 1000
    for _ in range(6):
        content = base64.a85encode(content) + b"~>"
    return filter_chain(b"ASCII85Decode", 6, content)


def _behind_an_object_stream(content: bytes, entries: bytes) -> bytes:
    """The catalog's entry leads into a stream that holds objects, so that a reader unpacks it."""
    document = packed_pdf(b"/Names 10 0 R", b"<<>>")
    start, end = document.index(b"5 0 obj\n"), document.index(b"9 0 obj\n")
    body = b"5 0 obj\n" + stream(content, b"/Type/ObjStm" + entries) + b"\nendobj\n"
    offset = b"startxref\n%d\n" % end
    return document[:start] + body + document[end:].replace(offset, b"startxref\n%d\n" % (start + len(body)))


def kids(levels: int, width: int) -> bytes:
    """A page tree of so many levels, each of which names the next one so many times: width ** levels pages."""
    tree = [
        b"<</Type/Pages/Parent %d 0 R/Kids[%s]/Count 1>>" % (4 + n, b" ".join([b"%d 0 R" % (6 + n)] * width))
        for n in range(levels - 1)
    ]
    last = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>"
    root = b"<</Type/Pages/Kids[%s]/Count %d>>" % (b" ".join([b"5 0 R"] * width), width**levels)
    return pdf(CATALOG % b"", root, PAGE, CONTENT, *tree, last)


def trailer(more: bytes) -> bytes:
    return one_page().replace(b"/Root 1 0 R", b"/Root 1 0 R" + more)


def previous_that_is_itself() -> bytes:
    content = one_page()
    return content.replace(b"/Root 1 0 R", b"/Root 1 0 R/Prev %d" % content.index(b"xref\n0"))


def previous_and_back() -> bytes:
    """Two cross-references, each of which names the other one as its predecessor."""
    content = one_page()
    first = content.index(b"xref\n0")
    content = content.replace(b"/Root 1 0 R", b"/Root 1 0 R/Prev %010d" % (10**9))
    second = len(content)
    content = content.replace(b"%010d" % 10**9, b"%010d" % second)
    return content + b"xref\n0 0\ntrailer\n<</Size 5/Root 1 0 R/Prev %d>>\nstartxref\n%d\n%%%%EOF\n" % (first, second)


def object_stream_in_itself() -> bytes:
    """The object stream lies, by the cross-reference, in the object stream."""
    document = packed_pdf(b"/Names 10 0 R", b"<<>>")
    row = b"\x01" + document.index(b"5 0 obj\n").to_bytes(4, "big") + b"\x00"
    return document.replace(row, b"\x02" + (5).to_bytes(4, "big") + b"\x00")


def object_streams_that_extend_each_other() -> bytes:
    return packed_pdf(b"/Names 10 0 R", b"<<>>").replace(b"/Type/ObjStm", b"/Type/ObjStm/Extends 5 0 R")


def encryption(entries: bytes) -> bytes:
    return trailer(b"/ID[(a)(a)]/Encrypt<<%s>>" % entries)


STANDARD = b"/Filter/Standard/V 2/R 3/Length 128/P -4"

HOSTILE: dict[str, Callable[[], bytes]] = {
    "arrays nested deeply": lambda: one_page(b"/Deep " + b"[" * 100_000 + b"]" * 100_000),
    "arrays that never close": lambda: one_page(b"/Deep " + b"[" * 200_000),
    "dictionaries nested deeply": lambda: one_page(b"/Deep " + b"<</A " * 50_000 + b"0" + b">>" * 50_000),
    "strings nested deeply": lambda: one_page(b"/Deep " + b"(" * 100_000 + b")" * 100_000),
    "a reference to itself": lambda: one_page(b"/Deep 5 0 R", b"5 0 R"),
    "references in a ring": lambda: one_page(b"/Deep 5 0 R", b"6 0 R", b"7 0 R", b"5 0 R"),
    "references in a long chain": lambda: one_page(b"/Deep 5 0 R", *[b"%d 0 R" % n for n in range(6, 5000)], b"1"),
    "a page tree that is its own kid": lambda: pdf(CATALOG % b"", b"<</Type/Pages/Kids[2 0 R]/Count 1>>"),
    "a page tree in a ring": lambda: pdf(
        CATALOG % b"", b"<</Type/Pages/Kids[3 0 R]/Count 1>>", b"<</Type/Pages/Kids[2 0 R]/Count 1>>"
    ),
    "a million pages by ten levels of kids": lambda: kids(10, 4),
    "more pages than atoms": lambda: kids(60, 20),
    "one page named a million times": lambda: pdf(
        CATALOG % b"", b"<</Type/Pages/Kids[%s]/Count 1000000>>" % (b"3 0 R " * 1_000_000), PAGE, CONTENT
    ),
    "a page tree a thousand levels deep": lambda: kids(1000, 1),
    "a huge count": lambda: pdf(CATALOG % b"", PAGES.replace(b"Count 1", b"Count " + b"9" * 30), PAGE, CONTENT),
    "a count below zero": lambda: pdf(CATALOG % b"", PAGES.replace(b"Count 1", b"Count -1"), PAGE, CONTENT),
    "a cross-reference before itself": previous_that_is_itself,
    "two cross-references in a ring": previous_and_back,
    "a huge size": lambda: one_page().replace(b"/Size 5", b"/Size 99999999999999999999"),
    "a huge cross-reference section": lambda: one_page().replace(b"xref\n0 5", b"xref\n0 99999999999"),
    "a huge cross-reference stream": lambda: packed_pdf(b"", b"<<>>").replace(b"[0 6 10 1]", b"[0 999999999999]"),
    "a huge number of packed objects": lambda: _behind_an_object_stream(b"1 0 ", b"/N 99999999999/First 4"),
    "wide fields in a cross-reference stream": lambda: packed_pdf(b"", b"<<>>").replace(
        b"W[1 4 1]", b"W[1 9999999999 1]"
    ),
    "an object stream in itself": object_stream_in_itself,
    "an object stream that extends itself": object_streams_that_extend_each_other,
    "a length beyond the file": lambda: one_page().replace(b"/Length 4", b"/Length 99999999999999999999"),
    "a length below zero": lambda: one_page().replace(b"/Length 4", b"/Length -99999999999999"),
    "a length that is its own stream": lambda: one_page().replace(b"/Length 4", b"/Length 4 0 R"),
    "a flate bomb": flate_bomb,
    "a hundred flate layers": lambda: filter_chain(b"FlateDecode", 100, bomb(3)),
    "ascii85 in ascii85": ascii85_chain,
    "a long chain of ascii85": lambda: filter_chain(b"ASCII85Decode", 10_000, b"z" * 100_000 + b"~>"),
    "a long chain of lzw": lambda: filter_chain(b"LZWDecode", 10_000, bytes(range(256)) * 400),
    "a long chain of run lengths": lambda: filter_chain(b"RunLengthDecode", 30, b"\x81\x81" * 50_000),
    "a predictor with huge rows": lambda: _behind_an_object_stream(
        bomb(1, 1000), b"/Filter/FlateDecode/DecodeParms<</Predictor 12/Columns 99999999999>>/N 1/First 4"
    ),
    "a name tree in a ring": lambda: one_page(
        b"/Names<</EmbeddedFiles 5 0 R/JavaScript 6 0 R>>", b"<</Kids[5 0 R 6 0 R]>>", b"<</Kids[5 0 R]>>"
    ),
    "thousands of embedded programs": lambda: one_page(
        b"/Names<</EmbeddedFiles<</Names[%s]>>>>"
        % b"".join(b"(x)<</F(%s%d.exe)/EF<</F 4 0 R>>>>" % (b"n" * 200, n) for n in range(5_000))
    ),
    "outlines in a ring": lambda: one_page(b"/Outlines 5 0 R", b"<</First 6 0 R>>", b"<</Next 5 0 R/Parent 6 0 R>>"),
    "fields in a ring": lambda: one_page(b"/AcroForm<</Fields[5 0 R]>>", b"<</Kids[5 0 R]/Parent 5 0 R>>"),
    "references to thousands of lost objects": endless_pdf,
    "an encryption of nothing": lambda: encryption(b""),
    "an encryption that is a number": lambda: trailer(b"/Encrypt 7"),
    "an encryption that is itself": lambda: trailer(b"/Encrypt 5 0 R"),
    "an encryption without keys": lambda: encryption(STANDARD),
    "an encryption with short keys": lambda: encryption(STANDARD + b"/O(a)/U(b)"),
    "an encryption with huge numbers": lambda: encryption(
        b"/Filter/Standard/V 5/R 6/Length %s/P %s/O(a)/U(b)" % (b"9" * 5000, b"9" * 5000)
    ),
    "an encryption of the future": lambda: encryption(b"/Filter/Standard/V 99/R 99/O(a)/U(b)/P 0"),
    "an integer of a million digits": lambda: one_page(b"/Deep " + b"9" * 1_000_000),
    "a real of a million digits": lambda: one_page(b"/Deep 0." + b"9" * 1_000_000),
    "a name of a million letters": lambda: one_page(b"/Deep /" + b"N" * 1_000_000),
    "an object number of a million digits": lambda: one_page(b"/Deep " + b"9" * 1_000_000 + b" 0 R"),
    "a startxref of a million digits": lambda: one_page().replace(b"startxref\n", b"startxref\n" + b"9" * 1_000_000),
    "a version of a million digits": lambda: one_page(b"/Version/" + b"9" * 1_000_000),
    "zeros between everything": lambda: one_page().replace(b" ", b"\x00"),
    "zeros before everything": lambda: b"%PDF-1.7\n" + bytes(3_000_000) + one_page(),
    "zeros after everything": lambda: one_page() + bytes(5_000_000),
    "blanks after everything": lambda: one_page()[:-6] + b" " * 5_000_000 + b"%%EOF\n",
    "a hundred megabytes of garbage": lambda: b"%PDF-1.7\n" + bytes(range(256)) * 400_000 + b"\nstartxref\n9\n%%EOF\n",
    "objects and no cross-reference": lambda: (
        b"%PDF-1.7\n" + b"1 0 obj\n<<>>\nendobj\n" * 100_000 + b"startxref\n0\n%%EOF"
    ),
    "the beginning of objects only": lambda: b"%PDF-1.7\n" + b"1 0 obj " * 200_000 + b"\nstartxref\n0\n%%EOF",
    "trailers only": lambda: b"%PDF-1.7\n" + b"trailer<</Prev 9>>" * 20_000 + b"\nstartxref\n9\n%%EOF",
    "digits only": lambda: b"%PDF-1.7\n" + b"1 " * 1_000_000 + b"\nstartxref\n9\n%%EOF",
    "comments only": lambda: b"%PDF-1.7\n" + b"%" * 3_000_000 + b"\nstartxref\n9\n%%EOF",
    "streams that do not end": lambda: b"%PDF-1.7\n" + b"1 0 obj<<>>stream\n" * 100_000 + b"\nstartxref\n9\n%%EOF",
}
