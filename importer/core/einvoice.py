"""An e-invoice's own words beside what its file's name says: number against reference, type against kind."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from importer.core.facts import EinvoiceFacts
from importer.core.model import Kind
from importer.core.reference import same_reference

# fmt: off
_INVOICES = frozenset({
    "71", "80", "82", "84", "102", "130", "202", "203", "204", "211", "218", "219", "295", "325", "326", "331", "380",
    "382", "383", "384", "385", "386", "387", "388", "389", "390", "393", "394", "395", "456", "457", "527", "553",
    "575", "623", "633", "751", "780", "817", "870", "875", "876", "877", "935",
})
_CREDIT_NOTES = frozenset({"81", "83", "261", "262", "296", "308", "381", "396", "420", "458", "502", "503", "532"})
# fmt: on

TYPES: Mapping[Kind, frozenset[str]] = {
    Kind.INVOICE: _INVOICES,
    # A corrected invoice goes either way; only its amounts tell which.
    Kind.CREDITNOTE: _CREDIT_NOTES | {"384"},
}
"""Which types an e-invoice may have inside a document of a kind: UNTDID 1001, as EN 16931 divides it for BT-3.

No other kind has any: a reminder, a letter or an e-mail that carries an invoice's XML, and an order in whatever guise,
is not what its name says.
"""

_WORDS: Mapping[str, str] = {
    "220": "order",
    "230": "order change",
    "231": "order response",
    "326": "partial invoice",
    "380": "invoice",
    "381": "credit note",
    "384": "corrected invoice",
    "386": "prepayment invoice",
    "389": "self-billed invoice",
    "875": "partial construction invoice",
    "876": "partial final construction invoice",
    "877": "final construction invoice",
}


@dataclass(frozen=True, slots=True)
class Named:
    """What a file's name says by the rules."""

    reference: str
    kind: Kind


def contradiction(einvoice: EinvoiceFacts, named: Named) -> dict[str, Any] | None:
    """Both sides of the contradiction, for a reason's details; None where they agree.

    A credit note may be filed under its own number or under that of the invoice which it is for.
    """
    numbers = [einvoice.number, *(einvoice.preceding if named.kind is Kind.CREDITNOTE else ())]
    is_same = any(same_reference(number, named.reference) for number in numbers)
    if is_same and einvoice.type_code in TYPES.get(named.kind, frozenset()):
        return None
    return {
        "name": einvoice.name,
        "number": einvoice.number,
        "type_code": einvoice.type_code,
        "type": _WORDS.get(einvoice.type_code, "of another type"),
        "seller": einvoice.seller,
        "reference": named.reference,
        "kind": named.kind.value,
    }
