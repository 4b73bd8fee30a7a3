"""The page's files keep what its Content-Security-Policy and its readers need."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from agents.findings import FindingStatus, VerdictKind
from metrics.labels import FINDING_DETECTORS, OTHER_DETECTOR, SEVERITIES
from metrics.web import ASSETS, HEADERS, PAGE, VENDOR
from streams.settings import Settings
from streams.topics import FLOWS
from streams.vocabulary import AUTH_METHODS, COULOIRS, INS_STATUSES, INSI_RESULTS, SECTORS

if TYPE_CHECKING:
    from pathlib import Path

FILES = sorted(PAGE / name for name, _ in ASSETS.values())
PAGES = [path for path in FILES if path.suffix == ".html"]
SCRIPTS = [path for path in FILES if path.suffix == ".js"]
NPM_FILES = {"package.json", "package-lock.json"}
XML_NAMESPACE = "http://www.w3.org/2000/svg"
LINES_MAX = 250

every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
every_script = pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)


def _words(language: str) -> dict[str, str]:
    text = (PAGE / f"words-{language}.js").read_text()
    return dict(re.findall(r'^  (\w+): "(.*)",$', text, re.MULTILINE))


def _departments() -> dict[str, tuple[int, int]]:
    text = (PAGE / "departments.js").read_text()
    rows = re.findall(r'^  "(\w+)": \["[^"]+", (\d+), (\d+)\],$', text, re.MULTILINE)
    return {code: (int(column), int(row)) for code, column, row in rows}


def test_every_file_is_served_and_nothing_else() -> None:
    here = {path.name for path in PAGE.iterdir() if path.is_file()} - NPM_FILES
    assert here == {path.name for path in FILES}


@every_file
def test_nothing_comes_from_another_host(path: Path) -> None:
    text = path.read_text().replace(XML_NAMESPACE, "")
    assert not re.search(r"(https?:)?//[a-z0-9-]+\.[a-z]", text, re.IGNORECASE)
    assert not re.search(r"@import|url\(", text)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_needs_no_inline_script_or_style(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", text)


@every_script
def test_no_script_builds_markup_from_text(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text)
    assert "Function(" not in text


@every_script
def test_a_script_is_short_and_imports_only_what_is_served(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= LINES_MAX
    imported = set(re.findall(r'(?:from |import\()"([^"]+)"', text))
    assert imported <= ASSETS.keys() | VENDOR.keys()


def test_the_policy_forbids_inline_code_and_other_hosts() -> None:
    policy = HEADERS["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "http" not in policy


def test_the_chart_library_is_pinned_by_version_and_sha512_and_no_registry_is_named() -> None:
    pinned = json.loads((PAGE / "package.json").read_text())["dependencies"]
    lock_text = (PAGE / "package-lock.json").read_text()
    packages = json.loads(lock_text)["packages"]
    assert {name: packages[f"node_modules/{name}"]["version"] for name in pinned} == pinned
    for name, package in packages.items():
        assert not name or package["integrity"].startswith("sha512-")
    assert "://" not in lock_text


def test_both_languages_have_the_same_words() -> None:
    french, english = _words("fr"), _words("en")
    assert french.keys() == english.keys()
    assert len(french) > 100


def test_both_languages_fill_in_the_same_figures() -> None:
    french, english = _words("fr"), _words("en")
    figures = {key: set(re.findall(r"{\w+}", text)) for key, text in french.items()}
    assert figures == {key: set(re.findall(r"{\w+}", text)) for key, text in english.items()}


def test_every_word_of_the_page_exists_and_is_used() -> None:
    html = "".join(path.read_text() for path in PAGES)
    script = "".join(path.read_text() for path in SCRIPTS if not path.name.startswith("words-"))
    asked = set(re.findall(r'data-(?:word|label)="(\w+)"', html))
    asked |= set(re.findall(r'word\(\s*"(\w+)"', script))
    words = _words("fr").keys()
    assert asked <= words
    said = asked | set(re.findall(r'"(\w+)"', script))
    assert words <= said


def test_every_code_and_flow_has_a_name() -> None:
    text = (PAGE / "names.js").read_text()
    for code in (*AUTH_METHODS, *INS_STATUSES, *INSI_RESULTS, *SECTORS, *COULOIRS):
        assert re.search(rf"^  {code}: ", text, re.MULTILINE), code
    for flow in FLOWS:
        assert text.count(f'"{flow}": ') == 2


def test_every_detector_severity_and_status_has_a_name() -> None:
    text = (PAGE / "names.js").read_text()
    for code in (*FINDING_DETECTORS, *SEVERITIES, *FindingStatus):
        assert code == OTHER_DETECTOR or re.search(rf"^  {code}: ", text, re.MULTILINE), code


def test_every_verdict_can_be_given() -> None:
    text = (PAGE / "verdict.js").read_text()
    offered = re.findall(r'^  \["([A-Z]+)", "\w+", "\w+"\],$', text, re.MULTILINE)
    kinds = [kind for kind in VerdictKind if kind != VerdictKind.UNKNOWN]
    assert sorted(offered) == sorted(kinds * 2)  # of accounts, and of flows


def test_every_department_has_a_tile_of_its_own() -> None:
    tiles = _departments()
    metropolitan = {f"{n:02}" for n in range(1, 96)} - {"20"} | {"2A", "2B"}
    assert tiles.keys() == metropolitan | {"971", "972", "973", "974", "976"}
    assert len(set(tiles.values())) == len(tiles)
    assert set(Settings.__dataclass_fields__["departments"].default) <= tiles.keys()


@pytest.mark.parametrize(
    ("one", "other", "axis", "sign"),
    [
        ("59", "62", 0, 1),
        ("02", "80", 0, 1),
        ("60", "80", 1, 1),
        ("60", "75", 1, -1),
        ("13", "59", 1, 1),
        ("29", "67", 0, -1),
        ("2A", "2B", 1, 1),
        ("33", "69", 0, -1),
        ("44", "35", 1, 1),
    ],
)
def test_tiles_lie_as_on_the_map(one: str, other: str, axis: int, sign: int) -> None:
    tiles = _departments()
    assert sign * (tiles[one][axis] - tiles[other][axis]) > 0


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_table_has_a_caption_and_every_section_a_name(path: Path) -> None:
    text = path.read_text()
    assert text.count("<table ") == text.count("<caption ")
    named = re.findall(r'<section [^>]*aria-labelledby="([\w-]+)"', text)
    assert len(named) == text.count("<section ")
    assert all(f'id="{name}"' in text for name in named)
