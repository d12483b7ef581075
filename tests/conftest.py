"""Fixtures for every tier of tests."""

import os
from contextlib import closing

import pytest

from tests.postgres import NoPostgres, Server
from tests.world import World, sandbox


def pytest_xdist_auto_num_workers():
    """One more than there are processors: many tests wait for other processes, for a lease, for a disk."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture
def world(tmp_path):
    """An importer against an Abillify that knows every invoice."""
    with sandbox() as abillify:
        yield World(tmp_path / "importer", abillify)


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server for all tests of this process."""
    try:
        server = Server()
    except NoPostgres as reason:
        pytest.skip(str(reason))
    with closing(server):
        yield server
