import pytest

from simulators.pacing import Pace, window_ms


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


def test_recorded_time_passes_speed_times_as_fast() -> None:
    clock = Clock()
    pace = Pace(60.0, clock_s=lambda: clock.now_s, sleep_s=clock.sleep)

    pace.wait_for(1_000_000)
    assert clock.now_s == 100.0
    pace.wait_for(1_000_000 + 3_600_000)
    assert clock.now_s == pytest.approx(160.0)


def test_who_is_behind_does_not_wait() -> None:
    clock = Clock()
    pace = Pace(1.0, clock_s=lambda: clock.now_s, sleep_s=clock.sleep)

    pace.wait_for(0)
    clock.now_s += 10
    pace.wait_for(4_000)
    assert clock.now_s == 110.0


def test_full_speed_never_waits() -> None:
    clock = Clock()
    pace = Pace(0.0, clock_s=lambda: clock.now_s, sleep_s=clock.sleep)

    pace.wait_for(0)
    pace.wait_for(10**12)
    assert clock.now_s == 100.0


@pytest.mark.parametrize(
    ("speed", "window"), [(0, 3_600_000), (1, 250), (0.001, 1), (1e9, 3_600_000)]
)
def test_a_window_is_a_ticks_worth_of_recorded_time(speed: float, window: int) -> None:
    assert window_ms(speed) == window
