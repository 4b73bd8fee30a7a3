"""Whatever the deployment names exists: metrics, settings, files, commands, topics."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import typer

from metrics.catalogue import CATALOGUE
from streams.cli import app
from streams.settings import PREFIX, Settings
from streams.topics import TOPICS
from tests.support.deployment import DEPLOY, ROOT

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = sorted(
    path
    for path in DEPLOY.rglob("*")
    if path.is_file()
    and path.suffix in {".yaml", ".yml", ".json", ".md", ".env", ".tmpl", ""}
    and not path.name.endswith(".test.yml")
)
README = (DEPLOY / "README.md").read_text()
GROUP = typer.main.get_command(app)


def _id(path: Path) -> str:
    return path.relative_to(DEPLOY).as_posix()


@pytest.mark.parametrize("path", TEXTS, ids=_id)
def test_every_metric_is_exported(path: Path) -> None:
    exported = {
        f"{spec.full_name}{suffix}"
        for spec in CATALOGUE.values()
        for suffix in ("", *(("_bucket", "_count", "_sum") if spec.kind == "histogram" else ()))
    }
    named = set(re.findall(r"(?<![:\w])vigie_[a-z0-9_]+(?![:\w])", path.read_text()))
    # A pattern such as vigie_objective_.* ends in an underscore.
    begun = {
        name
        for name in named
        if name.endswith("_") and any(one.startswith(name) for one in exported)
    }
    assert named - exported - begun == set()


@pytest.mark.parametrize("path", TEXTS, ids=_id)
def test_every_setting_is_one(path: Path) -> None:
    known = {PREFIX + name.upper() for name in Settings.__dataclass_fields__}
    named = set(re.findall(rf"\b{PREFIX}[A-Z_]*[A-Z]\b", path.read_text()))
    assert named - known == set()


@pytest.mark.parametrize("path", [DEPLOY / "README.md", DEPLOY / "runbook.md"], ids=_id)
def test_every_command_is_one(path: Path) -> None:
    for text in re.findall(r"`([^`\n]+)`", path.read_text()):
        words = re.split(r"(?:^|\s)(?<!--namespace )vigie ", text)
        for said in words[1:]:
            command, *rest = said.split()
            assert command in GROUP.commands, text
            one = GROUP.commands[command]
            if hasattr(one, "commands") and rest:
                assert rest[0].partition("|")[0] in one.commands, text


def test_every_file_that_the_readme_names_is_there() -> None:
    named = re.findall(r"`([\w./-]+/[\w.-]+\.(?:ya?ml|py|env|md)|[\w-]+\.md)`", README)
    assert len(named) >= 10
    missing = [name for name in named if not ((DEPLOY / name).exists() or (ROOT / name).exists())]
    assert missing == []


def test_the_readme_names_every_topic_that_outlives_the_others() -> None:
    year_ms = 365 * 86_400_000
    kept = [
        name for name, spec in TOPICS.items() if spec.retention_ms and spec.retention_ms > year_ms
    ]
    backups = README.partition("## Backups")[2].partition("\n## ")[0]
    assert [name for name in kept if f"`{name}`" not in backups] == []
