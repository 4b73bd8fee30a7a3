"""What `deploy/` holds, as its tests read it: the compose file's services and Kubernetes' objects."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT: Final = Path(__file__).parents[2]
DEPLOY: Final = ROOT / "deploy"
COMPOSE: Final = DEPLOY / "compose.yaml"
KUBERNETES: Final = DEPLOY / "kubernetes"

_VARIABLE: Final = re.compile(r"\$\$|\$\{(?P<name>\w+)(?::-(?P<default>[^}]*))?\}|\$(?P<bare>\w+)")


def compose(environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The compose file as Compose sees it: anchors resolved, variables put in.

    Args:
        environ: variables of the shell that calls Compose; none by default.

    Raises:
        ValueError: a variable has neither a value nor a default.
    """
    document = yaml.safe_load(COMPOSE.read_text())
    put_in: dict[str, Any] = _put_in(document, environ or {})
    return put_in


def services(environ: Mapping[str, str] | None = None) -> dict[str, dict[str, Any]]:
    """The compose file's services by name."""
    found: dict[str, dict[str, Any]] = compose(environ)["services"]
    return found


def environment(service: Mapping[str, Any]) -> dict[str, str]:
    """A service's variables, as the process gets them."""
    return {name: str(value) for name, value in service.get("environment", {}).items()}


def argv(service: Mapping[str, Any], entrypoint: tuple[str, ...]) -> list[str]:
    """The command line of a service; `entrypoint` is the image's own."""
    return [*_words(service.get("entrypoint", entrypoint)), *_words(service.get("command", ()))]


def published(service: Mapping[str, Any]) -> Iterator[tuple[str, int, int]]:
    """Address and port on the machine, and the port in the container, of each published port."""
    for text in service.get("ports", ()):
        address, _, rest = str(text).rpartition(":")[0].rpartition(":")
        yield address, int(rest), int(str(text).rpartition(":")[2])


def objects() -> dict[tuple[str, str], dict[str, Any]]:
    """Every Kubernetes object of the manifests by kind and name; kustomizations apart."""
    return {
        (document["kind"], document["metadata"]["name"]): document
        for path in sorted(KUBERNETES.rglob("*.yaml"))
        if path.name != "kustomization.yaml"
        for document in yaml.safe_load_all(path.read_text())
    }


def settings_file() -> dict[str, str]:
    """The variables that every pod of Vigie gets."""
    lines = (KUBERNETES / "base" / "settings.env").read_text().splitlines()
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def _words(given: Any) -> list[str]:
    return shlex.split(given) if isinstance(given, str) else [str(word) for word in given]


def _put_in(value: Any, environ: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _put_in(one, environ) for key, one in value.items()}
    if isinstance(value, list):
        return [_put_in(one, environ) for one in value]
    if isinstance(value, str):
        return _VARIABLE.sub(lambda match: _value_of(match, environ), value)
    return value


def _value_of(match: re.Match[str], environ: Mapping[str, str]) -> str:
    if match[0] == "$$":
        return "$"
    name = match["name"] or match["bare"]
    found = environ.get(name) or match["default"]
    if found is None:
        raise ValueError(f"compose.yaml: {name} has no default")
    return found
