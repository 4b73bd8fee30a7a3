"""README's tables, made from the code that they describe: `python -m tests.support.readme_tables`."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from metrics.catalogue import CATALOGUE
from streams.settings import PREFIX, Settings
from streams.topics import TOPICS

README = Path(__file__).resolve().parents[2] / "README.md"
DAY_MS = 86_400_000


def settings_table() -> str:
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for item in dataclasses.fields(Settings):
        default = item.default
        shown = ",".join(default) if isinstance(default, tuple) else str(default)
        cell = f"`{shown}`" if shown else "none"
        rows.append(f"| `{PREFIX}{item.name.upper()}` | {cell} | {item.metadata['doc']} |")
    return "\n".join(rows)


def topics_table() -> str:
    rows = ["| topic | value | key | partitions | kept |", "|---|---|---|---|---|"]
    for spec in TOPICS.values():
        partitions = "`VIGIE_PARTITIONS`" if spec.partitions == "shared" else str(spec.partitions)
        kept = "compacted" if spec.retention_ms is None else f"{spec.retention_ms // DAY_MS} days"
        record = spec.record or "internal"
        rows.append(f"| `{spec.name}` | {record} | {spec.key} | {partitions} | {kept} |")
    return "\n".join(rows)


def metrics_table() -> str:
    rows = ["| metric | labels | meaning |", "|---|---|---|"]
    for spec in CATALOGUE.values() if isinstance(CATALOGUE, dict) else CATALOGUE:
        labels = " ".join(f"`{label.name}`" for label in spec.labels)
        rows.append(f"| `vigie_{spec.name}` | {labels} | {spec.help} |")
    return "\n".join(rows)


TABLES = {"settings": settings_table, "topics": topics_table, "metrics": metrics_table}


def filled(text: str) -> str:
    """The README with every table as the code has it now."""
    for name, table in TABLES.items():
        start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        before, _, rest = text.partition(start)
        _, _, after = rest.partition(end)
        text = f"{before}{start}\n{table()}\n{end}{after}"
    return text


if __name__ == "__main__":
    README.write_text(filled(README.read_text()))
