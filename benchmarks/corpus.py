"""Documents to import: PDFs of a given size and number of pages, each with bytes and an invoice of its own."""

import random
from pathlib import Path

PAGES_OF_THE_FEW = 300


def make(folder: Path, count: int, *, size: int, long_share: float = 0.0, seed: int = 1) -> list[Path]:
    """Writes `count` invoices of `size` bytes; a share of them has 300 pages.

    They lie a thousand a folder, as exports do.
    """
    source = random.Random(seed)
    long = int(1 / long_share) if long_share else 0
    made = []
    for number in range(count):
        path = folder / f"{number // 1000:04}" / f"Rechnung_RE-2024-{number:06}.pdf"
        path.parent.mkdir(parents=True, exist_ok=True)
        pages = PAGES_OF_THE_FEW if long and number % long == long - 1 else 1
        path.write_bytes(pdf(size, pages, source))
        made.append(path)
    return made


def pdf(size: int, pages: int, source: random.Random) -> bytes:
    """An intact PDF: pages with a line of text each, and an image of noise that brings it to its size."""
    kids = " ".join(f"{4 + 2 * page} 0 R" for page in range(pages))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count {pages} /Kids [{kids}] >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    image = 4 + 2 * pages
    for page in range(pages):
        text = f"BT /F 12 Tf 72 720 Td (Page {page + 1}) Tj ET".encode()
        resources = f"<< /Font << /F 3 0 R >> /XObject << /I {image} 0 R >> >>"
        place = f"/Parent 2 0 R /MediaBox [0 0 595 842] /Contents {5 + 2 * page} 0 R"
        objects.append(f"<< /Type /Page {place} /Resources {resources} >>".encode())
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(text), text))
    frame = len(_assembled([*objects, _image(b"")]))
    return _assembled([*objects, _image(source.randbytes(max(64, size - frame)))])


def _image(noise: bytes) -> bytes:
    kind = b"/Type /XObject /Subtype /Image /ColorSpace /DeviceGray /BitsPerComponent 8"
    head = b"<< %s /Width %d /Height 1 /Length %d >>" % (kind, len(noise), len(noise))
    return head + b"\nstream\n" + noise + b"\nendstream"


def _assembled(objects: list[bytes]) -> bytes:
    document, offsets = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), []
    for number, content in enumerate(objects, 1):
        offsets.append(len(document))
        document += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(document)
    document += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    document += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    document += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(document)
