"""Who was refused, and what was done on purpose: counts without names, addresses or findings."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from prometheus_client.registry import Collector

from metrics.families import family
from metrics.labels import ACCESS_REFUSALS, AUDITED_ACTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client.metrics_core import Metric


class AccessCounts(Collector):
    """Counts of this process; every series is exported from zero on, so that `increase` sees the first.

    Args:
        unusable: lines of the tokens' file that are left out now.
    """

    def __init__(self, unusable: Callable[[], int] = int) -> None:
        self._unusable = unusable
        self._refused: Counter[str] = Counter(dict.fromkeys(ACCESS_REFUSALS, 0))
        self._done: Counter[str] = Counter(dict.fromkeys(AUDITED_ACTS, 0))
        self._failed: Counter[str] = Counter(dict.fromkeys(AUDITED_ACTS, 0))
        self._sign_ins = 0

    def refused(self, reason: str) -> None:
        """A request was refused, for one of `ACCESS_REFUSALS`."""
        self._refused[reason] += 1

    def signed_in(self) -> None:
        """A browser got a session."""
        self._sign_ins += 1

    def done(self, act: str) -> None:
        """One of `AUDITED_ACTS` took place, audited."""
        self._done[act] += 1

    def failed(self, act: str) -> None:
        """One of `AUDITED_ACTS` did not take place: Kafka confirmed not all that it must."""
        self._failed[act] += 1

    def collect(self) -> Iterator[Metric]:
        """All families, each exactly once."""
        for name, counts in (
            ("access_refused_total", self._refused),
            ("audited_acts_total", self._done),
            ("acts_failed_total", self._failed),
        ):
            yield family(name, (((key,), count) for key, count in counts.items()))
        yield family("sign_ins_total", [((), self._sign_ins)])
        yield family("tokens_unusable", [((), self._unusable())])
