"""The XML of e-invoices embedded in a PDF -> EinvoiceFacts, by lxml.

Factur-X, ZUGFeRD 1 and 2, XRechnung in both syntaxes, and Order-X. Five terms are read, so lxml alone does it: the
libraries for these formats (factur-x, drafthorse) know no ZUGFeRD 1 or no UBL, choose one attachment by its name, parse
with lxml's defaults, and bring a validator and an HTTP client that must not be here.

No document type declaration is accepted, no entity is expanded, nothing is loaded: no file has a way out of itself.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from lxml import etree
from pypdf.generic import DictionaryObject, StreamObject

from importer.adapters.probe.guard import Malformed, attempt, clean, parsing
from importer.adapters.probe.pdf_content import name_of
from importer.core.facts import EINVOICE_NAMES, EinvoiceFacts

MAX_XML = 16 * 1024 * 1024
"""Bytes, unpacked."""


@dataclass(frozen=True, slots=True)
class _Dialect:
    """Where a syntax has the terms: paths of local names, below the root."""

    standard: str
    number: str
    type_code: str
    profile: str
    preceding: str
    sellers: tuple[str, ...]
    """The first that is there."""
    default_type: str = ""
    """What the root element alone says."""


def _cii(standard: str) -> _Dialect:
    """UN/CEFACT Cross Industry Invoice D16B, and Order-X, which is built alike."""
    deal = "SupplyChainTradeTransaction"
    return _Dialect(
        standard,
        number="ExchangedDocument/ID",
        type_code="ExchangedDocument/TypeCode",
        profile="ExchangedDocumentContext/GuidelineSpecifiedDocumentContextParameter/ID",
        preceding=f"{deal}/ApplicableHeaderTradeSettlement/InvoiceReferencedDocument/IssuerAssignedID",
        sellers=(f"{deal}/ApplicableHeaderTradeAgreement/SellerTradeParty/Name",),
    )


def _ubl(standard: str, type_code: str, default_type: str = "") -> _Dialect:
    """OASIS UBL 2.1."""
    party = "AccountingSupplierParty/Party" if default_type != "220" else "SellerSupplierParty/Party"
    return _Dialect(
        standard,
        number="ID",
        type_code=type_code,
        profile="CustomizationID",
        preceding="BillingReference/InvoiceDocumentReference/ID",
        sellers=(f"{party}/PartyLegalEntity/RegistrationName", f"{party}/PartyName/Name"),
        default_type=default_type,
    )


_ZUGFERD_DEAL = "SpecifiedSupplyChainTradeTransaction"
_BY_ROOT: Mapping[str, _Dialect] = {
    "CrossIndustryInvoice": _cii("CII (Factur-X, ZUGFeRD 2, XRechnung)"),
    "SCRDMCCBDACIOMessageStructure": _cii("Order-X"),
    "CrossIndustryDocument": _Dialect(
        "ZUGFeRD 1",
        number="HeaderExchangedDocument/ID",
        type_code="HeaderExchangedDocument/TypeCode",
        profile="SpecifiedExchangedDocumentContext/GuidelineSpecifiedDocumentContextParameter/ID",
        preceding=f"{_ZUGFERD_DEAL}/ApplicableSupplyChainTradeSettlement/InvoiceReferencedDocument/ID",
        sellers=(f"{_ZUGFERD_DEAL}/ApplicableSupplyChainTradeAgreement/SellerTradeParty/Name",),
    ),
}
_UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
# Roots whose names alone would say too little.
_BY_NAMESPACE: Mapping[str, _Dialect] = {
    f"{{{_UBL}Invoice-2}}Invoice": _ubl("UBL invoice", "InvoiceTypeCode"),
    f"{{{_UBL}CreditNote-2}}CreditNote": _ubl("UBL credit note", "CreditNoteTypeCode", "381"),
    f"{{{_UBL}Order-2}}Order": _ubl("UBL order", "OrderTypeCode", "220"),
}


def read_einvoices(specifications: Iterable[DictionaryObject]) -> tuple[EinvoiceFacts, ...]:
    """What the e-invoices among a PDF's embedded files say, each once.

    Other XML is passed over, unless its name or its relationship to the PDF says that it is the e-invoice.

    Args:
        specifications: the file specifications with an embedded file (ISO 32000-1, 7.11.3), wherever they hang.

    Raises:
        MemoryError, RecursionError: it takes too much.
    """
    return tuple(dict.fromkeys(einvoice for found in specifications for einvoice in _of(found)))


def _of(specification: DictionaryObject) -> Iterator[EinvoiceFacts]:
    name = name_of(specification)
    stream = attempt(lambda: _stream_of(specification), None)
    is_xml = name.lower().endswith(".xml") or (stream is not None and _entry(stream, "/Subtype").endswith("/xml"))
    # Factur-X 1.0, 6.3: the XML says what the pages say, so it is their alternative.
    is_promised = name.lower() in EINVOICE_NAMES or (
        is_xml and _entry(specification, "/AFRelationship") == "/alternative"
    )
    if not (is_xml or is_promised):
        return
    try:
        with parsing():
            einvoice = read_xml(name, _content_of(stream))
    except Malformed as error:
        einvoice = EinvoiceFacts(name=name, unreadable=str(error)) if is_promised else None
    if einvoice is None and is_promised:
        einvoice = EinvoiceFacts(name=name, unreadable="its XML is of no known kind of e-invoice")
    if einvoice is not None:
        yield einvoice


def _stream_of(specification: DictionaryObject) -> StreamObject | None:
    files = specification["/EF"]
    if not isinstance(files, DictionaryObject):
        return None
    stream = files["/UF" if "/UF" in files else "/F"]
    return stream if isinstance(stream, StreamObject) else None


def _entry(node: DictionaryObject, key: str) -> str:
    """A name, in lower case; empty where there is none."""
    return attempt(lambda: str(node[key]).lower(), "")


def _content_of(stream: StreamObject | None) -> bytes:
    if stream is None:
        raise Malformed("the embedded file is missing")
    content = stream.get_data()
    if len(content) > MAX_XML:
        raise Malformed(f"it has {len(content)} bytes")
    return content


def read_xml(name: str, content: bytes) -> EinvoiceFacts | None:
    """What the XML says; None where it is well-formed and no e-invoice.

    Raises:
        Malformed: it is no XML, or XML with a document type declaration.
    """
    root = _root_of(content)
    qualified = etree.QName(root)
    dialect = _BY_ROOT.get(qualified.localname) or _BY_NAMESPACE.get(qualified.text)
    if dialect is None:
        return None
    numbers, types = _values(root, dialect.number), _values(root, dialect.type_code)
    if not types and dialect.default_type:
        types = [dialect.default_type]
    facts = EinvoiceFacts(
        name=name,
        standard=dialect.standard,
        profile=clean(", ".join(_values(root, dialect.profile))),
        preceding=tuple(_values(root, dialect.preceding)),
        seller=next((value for path in dialect.sellers for value in _values(root, path)), ""),
    )
    for values, term in ((numbers, "number (BT-1)"), (types, "type (BT-3)")):
        if len(values) != 1:
            return replace(facts, unreadable=f"it has {'more than one' if values else 'no'} {term}")
    return replace(facts, number=numbers[0], type_code=types[0])


def _root_of(content: bytes) -> etree._Element:
    # One parser a document: it keeps nothing of the one before.
    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        dtd_validation=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    # Some writers put a line break before the declaration, where the standard wants nothing.
    try:
        root = etree.fromstring(content.lstrip(b" \t\r\n"), parser)
    except etree.XMLSyntaxError as error:
        raise Malformed(clean(f"it is not well-formed XML: {error.msg}")) from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise Malformed("it has a document type declaration, as no e-invoice has")
    return root


def _values(root: etree._Element, path: str) -> list[str]:
    """The different texts at a path of local names, as facts; without those that are blank."""
    steps = "/".join(f"{{*}}{step}" for step in path.split("/"))
    texts = (clean(element.text or "") for element in root.iterfind(steps))
    return list(dict.fromkeys(filter(None, texts)))
