"""The figures of `/metrics`, in a registry of our own: read from the database when asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from pipeline.history import listing, outbox, workers
from pipeline.history.listing import COUNTED
from pipeline.history.tallies import count_by_kind_and_state

if TYPE_CHECKING:
    from prometheus_client import Metric

    from pipeline.app import Runtime


class Metrics:
    """What this process counts itself, and what the tables say."""

    def __init__(self, runtime: Runtime) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(_Tables(runtime))
        ProcessCollector(registry=self.registry)
        self.uploads = Counter(
            "reelworks_uploads", "Uploads, by how they ended.", ["outcome"], registry=self.registry
        )
        self.upload_bytes = Counter(
            "reelworks_upload_bytes", "Bytes of accepted uploads.", registry=self.registry
        )
        self.listeners = Gauge(
            "reelworks_event_listeners", "Who follow a job at present.", registry=self.registry
        )

    def text(self) -> bytes:
        """Write all figures in Prometheus' text format."""
        return generate_latest(self.registry)


class _Tables(Collector):
    """Reads the figures of the whole system, whichever process asks."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def describe(self) -> list[Metric]:
        """Name nothing ahead: registering must not need the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Count jobs and steps by state, and alerts still owed. Raises `DatabaseUnreachable`."""
        by_state = GaugeMetricFamily("reelworks_jobs", "Jobs in each state.", labels=["state"])
        steps = GaugeMetricFamily(
            "reelworks_steps", "Steps of jobs that have not ended.", labels=["kind", "state"]
        )
        owed = GaugeMetricFamily("reelworks_outbox_pending", "Alerts not delivered yet.")
        slots = GaugeMetricFamily("reelworks_encode_slots", "Encodes that workers can do at once.")
        busy = GaugeMetricFamily("reelworks_encode_busy", "Encodes that are being done.")
        waiting = GaugeMetricFamily(
            "reelworks_encode_waiting", f"Encodes that wait for a worker, counted to {COUNTED}."
        )
        by_tag = [
            GaugeMetricFamily(f"reelworks_tagged_{name}", says, labels=["tag"])
            for name, says in (
                ("slots", "Encodes that workers with the tag can do at once."),
                ("busy", "Encodes that workers with the tag do."),
                ("waiting", f"Encodes that wait for a worker with the tag, counted to {COUNTED}."),
            )
        ]
        with self._runtime.db.read() as session:
            for state, count in listing.count_exactly(session).items():
                by_state.add_metric([state], count)
            for (kind, step_state), count in count_by_kind_and_state(session).items():
                steps.add_metric([kind, step_state], count)
            owed.add_metric([], outbox.pending(session))
            there = workers.present(session)
            slots.add_metric([], sum(one.slots for one in there))
            busy.add_metric([], sum(one.busy for one in there))
            waiting.add_metric([], workers.waiting(session, "", COUNTED))
            for tag in self._runtime.settings.pipeline.tags:
                mine = [one for one in there if tag in one.tags]
                queued = workers.waiting(session, "", COUNTED, workers.of_tag(tag))
                figures = (sum(one.slots for one in mine), sum(one.busy for one in mine), queued)
                for family, figure in zip(by_tag, figures, strict=True):
                    family.add_metric([tag], figure)
        yield from (by_state, steps, owed, slots, busy, waiting, *by_tag)
