"""Where the mutations begin: the documents that the tests build, small ones only, each a way into another parser."""

from collections.abc import Iterator

from tests.adapters.hostile_documents import HOSTILE
from tests.adapters.mail_corpus import CORPUS
from tests.adapters.probe_documents import EML, embedding, one_page, packed_pdf
from tests.adapters.test_probe_einvoice import ORDER_X, carrying, cii, printed, ubl

LARGEST = 16 * 1024
"""Bytes; a mutation of something larger takes long and seldom meets anything new."""

# Their trick is the work that they make, and all that comes of them makes as much.
_LABORIOUS = frozenset({"a flate bomb", "a page tree in a ring", "a million pages by ten levels of kids"}) | {
    "more pages than atoms", "a hundred flate layers", "a long chain of run lengths", "ascii85 in ascii85",
}  # fmt: skip


def seeds() -> Iterator[bytes]:
    """Each once."""
    documents = [
        EML,
        one_page(),
        one_page(b"/Version/1.4/OpenAction<</S/JavaScript/JS(app.alert\\(1\\))>>"),
        embedding(b"setup.exe"),
        packed_pdf(b"/Names 10 0 R", b"<</JavaScript 11 0 R>>", b"<</Names[(a) 12 0 R]>>"),
        carrying(("factur-x.xml", cii())),
        carrying(("xrechnung.xml", ubl())),
        printed("Rechnung RE-2024-0815"),
        *(xml.encode() for xml in (cii(), ubl(), ORDER_X)),
        *(mail.content for mail in CORPUS),
        *(make() for name, make in HOSTILE.items() if name not in _LABORIOUS),
    ]
    return (content for content in dict.fromkeys(documents) if len(content) <= LARGEST)
