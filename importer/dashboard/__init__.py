"""The operator's page: what the ledger knows, and a person's decisions, in a browser; the door puts it together."""

from importer.dashboard.desk import Ask, Choose, Desk, Settle, Standing
from importer.dashboard.server import Page, TokenTooShort, serving

__all__ = ["Ask", "Choose", "Desk", "Page", "Settle", "Standing", "TokenTooShort", "serving"]
