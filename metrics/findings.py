"""The findings and their way to Alertmanager as Prometheus families."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from prometheus_client.registry import Collector

from metrics.families import family
from metrics.labels import FINDING_DETECTORS, SEVERITIES
from streams.vocabulary import SECTORS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from prometheus_client.metrics_core import Metric

    from metrics.views import FindingsFeed, PushRow

_NO_FINDINGS = dict.fromkeys(product(FINDING_DETECTORS, SEVERITIES, SECTORS), 0)
_NONE_OPEN = dict.fromkeys(product(FINDING_DETECTORS, SEVERITIES), 0)


class FindingsCollector(Collector):
    """Exports a `FindingsFeed` and the pushes.

    Until the feed has read its topic to the end nothing of it is exported, because counters that climb
    through a year of findings after each restart would look like a year of findings in a minute. Then
    every series is exported from zero on, so that `increase` sees the first finding as well.

    Args:
        findings: the present findings.
        pushes: how telling the Alertmanagers goes.
    """

    def __init__(self, findings: FindingsFeed, pushes: Callable[[], Sequence[PushRow]]) -> None:
        self._findings = findings
        self._pushes = pushes

    def collect(self) -> Iterator[Metric]:
        """All families of findings and pushes, each exactly once."""
        found = self._findings
        whole = found.is_whole
        counts = (("findings_total", found.opened()), ("findings_raised_total", found.raised()))
        for name, of in counts:
            yield family(name, {**_NO_FINDINGS, **of}.items() if whole else ())
        opened = {**_NONE_OPEN, **found.open_counts()}
        yield family("findings_open", opened.items() if whole else ())
        unjudged = {**_NONE_OPEN, **found.unjudged_counts()}
        yield family("findings_unjudged", unjudged.items() if whole else ())
        yield family("findings_unreadable_total", [((), found.unreadable)] if whole else ())
        rows = self._pushes()
        yield family("alerts_pushed_total", (((r.alertmanager,), r.pushed) for r in rows))
        yield family("alert_push_failures_total", (((r.alertmanager,), r.failures) for r in rows))
        yield family("alerts_waiting", (((r.alertmanager,), r.waiting) for r in rows))
        yield family(
            "alert_push_timestamp_seconds",
            (((r.alertmanager,), r.last_success_s) for r in rows if r.last_success_s is not None),
        )
