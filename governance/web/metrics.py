"""What `/metrics` tells, in a registry of the application's own: nothing is shared between two applications.

Labels are words that are known beforehand (routes, outcomes, clauses of the MOUs, parts), never what a caller sent: a
stranger can't make a series. The engine and the log are watched from outside, by wrappers of their ports.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from audit import Draft, Entry
from governance.compiler.bundle import Bundle
from governance.continuity import Continuity
from governance.errors import AccordantError
from governance.model.access import Decision, Facts, Request
from governance.ports import Clock, Engine, Journal, Within
from governance.web.life import Life

__all__ = ["Metrics", "WatchedEngine", "WatchedJournal"]

_TIMES = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """Safe from any thread."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.data_requests = Counter(
            "accordant_data_requests", "Data requests.", ["outcome", "reason", "clause"], registry=registry
        )
        self.http_requests = Counter(
            "accordant_http_requests", "Requests of any kind.", ["route", "method", "status"], registry=registry
        )
        self.request_seconds = Histogram(
            "accordant_request_seconds", "From arrival to the first byte.", ["route"], buckets=_TIMES, registry=registry
        )
        self.decision_seconds = Histogram(
            "accordant_decision_seconds", "Asking the policy engine.", ["engine"], buckets=_TIMES, registry=registry
        )
        self.decision_failures = Counter(
            "accordant_decision_failures", "Engine without an answer that counts.", ["reason"], registry=registry
        )
        self.append_seconds = Histogram(
            "accordant_append_seconds", "Until entries are durable.", buckets=_TIMES, registry=registry
        )
        self.append_failures = Counter(
            "accordant_append_failures", "Entries that were not made.", ["reason"], registry=registry
        )
        self.appends_waiting = Gauge(
            "accordant_appends_waiting", "Callers that wait for their entries to be durable.", registry=registry
        )
        self.answers_cut = Counter("accordant_answers_cut", "Answers that ended early.", ["why"], registry=registry)
        self.answer_bytes = Counter("accordant_answer_bytes", "Bytes of streamed answers.", registry=registry)
        ProcessCollector(registry=registry)

    def watch(
        self,
        *,
        journal: Journal,
        clock: Clock,
        life: Life,
        parts: Callable[[], Mapping[str, str]],
        continuity: Continuity,
    ) -> None:
        """What is looked up when somebody asks."""
        self.registry.register(_Looked(journal, clock, life, parts, continuity))

    def text(self) -> bytes:
        """Prometheus' text format."""
        return generate_latest(self.registry)


class _Looked:
    """Gauges whose values are read at the moment of asking."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        life: Life,
        parts: Callable[[], Mapping[str, str]],
        continuity: Continuity,
    ) -> None:
        self._journal, self._clock, self._life, self._parts = journal, clock, life, parts
        self._continuity = continuity

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Nothing is asked before the first scrape."""
        return ()

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """As prometheus-client wants it."""
        yield GaugeMetricFamily("accordant_requests_in_flight", "Requests under way.", self._life.under_way)
        yield GaugeMetricFamily("accordant_requests_waiting", "Requests that wait for a thread.", self._life.waiting)
        ready = GaugeMetricFamily("accordant_part_ready", "1 where /readyz says ok.", labels=["part"])
        for part, state in self._parts().items():
            ready.add_metric([part], 1 if state == "ok" else 0)
        yield ready
        yield from self._vouched()
        try:
            head = self._journal.head()
        except AccordantError:
            return
        age = (self._clock.now() - head.checkpoint_time).total_seconds()
        yield GaugeMetricFamily("accordant_checkpoint_age_seconds", "Since the newest signed checkpoint.", age)
        yield GaugeMetricFamily("accordant_log_entries", "Entries of the log.", head.size)

    def _vouched(self) -> Iterable[GaugeMetricFamily]:
        found, covered = len(self._continuity.contradictions), self._continuity.coverage
        yield GaugeMetricFamily("accordant_log_contradictions", "Who remembers another history of the log.", found)
        waiting = self._continuity.waiting_seconds()
        yield GaugeMetricFamily("accordant_cosignature_wait_seconds", "Of the oldest entry without a quorum.", waiting)
        size = covered.size if covered is not None else 0
        yield GaugeMetricFamily("accordant_cosigned_entries", "Entries that a quorum covers.", size)


class WatchedEngine:
    """The port `Engine`, each decision timed. One that the cache knows asks no engine, and is not among them."""

    def __init__(self, engine: Engine, metrics: Metrics) -> None:
        self._engine, self._metrics = engine, metrics
        self.name = engine.name
        self._seconds = metrics.decision_seconds.labels(engine.name)

    def load(self, bundle: Bundle) -> None:
        """As the port promises."""
        self._engine.load(bundle)

    def loaded(self) -> str | None:
        """As the port promises."""
        return self._engine.loaded()

    def decide(self, request: Request, facts: Facts) -> Decision:
        """As the port promises."""
        begun = time.perf_counter()
        try:
            return self._engine.decide(request, facts)
        except AccordantError as error:
            self._metrics.decision_failures.labels(error.reason).inc()
            raise
        finally:
            self._seconds.observe(time.perf_counter() - begun)


class WatchedJournal:
    """The port `Journal`, each append timed and those that wait counted."""

    def __init__(self, journal: Journal, metrics: Metrics) -> None:
        self._journal, self._metrics = journal, metrics

    def append(self, drafts: Sequence[Draft], *, within: Within | None = None) -> tuple[Entry, ...]:
        """As the port promises."""
        metrics, begun = self._metrics, time.perf_counter()
        metrics.appends_waiting.inc()
        try:
            return self._journal.append(drafts, within=within)
        except AccordantError as error:
            metrics.append_failures.labels(error.reason).inc()
            raise
        finally:
            metrics.appends_waiting.dec()
            metrics.append_seconds.observe(time.perf_counter() - begun)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)
