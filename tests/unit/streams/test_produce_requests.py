from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.types import Array, Bytes, Int16, Schema
from hypothesis import given
from hypothesis import strategies as st

from streams.produce_requests import encoded, install_flat_requests

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSIONS = ProduceRequest._CLASSES
STOCK = VERSIONS[0].encode

topics = st.lists(
    st.tuples(
        st.text(max_size=8),
        st.lists(st.tuples(st.integers(0, 2**31 - 1), st.binary(max_size=40)), max_size=4),
    ),
    max_size=4,
)


@pytest.fixture
def flat() -> Iterator[None]:
    install_flat_requests()
    yield
    for version in VERSIONS:
        del version.encode


def request_of(version: type[Any], own: list[Any], *, transaction: str | None = None) -> Any:
    begin = (transaction,) if "transactional_id" in version.SCHEMA.names else ()
    return version(*begin, -1, 60_000, own)


@given(version=st.sampled_from(VERSIONS), own=topics, transaction=st.none() | st.text(max_size=5))
def test_a_request_is_the_bytes_that_the_stock_encoder_makes(
    version: type[Any], own: list[Any], transaction: str | None
) -> None:
    request = request_of(version, own, transaction=transaction)

    values = [getattr(request, name) for name in version.SCHEMA.names]

    assert encoded(version.SCHEMA, values) == STOCK(request)


def test_a_batch_may_be_a_buffer_that_its_builder_goes_on_using() -> None:
    batch = bytearray(b"a batch")
    request = request_of(VERSIONS[-1], [("changelog", [(3, batch)])])
    values = [getattr(request, name) for name in request.SCHEMA.names]

    found = encoded(request.SCHEMA, values)
    batch[:] = b"another"

    assert b"a batch" in found


def test_no_list_and_no_bytes_are_told_from_empty_ones() -> None:
    schema = Schema(("one", Array(Int16)), ("other", Bytes))

    for values in ([None, None], [[], b""]):
        assert encoded(schema, values) == schema.encode(values)


def test_a_value_too_many_is_refused() -> None:
    with pytest.raises(ValueError, match="longer"):
        encoded(Schema(("one", Int16)), [1, 2])


@pytest.mark.usefixtures("flat")
def test_once_installed_every_version_is_written_so() -> None:
    for version in VERSIONS:
        request = request_of(version, [("findings", [(0, b"batch")])])

        assert version.encode is not STOCK
        assert request.encode() == STOCK(request)
