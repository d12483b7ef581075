"""A throw-away machine with a real systemd: systemd-nspawn over an overlay of this machine's own root.

What is written there is kept in memory and gone at the end. It has a loopback of its own and no other network.
"""

import json
import os
import shutil
import subprocess
import time
import uuid
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
SOURCE = Path("/usr/src/importer")
NEEDED = ("systemd-nspawn", "systemd-analyze", "nsenter", "mount", "umount")
USER, PASSWORD = "erp", "pa55-never-shown"
PATHS = "PATH=/usr/sbin:/usr/bin:/sbin:/bin"
PATIENCE = 90


def why_not():
    """Why no such machine can be had here; None when it can."""
    if os.geteuid() != 0:
        return "only root can boot a machine; run it with sudo"
    missing = [tool for tool in NEEDED if shutil.which(tool) is None]
    if missing:
        return f"{', '.join(missing)} is missing; on Debian and Ubuntu: apt-get install systemd-container"
    return None


class Machine:
    """Made, booted and removed by `with`."""

    def __init__(self, folder):
        self.folder = folder
        self.root = folder / "root"
        self._nspawn = None
        self._leader = None

    def __enter__(self):
        try:
            self._make_root()
            self._install()
            self._boot()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self._nspawn is not None:
            self._nspawn.kill()  # the kernel ends the machine with it
            self._nspawn.wait()
        for mounted in (self.root, self.folder):
            subprocess.run(["umount", "--lazy", mounted], check=False, stderr=subprocess.DEVNULL)

    # ------------------------------------------------------------ made

    def _make_root(self):
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", self.folder], check=True)
        layers = {"lowerdir": Path("/"), "upperdir": self.folder / "upper", "workdir": self.folder / "work"}
        for path in (layers["upperdir"], layers["workdir"], self.root):
            path.mkdir()
        options = ",".join(f"{name}={path}" for name, path in layers.items())
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, self.root], check=True)
        self.write("/etc/machine-id", uuid.uuid4().hex)
        for name in ("importer", "config", "systemd", "pyproject.toml", "README.md"):
            source, target = ROOT / name, self.inside(SOURCE / name)
            target.parent.mkdir(parents=True, exist_ok=True)
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, target)

    def _install(self):
        """The package as the README says; this needs the network, or a cache of packages, of this machine."""
        for path in ("/opt/importer", "/etc/importer", "/var/lib/importer"):
            shutil.rmtree(self.inside(path), ignore_errors=True)
        command = f"cd {SOURCE} && /usr/bin/python3 -m venv /opt/importer && /opt/importer/bin/pip install --quiet ."
        subprocess.run([*self._nspawned(), "--pipe", "/bin/sh", "-c", command], check=True)

    def _nspawned(self):
        name = f"--machine={self.folder.name.replace('_', '-')}"
        return ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", name, f"--directory={self.root}"]

    def _boot(self):
        options = ["--boot", "--private-network", "--link-journal=no"]
        log = self.folder / "boot.log"
        with log.open("wb") as output:
            self._nspawn = subprocess.Popen(
                [*self._nspawned(), *options, "--", "--unit=basic.target"],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                stdout=output,
                stderr=output,
            )
        children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children")
        self.wait_until(lambda: self._nspawn.poll() is not None or children.read_text().strip())
        assert self._nspawn.poll() is None, f"the machine does not boot:\n{log.read_text(errors='replace')}"
        self._leader = children.read_text().split()[0]
        self.wait_until(lambda: self.run("systemctl", "is-active", "basic.target").stdout.strip() == "active")

    # ------------------------------------------------------------ used

    def inside(self, path):
        return self.root / str(path).lstrip("/")

    def write(self, path, text, mode=0o644):
        target = self.inside(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        # The lower layer's file may be one that is not to be followed or changed in place.
        target.unlink(missing_ok=True)
        target.write_text(text)
        target.chmod(mode)

    def run(self, *command, check=False, given=None):
        done = subprocess.run(
            ["nsenter", "--target", self._leader, "--all", "--", "env", "-i", PATHS, *map(str, command)],
            check=False,
            capture_output=True,
            text=True,
            input=given,
            timeout=300,
        )
        assert not check or done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def sh(self, script, *, check=True):
        return self.run("/bin/sh", "-ec", script, check=check).stdout

    def importer(self, *arguments, config="/etc/importer/importer.toml"):
        """A verb as the service's user."""
        account = ["setpriv", "--reuid=importer", "--regid=importer", "--init-groups"]
        return self.run(*account, "/opt/importer/bin/importer", "--config", config, *arguments)

    def states(self):
        """The states of the documents that the ledger knows."""
        return {json.loads(line)["state"] for line in self.importer("list", "--json").stdout.splitlines()}

    def imported(self, prefix, home="/var/lib/importer"):
        """How many files of such a name lie in the archive with their receipts."""
        return len(list(self.inside(f"{home}/archive").glob(f"[0-9]*/*/{prefix}*.receipt.json")))

    def unit(self, name, *properties):
        """Properties as systemd shows them."""
        shown = self.sh(f"systemctl show {name} " + " ".join(f"-p {each}" for each in properties))
        return dict(line.split("=", 1) for line in shown.splitlines())

    def journal(self, name):
        self.run("journalctl", "--sync")
        return self.run("journalctl", "--no-pager", "--output=cat", f"--unit={name}").stdout

    def wait_until(self, condition, patience=PATIENCE):
        """Looks again and again, because systemd tells nobody outside; fails when the patience is over."""
        until = time.monotonic() + patience
        while not (found := condition()):
            assert time.monotonic() < until, "it did not come to pass"
            time.sleep(0.1)
        return found
