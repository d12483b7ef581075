"""CSV for a German Excel, cells that would be formulas, filters and order of `importer list`."""

import csv
import io
import re
import subprocess

import pytest

from importer.spreadsheet import csv_of


@pytest.fixture
def lived(world):
    for name in ("RE10002.pdf", "RE10001.pdf", "1. Mahnung RE10001.pdf", "=cmd|x.pdf", "nonsense.pdf"):
        world.drop(name)
        world.importer("backfill", exits=None)
    return world


def paths(world, *arguments):
    return [document["path"] for document in world.json("list", *arguments, exits=0)]


def test_a_german_excel_reads_it(lived):
    command = lived.command("list", "--csv-dialect", "excel-de")
    environ = lived.full_environ | {"LC_ALL": "C", "TZ": "Europe/Berlin"}
    raw = subprocess.run(command, env=environ, capture_output=True, check=True)
    assert raw.stdout.startswith(b"\xef\xbb\xbfid;path;")
    assert raw.stdout.count(b"\r\n") == 6
    rows = list(csv.DictReader(io.StringIO(raw.stdout.decode("utf-8-sig"), newline=""), delimiter=";"))
    assert "'=cmd|x.pdf" in [row["path"] for row in rows]
    assert all(re.fullmatch(r"\d\d\.\d\d\.\d{4} \d\d:\d\d:\d\d", row["first_seen_at"]) for row in rows)
    lived.importer("list", "--json", "--csv-dialect", "excel-de", exits=2)
    plain = lived.importer("list", "--format", "csv", exits=0).stdout
    assert "'=cmd|x.pdf" in plain
    assert "T" in next(csv.DictReader(io.StringIO(plain)))["first_seen_at"]


def test_filters_and_order(lived):
    assert paths(lived, "--kind", "dunning1") == ["1. Mahnung RE10001.pdf"]
    assert paths(lived, "--reference", "RE10001") == ["RE10001.pdf", "1. Mahnung RE10001.pdf"]
    assert len(paths(lived, "--reason", "no_rule")) == 2
    assert paths(lived, "--until", "2001-01-01") == []
    assert paths(lived, "--kind", "invoice", "--sort", "invoice_reference") == ["RE10001.pdf", "RE10002.pdf"]
    assert paths(lived, "--kind", "invoice", "--sort=-invoice_reference") == ["RE10002.pdf", "RE10001.pdf"]
    assert paths(lived, "--sort", "imported_at")[-2:] == ["=cmd|x.pdf", "nonsense.pdf"], "what has none comes last"
    assert paths(lived, "--kind", "invoice", "--limit", "1") == ["RE10001.pdf"]
    assert "no such field" in lived.importer("list", "--sort", "colour", exits=2).stderr


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_is_a_formula(start):
    cell = f"'{start}1"
    quoted = f'"{cell}"' if start == "\r" else cell
    assert csv_of(["x"], [{"x": f"{start}1"}]) == f"x\n{quoted}\n"
    assert csv_of(["x"], [{"x": -5}]) == "x\n-5\n", "a number is none"


def test_numbers_have_a_decimal_comma():
    assert csv_of(["x", "y"], [{"x": 1.5, "y": None}], "excel-de") == "\ufeffx;y\r\n1,5;\r\n"
