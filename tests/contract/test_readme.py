from __future__ import annotations

import re

from tests.support.readme_tables import README, filled

TEXT = README.read_text()


def test_the_tables_are_those_of_the_code() -> None:
    assert filled(TEXT) == TEXT, "run: .venv/bin/python -m tests.support.readme_tables"


def test_every_make_target_that_the_readme_names_exists() -> None:
    makefile = (README.parent / "Makefile").read_text()

    for target in re.findall(r"^make ([a-z-]+)", TEXT, re.MULTILINE) + re.findall(
        r"`make ([a-z-]+)`", TEXT
    ):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_file_that_the_readme_names_exists() -> None:
    for name in re.findall(
        r"`((?:streams|agents|metrics|simulators|deploy|tests|schemas)/[\w./-]*)`", TEXT
    ):
        assert (README.parent / name).exists(), name
