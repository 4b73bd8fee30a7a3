from __future__ import annotations

import pytest

from metrics.families import family, histogram
from metrics.views import Buckets


def test_a_row_becomes_a_sample_with_the_catalogue_labels() -> None:
    metric = family("failure_ratio", [(("insi-calls", "PSL", "1m"), 0.25)])
    (sample,) = metric.samples
    assert sample.name == "vigie_failure_ratio"
    assert sample.labels == {"flow": "insi-calls", "sector": "PSL", "window": "1m"}
    assert sample.value == 0.25


def test_a_value_outside_its_set_is_refused_without_being_repeated() -> None:
    with pytest.raises(ValueError, match="label sector is not in its set") as error:
        family("failure_ratio", [(("insi-calls", "ac_secret", "1m"), 1.0)])
    assert "ac_secret" not in str(error.value)


def test_a_missing_label_value_is_refused() -> None:
    with pytest.raises(ValueError, match="3 label values"):
        family("failure_ratio", [(("insi-calls", "PSL"), 1.0)])


def test_a_histogram_ends_in_infinity_and_keeps_its_sum() -> None:
    buckets = Buckets((1.0, 5.0))
    for value in (0.5, 1.0, 2.0, 100.0):
        buckets.observe(value)
    samples = {
        (sample.name, sample.labels.get("le")): sample.value
        for sample in histogram("event_delay_seconds", [(("insi-calls",), buckets)]).samples
    }
    assert samples["vigie_event_delay_seconds_bucket", "1.0"] == 2
    assert samples["vigie_event_delay_seconds_bucket", "5.0"] == 3
    assert samples["vigie_event_delay_seconds_bucket", "+Inf"] == 4
    assert samples["vigie_event_delay_seconds_sum", None] == 103.5
