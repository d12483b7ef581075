"""Where seeds are played, one after the other: a server, and hosts that can be cut off from it."""

import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager, nullcontext
from multiprocessing import get_context
from pathlib import Path

from tests.fleet.fleet import Fleet, Result
from tests.fleet.network import Network, NoNetwork
from tests.fleet.schedule import MOST, drawn
from tests.nursery import Nursery
from tests.postgres import Server
from tests.proxy import Proxy


class NamespaceHost:
    """A host in a network namespace; cut off, its cable is out."""

    is_apart = True

    def __init__(self, host):
        self.entered, self.cut_off, self.reconnect = host.entered, host.cut_off, host.reconnect
        self._address = host.server_address
        with host.entered():
            self.nursery = Nursery()
            self.nursery.begin()

    def url_of(self, database):
        return f"postgresql+psycopg://importer@{self._address}/{database}"

    def close(self):
        self.nursery.end()


class ProxiedHost:
    """Where there are no namespaces: a proxy between importer and server; cut off, it lets nothing through."""

    is_apart = False

    def __init__(self, server):
        self._proxy = Proxy(server.dial)
        self.cut_off, self.reconnect = self._proxy.cut_off, self._proxy.reconnect
        self.nursery = Nursery()

    entered = nullcontext

    def url_of(self, database):
        return f"postgresql+psycopg://importer@127.0.0.1:{self._proxy.port}/{database}"

    def close(self):
        self.nursery.end()
        self._proxy.close()


class Place:
    """A server and its hosts.

    Raises:
        NoPostgres: there is none here.
    """

    def __init__(self, hosts=MOST):
        with ExitStack() as stack:
            try:
                network = Network(hosts)
                stack.callback(network.close)
                self.cut_by = "network namespaces"
            except NoNetwork as reason:
                network, self.cut_by = None, f"a proxy ({reason})"
            self.server = Server(fast=False, network=network and network.server)
            stack.callback(self.server.close)
            if network:
                self.hosts = [NamespaceHost(host) for host in network.hosts]
            else:
                self.hosts = [ProxiedHost(self.server) for _ in range(hosts)]
            for host in self.hosts:
                stack.callback(host.close)
            self.close = stack.pop_all().close

    def run(self, seed):
        """Plays and checks one seed; whatever is raised is a violation, too."""
        return self.play(drawn(seed))

    def play(self, schedule):
        folder = Path(tempfile.mkdtemp(prefix=f"fleet-{schedule.seed}-"))
        try:
            return Fleet(schedule, folder, self).play()
        except Exception:  # noqa: BLE001 - a campaign goes on to the next seed
            return Result(schedule.seed, schedule.members, 0, 0, Counter(), [f"raised {traceback.format_exc()}"])
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def place():
    made = Place()
    try:
        yield made
    finally:
        made.close()


def _run_some(seeds, until):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with place() as made:
        results = []
        for seed in seeds:
            if until is not None and time.time() > until:
                break
            results.append(made.run(seed))
            _tell(results[-1])
        return results, made.cut_by


def _tell(result):
    print(f"seed {result.seed}: {'failed' if result.violations else 'all invariants hold'}", file=sys.stderr)
    print(*(f"    {violation}" for violation in result.violations), sep="\n", end="", file=sys.stderr, flush=True)


def run_many(seeds, *, jobs, until=None):
    """Results of all seeds, and how hosts were cut off; after `until`, a time of day, none is begun."""
    results, cut_by = [], set()
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for done in as_completed([pool.submit(_run_some, seeds[first::jobs], until) for first in range(jobs)]):
            played, how = done.result()
            results += played
            cut_by.add(how)
    return sorted(results, key=lambda result: result.seed), cut_by
