"""The units by themselves: systemd understands every line, and they give up what they need not."""

import re
import shutil
import subprocess

import pytest

from tests.systemd.machine import ROOT

UNITS = ROOT / "systemd"
HARDENED = sorted(UNITS.glob("*.service"))
IMPORTING = [unit for unit in HARDENED if "/opt/importer/bin/importer" in unit.read_text()]
THRESHOLD = 15  # tenths: 1.5

analyzed = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="left out: there is no systemd-analyze")


@pytest.fixture
def units(tmp_path):
    """The units for a machine where nothing is installed: the programs that they name must exist."""
    for unit in UNITS.iterdir():
        text = unit.read_text().replace("/opt/importer/bin/importer", shutil.which("true"))
        (tmp_path / unit.name).write_text(text)
    return tmp_path


def analyze(*arguments):
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False)


def instance(unit):
    return unit.name.replace("@.", "@acme.")


@analyzed
@pytest.mark.parametrize("unit", [*HARDENED, *UNITS.glob("*.timer")], ids=lambda unit: unit.name)
def test_systemd_understands_every_line(unit, units):
    # Also where it does not know a directive it ends with 0, and only says so.
    done = analyze("verify", str(units / instance(unit)))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@analyzed
def test_an_unknown_directive_is_noticed(units):
    (units / "importer.service").write_text("[Service]\nExecStart=/bin/true\nProtectEverything=yes\n")
    assert "ProtectEverything" in analyze("verify", str(units / "importer.service")).stderr


@analyzed
@pytest.mark.parametrize("unit", HARDENED, ids=lambda unit: unit.name)
def test_the_exposure_is_low(unit, units):
    done = analyze("security", "--offline=true", f"--threshold={THRESHOLD}", str(units / unit.name))
    assert done.returncode == 0, done.stdout


def hardening(unit):
    return unit.read_text().split("# ------", 1)[1].split("\n[Install]")[0].strip()


def test_every_unit_that_imports_may_do_the_same():
    assert len(IMPORTING) == 3
    assert len({hardening(unit) for unit in IMPORTING}) == 1


def test_the_service_and_that_of_an_account_differ_in_their_places_only():
    service, account = (
        re.sub(r"\s*#.*|^ReadOnlyPaths=.*\n", "", (UNITS / name).read_text(), flags=re.MULTILINE)
        for name in ("importer.service", "importer@.service")
    )
    for ours, theirs in (
        (", account %i", ""),
        ("credentials/%i/", "credentials/"),
        ("/var/lib/importer-%i/config/", "/etc/importer/"),
        ("importer-%i", "importer"),
    ):
        account = account.replace(ours, theirs)
    assert account.split() == service.split()
