"""What a file's bytes say about it: plain values that a child process can send and the ledger can keep as JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any

EINVOICE_NAMES = frozenset({"factur-x.xml", "zugferd-invoice.xml", "xrechnung.xml", "order-x.xml"})
"""Names under which Factur-X, ZUGFeRD 1.0, ZUGFeRD 2.x, XRechnung and Order-X embed their XML, in lower case."""

# fmt: off
PROGRAM_EXTENSIONS = frozenset({
    ".app", ".bat", ".cmd", ".com", ".cpl", ".dll", ".exe", ".gadget", ".hta", ".jar", ".js", ".jse", ".lnk", ".msc",
    ".msi", ".msp", ".pif", ".ps1", ".reg", ".scr", ".sh", ".vb", ".vbe", ".vbs", ".wsf", ".wsh",
})
# fmt: on
"""Extensions of embedded or attached files that an operating system would start as a program."""


class Format(StrEnum):
    """What the bytes are, whatever the name says."""

    PDF = "pdf"
    EML = "eml"
    EMPTY = "empty"
    MSG = "msg"
    MBOX = "mbox"
    TNEF = "tnef"
    OLE = "ole"
    DOCX = "docx"
    XLSX = "xlsx"
    ZIP = "zip"
    HTML = "html"
    XML = "xml"
    RTF = "rtf"
    IMAGE = "image"
    UNKNOWN = "unknown"

    @property
    def words(self) -> str:
        """For a person, to follow "the content is"."""
        return _WORDS[self]


_WORDS: Mapping[Format, str] = {
    Format.PDF: "a PDF",
    Format.EML: "an e-mail",
    Format.EMPTY: "empty",
    Format.MSG: "an Outlook message (.msg)",
    Format.MBOX: "a mailbox (mbox)",
    Format.TNEF: "an Outlook attachment (winmail.dat)",
    Format.OLE: "an old Office document",
    Format.DOCX: "a Word document (.docx)",
    Format.XLSX: "an Excel workbook (.xlsx)",
    Format.ZIP: "a ZIP archive",
    Format.HTML: "a web page (HTML)",
    Format.XML: "XML",
    Format.RTF: "rich text (RTF)",
    Format.IMAGE: "an image",
    Format.UNKNOWN: "of no kind that the importer knows",
}


class Encryption(StrEnum):
    NONE = "none"
    OWNER_ONLY = "owner_only"
    """Opens without a password; only printing, copying and the like are restricted."""
    PASSWORD = "password"  # noqa: S105  # a word, not a secret
    """Nobody can read it without a password or a certificate."""


class Failure(StrEnum):
    """Why the inspection came to no end; the bytes are to blame."""

    CRASHED = "probe_crashed"
    TOO_COMPLEX = "too_complex"


@dataclass(frozen=True, slots=True, kw_only=True)
class EinvoiceFacts:
    """What the XML of an e-invoice, or of an order, says of itself; BT-n are the terms of EN 16931."""

    name: str
    """Of the embedded file."""
    standard: str = ""
    profile: str = ""
    """Its specification identifier (BT-24), such as `urn:cen.eu:en16931:2017`."""
    number: str = ""
    """BT-1."""
    type_code: str = ""
    """BT-3, a code of UNTDID 1001: 380 is an invoice, 381 a credit note."""
    preceding: tuple[str, ...] = ()
    """BT-25: the numbers of the invoices that it corrects or credits."""
    seller: str = ""
    """BT-27."""
    unreadable: str = ""
    """Why it does not say which invoice it is; empty when it does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PdfFacts:
    version: str = ""
    pages: int | None = None
    """None where they cannot be counted: truncated, unreadable, or a password is needed."""
    title: str = ""
    encryption: Encryption = Encryption.NONE
    truncated: bool = False
    unreadable: str = ""
    """Why no reader can open it; empty when one can."""
    damage: str = ""
    """What a reader has to repair to open it; empty when sound."""
    active: tuple[str, ...] = ()
    """What could start by itself or be started: JavaScript, launch actions, embedded programs."""
    embedded: tuple[str, ...] = ()
    """Names of the embedded files, an e-invoice's XML among them."""
    einvoices: tuple[EinvoiceFacts, ...] = ()
    text: str = field(default="", repr=False)
    """The beginning of the text layer, where it was asked for; blank for a scan. Nobody keeps it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmlFacts:
    sender: str = ""
    recipients: str = ""
    subject: str = ""
    """Decoded; what cannot be decoded stands as it came (`=?...?=`) or as U+FFFD, and what is too long ends in `…`."""
    date: str = ""
    """RFC 3339, with the offset that the sender wrote; empty where there is none or it cannot be read."""
    has_body: bool = False
    """Whether there is any text or HTML that is not blank."""
    attachments: tuple[str, ...] = ()
    """Names of the attachments; the media type for one without a name, both names for one that has two."""
    names_left_out: int = 0
    """How many more names there are than `attachments` holds."""
    parts: int = 0
    report: str = ""
    """What a report of a mail system is about (RFC 6522), `delivery-status` for one; empty for any other message."""
    signed: bool = False
    encrypted: bool = False
    """Nobody can read it without the recipient's key (S/MIME, PGP)."""
    unreadable: str = ""
    damage: str = ""
    """What is missing, or can be read in more than one way: cut parts, two subjects, a second message."""
    doubled: tuple[str, ...] = ()
    """Headers that may stand there once, but say two different things; in lower case."""
    defects: tuple[str, ...] = ()
    """Further faults that every mail program copes with; for information only."""
    active: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the bytes say; `pdf` and `eml` only where that is the format and the inspection came to its end."""

    format: Format
    size: int
    """Bytes."""
    extension: str = ""
    """The last part of the file's name, lower case, without the dot; the only fact that is not from the bytes."""
    failure: Failure | None = None
    pdf: PdfFacts | None = None
    eml: EmlFacts | None = None

    def as_json(self, *, with_text: bool = False) -> dict[str, Any]:
        """Plain values for `json.dumps`; tuples where JSON has arrays.

        Args:
            with_text: with the text layer too, which is for comparing and not for keeping.
        """
        value = asdict(self)
        if self.pdf and not with_text:
            del value["pdf"]["text"]
        return value

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Facts":
        """The inverse of `as_json`, after a trip through JSON.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: it is not what `as_json` makes.
        """
        pdf, eml, failure = value["pdf"], value["eml"], value["failure"]
        return cls(
            format=Format(value["format"]),
            size=value["size"],
            extension=value["extension"],
            failure=Failure(failure) if failure else None,
            pdf=_pdf(pdf) if pdf else None,
            eml=EmlFacts(**_tuples(eml)) if eml else None,
        )


def _pdf(value: Mapping[str, Any]) -> PdfFacts:
    einvoices = tuple(EinvoiceFacts(**_tuples(einvoice)) for einvoice in value["einvoices"])
    return PdfFacts(**_tuples(value) | {"encryption": Encryption(value["encryption"]), "einvoices": einvoices})


def _tuples(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(item) if isinstance(item, list) else item for key, item in value.items()}


def extension_of(filename: str) -> str:
    """The part after the last dot, lower case, without the dot; empty where there is no dot."""
    return filename.rpartition(".")[2].lower() if "." in filename else ""


def is_program(filename: str) -> bool:
    """Whether an embedded or attached file of that name could be started as a program."""
    return PurePosixPath(filename.lower().rstrip(" .")).suffix in PROGRAM_EXTENSIONS
