"""The bill of materials and the licences are those of the pinned requirements."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from tests.support.sbom import (
    ALLOWED_AT_RUNTIME,
    LIST,
    PAGE,
    ROOT,
    RUNTIME,
    SBOM,
    Component,
    bill,
    components,
    licence_list,
    licence_of,
)

SEVERAL = components()
DOCUMENT = json.loads(SBOM.read_text(encoding="utf-8"))


def test_both_files_are_what_make_sbom_writes() -> None:
    assert SBOM.read_text(encoding="utf-8") == bill(SEVERAL), "run make sbom"
    assert LIST.read_text(encoding="utf-8") == licence_list(SEVERAL), "run make sbom"


def test_every_pinned_package_is_listed_with_its_version_and_hashes() -> None:
    listed = {
        (one["name"], one["version"].lower()): one["hashes"] for one in DOCUMENT["components"]
    }
    for lock in ("requirements.txt", "requirements-dev.txt", "requirements-bench.txt"):
        text = (ROOT / lock).read_text(encoding="utf-8")
        for name, version in re.findall(r"^([a-z0-9._-]+)==([^\s\\]+)", text, flags=re.MULTILINE):
            assert listed[name, version], f"{name} of {lock} has no hashes"


def test_only_licences_that_ask_for_notices_alone_run_with_the_service() -> None:
    assert _foreign(SEVERAL) == []


def test_a_licence_that_binds_the_service_would_be_seen() -> None:
    strict = [
        replace(SEVERAL[0], licence="AGPL-3.0-only"),
        replace(SEVERAL[1], licence="MIT AND SSPL-1.0"),
    ]

    assert _foreign(strict) == [one.name for one in strict]


def test_no_address_clock_or_path_stands_in_them() -> None:
    for path in (SBOM, LIST):
        text = path.read_text(encoding="utf-8")
        assert (
            re.findall(r"https?://|/work|/home|timestamp|serialNumber|20\d\d-\d\d-\d\dT", text)
            == []
        )


def test_every_reference_of_the_dependency_graph_exists() -> None:
    known = {one["bom-ref"] for one in DOCUMENT["components"]} | {"vigie"}
    assert len(known) == len(DOCUMENT["components"]) + 1
    for entry in DOCUMENT["dependencies"]:
        assert {entry["ref"], *entry["dependsOn"]} <= known


def test_a_package_of_another_version_than_the_pinned_one_is_not_vouched_for() -> None:
    with pytest.raises(LookupError, match="is pinned"):
        licence_of("numpy", "0.0.1")


def _foreign(several: list[Component]) -> list[str]:
    """Names of what runs with the service under none of the allowed licences alone."""
    return [
        one.name for one in several if one.part in (RUNTIME, PAGE) and not _is_allowed(one.licence)
    ]


def _is_allowed(expression: str) -> bool:
    """Whether every part of an expression is allowed; of an alternative one part is enough."""
    plain = expression
    while match := re.search(r"\(([^()]*)\)", plain):
        plain = plain.replace(match[0], "MIT" if _is_allowed(match[1]) else "none")
    parts = [re.split(r" OR ", part) for part in plain.split(" AND ")]
    return all(any(one in ALLOWED_AT_RUNTIME for one in part) for part in parts)
