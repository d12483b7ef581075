"""SIGKILL at a step of the real process that others can see; `python -m tests.faulty` takes every one."""

import pytest

from tests.faulty.killing import killed

STRIDE = 35
"""In the suite, every so many steps: the first run of an importer takes some 300."""


@pytest.mark.parametrize(
    ("number", "moment"),
    [(number, ("before", "after")[number // STRIDE % 2]) for number in range(10, 8 * STRIDE, 3 * STRIDE)],
)
def test_killed_at_a_step_it_goes_on_where_it_was(tmp_path, library, number, moment):
    assert killed(tmp_path, library, number, moment), "there are more steps than these"
