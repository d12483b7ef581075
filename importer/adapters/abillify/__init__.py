"""The client of Abillify's API. Whatever goes wrong on the way there and back is told as a value, never raised."""

from importer.adapters.abillify.client import Abillify, AnyOutcome
from importer.adapters.abillify.invoices import InvoiceTold
from importer.adapters.abillify.listing import Communication, Listing
from importer.adapters.abillify.request import request_preview
from importer.adapters.abillify.throttle import Turns
from importer.adapters.abillify.transport import steady

__all__ = ["Abillify", "AnyOutcome", "Communication", "InvoiceTold", "Listing", "Turns", "request_preview", "steady"]
