"""Writes the dashboards' JSON: `python -m metrics.dashboards DIRECTORY`."""

from __future__ import annotations

import sys
from pathlib import Path

from metrics.dashboards.boards import boards

_ARGUMENTS = 2


def main() -> int:
    """Write every dashboard into the directory, and drop those that are no more."""
    if len(sys.argv) != _ARGUMENTS:
        sys.stderr.write("usage: python -m metrics.dashboards DIRECTORY\n")
        return 2
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    texts = {f"{board.uid}.json": board.json() for board in boards()}
    for old in directory.glob("*.json"):
        if old.name not in texts:
            old.unlink()
    for name, text in texts.items():
        (directory / name).write_text(text, encoding="utf-8")
        sys.stdout.write(f"{directory / name}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
