"""Imports PDF and EML documents into Abillify exactly once, and keeps a ledger of what went where."""

from importlib.metadata import version

__version__ = version("abillify-importer")
