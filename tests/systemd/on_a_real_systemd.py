"""The units at work, under a real systemd. `make systemd-test` runs this; it needs root, and takes about a minute."""

import json
import tempfile
from pathlib import Path

import pytest

from tests.systemd.machine import PASSWORD, SOURCE, USER, Machine, why_not
from tests.world import pdf

pytestmark = [
    pytest.mark.skipif(why_not() is not None, reason=f"no systemd can be booted: {why_not()}"),
    pytest.mark.timeout(600),
]

SANDBOX = f"""
[Service]
Type=exec
DynamicUser=yes
ExecStart=/opt/importer/bin/importer sandbox --any-invoice --user {USER} --password {PASSWORD}
"""

# Times that a person has, and a test has not.
QUICK = "[Service]\nWatchdogSec=4s\nRestartSec=1s\n"
AT_ONCE = "[Timer]\nOnCalendar=\nOnActiveSec=1s\nRandomizedDelaySec=0\nAccuracySec=1us\n"

STORED = f"""
import base64, json, sys, urllib.request
token = base64.b64encode(b"{USER}:{PASSWORD}").decode()
def stored(reference):
    url = f"http://127.0.0.1:8425/api/invoices/{{reference}}/documents?limit=0"
    request = urllib.request.Request(url, headers={{"Authorization": "Basic " + token}})
    with urllib.request.urlopen(request) as reply:
        return sum(len(voucher["communications"]) for voucher in json.load(reply))
print(json.dumps({{reference: stored(reference) for reference in sys.argv[1:]}}))
"""

DENIED = """
import ctypes, json, mmap, os, pathlib, socket, subprocess
libc = ctypes.CDLL(None, use_errno=True)
def tried(act):
    try:
        return act() or "allowed"
    except OSError as error:
        return error.strerror
def call(name, *arguments):
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
print(json.dumps({
    "write /etc": tried(lambda: pathlib.Path("/etc/importer/x").write_text("x")),
    "write /opt": tried(lambda: pathlib.Path("/opt/importer/x").write_text("x")),
    "write /var/lib": tried(lambda: pathlib.Path("/var/lib/x").write_text("x")),
    "read /root": tried(lambda: os.listdir("/root")),
    "read the credential's source": tried(lambda: pathlib.Path("/etc/importer/credentials/api_password").read_text()),
    "unshare": tried(lambda: call("unshare", 0x10000000)),
    "ptrace": tried(lambda: call("ptrace", 0, 0, 0, 0)),
    "mount": tried(lambda: call("mount", b"x", b"/tmp", b"tmpfs", 0, None)),
    "raw socket": tried(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)),
    "netlink": tried(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)),
    "writable code": tried(lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)),
    "set the clock": tried(lambda: call("settimeofday", ctypes.byref((ctypes.c_long * 2)()), None)),
    "other processes": str(len([name for name in os.listdir("/proc") if name.isdecimal() and name == "1"])),
    "cloud metadata": tried(lambda: socket.create_connection(("169.254.169.254", 80), 2)),
    "write its own folder": tried(lambda: pathlib.Path("/var/lib/importer/inbox/x.tmp").write_text("x") and None),
    "read its credential": tried(
        lambda: pathlib.Path(os.environ["CREDENTIALS_DIRECTORY"], "api_password").read_text() and None
    ),
}))
"""


@pytest.fixture(scope="module")
def machine():
    with tempfile.TemporaryDirectory(prefix="importer-systemd-") as folder, Machine(Path(folder)) as booted:
        # As the README says, word by word.
        booted.sh(f"cd {SOURCE}\n{readme_commands()}")
        booted.write("/etc/systemd/system/sandbox.service", SANDBOX)
        for unit in ("importer.service", "importer@.service"):
            booted.write(f"/etc/systemd/system/{unit}.d/quick.conf", QUICK)
        booted.write("/etc/systemd/system/importer-backfill.timer.d/at-once.conf", AT_ONCE)
        booted.sh("systemctl daemon-reload && systemctl start sandbox.service")
        yield booted


def readme_commands():
    """The block that installs the service."""
    readme = (Path(__file__).parent.parent.parent / "README.md").read_text(encoding="utf-8")
    block = readme.split("\n## As a service", 1)[1].split("```sh\n", 1)[1].split("```", 1)[0]
    return block.replace("USERNAME", USER).replace("PASSWORD", PASSWORD)


@pytest.fixture
def service(machine):
    """The service, started; `systemctl start` returns when it has said that it is ready."""
    machine.sh("systemctl start importer.service")
    yield machine
    machine.sh("systemctl stop importer.service; systemctl reset-failed", check=False)


def drop(machine, *names, inbox="/var/lib/importer/inbox"):
    """Files of another user's, who is in the group: each whole, by a rename."""
    for name in names:
        machine.inside(inbox).joinpath(f".{name}.tmp").write_bytes(pdf(name))
        machine.inside(inbox).joinpath(f".{name}.tmp").rename(machine.inside(inbox) / name)


def stored(machine, *references):
    """How often Abillify has a document of each invoice."""
    return json.loads(machine.run("/opt/importer/bin/python", "-c", STORED, *references, check=True).stdout)


def wait_for_imported(machine, count, prefix, **home):
    machine.wait_until(lambda: machine.imported(prefix, **home) == count)


def test_a_file_is_imported_and_the_service_tells_how_it_is(service):
    assert service.unit("importer.service", "ActiveState", "NRestarts") == {"ActiveState": "active", "NRestarts": "0"}
    drop(service, "RE10001.pdf")
    wait_for_imported(service, 1, "RE10001")
    assert stored(service, "RE10001") == {"RE10001": 1}
    service.wait_until(lambda: "1 imported" in service.unit("importer.service", "StatusText")["StatusText"])
    assert PASSWORD not in service.journal("importer.service")


def test_a_reload_puts_new_rules_in_force_and_refuses_broken_ones(service):
    rules = service.inside("/etc/importer/rules.toml")
    before, pid = rules.read_text(), service.unit("importer.service", "MainPID")
    try:
        rules.write_text("[[rule]\n")
        assert service.run("systemctl", "reload", "importer.service").returncode != 0
        service.sh("systemctl kill --kill-whom=main --signal=HUP importer.service")
        service.wait_until(lambda: '"reload.refused"' in service.journal("importer.service"))
        drop(service, "RE10101.pdf")
        wait_for_imported(service, 1, "RE10101")
        rules.write_text(before.replace("[[rule]]", NEW_RULE + "[[rule]]", 1))
        service.sh("systemctl reload importer.service")
        service.wait_until(lambda: '"reload.done"' in service.journal("importer.service"))
        drop(service, "ZX-4711.pdf")
        wait_for_imported(service, 1, "ZX-")
    finally:
        rules.write_text(before)
    assert service.unit("importer.service", "MainPID") == pid


NEW_RULE = """[[rule]]
name = "receipts"
regex = 'ZX-(?P<number>[0-9]{4})'
reference = "{number}"
kind = "letter"

"""


def test_the_watchdog_ends_a_frozen_service_and_the_next_one_goes_on(service):
    names = [f"RE102{number:02}.pdf" for number in range(60)]
    drop(service, *names)
    service.wait_until(lambda: service.imported("RE102"))
    service.sh("systemctl kill --kill-whom=main --signal=STOP importer.service")
    service.wait_until(lambda: service.unit("importer.service", "NRestarts")["NRestarts"] == "1")
    wait_for_imported(service, len(names), "RE102")
    assert set(stored(service, *(name.removesuffix(".pdf") for name in names)).values()) == {1}
    assert "Fatal Python error: Aborted" in service.journal("importer.service")


def test_a_stop_drains_what_is_under_way(service):
    names = [f"RE103{number:02}.pdf" for number in range(60)]
    drop(service, *names)
    service.wait_until(lambda: service.imported("RE103"))
    service.sh("systemctl stop importer.service")
    assert service.unit("importer.service", "Result", "ExecMainStatus") == {"Result": "success", "ExecMainStatus": "0"}
    assert service.states() <= {"imported", "pending", "rejected"}
    service.sh("systemctl start importer.service")
    wait_for_imported(service, len(names), "RE103")
    assert set(stored(service, *(name.removesuffix(".pdf") for name in names)).values()) == {1}


def test_the_timer_s_backfill_runs_beside_the_service_and_imports_nothing_twice(service):
    names = [f"RE104{number:02}.pdf" for number in range(99)]
    service.sh("systemctl restart importer-backfill.timer")
    drop(service, *names)
    service.wait_until(lambda: "Finished importer-backfill.service" in service.journal("importer-backfill.service"))
    assert service.unit("importer-backfill.service", "Result")["Result"] == "success"
    wait_for_imported(service, len(names), "RE104")
    assert set(stored(service, *(name.removesuffix(".pdf") for name in names)).values()) == {1}
    assert service.unit("importer.service", "ActiveState")["ActiveState"] == "active"


def test_what_it_has_no_need_of_is_denied(machine):
    unit = machine.inside("/etc/systemd/system/importer.service").read_text()
    unit = (
        unit.replace("Type=notify", "Type=oneshot").replace("WatchdogSec=60s\n", "").replace("Restart=on-failure\n", "")
    )
    unit = unit.replace("/opt/importer/bin/importer run", "/opt/importer/bin/python /opt/denied.py")
    machine.write("/etc/systemd/system/denied.service", unit)
    machine.write("/opt/denied.py", DENIED)
    machine.sh("systemctl daemon-reload && systemctl start denied.service")
    (told,) = [line for line in machine.journal("denied.service").splitlines() if line.startswith("{")]
    told = json.loads(told)
    allowed = {name for name, what in told.items() if what == "allowed"}
    assert allowed == {"write its own folder", "read its credential"}
    assert told["unshare"] == "Operation not permitted"
    assert told["other processes"] == "0"


def test_each_account_has_a_service_of_its_own_with_encrypted_credentials(machine):
    home = "/var/lib/importer-acme"
    machine.sh(
        f"""
        /opt/importer/bin/importer init {home}
        chown -R importer: {home}
        install -d -m 700 /etc/importer/credentials/acme
        for name in api_username:{USER} api_password:{PASSWORD}; do
            printf %s "${{name#*:}}" | systemd-creds encrypt --with-key=host --name="${{name%%:*}}" - \
                "/etc/importer/credentials/acme/${{name%%:*}}.cred"
        done
        """
    )
    shipped = machine.inside(SOURCE / "systemd" / "encrypted-credentials.conf").read_text()
    shipped = shipped.replace("/etc/importer/credentials/", "/etc/importer/credentials/%i/")
    machine.write("/etc/systemd/system/importer@.service.d/encrypted.conf", shipped)
    machine.sh("systemctl daemon-reload && systemctl start importer@acme.service")
    drop(machine, "RE10501.pdf", inbox=f"{home}/inbox")
    wait_for_imported(machine, 1, "RE10501", home=home)
    machine.sh("systemctl stop importer@acme.service")
    assert stored(machine, "RE10501") == {"RE10501": 1}


def test_wrong_settings_are_not_tried_again_but_told_to_a_person(machine):
    settings = machine.inside("/etc/importer/importer.toml")
    before = settings.read_text()
    try:
        settings.write_text(before + "\nnonsense = 1\n")
        assert machine.run("systemctl", "start", "importer.service").returncode != 0
        machine.wait_until(
            lambda: "importer.service has failed" in machine.journal("importer-failure@importer.service.service")
        )
        assert machine.unit("importer.service", "ExecMainStatus", "NRestarts", "ActiveState") == {
            "ExecMainStatus": "2",
            "NRestarts": "0",
            "ActiveState": "failed",
        }
    finally:
        settings.write_text(before)
        machine.sh("systemctl reset-failed")
