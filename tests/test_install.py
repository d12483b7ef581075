"""docs/install.md by its own commands: install, upgrade, go back, remove. The Containerfile as a builder reads it."""

import json
import os
import re
import shlex
import stat
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.world import PASSWORD, USER, pdf

ROOT = Path(__file__).parent.parent
GUIDE = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
RUN = ["A service", "Upgrade", "The way back", "Uninstall"]
NOT_RUN = ["When it has proven itself", "pipx", "A container"]


def sections():
    """Heading -> its shell commands."""
    parts = re.split(r"^##+ (.+)\n", GUIDE, flags=re.MULTILINE)[1:]
    fenced = (re.findall(r"^```(?:sh)?\n(.*?)^```$", text, re.DOTALL | re.MULTILINE) for text in parts[1::2])
    return {heading: "".join(blocks) for heading, blocks in zip(parts[::2], fenced, strict=True)}


# What stands in for the machine: another user, systemd, and an interpreter that fetches nothing from anywhere.
STAND_INS = {
    "python3": '[ "$1 $2" = "-m venv" ] && {python} -m venv --without-pip "$3"\n'
    'echo {packages} > "$(echo "$3"/lib/python*/site-packages)/tested.pth"',
    "runuser": '[ "$1 $2 $3" = "-u importer --" ] && shift 3 && exec "$@"',
    "systemctl": 'echo "$@" >> {prefix}/systemctl.log',
    "systemd-sysusers": "test -f {prefix}/etc/sysusers.d/importer.conf",
    "systemd-tmpfiles": "grep ^d {prefix}/etc/tmpfiles.d/importer.conf | while read -r d path mode rest; do "
    'install -d -m $mode "{prefix}$path"; done',
    "systemd-run": 'while [ "${{1#-}}" != "$1" ]; do if [ "$1" = -p ]; then shift; fi; '
    'case "$1" in --setenv=*) export "${{1#--setenv=}}";; esac; shift; done\n'
    'CREDENTIALS_DIRECTORY={prefix}/etc/importer/credentials exec "$@"',
}


class Machine:
    """A folder in the place of `/`."""

    def __init__(self, prefix, base_url):
        self.prefix = prefix
        bin_folder = prefix / "bin"
        bin_folder.mkdir()
        names = {"python": sys.executable, "packages": sysconfig.get_path("purelib"), "prefix": prefix}
        for name, script in STAND_INS.items():
            path = bin_folder / name
            path.write_text(f"#!/bin/sh\nset -e\n{script.format(**names)}\n")
            path.chmod(0o755)
        home = prefix / "var/lib/importer"
        self.inbox = home / "inbox"
        self.environ = {
            "PATH": f"{bin_folder}:/usr/bin:/bin",
            "EDITOR": "true",
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_COMPILE": "1",
            "PIP_NO_INDEX": "1",
            "PIP_NO_BUILD_ISOLATION": "0",  # which is how pip's variable says yes
            "PIP_ROOT_USER_ACTION": "ignore",
            "IMPORTER_API__BASE_URL": base_url,
            "IMPORTER_API__READBACK_GRACE": "0s",
            "IMPORTER_INBOX__SETTLE": "50ms",
            # What /var/lib/importer is for a configuration in /etc/importer.
            "IMPORTER_INBOX__PATH": str(self.inbox),
            "IMPORTER_ARCHIVE__IMPORTED": f"{home}/archive/{{year}}/{{month}}",
            "IMPORTER_ARCHIVE__DUPLICATES": f"{home}/archive/duplicates",
            "IMPORTER_ARCHIVE__REJECTED": f"{home}/rejected",
            "IMPORTER_ARCHIVE__HELD": f"{home}/held",
            "IMPORTER_LEDGER__URL": f"sqlite:///{home}/var/ledger.db",
        }

    def run(self, script):
        """Commands of the guide, from the check-out, each of which must succeed."""
        here = re.sub(r"(?<![\w.}])/(opt|etc|var)/", rf"{self.prefix}/\1/", script)
        here = here.replace("'USERNAME'", shlex.quote(USER)).replace("'PASSWORD'", shlex.quote(PASSWORD))
        done = subprocess.run(
            ["sh", "-e", "-c", here], cwd=ROOT, env=self.environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{here}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def importer(self, *arguments):
        """A verb as the service would run it."""
        environ = self.environ | {
            "IMPORTER_CONFIG": f"{self.prefix}/etc/importer/importer.toml",
            "CREDENTIALS_DIRECTORY": f"{self.prefix}/etc/importer/credentials",
        }
        command = [self.prefix / "opt/importer/bin/importer", *arguments]
        done = subprocess.run(command, env=environ, cwd="/", capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def imports(self, name):
        (self.inbox / name).write_bytes(pdf(name))
        self.importer("backfill")
        return json.loads(self.importer("status", "--json"))["states"]["imported"]


def test_every_section_is_run_or_marked():
    assert list(sections()) == ["A service", "Upgrade", NOT_RUN[0], "The way back", "Uninstall", *NOT_RUN[1:]]
    assert set(sections()) == {*RUN, *NOT_RUN}
    assert all(sections()[heading] for heading in sections())


def test_the_guide_leads_there_and_back(world, tmp_path):
    commands = sections()
    machine = Machine(tmp_path, world.sandbox.base_url)
    told = machine.run(commands["A service"])
    assert "importer, version" in told
    assert "FAULT" not in told
    installed = machine.prefix / "opt/importer"
    assert list(installed.glob("lib/*/site-packages/importer/_config/rules.toml")), "not the check-out's package"
    password = machine.prefix / "etc/importer/credentials/api_password"
    assert (password.read_text(), stat.S_IMODE(password.stat().st_mode)) == (PASSWORD, 0o600)
    assert machine.imports("RE10001.pdf") == 1

    assert "nothing to do" in machine.run(commands["Upgrade"])
    assert (machine.prefix / "opt/importer.before/bin/importer").exists()
    backup = machine.prefix / "var/lib/importer/backup/before-upgrade.db"
    assert backup.stat().st_size > 0
    assert machine.imports("RE10002.pdf") == 2

    assert "1 restored from receipts" in machine.run(commands["The way back"]), "what was sent since the backup"
    assert not (machine.prefix / "opt/importer.before").exists()
    assert machine.imports("RE10003.pdf") == 3
    assert len(world.sandbox.effects) == 3

    machine.run(commands["Uninstall"])
    assert not installed.exists()
    assert [path for path in (machine.prefix / "etc").rglob("*") if path.is_file()] == [
        machine.prefix / "etc/importer/importer.toml",
        machine.prefix / "etc/importer/rules.toml",
    ]
    assert len(list((machine.prefix / "var/lib/importer/archive").rglob("*.receipt.json"))) == 3
    log = (machine.prefix / "systemctl.log").read_text().splitlines()
    assert [line.split()[0] for line in log if "reload" not in line] == [
        *("enable", "stop", "start", "stop", "start", "disable")
    ]


def test_every_unit_is_removed_again():
    removed = sections()["Uninstall"]
    for unit in [*(ROOT / "systemd").glob("*.service"), *(ROOT / "systemd").glob("*.timer")]:
        assert f"/etc/systemd/system/{unit.name}" in removed


# ------------------------------------------------------------ the container's

KNOWN = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "VOLUME", "USER", "STOPSIGNAL", "ENTRYPOINT", "CMD"}


@pytest.fixture(scope="module")
def instructions():
    text = re.sub(r"^#.*\n", "", (ROOT / "Containerfile").read_text(), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [tuple(line.split(maxsplit=1)) for line in lines if line.strip()]


def given(instructions, name):
    return [rest for instruction, rest in instructions if instruction == name]


def test_a_builder_knows_every_instruction(instructions):
    assert instructions[0][0] == "FROM"
    assert {instruction for instruction, _ in instructions} == KNOWN
    for rest in given(instructions, "ENTRYPOINT") + given(instructions, "CMD") + given(instructions, "VOLUME"):
        assert json.loads(rest), "the form that needs no shell"
    shells = "\n".join(given(instructions, "RUN"))
    assert subprocess.run(["sh", "-n", "-c", shells], check=False).returncode == 0


def test_the_image_comes_from_where_the_builder_is_told_and_runs_as_nobody_special(instructions):
    bases = [rest.split()[0] for rest in given(instructions, "FROM")]
    assert bases == ["python:3.12-slim"] * 2, "a bare name: no registry"
    last_stage = instructions[max(i for i, (name, _) in enumerate(instructions) if name == "FROM") :]
    (user,) = given(last_stage, "USER")
    uid = user.partition(":")[0]
    assert uid.isdigit(), "Kubernetes can tell a number from root, and not a name"
    assert int(uid) > 0
    assert [name for name, _ in last_stage].index("USER") > max(
        i for i, (name, _) in enumerate(last_stage) if name in {"RUN", "COPY"}
    ), "what the image holds is root's, and so it cannot be changed"
    assert f"uid={uid}" in sections()["A container"]
    assert "--read-only" in sections()["A container"]


def test_what_is_copied_is_there_and_let_through(instructions):
    kept = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    for rest in given(instructions, "COPY"):
        *sources, _ = shlex.split(rest)
        if sources[0].startswith("--from="):
            continue
        for source in sources:
            assert (ROOT / source).exists(), source
            assert any(source == each or source.startswith(f"{each}/") for each in kept), f"{source} is left out"


def test_the_image_has_all_that_a_service_may_need(instructions):
    (installed,) = [rest for rest in given(instructions, "RUN") if "--require-hashes" in rest]
    assert set(re.findall(r"-r requirements/(\w+)\.txt", installed)) == {"runtime", "web", "postgres"}


def test_no_secret_is_in_the_image(instructions):
    assert not re.search(r"(?i)password|IMPORTER_API__", "".join(rest for _, rest in instructions))
    assert "/run/secrets" in given(instructions, "ENV")[0]
    assert os.path.commonpath(json.loads(given(instructions, "VOLUME")[0])) == "/var/lib/importer"
