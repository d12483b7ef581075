"""Decisions. No I/O, no clock, no logging, no third-party import: every name here is a frozen value or a function."""
