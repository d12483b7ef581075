"""A stand-alone local Abillify API with switchable faults.

It imports nothing else of `importer`, so that a misunderstanding of the API cannot be shared and so hidden.
"""

from importer.sandbox import faults
from importer.sandbox.fault import Delivery, Effect, Fault, Memory, Read
from importer.sandbox.plan import Trigger
from importer.sandbox.replies import Reply
from importer.sandbox.requests import Endpoint, Form, Request
from importer.sandbox.sandbox import Sandbox, serve
from importer.sandbox.store import Behaviour, Communication, Invoice

__all__ = [
    "Behaviour",
    "Communication",
    "Delivery",
    "Effect",
    "Endpoint",
    "Fault",
    "Form",
    "Invoice",
    "Memory",
    "Read",
    "Reply",
    "Request",
    "Sandbox",
    "Trigger",
    "faults",
    "serve",
]
