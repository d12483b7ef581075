"""`importer doctor` finds what operators get wrong, each with its remedy and the exit code that monitoring sees."""

import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from importer.adapters.inbox import file_system_of, is_silent
from importer.sandbox import faults, replies
from importer.sandbox.fault import Effect, Fault
from importer.sandbox.replies import Reply
from tests.faulty.test_small_disk import mounted, small
from tests.world import PASSWORD, pdf


def findings(world, exits, before=()):
    """By check; `before` is what the process is started under."""
    command = [*before, *world.command("doctor", "--json")]
    done = subprocess.run(command, capture_output=True, text=True, env=world.full_environ, timeout=90, check=False)
    assert done.returncode == exits, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    told = [json.loads(line) for line in done.stdout.splitlines()]
    for finding in told:
        assert list(finding) == ["check", "ok", "message", "remedy", "level"]
        assert finding["ok"] == (finding["level"] != "fault")
        assert bool(finding["remedy"]) == (finding["level"] != "ok"), "what is not well has a remedy"
    return {finding["check"]: finding for finding in told}


def odd(told):
    """The checks that are not well, with their level."""
    return {check: finding["level"] for check, finding in told.items() if finding["level"] != "ok"}


def test_a_fresh_importer_has_nothing_to_complain_of(world):
    told = findings(world, 0)
    assert odd(told) == {}
    assert {"moves", "privacy", "instance", "watching", "names"} <= set(told)
    assert "no importer runs" in told["instance"]["message"]


def answers(reply):
    return Fault(name="elsewhere", effect=Effect.NEVER, reply=reply)


@pytest.mark.parametrize(
    ("fault", "exits", "message", "remedy"),
    [
        (faults.status(401), 5, "refused the credentials", "IP addresses"),
        (answers(replies.proxy_page(403)), 4, "403", "IP addresses"),
        (answers(replies.proxy_page(200)), 2, "an HTML page", "the API itself"),
        (faults.redirect(), 2, "a redirect", "the API itself"),
        (answers(replies.proxy_page(404)), 2, "404", "the API itself"),
        (answers(Reply(200, b'{"swagger": "2.0"}')), 2, "not what Abillify answers", "the API itself"),
        (answers(replies.proxy_page(502)), 4, "502", "passes by itself"),
    ],
    ids=["401", "a firewall", "a web page", "a redirect", "a wrong path", "other JSON", "a bad day"],
)
def test_what_the_address_answers(world, fault, exits, message, remedy):
    world.sandbox.fail(fault, endpoint="probe", times=None)
    told = findings(world, exits)
    assert odd(told) == {"api": "fault"}
    assert message in told["api"]["message"]
    assert remedy in told["api"]["remedy"]
    assert PASSWORD not in str(told)


def test_before_anything_was_set_the_sandbox_is_missing(world):
    world.environ["IMPORTER_API__BASE_URL"] = "http://127.0.0.1:1/api"
    assert "importer sandbox" in findings(world, 4)["api"]["remedy"]


@pytest.mark.parametrize(("fault", "remedy"), [(faults.wrong_date(3600), "NTP"), (faults.no_date(), "proxy")])
def test_a_clock_that_is_off(world, fault, remedy):
    world.sandbox.fail(fault, endpoint="probe", times=None)
    told = findings(world, 2)
    assert odd(told) == {"clock": "fault"}
    assert remedy in told["clock"]["remedy"]


def test_names_that_no_rule_understands(world):
    world.drop("Rechnung RE12345.pdf")
    world.drop("neu/scan0001.pdf")
    world.drop("Mahnung RE12345.pdf")
    told = findings(world, 0)
    assert odd(told) == {"names": "warning"}
    assert "2 of 3 files in the inbox would be refused for its name" in told["names"]["message"]
    assert "importer explain" in told["names"]["remedy"]
    command = shlex.split(told["names"]["remedy"].partition(" shows ")[0])
    assert world.json(*command[1:], exits=0)[0]["decision"] == "reject"


def test_another_instance_is_told_and_not_disturbed(world):
    with world.running() as service:
        service.wait_for("watch.started")
        told = findings(world, 0)
        assert (told["instance"]["level"], "an importer runs on" in told["instance"]["message"]) == ("ok", True)
        world.drop("RE12345.pdf")
        service.wait_for("document.imported")
        assert service.stop() == 0


# ------------------------------------------------------------ rights


@pytest.fixture
def unprivileged():
    """Root without any privilege, for whom rights count as for everybody; for another user, that user."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("wants setpriv, to give up root's rights")
    return ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]


@pytest.fixture
def closed():
    """Takes rights away, and gives them back at the end."""
    changed = []

    def close(path, mode):
        changed.append((path, path.stat().st_mode))
        path.chmod(mode)

    yield close
    for path, mode in reversed(changed):
        path.chmod(mode)


@pytest.mark.parametrize("name", ["inbox", "archive", "this month's"])
def test_a_folder_that_cannot_be_written_to(world, unprivileged, closed, name):
    world.drop("RE12345.pdf")
    world.importer("backfill", exits=0)
    (receipt,) = world.folder.glob("archive/*/*/*.receipt.json")
    folder = receipt.parent if name == "this month's" else world.folder / name
    closed(folder, 0o500)
    told = findings(world, 1, unprivileged)
    assert f"{folder}" in told[f"folder {folder}"]["message"]
    assert "chown" in told[f"folder {folder}"]["remedy"]


def test_an_inbox_where_files_can_be_made_and_not_renamed(world):
    """As on some network shares; here by a folder that only grows."""
    marked = subprocess.run(["chattr", "+a", world.inbox], capture_output=True, check=False)
    if marked.returncode != 0:
        pytest.skip("wants root, and a file system with append-only folders")
    try:
        told = findings(world, 1)
    finally:
        subprocess.run(["chattr", "-a", world.inbox], check=True)
    assert told[f"folder {world.inbox}"]["level"] == "fault"
    world.importer("backfill", exits=0)
    assert world.documents() == [], "what doctor could not remove is nobody's document"


def test_what_somebody_else_keeps_to_himself_in_the_inbox(world, unprivileged, closed):
    closed(world.drop("RE10001.pdf"), 0)
    closed(world.drop("sap/RE10002.pdf").parent, 0o500)
    told = findings(world, 0, unprivileged)
    assert odd(told) == {"inbox folders": "warning", "inbox files": "warning"}
    assert str(world.inbox / "sap") in told["inbox folders"]["message"]
    assert "1 of 2 files" in told["inbox files"]["message"]


def test_what_everybody_may_look_into(world):
    assert odd(findings(world, 0)) == {}, "the folders above are closed"
    opened = [folder for folder in world.folder.parents if not folder.stat().st_mode & 0o001]
    modes = {folder: folder.stat().st_mode for folder in opened}
    try:
        for folder in opened:
            folder.chmod(0o711)
        (world.folder / "archive").chmod(0o755)
        told = findings(world, 0)
    finally:
        for folder, mode in modes.items():
            folder.chmod(mode)
    assert odd(told) == {"privacy": "warning"}
    command = shlex.split(told["privacy"]["remedy"])
    assert command[:2] == ["chmod", "o-rwx"]
    assert str(world.folder / "archive") in command


def test_root_is_told_that_it_is_not_the_service(world):
    if os.geteuid() != 0:
        pytest.skip("wants root")
    for path in (world.folder, world.inbox):
        os.chown(path, 65534, 65534)
    (world.folder / "var").mkdir()
    os.chown(world.folder / "var", 65534, 65534)
    told = findings(world, 0)
    assert odd(told) == {"user": "warning", "ledger": "warning"}
    assert "runuser -u importer" in told["user"]["remedy"]
    assert not (world.folder / "var" / "ledger.db").exists(), "which would be root's"


# ------------------------------------------------------------ disks


def test_inbox_and_archive_on_two_file_systems(world):
    with small(world.folder / "archive", "2g"):
        told = findings(world, 0)
    assert odd(told)["moves"] == "warning"
    assert str(world.folder / "archive") in told["moves"]["message"]
    assert str(world.folder / "held") not in told["moves"]["message"]


def test_two_mounts_of_one_file_system_are_two(world):
    with mounted(world.inbox, "--bind", world.inbox):
        assert odd(findings(world, 0)) == {"moves": "warning"}


@pytest.mark.parametrize(("size", "level", "exits"), [("2m", "fault", 1), ("200m", "warning", 0)])
def test_a_disk_that_will_soon_be_full(world, size, level, exits):
    with small(world.folder / "var", size) as disk:
        told = findings(world, exits)
    assert odd(told) == {f"room at {disk}": level}
    assert "MiB free" in told[f"room at {disk}"]["message"]


# ------------------------------------------------------------ what only /proc tells


def under_proc(tmp_path, **files):
    """A process for which /proc holds nothing but these files: the way to a network share without a network."""
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    places = {"mountinfo": "/proc/self/mountinfo", "watches": "/proc/sys/fs/inotify/max_user_watches"}
    copies = [f"install -D {shlex.quote(str(tmp_path / name))} {places[name]}" for name in files]
    script = "; ".join(["set -e", "mount -t tmpfs none /proc", *copies, 'exec "$@"'])
    before = ["unshare", "--mount", "sh", "-c", script, "sh"]
    tried = subprocess.run([*before, "true"], capture_output=True, check=False)
    if tried.returncode != 0:
        pytest.skip("wants root, and the right to mount")
    return before


MOUNTS = """\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
40 22 0:50 / {place} rw,relatime shared:1 - {kind} server:/export rw
"""


def test_a_ledger_on_a_network_share_is_refused_and_not_opened(world, tmp_path):
    before = under_proc(tmp_path, mountinfo=MOUNTS.format(place=world.folder / "var", kind="nfs4"))
    told = findings(world, 2, before)
    assert odd(told) == {"ledger": "fault"}
    assert "is on nfs4" in told["ledger"]["message"]
    assert "PostgreSQL" in told["ledger"]["remedy"]
    refused = subprocess.run(
        [*before, *world.command("backfill")], capture_output=True, text=True, env=world.full_environ, check=False
    )
    assert refused.returncode == 2
    assert "or use PostgreSQL" in refused.stderr
    assert not (world.folder / "var" / "ledger.db").exists()


@pytest.mark.parametrize(
    ("kind", "is_share"),
    [
        *((kind, True) for kind in ("nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "fuse.rclone", "9p", "virtiofs")),
        *((kind, False) for kind in ("ext4", "xfs", "btrfs", "zfs", "overlay", "tmpfs")),
    ],
)
def test_which_file_systems_are_shares(tmp_path, kind, is_share):
    mountinfo = tmp_path / "mountinfo"
    mountinfo.write_text(MOUNTS.format(place=r"/mnt/with\040space", kind=kind))
    found = file_system_of(Path("/mnt/with space/var/ledger.db"), mountinfo)
    assert (found, is_silent(found)) == (kind, is_share)


def test_more_folders_than_may_be_watched(world, tmp_path):
    for number in range(4):
        (world.inbox / f"customer{number}").mkdir()
    before = under_proc(tmp_path, watches="4\n", mountinfo=MOUNTS.format(place="/mnt", kind="nfs"))
    told = findings(world, 0, before)
    assert odd(told) == {"watching": "warning"}
    assert "5 folders to be watched" in told["watching"]["message"]
    assert "sysctl -w fs.inotify.max_user_watches=" in told["watching"]["remedy"]


def test_watches_that_are_used_up(world):
    """Really: in a user namespace that may have none."""
    before = ["unshare", "--user", "--map-root-user", "sh", "-c"]
    before += ['echo 0 > /proc/sys/user/max_inotify_watches && exec "$@"', "sh"]
    if subprocess.run([*before, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("wants the right to make a user namespace")
    told = findings(world, 0, before)
    assert told["watching"]["message"].startswith("polling")
    assert "fs.inotify.max_user_watches" in told["watching"]["remedy"]
    assert told["watching"]["level"] == "warning"


def test_a_rules_file_that_does_not_load_hides_nothing_else(world):
    rules = world.folder / "config" / "rules.toml"
    rules.write_text(rules.read_text() + '\n[[rule]]\nname = "x"\npattern = "{kindd}"\n')
    world.drop("RE12345.pdf", pdf())
    told = findings(world, 2)
    assert odd(told) == {"rules": "fault"}
    assert told["api"]["ok"]
