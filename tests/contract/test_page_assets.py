"""The page's files keep what its Content-Security-Policy and its readers need."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from agents.findings import FindingStatus
from metrics.labels import FINDING_DETECTORS, OTHER_DETECTOR, SEVERITIES
from metrics.web import ASSETS, HEADERS, PAGE
from streams.topics import FLOWS
from streams.vocabulary import AUTH_METHODS, INS_STATUSES, INSI_RESULTS

if TYPE_CHECKING:
    from pathlib import Path

FILES = sorted(path for path in PAGE.iterdir() if path.is_file())
SCRIPTS = [path for path in FILES if path.suffix == ".js"]
XML_NAMESPACE = "http://www.w3.org/2000/svg"

every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)


def _words(language: str) -> dict[str, str]:
    text = (PAGE / "words.js").read_text()
    block = re.search(rf"^  {language}: {{\n(.*?)^  }},", text, re.DOTALL | re.MULTILINE)
    assert block
    return dict(re.findall(r'^    (\w+): "(.*)",$', block[1], re.MULTILINE))


def test_every_file_is_served_and_nothing_else() -> None:
    assert sorted(name for name, _ in ASSETS.values()) == [path.name for path in FILES]


@every_file
def test_nothing_comes_from_another_host(path: Path) -> None:
    text = path.read_text().replace(XML_NAMESPACE, "")
    assert not re.search(r"(https?:)?//[a-z0-9-]+\.[a-z]", text, re.IGNORECASE)
    assert not re.search(r"@import|url\(", text)


def test_the_page_needs_no_inline_script_or_style() -> None:
    text = (PAGE / "index.html").read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", text)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_script_builds_markup_from_text(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text)


def test_the_policy_forbids_inline_code_and_other_hosts() -> None:
    policy = HEADERS["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "http" not in policy


def test_both_languages_have_the_same_words() -> None:
    french, english = _words("fr"), _words("en")
    assert french.keys() == english.keys()
    assert len(french) > 30


def test_every_word_of_the_page_exists() -> None:
    html = (PAGE / "index.html").read_text()
    script = "".join(path.read_text() for path in SCRIPTS)
    used = set(re.findall(r'data-word="(\w+)"', html)) | set(re.findall(r'word\("(\w+)"\)', script))
    assert used <= _words("fr").keys()


def test_every_code_and_flow_has_a_name() -> None:
    text = (PAGE / "words.js").read_text()
    for code in (*AUTH_METHODS, *INS_STATUSES, *INSI_RESULTS):
        assert re.search(rf"^  {code}: ", text, re.MULTILINE), code
    for flow in FLOWS:
        assert f'"{flow}": ' in text


def test_every_detector_severity_and_status_has_a_name() -> None:
    text = (PAGE / "words.js").read_text()
    for code in (*FINDING_DETECTORS, *SEVERITIES, *FindingStatus):
        assert code == OTHER_DETECTOR or re.search(rf"^  {code}: ", text, re.MULTILINE), code


def test_every_table_has_a_caption_and_every_section_a_name() -> None:
    text = (PAGE / "index.html").read_text()
    assert text.count("<table ") == text.count("<caption ")
    named = re.findall(r'<section [^>]*aria-labelledby="([\w-]+)"', text)
    assert len(named) == text.count("<section ")
    assert all(f'id="{name}"' in text for name in named)
