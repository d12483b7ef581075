"""The metrics: counters that grow where something happens, and gauges that are asked for when somebody looks.

docs/reference/metrics.md is made of this.
"""

from collections.abc import Callable, Iterator

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from importer.adapters.metrics.view import Census, View

UPLOAD_SECONDS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120)
IMPORT, DOCUMENTS = "import", "documents"


class Metrics:
    """A registry of its own. Safe to be used from any thread.

    Args:
        view: what is to be seen now; called once for each `page`.
        version: the importer's.
        python: Python's.
    """

    def __init__(self, view: Callable[[], View], *, version: str, python: str) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # a second series for each counter, which nobody asks for
        self._registry = registry = CollectorRegistry()
        build = Info("importer_build", "The version that runs.", registry=registry)
        build.info({"version": version, "python": python})
        self._outcomes = Counter(
            "importer_api_outcomes",
            "Requests to Abillify by what came of them (`confirmed`, `refused`, `in_doubt`, `not_sent` ...) and the "
            "error that Abillify named, such as `Unauthorized`, or its status.",
            ("endpoint", "outcome", "error"),
            registry=registry,
        )
        self._read_backs = Counter(
            "importer_readbacks",
            "Read-backs of documents in doubt: `found`, `absent`, `unclear`, `read_failed`.",
            ("outcome",),
            registry=registry,
        )
        self._uploads = Histogram(
            "importer_upload_seconds",
            "How long uploads took, whatever came of them.",
            buckets=UPLOAD_SECONDS,
            registry=registry,
        )
        registry.register(_Gauges(view))
        ProcessCollector(registry=registry)

    def asked(self, endpoint: str, outcome: str, error: str, seconds: float) -> None:
        """One outcome of a request; `error` is one of few names, or empty."""
        self._outcomes.labels(endpoint, outcome, error).inc()
        if endpoint == IMPORT:
            self._uploads.observe(seconds)
        elif endpoint == DOCUMENTS:
            self._read_backs.labels(outcome).inc()

    def page(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self._registry)

    def families(self) -> list[Metric]:
        return list(self._registry.collect())


class _Gauges:
    """What is not counted but looked up; one view a time."""

    def __init__(self, view: Callable[[], View]) -> None:
        self._view = view

    def collect(self) -> Iterator[Metric]:
        view = self._view()
        yield from _of_service(view)
        yield from _of_documents(view)
        yield from _of_sources(view)


def _of_service(view: View) -> Iterator[Metric]:
    yield _one("importer_ready", "1 while `/readyz` says so.", view.is_ready)
    yield _one("importer_stuck", "1 while `/healthz` says so.", view.is_stuck)
    stopped = GaugeMetricFamily(
        "importer_line_stopped", "1 while nothing is sent, with the reason; else 0.", labels=["reason"]
    )
    stopped.add_metric([view.stopped], bool(view.stopped))
    yield stopped
    circuits = GaugeMetricFamily(
        "importer_circuit_open",
        "1 while an endpoint (`import`, `documents`, `invoice`) fails and is left alone.",
        labels=["endpoint"],
    )
    for endpoint, is_open in view.circuits.items():
        circuits.add_metric([endpoint], is_open)
    yield circuits
    yield CounterMetricFamily("importer_scans", "How often all of the inbox was looked at.", value=view.looks)
    if view.look_seconds is not None:
        yield _one("importer_scan_seconds", "How long the last look at all of the inbox took.", view.look_seconds)
    yield CounterMetricFamily(
        "importer_files_found_only_by_scan",
        'Files that no event has told of: with `inbox.watch = "polling"` all of them, otherwise a sign that events get '
        "lost.",
        value=view.unannounced,
    )


def _of_documents(view: View) -> Iterator[Metric]:
    yield _one(
        "importer_ledger_up",
        "Whether the ledger answers; if not, the documents are those of the last time.",
        view.is_ledger_up,
    )
    census = view.census
    if census.size is not None:
        yield _one("importer_ledger_bytes", "Size of the ledger's files.", census.size)
    documents = GaugeMetricFamily(
        "importer_documents", "How many documents; `reason` is empty where there is none.", labels=["state", "reason"]
    )
    for state, reason, count in census.documents:
        documents.add_metric([state.value, reason], count)
    yield documents
    yield from _ages(view, census)


def _ages(view: View, census: Census) -> Iterator[Metric]:
    in_state = GaugeMetricFamily(
        "importer_oldest_in_state_seconds",
        "For how long the oldest document of each unfinished state has been in it; only of states that have any.",
        labels=["state"],
    )
    for state, entered in census.entered.items():
        in_state.add_metric([state.value], max(0.0, (view.now - entered).total_seconds()))
    yield in_state
    oldest = min(census.first_seen.values(), default=view.now)
    age = max(0.0, (view.now - oldest).total_seconds())
    yield _one(
        "importer_oldest_unfinished_seconds",
        "Since the oldest document that is on its way or held was first seen; 0 when there is none.",
        age,
    )


def _of_sources(view: View) -> Iterator[Metric]:
    silent = GaugeMetricFamily(
        "importer_source_silent", "1 while a source of `[[expect]]` has not delivered by its time.", labels=["source"]
    )
    last = GaugeMetricFamily(
        "importer_source_last_delivery_timestamp_seconds",
        "When it delivered last, if that was on the day in question or later.",
        labels=["source"],
    )
    for source, delivery in view.deliveries.items():
        silent.add_metric([source], delivery.is_silent)
        if delivery.last is not None:
            last.add_metric([source], delivery.last.timestamp())
    yield silent
    yield last


def _one(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(name, meaning, value=value)
