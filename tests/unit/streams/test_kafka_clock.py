"""The brokers' time, whatever the machine's clock says."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

from streams.kafka_clock import KafkaClock

BROKER_MS = 1_800_000_000_000


@dataclass
class Machine:
    """A machine's two clocks; the wall's may be set."""

    up_s: float = 50.0
    wall_s: float = BROKER_MS / 1000

    def pass_s(self, seconds: float) -> None:
        self.up_s += seconds
        self.wall_s += seconds

    def clock(self) -> KafkaClock:
        return KafkaClock(lambda: self.up_s, lambda: self.wall_s)


def confirmed(ms: int, kind: int = 1) -> SimpleNamespace:
    return SimpleNamespace(timestamp=ms, timestamp_type=kind)


def test_nothing_is_known_before_the_first_confirmation_and_asking_is_due() -> None:
    clock = Machine().clock()
    assert clock.now_ms() is None
    assert clock.then_ms(BROKER_MS) is None
    assert clock.best_ms() == BROKER_MS
    assert clock.is_due


def test_a_wall_clock_that_is_set_changes_nothing() -> None:
    machine = Machine(wall_s=BROKER_MS / 1000 + 7_200)
    clock = machine.clock()
    clock.hear(confirmed(BROKER_MS))
    machine.pass_s(3)
    assert clock.now_ms() == clock.best_ms() == BROKER_MS + 3_000
    machine.wall_s -= 20_000
    assert clock.now_ms() == BROKER_MS + 3_000


def test_a_moment_of_the_machines_clock_is_told_by_the_brokers() -> None:
    machine = Machine(wall_s=BROKER_MS / 1000 - 7_200)
    clock = machine.clock()
    clock.hear(confirmed(BROKER_MS))
    polled_ms = int(machine.wall_s * 1000)
    machine.pass_s(0.25)
    assert clock.then_ms(polled_ms) == BROKER_MS


def test_a_clock_set_back_since_a_moment_leaves_that_moment_unknown() -> None:
    machine = Machine()
    clock = machine.clock()
    clock.hear(confirmed(BROKER_MS))
    polled_ms = int(machine.wall_s * 1000)
    machine.wall_s -= 7_200
    assert clock.then_ms(polled_ms) is None


def test_a_clock_set_ahead_since_a_moment_only_makes_it_earlier() -> None:
    machine = Machine()
    clock = machine.clock()
    clock.hear(confirmed(BROKER_MS))
    polled_ms = int(machine.wall_s * 1000)
    machine.wall_s += 7_200
    told = clock.then_ms(polled_ms)
    assert told is not None
    assert told <= BROKER_MS


def test_of_several_confirmations_the_quickest_counts_and_time_is_never_ahead_of_the_brokers() -> (
    None
):
    machine = Machine()
    clock = machine.clock()
    for delay_s in (0.5, 0.02, 4.0):
        stamp = BROKER_MS + int((machine.up_s - 50.0) * 1000)
        machine.pass_s(delay_s)
        clock.hear(confirmed(stamp))
    true_ms = BROKER_MS + int((machine.up_s - 50.0) * 1000)
    assert clock.now_ms() == true_ms - 20


def test_a_machine_that_slept_learns_the_time_anew() -> None:
    machine = Machine()
    clock = machine.clock()
    clock.hear(confirmed(BROKER_MS))
    # Monotonic clocks stand still while a machine sleeps.
    clock.hear(confirmed(BROKER_MS + 3_600_000))
    assert clock.now_ms() == BROKER_MS + 3_600_000


def test_brokers_that_do_not_stamp_leave_the_machines_own_clock() -> None:
    machine = Machine()
    clock = machine.clock()
    clock.hear(confirmed(-1, kind=0))
    machine.pass_s(2)
    assert clock.now_ms() == BROKER_MS + 2_000
    assert clock.then_ms(BROKER_MS) == BROKER_MS


def test_after_a_minute_without_a_confirmation_asking_is_due_again() -> None:
    machine = Machine()
    clock = machine.clock()
    clock.hear(confirmed(BROKER_MS))
    machine.pass_s(59)
    assert not clock.is_due
    machine.pass_s(2)
    assert clock.is_due
