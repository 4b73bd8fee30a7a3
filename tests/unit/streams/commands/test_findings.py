from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from agents.findings import FindingStatus, Severity, VerdictKind
from streams import cli
from streams.audit import Act
from streams.commands import findings, findings_source
from streams.errors import TransientError
from tests.support.findings import NOW_MS, finding, resolved

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agents.findings import Finding, Verdict

FOUND = (
    finding(finding_id="aaaa1111-low", severity=Severity.LOW, priority=4.0, sector="ES"),
    finding(finding_id="bbbb2222-high", priority=80.0),
    resolved(finding_id="cccc3333-over", detector="slow_change", detectors=("slow_change",)),
    finding(finding_id="bbbb9999-critical", severity=Severity.CRITICAL, priority=99.0),
)


class FakeLog:
    """The topics, held in memory."""

    def __init__(self, *found: Finding) -> None:
        self.found = {one.finding_id: one for one in found}
        self.verdicts: list[Verdict] = []
        self.refusal: Exception | None = None
        self.noted: list[tuple[Act, str, str]] = []

    def findings(self) -> dict[str, Finding]:
        return self.found

    def follow(self, _until_s: float | None) -> Iterator[list[Finding]]:
        yield list(self.found.values())
        yield [resolved(finding_id="bbbb2222-high")]

    def publish(self, verdict: Verdict) -> None:
        self.verdicts.append(verdict)

    def note(self, act: Act, detail: str, finding_id: str, **_figures: int) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.noted.append((act, detail, finding_id))


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> FakeLog:
    fake = FakeLog(*FOUND)

    @contextmanager
    def connect(_kafka: str | None) -> Iterator[FakeLog]:
        yield fake

    for module in (findings, findings_source):
        monkeypatch.setattr(module, "kafka_log", connect)
    return fake


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "findings.ndjson"
    path.write_bytes(b"".join(one.to_ndjson() for one in FOUND))
    return path


Run = tuple[int, str, str]


def _run(capsys: pytest.CaptureFixture[str], *argv: str) -> Run:
    code = cli.main(["findings", *argv])
    out, err = capsys.readouterr()
    return code, out, err


def _listed(capsys: pytest.CaptureFixture[str], *argv: str) -> list[str]:
    code, out, _ = _run(capsys, "list", *argv, "--json")
    assert code == 0
    return [one["finding_id"][:4] + one["finding_id"][8:] for one in orjson.loads(out)]


@pytest.mark.usefixtures("log")
def test_open_findings_come_first_by_priority(capsys: pytest.CaptureFixture[str]) -> None:
    assert _listed(capsys) == ["bbbb-critical", "bbbb-high", "aaaa-low", "cccc-over"]


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["--status", "resolved"], ["cccc-over"]),
        (["--status", "RESOLVED,OPEN", "--severity", "critical"], ["bbbb-critical"]),
        (["--severity", "HIGH"], ["bbbb-critical", "bbbb-high", "cccc-over"]),
        (["--detector", "tail", "--sector", "es"], ["aaaa-low"]),
        (["--detector", "slow_change", "--severity", "CRITICAL"], ["bbbb-critical"]),
        (["--since", "2025-09-10"], []),
        (["--since", "2025-09-09", "--severity", "CRITICAL"], ["bbbb-critical"]),
        (["--since", "2025-09-09T11:59:30Z"], []),
    ],
)
def test_filters_narrow_the_list(
    file: Path, capsys: pytest.CaptureFixture[str], argv: list[str], expected: list[str]
) -> None:
    assert _listed(capsys, "--from", str(file), *argv) == expected


def test_the_table_names_each_finding_by_as_much_of_its_id_as_is_needed(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = _run(capsys, "list", "--from", str(file))
    lines = out.splitlines()
    assert lines[0].split()[0] == "finding"
    assert lines[1].split()[:2] == ["bbbb9999", "CRITICAL"]
    assert _run(capsys, "show", "bbbb9999", "--from", str(file))[0] == 0


def test_a_file_gives_back_what_was_written(file: Path) -> None:
    assert findings_source.read_file(file) == {one.finding_id: one for one in FOUND}


def test_of_several_revisions_in_a_file_the_newest_counts(tmp_path: Path) -> None:
    path = tmp_path / "f.ndjson"
    path.write_bytes(resolved().to_ndjson() + b"\n" + finding().to_ndjson())
    assert findings_source.read_file(path)["f-0001"].status is FindingStatus.RESOLVED


@pytest.mark.parametrize("line", [b"[]", b"{}", b"not json", b'{"finding_id": "x"}', b"3"])
def test_a_line_that_is_no_finding_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: bytes
) -> None:
    path = tmp_path / "f.ndjson"
    path.write_bytes(finding().to_ndjson() + line + b"\n")
    code, _, err = _run(capsys, "list", "--from", str(path))
    assert (code, err) == (2, f"vigie: {path}: line 2: is no finding\n")


@pytest.mark.parametrize(
    ("lang", "text"), [("fr", "735 patients distincts"), ("en", "735 distinct")]
)
def test_show_tells_reasons_and_figures(
    file: Path, capsys: pytest.CaptureFixture[str], lang: str, text: str
) -> None:
    code, out, _ = _run(capsys, "show", "bbbb2222", "--from", str(file), "--lang", lang)
    assert code == 0
    assert text in out
    assert "expected_patients" in out
    assert "31.2" in out


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["show", "bbbb"], "ID: 2 findings begin with bbbb"),
        (["show", "zzzz"], "ID: no finding zzzz"),
        (["show", "aaa"], "ID: no finding aaa"),
        (["show", "aaaa", "--lang", "de"], "--lang: must be fr or en"),
        (["list", "--status", "DONE"], "--status: must be one of"),
        (["list", "--severity", "BAD"], "--severity: must be one of"),
        (["list", "--sector", "ZZ"], "--sector: must be one of"),
        (["list", "--since", "soon"], "--since: not a day"),
        (["list", "--from", "/nowhere"], "--from: /nowhere: no such file"),
        (["patients", "aaaa", "--recording", "/nowhere"], "/nowhere: no such directory"),
        (["judge", "aaaa", "maybe"], "verdict: must be confirmed or benign"),
        (["judge", "aaaa", "benign", "--since", "2025-01-01"], "--since: goes with confirmed only"),
        (["judge", "aaaa", "confirmed", "--since", "2999-01-01"], "--since: lies in the future"),
        (["judge", "aaaa", "benign", "--note-code", "Mme Dupont"], "--note-code: one word"),
        (["judge", "zzzz", "benign"], "ID: no finding zzzz"),
    ],
)
@pytest.mark.usefixtures("log")
def test_bad_input_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], argv: list[str], told: str
) -> None:
    code, _, err = _run(capsys, *argv)
    assert code == 2
    assert err.startswith(f"vigie: {told}")
    assert err.count("\n") == 1


def test_a_verdict_carries_the_findings_account_and_since_when(
    log: FakeLog, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["judge", "bbbb2222", "confirmed", "--since", "2024-12-03", "--note-code", "vol"]
    code, out, _ = _run(capsys, *argv, "--analyst", "analyst-7")
    assert (code, out) == (0, "bbbb2222-high: confirmed, confirmed by Kafka\n")
    (verdict,) = log.verdicts
    assert verdict.verdict is VerdictKind.CONFIRMED
    assert (verdict.structure_pid, verdict.actor_pid) == ("structure-1", "actor-1")
    assert verdict.compromised_since_ms == 1_733_180_400_000  # midnight in Paris
    assert (verdict.note_code, verdict.analyst_pid) == ("vol", "analyst-7")
    assert verdict.judged_at_ms > NOW_MS


def test_watch_begins_with_what_is_open_and_goes_on_with_every_change(
    log: FakeLog, capsys: pytest.CaptureFixture[str]
) -> None:
    del log
    code, out, _ = _run(capsys, "watch", "--severity", "HIGH", "--json")
    lines = [orjson.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [(line["finding_id"], line["status"]) for line in lines] == [
        ("bbbb9999-critical", "OPEN"),
        ("bbbb2222-high", "OPEN"),
        ("bbbb2222-high", "RESOLVED"),
    ]
    assert "CRITICAL OPEN tail PSL" in _run(capsys, "watch")[1]


def test_without_a_finding_the_list_says_so(
    monkeypatch: pytest.MonkeyPatch, log: FakeLog, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(log, "found", {})
    assert _run(capsys, "list")[:2] == (0, "no finding\n")
    assert _listed(capsys) == []


def test_a_flows_finding_has_no_patients(
    monkeypatch: pytest.MonkeyPatch, log: FakeLog, capsys: pytest.CaptureFixture[str]
) -> None:
    flow = finding(actor_pid=None, structure_pid=None, evidence={})
    monkeypatch.setattr(log, "found", {flow.finding_id: flow})
    code, _, err = _run(capsys, "patients", flow.finding_id)
    assert code == 2
    assert "is about a flow, not about an account" in err


def test_without_kafka_the_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("VIGIE_KAFKA_BOOTSTRAP", raising=False)
    argvs: list[list[Any]] = [["list"], ["watch"], ["judge", "aaaa", "benign"]]
    for argv in argvs:
        code, _, err = _run(capsys, *argv)
        assert code == 2
        assert err.startswith("vigie: VIGIE_KAFKA_BOOTSTRAP: required")


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_pseudonyms_are_shown_on_demand_only_and_noted_before(
    log: FakeLog, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    gang = finding(structure_pid=None, actor_pid=None, evidence={"member_01": "actor-1"})
    log.found["gang0001"] = gang
    for argv in (["show", "bbbb2222"], ["show", "gang0001"], ["list"], ["watch"]):
        code, out, _ = _run(capsys, *argv, *options)
        assert code == 0
        assert "actor-1" not in out
        assert "structure-1" not in out
    assert log.noted == []
    assert "actor-1" in _run(capsys, "show", "bbbb2222", "--unmask", *options)[1]
    assert "actor-1" in _run(capsys, "show", "gang0001", "--unmask", *options)[1]
    assert log.noted == [
        (Act.UNMASKING, "ACCOUNT", "bbbb2222-high"),
        (Act.UNMASKING, "ACCOUNT", gang.finding_id),
    ]


@pytest.mark.parametrize("argv", [("show", "bbbb2222", "--unmask"), ("patients", "bbbb2222")])
def test_what_cannot_be_noted_is_not_shown(
    log: FakeLog, capsys: pytest.CaptureFixture[str], argv: tuple[str, ...]
) -> None:
    log.refusal = TransientError("audit: Kafka did not confirm the entry")
    code, out, err = _run(capsys, *argv)
    assert (code, out) == (1, "")
    assert err == "vigie: audit: Kafka did not confirm the entry\n"


def test_a_file_is_whoever_reads_its(
    log: FakeLog, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "actor-1" in _run(capsys, "show", "bbbb2222", "--from", str(file))[1]
    assert log.noted == []
