"""Imports PDF and EML documents into Abillify exactly once, and keeps a ledger of what went where."""
