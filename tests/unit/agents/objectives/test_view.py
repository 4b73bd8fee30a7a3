from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from agents.objectives.declared import Declaration, declaration_bytes, read_declaration
from agents.objectives.loading import Objectives
from agents.objectives.view import ObjectivesView
from agents.region_usage import RegionUsage, UsagePart
from agents.usages import UsageRow
from streams.codec import SliceCodec
from streams.own_records import RecordReader
from streams.schemas import Schemas
from tests.support.objectives import DEPARTMENTS, declared, grounds, month, scopes

if TYPE_CHECKING:
    from metrics.objective_rows import ObjectiveRow

SCHEMAS = Schemas.load()
READER = RecordReader(SCHEMAS)
KNOWN = declared("exercices", date(2026, 5, 31), 10)


class Record:
    def __init__(self, key: bytes | None, value: bytes | None) -> None:
        self.key, self.value, self.timestamp, self.offset = key, value, 0, 0


class Region:
    """A worker's view, its topics' state and its clock in the test's hands."""

    def __init__(self, *, has_objectives: bool = True) -> None:
        self.at_end: bool | None = True
        self.usage = RegionUsage()
        self.now_ms = int(datetime(2026, 7, 10, 12, tzinfo=UTC).timestamp() * 1000)
        self.view = ObjectivesView(
            objectives=Objectives(grounds(), scopes(), (KNOWN,)) if has_objectives else None,
            usage=self.usage,
            read=lambda value: read_declaration(value, READER),
            is_at_end=lambda: self.at_end,
            clock=lambda wall_ms: wall_ms,
            departments=DEPARTMENTS,
            small_cell_min=5,
        )

    def declare(self, *several: Declaration) -> None:
        values = declaration_bytes(several, SliceCodec(SCHEMAS))
        records = [Record(o.key.encode(), v) for o, v in zip(several, values, strict=True)]
        self.view.take(0, records)

    def row(self, objective: str) -> ObjectiveRow:
        return next(one for one in self.view.rows(self.now_ms) if one.id == objective)


def test_what_comes_with_the_objectives_is_known_and_what_is_declared_replaces_it() -> None:
    region = Region()
    assert region.row("exercices").numerator == 10
    region.declare(declared("exercices", date(2026, 5, 31), 11))
    assert region.row("exercices").numerator == 11


def test_a_declaration_that_is_taken_back_is_gone() -> None:
    region = Region()
    one = declared("exercices", date(2026, 6, 30), 12)
    region.declare(one)
    assert region.row("exercices").numerator == 12
    region.view.take(0, [Record(one.key.encode(), None)])
    assert region.row("exercices").numerator == 10


def test_what_is_no_declaration_is_counted_and_passed_over() -> None:
    region = Region()
    region.view.take(0, [Record(b"x", b"nonsense")])
    assert region.view.unreadable == 1
    assert region.row("exercices").numerator == 10


def test_usages_of_the_flows_show_at_once() -> None:
    region = Region()
    assert region.row("maisons_actives").state == "NO_DATA"
    rows = (UsageRow("DMP_DEPOSIT", "MEDICO_SOCIAL", "59", 60, 900),)
    region.usage.take_part(UsagePart(0, month(2026, 6), rows))
    assert region.row("maisons_actives").state == "REACHED"


def test_rows_are_made_once_until_something_changes() -> None:
    region = Region()
    rows, version = region.view.rows(region.now_ms), region.view.version
    assert region.view.rows(region.now_ms + 1000) is rows
    region.now_ms += 86_400_000
    assert region.row("exercices").age_days == 41
    assert region.view.version > version


def test_the_version_stays_where_the_rows_do() -> None:
    region = Region()
    region.view.rows(region.now_ms)
    version = region.view.version
    region.usage.take_part(UsagePart(0, month(2026, 6), ()))
    region.view.rows(region.now_ms)
    assert region.view.version == version


def test_nothing_is_whole_before_both_topics_were_read_to_their_ends() -> None:
    region = Region()
    region.at_end = False
    assert not region.view.is_whole
    region.at_end = True
    assert region.view.is_whole
    region.at_end = False  # new records wait; what is known stays known
    assert region.view.is_whole
    region.at_end = None  # the topics went to another worker
    assert not region.view.is_whole


def test_a_new_assignment_begins_with_what_comes_with_the_objectives() -> None:
    region = Region()
    region.declare(declared("exercices", date(2026, 6, 30), 12))
    assert region.view.is_whole
    region.view.reset()
    region.at_end = False
    assert not region.view.is_whole
    assert region.row("exercices").numerator == 10


def test_a_region_without_objectives_shows_none() -> None:
    region = Region(has_objectives=False)
    assert not region.view.is_whole
    assert region.view.rows(region.now_ms) == ()
    region.declare(declared("exercices", date(2026, 6, 30), 12))
