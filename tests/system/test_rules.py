"""Rules, alerts and routes do what they say: promtool, amtool, and a real Prometheus with a past."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.support import alert_rules as rules
from tests.support.simulated_day import DAY_END_S, DAY_START_S, RESTART_S, SILENCE_S, UNHEARD_S
from tests.support.simulated_traffic import SCALE, SILENT_FLOW

if TYPE_CHECKING:
    from tests.support.servers_prometheus import Prometheus

pytestmark = pytest.mark.system

ROOT: Final = Path(__file__).parents[2]
PLACES: Final = "/usr/bin:/usr/sbin:/usr/local/bin:/opt/homebrew/bin"
PROMTOOL_TESTS: Final = sorted(path.name for path in rules.PROMTOOL_TESTS.glob("*.yml"))
WITHIN_S: Final = 180.0
STEP_S: Final = 120.0
WEEK_S: Final = 7 * 86_400.0
QUIET_DAY: Final = (DAY_START_S - WEEK_S + 600, DAY_END_S - WEEK_S)
"""A week before the simulated day: nobody attacks, nothing breaks."""
SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
LOOKS_A_WEEK_BACK: Final = {
    "flow_sector:vigie_events:increase30m_week_ago",
    "flow_sector:vigie_event_rate:sum1h_week_ago",
    "flow_sector:vigie_event_rate:sum24h_week_ago",
    "flow_auth_method:vigie_auth_method:ratio24h_week_ago",
    "job:vigie_findings_expected_false:delta7d",
}
NOTHING_WAS_PUSHED: Final = {"job:vigie_alert_push_age_seconds:min"}
"""Of a region in which nothing was found yet, no Alertmanager was told anything."""

Firing = dict[tuple[str, str], list[tuple[dict[str, str], float, float]]]
"""By alert and severity: labels, and from when to when it fires."""


def _run(program: str, *arguments: str, cwd: Path = ROOT) -> str:
    found = shutil.which(program) or shutil.which(program, path=PLACES)
    assert found, f"{program}: not found; make servers installs it"
    done = subprocess.run(
        [found, *arguments], cwd=cwd, capture_output=True, text=True, timeout=WITHIN_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# promtool and amtool.


def test_prometheus_takes_its_configuration_with_every_rule_file(tmp_path: Path) -> None:
    # promtool wants to see the file with the token, which the first start makes.
    copied = shutil.copytree(rules.PROMETHEUS, tmp_path / "prometheus")
    token = tmp_path / "token"
    token.touch()
    configuration = copied / "prometheus.yml"
    text = configuration.read_text()
    assert "/etc/vigie/scrape/token" in text
    configuration.write_text(text.replace("/etc/vigie/scrape/token", str(token)))
    said = _run("promtool", "check", "config", str(configuration))
    assert f"SUCCESS: {len(list(rules.RULES.glob('*.yml')))} rule files found" in said
    for path in rules.RULES.glob("*.yml"):
        assert "SUCCESS" in _run("promtool", "check", "rules", "--lint-fatal", str(path))


@pytest.mark.parametrize("name", PROMTOOL_TESTS)
def test_rules_hold_their_thresholds(name: str) -> None:
    assert "SUCCESS" in _run("promtool", "test", "rules", name, cwd=rules.PROMTOOL_TESTS)


def test_alertmanager_takes_its_configuration() -> None:
    said = _run("amtool", "check-config", str(rules.ALERTMANAGER))
    assert f"{len(rules.load(rules.ALERTMANAGER)['receivers'])} receivers" in said


def _of_finding(severity: str, detector: str = "tail") -> dict[str, str]:
    return {
        "alertname": "VigieFinding",
        "finding": "f-0001",
        "detector": detector,
        "severity": severity,
        "sector": "PSL",
        "flow": "platform-accesses",
    }


FINDING_ROUTES = [
    (_of_finding("critical"), "astreinte-securite"),
    (_of_finding("high"), "securite"),
    (_of_finding("medium"), "securite"),
    (_of_finding("low"), "revue"),
    (_of_finding("unknown"), "revue"),
    (_of_finding("critical", "collusion"), "astreinte-securite"),
    (_of_finding("high", "takeover"), "securite"),
    (_of_finding("critical", "outage"), "astreinte-exploitation"),
    (_of_finding("high", "outage"), "astreinte-exploitation"),
    (_of_finding("high", "drop"), "astreinte-exploitation"),
    (_of_finding("medium", "outage"), "exploitation"),
    (_of_finding("medium", "spike"), "exploitation"),
    (_of_finding("medium", "level_shift"), "exploitation"),
    (_of_finding("medium", "flooding"), "exploitation"),
    (_of_finding("low", "spike"), "revue"),
]
RULE_ROUTES = {
    ("critical", "security"): "astreinte-securite",
    ("warning", "security"): "securite",
    ("info", "security"): "revue",
    ("critical", "pipeline"): "astreinte-exploitation",
    ("warning", "pipeline"): "exploitation",
    ("info", "pipeline"): "revue",
    ("critical", "source"): "astreinte-exploitation",
    ("warning", "source"): "exploitation",
    ("warning", "objective"): "pilotage",
    ("info", "objective"): "pilotage",
    ("critical", "monitoring"): "astreinte-exploitation",
    ("warning", "monitoring"): "exploitation",
}


def _receiver(labels: dict[str, str]) -> str:
    return _run(
        "amtool",
        "config",
        "routes",
        "test",
        f"--config.file={rules.ALERTMANAGER}",
        *(f"{name}={value}" for name, value in labels.items()),
    ).strip()


@pytest.mark.parametrize(
    ("labels", "receiver"),
    FINDING_ROUTES,
    ids=[f"{one['detector']}-{one['severity']}" for one, _ in FINDING_ROUTES],
)
def test_a_finding_comes_to_who_must_look(labels: dict[str, str], receiver: str) -> None:
    assert _receiver(labels) == receiver


@pytest.mark.parametrize(
    "alert", rules.alerts(), ids=lambda alert: f"{alert.name}-{alert.severity}"
)
def test_an_alert_comes_to_its_team_as_gravely_as_it_is(alert: rules.Alert) -> None:
    labels = {"alertname": alert.name, "severity": alert.severity, "origin": alert.origin}
    dead_mans = alert.name == "VigieWatchdog"
    expected = "veille" if dead_mans else RULE_ROUTES[alert.severity, alert.origin]
    assert _receiver(labels) == expected


def test_what_nobody_foresaw_comes_to_operations() -> None:
    assert _receiver({"alertname": "SomethingElse"}) == "exploitation"


def test_the_french_texts_for_mail_and_chat_name_what_is_the_matter() -> None:
    template = str(rules.ALERTMANAGER.parent / "templates" / "*.tmpl")
    arguments = ("template", "render", f"--template.glob={template}")
    title = _run("amtool", *arguments, '--template.text={{ template "vigie.titre" . }}')
    assert title.strip()
    text = _run("amtool", *arguments, '--template.text={{ template "vigie.texte" . }}')
    assert "Depuis le" in text or "Terminé le" in text


# A real Prometheus with a simulated past.


def _hold_s(alert: rules.Alert) -> float:
    return sum(int(n) * SECONDS[unit] for n, unit in re.findall(r"(\d+)([smhd])", alert.hold))


def _scaled(alert: rules.Alert) -> str:
    """The simulated region is a twentieth of a real one: a flow of it brings as many events less."""
    if alert.name != "VigieFlowSilent":
        return alert.expr
    scaled = alert.expr.replace(">= 300", f">= {300 * SCALE:.0f}")
    assert scaled != alert.expr
    return scaled


def _firing(prometheus: Prometheus, start_s: float, end_s: float) -> Firing:
    """What would have fired, from the expressions at each step and what each waits for."""
    found: Firing = {}
    for alert in rules.alerts():
        ranges = prometheus.query_range(_scaled(alert), start_s=start_s, end_s=end_s, step_s=STEP_S)
        for labels, samples in ranges:
            since_s = before_s = samples[0][0]
            for at_s, _ in [*samples, (float("inf"), 0.0)]:
                if at_s - before_s > STEP_S:
                    if before_s - since_s >= _hold_s(alert):
                        runs = found.setdefault((alert.name, alert.severity), [])
                        runs.append((labels, since_s + _hold_s(alert), before_s))
                    since_s = at_s
                before_s = at_s
    return found


def _told(firing: Firing) -> str:
    return "; ".join(
        f"{name} {severity} {labels} {(since_s - DAY_START_S) / 3600:.1f} h to "
        f"{(until_s - DAY_START_S) / 3600:.1f} h"
        for (name, severity), runs in firing.items()
        for labels, since_s, until_s in runs
    )


def test_every_recorded_series_answers_with_data(simulated_prometheus: Prometheus) -> None:
    for start_s, end_s in ((DAY_START_S, DAY_END_S), QUIET_DAY):
        empty = {
            one.name
            for one in rules.recorded()
            if not simulated_prometheus.query_range(
                one.name, start_s=start_s, end_s=end_s, step_s=STEP_S
            )
        }
        # Before the week before, there is nothing.
        quiet = LOOKS_A_WEEK_BACK | NOTHING_WAS_PUSHED
        assert empty == (quiet if start_s < DAY_START_S else set())


def test_on_a_quiet_day_only_the_dead_mans_switch_fires(simulated_prometheus: Prometheus) -> None:
    firing = _firing(simulated_prometheus, *QUIET_DAY)
    print(_told(firing))
    assert set(firing) == {("VigieWatchdog", "info")}


def test_what_goes_wrong_on_the_simulated_day_fires_while_it_does(
    simulated_prometheus: Prometheus,
) -> None:
    firing = _firing(simulated_prometheus, DAY_START_S, DAY_END_S)
    print(_told(firing))
    expected: dict[tuple[str, str], Any] = {
        ("VigieWorkerDown", "warning"): (RESTART_S, {"instance": "worker-2:6066"}),
        ("VigiePartitionUnassigned", "critical"): (RESTART_S, {}),
        ("VigieAlertPushFailing", "warning"): (UNHEARD_S, {"alertmanager": "2"}),
        ("VigieFlowSilent", "critical"): (SILENCE_S, {"flow": SILENT_FLOW}),
        ("VigieFindingUnjudged", "critical"): ((DAY_START_S, DAY_END_S), {}),
        ("VigieFindingUnjudged", "warning"): ((DAY_START_S, DAY_END_S), {}),
        ("VigiePasswordOnlyRising", "warning"): ((DAY_START_S, DAY_END_S), {}),
        ("VigieWatchdog", "info"): ((DAY_START_S, DAY_END_S), {}),
    }
    assert set(firing) == set(expected)
    for key, ((start_s, end_s), wanted) in expected.items():
        for labels, since_s, until_s in firing[key]:
            assert labels.items() >= wanted.items()
            # A rate forgets what was within its window, half an hour at most.
            assert start_s <= since_s <= until_s <= end_s + 1800, (key, since_s, until_s)
