"""From a sheet through Kafka to what operators see: declared, shown, declared again, taken back."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from simulators.broker import EmbeddedBroker
from streams import cli
from streams.settings import Settings
from streams.topic_admin import ensure_topics
from tests.support.servers_worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.integration

PARTITIONS = 2
HEAD = "indicateur;mois;portee;numerateur;denominateur;taux;source\n"
FIRST = (
    "mes_activation_2026;2026-05;REGION;2 600 000;5 400 000;;CNAM\n"
    "mes_activation_2026;2026-05;59;1 204 331;2 530 112;47,6 %;CNAM\n"
    "prado_viatrajectoire;2026-05;REGION;;2300;74 %;Assurance Maladie\n"
)


@pytest.fixture(scope="module")
def bootstrap() -> Iterator[str]:
    with EmbeddedBroker() as broker:
        settings = Settings(kafka_bootstrap=broker.bootstrap, partitions=PARTITIONS)
        ensure_topics(settings, create=True)
        yield broker.bootstrap


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory, bootstrap: str) -> Iterator[Worker]:
    directory = tmp_path_factory.mktemp("declare")
    made = Worker(directory, "worker", bootstrap=bootstrap, partitions=PARTITIONS)
    with made:
        made.wait_ready()
        yield made


@pytest.fixture
def sheet(bootstrap: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VIGIE_KAFKA_BOOTSTRAP", bootstrap)
    return tmp_path / "mai.csv"


def _objective(worker: Worker, name: str) -> dict[str, Any]:
    url = f"http://127.0.0.1:{worker.port}/api/objectives"
    with urllib.request.urlopen(url, timeout=5) as answer:
        rows = json.load(answer)["objectives"]
    return next((row for row in rows if row["id"] == name), {})


def _wait(worker: Worker, name: str, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    deadline_s = time.monotonic() + 30
    while not is_so(row := _objective(worker, name)):
        assert time.monotonic() < deadline_s, row
        time.sleep(0.1)
    return row


def _told(capsys: pytest.CaptureFixture[str], name: str) -> dict[str, Any]:
    capsys.readouterr()
    assert cli.main(["objectives", "--json"]) == 0
    rows = orjson.loads(capsys.readouterr().out)
    found: dict[str, Any] = next(row for row in rows if row["id"] == name)
    return found


def test_a_declaration_shows_is_replaced_and_is_taken_back(
    worker: Worker, sheet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "mes_activation_2026"
    sheet.write_text(HEAD + FIRST, encoding="utf-8")
    assert cli.main(["declare", str(sheet)]) == 0
    assert capsys.readouterr().out == (
        "mai.csv: 3 declarations of 2 indicators, confirmed by Kafka\n"
    )
    row = _wait(worker, name, lambda one: one.get("numerator") == 2_600_000)
    assert (row["denominator"], row["as_of"]) == (5_400_000, "2026-05-31")
    assert row["ratio"] == 2_600_000 / 5_400_000
    [part] = row["parts"]
    assert (part["kind"], part["name"], part["numerator"]) == ("department", "59", 1_204_331)
    assert _objective(worker, "prado_viatrajectoire")["ratio"] == 0.74
    labels = frozenset({("objective", name)})
    assert worker.samples()["vigie_objective_ratio", labels] == row["ratio"]
    by_department = frozenset({("objective", name), ("department", "59")})
    assert worker.samples()["vigie_objective_department_ratio", by_department] == part["ratio"]
    assert _told(capsys, name) == row

    # The same once more changes nothing.
    assert cli.main(["declare", str(sheet)]) == 0
    assert _told(capsys, name) == row

    # A figure that is put right replaces the old one.
    sheet.write_text(HEAD + FIRST.replace("2 600 000", "2 650 000"), encoding="utf-8")
    assert cli.main(["declare", str(sheet)]) == 0
    _wait(worker, name, lambda one: one.get("numerator") == 2_650_000)
    assert _told(capsys, name)["numerator"] == 2_650_000

    # And what should never have been declared is taken back.
    assert cli.main(["declare", str(sheet), "--withdraw"]) == 0
    _wait(worker, name, lambda one: one.get("state") == "NO_DATA")
    assert _told(capsys, name)["state"] == "NO_DATA"


def test_a_file_with_one_wrong_line_sends_nothing(
    worker: Worker, sheet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = (
        "crrc_avancement;2026-05;REGION;62;100;;ARS\ncrrc_avancement;2026-04;REGION;101;100;;ARS\n"
    )
    sheet.write_text(HEAD + rows, encoding="utf-8")
    assert cli.main(["declare", str(sheet)]) == 2
    assert "line 3: numerateur: 101 is more than its denominator" in capsys.readouterr().err
    assert _told(capsys, "crrc_avancement")["state"] == "NO_DATA"
    assert _objective(worker, "crrc_avancement")["state"] == "NO_DATA"
