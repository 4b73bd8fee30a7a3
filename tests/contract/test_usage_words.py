"""The words that usages are told by are those of the flows' contracts, in their order."""

from __future__ import annotations

import pytest

from agents.usage_rules import SYMBOL_WORDS
from agents.usages import DOCUMENT_CLASSES, ORIGINS
from streams.topics import DMP_DEPOSITS, EPRESCRIPTIONS, FLOWS
from tests.support.avro_events import SCHEMAS


@pytest.mark.parametrize("flow", FLOWS)
def test_the_words_of_a_flow_are_its_contract_s_symbols(flow: str) -> None:
    symbols = {column.name: column.symbols for column in SCHEMAS.flow_layout(flow)}

    assert SYMBOL_WORDS[flow] == {name: symbols[name] for name in SYMBOL_WORDS[flow]}


def test_every_class_of_documents_and_every_origin_has_a_usage() -> None:
    assert {*DOCUMENT_CLASSES, "INCONNU"} == set(SYMBOL_WORDS[DMP_DEPOSITS]["doc_class"])
    assert {*ORIGINS, "UNKNOWN"} == set(SYMBOL_WORDS[EPRESCRIPTIONS]["origin"])
