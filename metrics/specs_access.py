"""Metrics of who comes to the page and what is done there on purpose (pure)."""

from __future__ import annotations

from typing import Final

from metrics.labels import ACT, REFUSAL
from metrics.specs import MetricSpec

ACCESS_SPECS: Final = (
    MetricSpec(
        "access_refused_total",
        "counter",
        "requests",
        "Requests to the page, the API and /metrics that were refused, by why.",
        (REFUSAL,),
    ),
    MetricSpec("sign_ins_total", "counter", "requests", "Browsers that signed in with a token."),
    MetricSpec(
        "audited_acts_total",
        "counter",
        "requests",
        "Verdicts and unmaskings by page and API; the audit had noted each before.",
        (ACT,),
    ),
    MetricSpec(
        "acts_failed_total",
        "counter",
        "requests",
        "Verdicts and unmaskings that did not take place because Kafka did not confirm them.",
        (ACT,),
    ),
    MetricSpec(
        "tokens_unusable",
        "gauge",
        "records",
        "Lines of the tokens' file that are left out because something is wrong with them.",
    ),
)
