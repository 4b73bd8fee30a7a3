import pytest

from simulators.volumes import (
    DMP_SEPTEMBER,
    INSI_SEPTEMBER_2025,
    MSS_SEPTEMBER,
    REFERENCE_MONTH,
    InsiQuota,
    insi_quota,
    quota,
)

AUGUST = REFERENCE_MONTH - 1


def test_september_2025_is_the_regions_own_insi_table() -> None:
    table = {sector: insi_quota(sector, REFERENCE_MONTH) for sector in INSI_SEPTEMBER_2025}

    assert table == {
        "PSL": InsiQuota(1_123_430, 9_113),
        "ESMS": InsiQuota(7_546, 167),
        "NR": InsiQuota(5_701, 41),
        "ES": InsiQuota(320_063, 285),
        "SOCIAL": InsiQuota(4, 1),
    }


@pytest.mark.parametrize(
    ("sector", "calls_step", "users_step"),
    [("PSL", 0.427, 0.084), ("ESMS", 0.958, 0.518), ("NR", 0.819, 0.242), ("ES", 0.223, -0.01)],
)
def test_august_gives_the_steps_printed_on_the_slide(
    sector: str, calls_step: float, users_step: float
) -> None:
    august, september = insi_quota(sector, AUGUST), insi_quota(sector, REFERENCE_MONTH)

    assert september.calls / august.calls - 1 == pytest.approx(calls_step, abs=0.01)
    assert september.users / august.users - 1 == pytest.approx(users_step, abs=0.02)


def test_a_small_region_keeps_a_user_and_a_call_in_every_sector() -> None:
    for sector in INSI_SEPTEMBER_2025:
        small = insi_quota(sector, REFERENCE_MONTH, 0.001)
        assert small.calls >= small.users >= 1


def test_the_flows_totals_are_those_of_the_traffic_model() -> None:
    assert sum(DMP_SEPTEMBER.values()) == pytest.approx(3_070_000, rel=0.01)
    assert sum(MSS_SEPTEMBER.values()) == pytest.approx(2_460_000, rel=0.01)
    assert quota(1000, "HOPITAL", AUGUST) == 820
    assert quota(1000, "OFFICINE", AUGUST) == 700
