"""`importer run` under a service manager: a real process, a real socket, real signals."""

import os
import socket
import time

import pytest


class Manager:
    """Listens where `NOTIFY_SOCKET` says, as systemd does."""

    def __init__(self, address):
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address.replace("@", "\0", 1) if address.startswith("@") else address)
        self.socket.settimeout(20)

    def wait_for(self, *names):
        """The next message with all of these variables."""
        while True:
            lines = self.socket.recv(4096).decode().splitlines()
            told = dict(line.split("=", 1) for line in lines)
            if told.keys() >= set(names):
                return told

    def close(self):
        self.socket.close()


@pytest.fixture(params=["path", "abstract"])
def address(request, tmp_path):
    return str(tmp_path / "notify") if request.param == "path" else f"@importer-test-{os.getpid()}-{tmp_path.name}"


@pytest.fixture
def manager(world, tmp_path):
    listening = Manager(str(tmp_path / "notify"))
    world.environ["NOTIFY_SOCKET"] = listening.address
    yield listening
    listening.close()


RULES = """
[tokens]
number = 'X\\d{3}'

[[rule]]
name = "x"
pattern = "{number}"
reference = "{number}"
kind = "invoice"

[rule.examples]
"X123" = "X123 invoice"
"""


def test_it_is_ready_when_what_lay_there_has_been_seen(world, address):
    manager = Manager(address)
    world.environ["NOTIFY_SOCKET"] = address
    with world.running() as service:
        assert manager.wait_for("READY")["READY"] == "1"
        assert service.stop() == 0
    assert manager.wait_for("STOPPING")["STOPPING"] == "1"
    manager.close()


def test_the_status_tells_the_counts(world, manager):
    world.environ["IMPORTER_SERVICE__HEARTBEAT"] = "50ms"
    with world.running():
        manager.wait_for("READY")
        world.drop("RE10001.pdf")
        world.drop("nothing.pdf")
        wanted = "1 imported, 0 on their way, 1 for a person; line open"
        while manager.wait_for("STATUS")["STATUS"] != wanted:
            pass


def test_the_status_tells_why_nothing_is_sent(world, manager):
    world.environ |= {"IMPORTER_SERVICE__HEARTBEAT": "50ms", "IMPORTER_API__PASSWORD": "wrong"}
    with world.running():
        while "line stopped: credentials_refused" not in manager.wait_for("STATUS")["STATUS"]:
            pass


def test_the_watchdog_hears_twice_in_its_time_whatever_the_heartbeat_is(world, manager):
    world.environ |= {"IMPORTER_SERVICE__HEARTBEAT": "0", "WATCHDOG_USEC": "100000"}
    with world.running() as service:
        for _ in range(3):
            assert manager.wait_for("WATCHDOG") == {"WATCHDOG": "1"}
        service.stop()
    assert not any('"service.heartbeat"' in line for line in service.log)


def test_the_heartbeat_is_in_the_log_without_a_manager_too(world):
    world.environ["IMPORTER_SERVICE__HEARTBEAT"] = "50ms"
    with world.running() as service:
        assert "line" in service.wait_for("service.heartbeat")["message"]


def reload(service, manager):
    """SIGHUP; returns when the service is ready again."""
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    service.process.send_signal(1)
    assert int(manager.wait_for("RELOADING", "MONOTONIC_USEC")["MONOTONIC_USEC"]) >= before
    manager.wait_for("READY")


def test_a_reload_puts_new_rules_in_force(world, manager):
    with world.running() as service:
        manager.wait_for("READY")
        world.drop("X123.pdf")
        service.wait_for("document.admitted", path="X123.pdf", state="rejected")
        (world.config.parent / "rules.toml").write_text(RULES)
        reload(service, manager)
        service.wait_for("reload.done")
        world.drop("X124.pdf")
        assert service.wait_for("document.imported")["invoice_reference"] == "X124"


def test_a_reload_with_rules_that_do_not_load_leaves_the_former_ones_in_force(world, manager):
    with world.running() as service:
        manager.wait_for("READY")
        (world.config.parent / "rules.toml").write_text(RULES.replace('"X123 invoice"', '"X999 invoice"'))
        reload(service, manager)
        assert "the former rules" in service.wait_for("reload.refused")["message"]
        world.drop("RE10001.pdf")
        service.wait_for("document.imported", path="RE10001.pdf")


def test_a_reload_tells_which_settings_hold_now_and_which_want_a_restart(world, manager):
    with world.running() as service:
        manager.wait_for("READY")
        text = world.config.read_text()
        text = text.replace('max_size = "20MiB"', 'max_size = "100B"').replace(
            "fingerprint = true", "fingerprint = false"
        )
        world.config.write_text(text)
        reload(service, manager)
        assert service.wait_for("reload.done")["changed"] == ["documents.max_size"]
        assert service.wait_for("reload.wants_restart")["settings"] == ["api.fingerprint"]
        world.drop("RE10001.pdf")
        service.wait_for("document.admitted", path="RE10001.pdf", state="rejected", reason="too_large")


def test_documents_that_are_under_way_survive_a_smaller_limit(world, manager):
    """What was admitted under the former rules goes on under them."""
    with world.running() as service:
        manager.wait_for("READY")
        service.wait_for("line.opened")
        world.sandbox.close()
        names = [f"RE{10000 + number}.pdf" for number in range(10)]
        for name in names:
            world.drop(name)
        for _ in names:
            service.wait_for("document.admitted", state="pending")
        world.config.write_text(world.config.read_text().replace('max_size = "20MiB"', 'max_size = "100B"'))
        reload(service, manager)
        world.sandbox.start()
        service.wait_for("reload.done")
        imported = sum('"document.imported"' in line for line in service.log)
        for _ in range(len(names) - imported):
            service.wait_for("document.imported")
        service.stop()
    assert len(set(world.stored())) == len(world.stored()) == len(names)
