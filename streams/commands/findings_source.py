"""Where `vigie findings` takes findings from, and which of them are asked for."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import MISSING, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streams.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from agents.findings import Finding, FindingStatus, Severity
    from streams.findings_log import FindingsLog

SHORTEST_ID = 4
"""Characters of an id that name a finding, if no other begins with them."""


@contextmanager
def kafka_log(kafka: str | None) -> Iterator[FindingsLog]:
    """The topics of the Kafka of the settings.

    Raises:
        ConfigError: a setting is wrong or missing.
        InputError: Kafka does not answer.
    """
    from streams.commands.options import load_settings

    settings = load_settings(kafka_bootstrap=kafka)
    settings.require_kafka()
    from streams.findings_log import FindingsLog

    with FindingsLog(settings) as log:
        yield log


def newest_findings(source: Path | None, kafka: str | None) -> dict[str, Finding]:
    """The newest revisions by id, from a file or from Kafka.

    Raises:
        ConfigError: a setting is wrong or missing.
        InputError: the file holds something else, or Kafka does not answer.
    """
    if source is not None:
        return read_file(source)
    with kafka_log(kafka) as log:
        return log.findings()


def read_file(path: Path) -> dict[str, Finding]:
    """The newest revisions in a file of NDJSON, as `vigie backtest --findings` writes it.

    Raises:
        InputError: a line is no finding; names the file and the line.
    """
    import orjson

    from agents.findings import newest_of
    from agents.plausible import fault_of_finding

    found: dict[str, Finding] = {}
    if not path.is_file():
        raise InputError(f"--from: {path}: no such file")
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                one = _from_line(orjson.loads(line))
                fault = fault_of_finding(one)
            except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
                raise InputError(f"{path}: line {number}: is no finding") from None
            if fault:
                raise InputError(f"{path}: line {number}: {fault}: cannot be so")
            found[one.finding_id] = newest_of(found.get(one.finding_id), one)
    return found


def _from_line(line: dict[str, Any]) -> Finding:
    from agents.findings import Finding

    record: dict[str, Any] = {}
    for one in fields(Finding):
        name = one.name.removesuffix("_ms")
        if name in line:
            value = line[name]
        elif one.default is not MISSING:
            value = one.default
        elif one.default_factory is not MISSING:
            value = one.default_factory()
        else:
            raise KeyError(name)
        is_time = one.name.endswith("_ms") and value is not None
        record[name] = _time_ms(value) if is_time else value
    if record["history"] is not None:
        record["history"] = record["history"] | {"start": _time_ms(record["history"]["start"])}
    return Finding.from_record(record)


def _time_ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def one_finding(found: dict[str, Finding], name: str) -> Finding:
    """The finding of an id, or of the beginning of one.

    Raises:
        InputError: none has it, or several begin so.
    """
    if name in found:
        return found[name]
    near = [one for one in found if one.startswith(name)] if len(name) >= SHORTEST_ID else []
    if not near:
        raise InputError(f"ID: no finding {name}")
    if len(near) > 1:
        raise InputError(f"ID: {len(near)} findings begin with {name}; give more of it")
    return found[near[0]]


def parse_moment(option: str, text: str) -> int:
    """A day (from its start in Paris) or a moment, in milliseconds UTC.

    Raises:
        InputError: the text is neither; names the option.
    """
    from streams.event_time import PARIS

    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(
            f"{option}: not a day (YYYY-MM-DD) or a moment (YYYY-MM-DDTHH:MM:SSZ): {text}"
        ) from None
    return round((when if when.tzinfo else when.replace(tzinfo=PARIS)).timestamp() * 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which findings are asked for; what is `None` asks for nothing.

    Attributes:
        statuses: one of them.
        least: severity at least.
        detector: one of those that agree.
        sector: of the structure.
        since_ms: open or concluded at this time or later.
    """

    statuses: frozenset[FindingStatus] | None = None
    least: Severity | None = None
    detector: str | None = None
    sector: str | None = None
    since_ms: int | None = None

    @classmethod
    def parse(
        cls,
        *,
        status: str | None,
        severity: str | None,
        detector: str | None,
        sector: str | None,
        since: str | None,
    ) -> Wanted:
        """From the options as they were typed.

        Raises:
            InputError: an option names nothing that exists.
        """
        from agents.findings import FindingStatus, Severity
        from streams.vocabulary import SECTORS

        statuses = None
        if status is not None:
            names = [part.strip().upper() for part in status.split(",")]
            statuses = frozenset(
                FindingStatus(_one_of("--status", name, list(FindingStatus))) for name in names
            )
        least = None
        if severity is not None:
            least = Severity(_one_of("--severity", severity.upper(), list(Severity)))
        if sector is not None:
            sector = _one_of("--sector", sector.upper(), SECTORS)
        since_ms = None if since is None else parse_moment("--since", since)
        return cls(
            statuses=statuses, least=least, detector=detector, sector=sector, since_ms=since_ms
        )

    def of(self, found: Iterable[Finding]) -> list[Finding]:
        """Those that are asked for: open ones first, by priority, then the newest."""
        return sorted(
            (one for one in found if self._is_wanted(one)),
            key=lambda one: (
                not one.status.is_open,
                -one.priority,
                -one.detected_at_ms,
                one.finding_id,
            ),
        )

    def _is_wanted(self, one: Finding) -> bool:
        return (
            (self.statuses is None or one.status in self.statuses)
            and (self.least is None or one.severity.rank >= self.least.rank)
            and (self.detector is None or self.detector in {one.detector, *one.detectors})
            and (self.sector is None or self.sector == one.sector)
            and (self.since_ms is None or one.detected_at_ms >= self.since_ms)
        )


def _one_of(option: str, text: str, known: Iterable[str]) -> str:
    names = [str(name) for name in known]
    if text not in names:
        raise InputError(f"{option}: must be one of {', '.join(names)}, not {text}")
    return text
