"""The lock files pin what pyproject.toml asks for, with hashes, and name no server."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUNTIME, DEV, BENCH = "requirements.txt", "requirements-dev.txt", "requirements-bench.txt"
COMPETITORS = ROOT / "tests" / "benchmarks" / "peers" / "requirements.in"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ASKED = {
    RUNTIME: PROJECT["dependencies"],
    DEV: PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"],
    BENCH: re.findall(r"^[a-z]\S*", COMPETITORS.read_text(), flags=re.MULTILINE),
}


@pytest.mark.parametrize("lock", [RUNTIME, DEV, BENCH])
def test_every_dependency_is_pinned_as_asked(lock: str) -> None:
    pins = _pins(lock)
    for asked in ASKED[lock]:
        name, _, version = asked.partition("==")
        assert _normal(name) in pins, f"{lock} lacks {name}: run make lock"
        assert version in ("", pins[_normal(name)]), f"{lock} pins another {name}: run make lock"


@pytest.mark.parametrize("lock", [RUNTIME, DEV, BENCH])
def test_every_pin_has_hashes(lock: str) -> None:
    entries = re.split(r"\n(?=[A-Za-z0-9])", _text(lock))
    assert [entry for entry in entries if "==" in entry and "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize("lock", [RUNTIME, DEV, BENCH])
def test_no_server_or_path_is_named(lock: str) -> None:
    assert re.findall(r"://|--(?:index|extra|find|trusted)\S*|(?<=\s)/\S+", _text(lock)) == []


def test_tests_run_on_the_versions_that_the_service_runs_on() -> None:
    runtime, dev = _pins(RUNTIME), _pins(DEV)
    assert {name: dev.get(name) for name in runtime} == runtime


def test_competitors_are_read_with_the_reader_that_the_service_has() -> None:
    assert _pins(BENCH)["fastavro"] == _pins(RUNTIME)["fastavro"]
    assert "quixstreams" not in _pins(DEV)


def _pins(lock: str) -> dict[str, str]:
    found = re.findall(r"^([A-Za-z0-9_.-]+)==(\S+)", _text(lock), flags=re.MULTILINE)
    return {_normal(name): version for name, version in found}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _text(lock: str) -> str:
    return (ROOT / lock).read_text()
