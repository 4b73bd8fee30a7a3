"""Samples of any time into a Prometheus, by its remote-write protocol.

A request is a protobuf message in a snappy block. Both are simple enough here to be written by hand:
times of this century have one width as varints, and snappy may say everything literally.
Source of both forms: Prometheus Remote-Write 1.0, and snappy's format description.
"""

from __future__ import annotations

import urllib.request
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

STALE: Final = np.array([0x7FF0000000000002], np.uint64).view(np.float64)[0]
"""The NaN by which Prometheus marks a series that its target no longer shows."""

_TIMEOUT_S: Final = 60.0
_REQUEST_MAX_BYTES: Final = 8_000_000
_TIME_BYTES: Final = 6  # milliseconds from 2004 to 2109 take six varint bytes
_SAMPLE: Final = np.dtype(
    [
        ("field", "u1"),
        ("size", "u1"),
        ("value_field", "u1"),
        ("value", "<f8"),
        ("time_field", "u1"),
        ("time", "u1", (_TIME_BYTES,)),
    ]
)


def encode_labels(labels: Mapping[str, str]) -> bytes:
    """A series' labels, `__name__` among them, as the message wants them: in order of names."""
    parts = []
    for name, value in sorted(labels.items()):
        pair = _text(1, name) + _text(2, value)
        parts.append(b"\x0a" + _varint(len(pair)) + pair)
    return b"".join(parts)


def encode_series(labels: bytes, times_ms: npt.NDArray[np.int64], values: Any) -> bytes:
    """One series with n samples, as a field of the request."""
    samples = np.zeros(len(times_ms), _SAMPLE)
    samples["field"] = 0x12
    samples["size"] = _SAMPLE.itemsize - 2
    samples["value_field"] = 0x09
    samples["value"] = values
    samples["time_field"] = 0x10
    rest = np.asarray(times_ms, np.int64)
    for place in range(_TIME_BYTES):
        more = 0x80 if place + 1 < _TIME_BYTES else 0
        samples["time"][:, place] = (rest >> (7 * place) & 0x7F) | more
    body = labels + samples.tobytes()
    return b"\x0a" + _varint(len(body)) + body


def write(url: str, series: Iterable[bytes]) -> None:
    """Send encoded series in requests of bounded length.

    Raises:
        urllib.error.HTTPError: Prometheus refuses them.
    """
    for body in _requests(series):
        request = urllib.request.Request(  # noqa: S310 (an address of the test's own)
            url,
            data=_snappy(body),
            headers={
                "Content-Type": "application/x-protobuf",
                "Content-Encoding": "snappy",
                "X-Prometheus-Remote-Write-Version": "0.1.0",
            },
        )
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S):  # noqa: S310 (same)
            pass


def _requests(series: Iterable[bytes]) -> Iterator[bytes]:
    waiting: list[bytes] = []
    size = 0
    for one in series:
        waiting.append(one)
        size += len(one)
        if size > _REQUEST_MAX_BYTES:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)


def _snappy(body: bytes) -> bytes:
    # 0xFC: a literal whose length, less one, follows in four bytes.
    return _varint(len(body)) + b"\xfc" + (len(body) - 1).to_bytes(4, "little") + body


def _text(field: int, text: str) -> bytes:
    octets = text.encode()
    return bytes([field << 3 | 2]) + _varint(len(octets)) + octets


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
