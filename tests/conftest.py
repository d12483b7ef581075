"""Fixtures for every tier of tests."""

import pytest

from tests.world import World, sandbox


@pytest.fixture
def world(tmp_path):
    """An importer against an Abillify that knows every invoice."""
    with sandbox() as abillify:
        yield World(tmp_path / "importer", abillify)
