"""Runs seeds: one at a time on a bench that is set up once, or many on several processes."""

import shutil
import tempfile
import time
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import httpx

from importer.adapters.ledger import Ledger, sqlite
from importer.adapters.patterns import compile_pattern
from importer.adapters.probe import Probe
from importer.adapters.rules_file import load_rules
from importer.core.admission import Treatment
from importer.core.verdict import DocumentPolicy
from importer.examination import Examiner
from importer.sandbox import Sandbox
from tests.campaign.checker import check
from tests.campaign.clock import VirtualClock
from tests.campaign.hits import hits_of
from tests.campaign.instance import ACCOUNT, POLICIES
from tests.campaign.schedule import draw
from tests.campaign.shortcuts import patched
from tests.campaign.stage import Stage

RULES = Path(__file__).parent / "rules.toml"
MEMORY = Path("/dev/shm")
"""Where it is there, an fsync costs nothing."""
CHUNK = 10


@dataclass
class Result:
    """What one seed came to."""

    seed: int
    violations: list
    story: list
    documents: int
    effects: int
    kills: int
    hits: Counter = field(default_factory=Counter)
    amnesias: list = field(default_factory=list)


class Bench:
    """What schedules share: the sandbox's port, the inspecting child, the rules, an empty ledger to copy."""

    def __init__(self, folder):
        self.folder = folder
        self.clock = VirtualClock()
        self.sandbox = Sandbox(clock=self._now, any_invoice=True)
        hold = Treatment.HOLD
        policy = DocumentPolicy(
            max_size=1 << 20, encrypted=Treatment.REJECT, damaged=hold, active_content=hold, einvoice_mismatch=hold
        )
        self._probe = Probe(workers=1)
        self.examiner = Examiner(_remembering(self._probe), load_rules(RULES, compile_pattern), policy, ACCOUNT)

    def __enter__(self):
        self.sandbox.start()
        with Ledger(f"sqlite:///{self.folder}/empty.db") as ledger:
            ledger.counts()
        return self

    def _now(self):
        return self.clock.server_now()  # each schedule brings a clock of its own

    def __exit__(self, *_):
        self.sandbox.close()
        self._probe.close()

    def run(self, seed, options=frozenset(), policies=POLICIES):
        """Plays and checks one seed. Whatever the importer raises is a violation too."""
        schedule = draw(seed, options)
        folder = Path(tempfile.mkdtemp(prefix=f"seed-{seed}-", dir=self.folder))
        (folder / "var").mkdir()
        shutil.copy(self.folder / "empty.db", folder / "var" / "ledger.db")
        stage = Stage(schedule, folder, self, policies)
        try:
            ending = stage.play()
            violations = check(ending)
        except Exception:  # noqa: BLE001 - a campaign goes on to the next seed
            return Result(
                seed, [f"raised {traceback.format_exc()}"], stage.story.lines, len(stage.outside.dropped), 0, 0
            )
        finally:
            if self.sandbox._server is None:
                self.sandbox.start()
            shutil.rmtree(folder, ignore_errors=True)
        kills = sum(strike[0] == "kill" for strike in ending.strikes)
        counts = len(ending.dropped), len(ending.effects), kills, hits_of(ending)
        return Result(seed, violations, ending.story, *counts, ending.amnesias)


class _Remembered:
    def __init__(self, probe):
        self.probe = cache(probe.probe)


def _remembering(probe):
    """The same bytes have the same facts: the child is asked once."""
    return _Remembered(probe)


@contextmanager
def bench():
    """A bench in memory, where the machine has some."""
    parent = MEMORY if MEMORY.is_dir() else None
    with ExitStack() as stack:
        # Nothing is encrypted here, and a context takes 10 ms.
        stack.enter_context(patched(httpx, "create_ssl_context", cache(httpx.create_ssl_context)))
        # Nobody who is waited for here ever lets go.
        stack.enter_context(patched(sqlite, "BUSY_TIMEOUT_MS", 5))
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="campaign-", dir=parent))
        yield stack.enter_context(Bench(Path(folder)))


def run_chunk(seeds, options):
    with bench() as ready:
        return [ready.run(seed, options) for seed in seeds]


def run_many(seeds, *, jobs=2, options=frozenset(), until=None, report=lambda _: None):
    """Results of all seeds, as they come; `until` is a moment by `time.monotonic` after which none is begun."""
    seeds = list(seeds)
    chunks = [seeds[start : start + CHUNK] for start in range(0, len(seeds), CHUNK)]
    results = []
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        waiting = iter(chunks)
        running = [pool.submit(run_chunk, chunk, options) for _, chunk in zip(range(jobs + 1), waiting, strict=False)]
        while running:
            done = running.pop(0).result()
            results += done
            report(results)
            following = next(waiting, None)
            if following and (until is None or time.monotonic() < until):
                running.append(pool.submit(run_chunk, following, options))
    return results
