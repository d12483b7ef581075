"""The library that makes system calls fail, compiled once a session."""

import pytest

from tests.faulty import machine


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    if reason := machine.why_not():
        pytest.skip(reason)
    return machine.build(tmp_path_factory.mktemp("faulty"))
