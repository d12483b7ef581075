"""What the guarded child has given up: whatever a parser may be brought to try, it cannot."""

import os
import platform
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from importer.adapters.probe import Probe
from tests.adapters.probe_documents import EML, one_page

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def attempted(code, *arguments, before=""):
    """What came of these lines in a process that has given everything up."""
    program = f"{before}import sys\nfrom importer.adapters.probe.isolation import isolate\nisolate(1 << 30)\n{code}"
    done = subprocess.run(
        [sys.executable, "-I", "-B", "-c", program, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    return done.stderr.strip().splitlines()[-1] if done.returncode else done.stdout.strip()


@pytest.fixture
def child():
    with Probe(workers=1) as probe:
        probe.probe(EML, "eml")
        (pid,) = probe.pids
        yield Path(f"/proc/{pid}")


@pytest.mark.parametrize(
    "code",
    [
        "import socket; socket.create_connection(('127.0.0.1', int(sys.argv[1])))",
        "import urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{sys.argv[1]}/')",
        "import subprocess; subprocess.run(['/bin/true'])",
        "import os; os.system('true')",
        "import os; os.execv('/bin/true', ['true'])",
        "import os; os.fork()",
        "import os; os.kill(os.getppid(), 0)",
        "import os; os.remove(sys.argv[2])",
        "import os; os.rename(sys.argv[2], sys.argv[2] + '2')",
        "import ctypes; ctypes.CDLL(None).getpid()",
        "import sqlite3; sqlite3.connect(sys.argv[2])",
        "open(sys.argv[2])",
        "open(sys.argv[2], 'wb')",
        "import os; open(os.__file__, 'r+')",
        "import os; os.open(os.__file__, os.O_WRONLY)",
        "import os; os.open(sys.argv[2], os.O_RDONLY)",
        "open('/proc/self/environ')",
        "open(sys.path[-1] + '/../../../../../../../../../etc/passwd')",
    ],
)
def test_nothing_outside_can_be_reached(code, tmp_path):
    target = tmp_path / "ledger.db"
    target.write_bytes(b"the ledger")
    with socket.create_server(("127.0.0.1", 0)) as server:
        said = attempted(code, server.getsockname()[1], target)

        assert "not allowed while a document is inspected" in said
        server.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert target.read_bytes() == b"the ledger"


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"), reason="the filter is for these"
)
@pytest.mark.parametrize(
    "call",
    [
        "socket, 2, 1, 0",
        "socket, 1, 1, 0",
        "execve, b'/bin/true', None, None",
        "kill, os.getppid(), 0",
        "unlink, sys.argv[1].encode()",
        "rename, sys.argv[1].encode(), sys.argv[1].encode() + b'2'",
        "truncate, sys.argv[1].encode(), 0",
    ],
)
def test_code_that_is_not_pythons_cannot_either(call, tmp_path):
    """The library's functions called directly, which no audit event tells."""
    target = tmp_path / "ledger.db"
    target.write_bytes(b"the ledger")
    name, _, arguments = call.partition(", ")
    before = f"import ctypes, os; call = ctypes.CDLL(None).{name}\n"

    # Each would succeed otherwise.
    assert attempted(f"print(call({arguments}))", target, before=before) == "-1"
    assert target.read_bytes() == b"the ledger"


def test_a_module_can_still_be_imported():
    assert attempted("import encodings.iso8859_15; print('ä'.encode('iso8859-15'))") == r"b'\xe4'"


def test_the_limits_cannot_be_raised_again():
    code = "import resource as r; print([r.getrlimit(k)[1] for k in (r.RLIMIT_FSIZE, r.RLIMIT_CORE, r.RLIMIT_NOFILE)])"

    assert attempted(code) == "[0, 0, 32]"


@linux
def test_the_child_has_nothing_open_but_its_pipes(child):
    with socket.create_server(("127.0.0.1", 0)) as server, Path(__file__).open() as file:
        os.set_inheritable(server.fileno(), True)
        os.set_inheritable(file.fileno(), True)
        with Probe(workers=1) as probe:
            probe.probe(EML, "eml")
            (pid,) = probe.pids
            assert sorted(path.name for path in Path(f"/proc/{pid}/fd").iterdir()) == ["0", "1", "2"]


@linux
def test_the_child_has_no_environment_but_a_library_path(monkeypatch):
    monkeypatch.setenv("IMPORTER_API__PASSWORD", "geheim")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/nowhere")
    with Probe(workers=1) as probe:
        probe.probe(EML, "eml")
        (pid,) = probe.pids
        assert Path(f"/proc/{pid}/environ").read_bytes() == b"LD_LIBRARY_PATH=/nowhere\0"


@linux
def test_the_child_can_never_gain_rights(child):
    assert "NoNewPrivs:\t1" in (child / "status").read_text()


@linux
def test_the_child_has_a_network_of_its_own_where_the_system_permits_it(child):
    if subprocess.run(["unshare", "-Urn", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this system gives no namespaces to ordinary users")
    assert (child / "ns/net").readlink() != Path("/proc/self/ns/net").readlink()
    # Of the interfaces there is the loopback alone, and it is down.
    assert len((child / "net/dev").read_text().splitlines()) == 3
    assert not (child / "net/route").read_text().splitlines()[1:]


def test_documents_are_read_as_before():
    with Probe(workers=1) as probe:
        assert probe.probe(one_page(), "pdf").pdf.pages == 1
