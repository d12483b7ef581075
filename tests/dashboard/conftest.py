"""One office for all tests of a worker: each decides only about what is there for it alone."""

import pytest

from tests.dashboard.office import Visitor, open_office


@pytest.fixture(scope="session")
def office(tmp_path_factory):
    with open_office(tmp_path_factory.mktemp("office") / "importer") as opened:
        yield opened


@pytest.fixture
def visitor(office):
    return Visitor(office[1])
