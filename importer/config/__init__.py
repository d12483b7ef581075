"""The configuration: a TOML file, the environment and credentials become frozen `Settings`; all faults at once."""

from importer.config.credentials import (
    Credentials,
    MissingCredentials,
    load_credentials,
    load_ledger_password,
    read_token,
)
from importer.config.faults import ConfigError, Fault
from importer.config.load import find_config, load_settings
from importer.config.secret import Secret
from importer.config.settings import TABLES, Settings, settings_reference
from importer.config.units import BackoffRange, Rate
from importer.config.urls import ListenAddress

__all__ = [
    "TABLES",
    "BackoffRange",
    "ConfigError",
    "Credentials",
    "Fault",
    "ListenAddress",
    "MissingCredentials",
    "Rate",
    "Secret",
    "Settings",
    "find_config",
    "load_credentials",
    "load_ledger_password",
    "load_settings",
    "read_token",
    "settings_reference",
]
