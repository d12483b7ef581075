"""Durations, sizes, rates and ranges: what an operator may write, and what is said about everything else."""

from datetime import timedelta

import pytest
from hypothesis import given, strategies as st

from importer.config.units import (
    BackoffRange,
    MalformedError,
    Rate,
    parse_duration,
    parse_range,
    parse_rate,
    parse_size,
)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("500ms", timedelta(milliseconds=500)),
        ("2s", timedelta(seconds=2)),
        ("10m", timedelta(minutes=10)),
        ("20h", timedelta(hours=20)),
        ("14d", timedelta(days=14)),
        ("0s", timedelta()),
        ("0", timedelta()),
        (0, timedelta()),
    ],
)
def test_a_duration_is_a_whole_number_with_a_unit_or_nothing_at_all(written, meant):
    assert parse_duration(written) == meant


@pytest.mark.parametrize(
    ("written", "bytes_"),
    [
        ("1B", 1),
        ("500kB", 500_000),
        ("3KB", 3000),
        ("20MB", 20_000_000),
        ("1KiB", 1024),
        ("20MiB", 20 * 1024**2),
        ("0", 0),
    ],
)
def test_a_size_counts_in_1000_or_with_an_i_in_1024(written, bytes_):
    assert parse_size(written) == bytes_


@pytest.mark.parametrize(
    ("written", "count", "per", "interval"),
    [
        ("20/s", 20, timedelta(seconds=1), timedelta(milliseconds=50)),
        ("600/m", 600, timedelta(minutes=1), timedelta(milliseconds=100)),
        ("3600/h", 3600, timedelta(hours=1), timedelta(seconds=1)),
    ],
)
def test_a_rate_knows_the_time_between_two_requests(written, count, per, interval):
    assert parse_rate(written) == Rate(count, per)
    assert parse_rate(written).interval == interval
    assert parse_rate(written).per_second == pytest.approx(1 / interval.total_seconds())
    assert not parse_rate(written).is_unlimited


@pytest.mark.parametrize("written", ["0/s", "0/m", "0/h", "0", 0])
def test_a_rate_of_nothing_sets_no_limit(written):
    assert parse_rate(written).is_unlimited
    assert parse_rate(written).interval == timedelta()
    assert parse_rate(written).per_second == 0


def test_a_range_has_two_durations_that_may_be_the_same():
    assert parse_range("30s..1h") == BackoffRange(timedelta(seconds=30), timedelta(hours=1))
    assert parse_range("0s..0s") == parse_range("0..0") == parse_range(0) == BackoffRange(timedelta(), timedelta())


def test_a_range_can_be_taken_apart_like_a_pair():
    low, high = parse_range("500ms..2s")

    assert (low, high) == (timedelta(milliseconds=500), timedelta(seconds=2))


@pytest.mark.parametrize(
    ("parse", "written", "remedy"),
    [
        (parse_duration, "2 secs", 'write "2s"'),
        (parse_duration, "2 S", 'write "2s"'),
        (parse_duration, "90sec.", 'write "90s"'),
        (parse_duration, " 10 Minutes ", 'write "10m"'),
        (parse_duration, "3 days", 'write "3d"'),
        (parse_duration, "soon", 'write it like "5s"'),
        (parse_duration, "1.5s", 'write it like "5s"'),
        (parse_duration, "-1s", 'write it like "5s"'),
        (parse_duration, "٣s", 'write it like "5s"'),
        (parse_duration, "2s\n", 'write "2s"'),
        (parse_duration, "5", 'write it like "5s"'),
        (parse_duration, "", 'write it like "5s"'),
        (parse_duration, 5, 'write it like "5s"'),
        (parse_duration, 5.0, 'write it like "5s"'),
        (parse_duration, False, 'write it like "5s"'),
        (parse_duration, None, 'write it like "5s"'),
        (parse_duration, "9999d", "write a shorter duration"),
        (parse_duration, "999999999999999d", "write a shorter duration"),
        (parse_size, "20 MiB", 'write "20MiB"'),
        (parse_size, "20M", 'write "20MiB"'),
        (parse_size, "20mb", 'write "20MB"'),
        (parse_size, 20, 'write it like "20MiB"'),
        (parse_size, "1025GiB", "write a smaller size"),
        (parse_rate, "20/sec", 'write "20/s"'),
        (parse_rate, "20 per minute", 'write "20/m"'),
        (parse_rate, "20/d", 'write it like "20/s"'),
        (parse_rate, "20", 'write it like "20/s"'),
        (parse_rate, 20, 'write it like "20/s"'),
        (parse_range, "30s-1h", 'write "30s..1h"'),
        (parse_range, "30 secs .. 1 hour", 'write "30s..1h"'),
        (parse_range, "30s", 'write it like "30s..1h"'),
        (parse_range, "1h..30s", 'write "30s..1h"'),
        (parse_range, "1s..9999d", "write a shorter duration"),
        (parse_range, ["30s", "1h"], 'write it like "30s..1h"'),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_to_write_instead(parse, written, remedy):
    with pytest.raises(MalformedError) as refusal:
        parse(written)

    assert refusal.value.remedy == remedy


@given(st.text() | st.from_regex(r"\s*[0-9]{1,18} ?[a-zA-Zµ]{0,8}(/|\.\.|-)?[0-9]{0,18}[a-z]{0,3}", fullmatch=True))
def test_any_text_is_either_understood_or_refused_with_a_remedy_that_works(text):
    for parse in (parse_duration, parse_size, parse_rate, parse_range):
        try:
            parse(text)
        except MalformedError as refusal:
            advice = refusal.remedy
            if advice.startswith('write "'):
                parse_or_too_large(parse, advice.removeprefix('write "').removesuffix('"'))


def parse_or_too_large(parse, advised):
    """Advice may still ask for too much, or name a range's ends in the wrong order; it is never malformed again."""
    try:
        parse(advised)
    except MalformedError as refusal:
        assert "is not" not in refusal.problem  # noqa: PT017 - most advice is accepted, and then there is no refusal
