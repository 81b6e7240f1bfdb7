"""The body of an HTTP/1.1 request, read to its end and no further: RFC 9112, sections 6 and 7."""

from __future__ import annotations

import re
from collections.abc import Mapping
from io import BufferedIOBase

from airflow_provider_omics.emulator.errors import ValidationException

LINE = 65_536
"""How long a line may be, in bytes."""

FIELDS = 100
"""How many headers a request can have, and how many trailers."""

_LARGEST = 5 * 1024**3
"""How large a body may be, in bytes: the largest object that S3 takes in one request."""

_DIGITS = {10: re.compile(r"[0-9]{1,16}"), 16: re.compile(r"[0-9A-Fa-f]{1,16}")}


def read_body(stream: BufferedIOBase, headers: Mapping[str, str]) -> bytes:
    """Return the body of the request whose head has just been read from a stream.

    :param headers: with names in lower case.
    :raises ValidationException: if it is none; where the next request begins is then unknown.
    """
    coding = headers.get("transfer-encoding")
    if coding is None:
        length = headers.get("content-length")
        return _exactly(stream, _size("Content-Length", length, 10)) if length else b""
    if coding.lower() != "chunked":
        raise ValidationException(f"The Transfer-Encoding can only be chunked, not {coding[:40]!r}.")
    return _chunks(stream)


def _chunks(stream: BufferedIOBase) -> bytes:
    body = bytearray()
    while size := _size("size of a chunk", stream.readline(LINE).split(b";")[0].strip().decode("latin-1"), 16):
        if len(body) + size > _LARGEST:
            raise ValidationException(f"The body is larger than {_LARGEST} bytes.")
        body += _exactly(stream, size)
        if stream.readline(LINE).strip():
            raise ValidationException(f"A chunk is longer than its size, {size} bytes.")
    for _ in range(FIELDS + 1):
        if not stream.readline(LINE).strip():
            return bytes(body)
    raise ValidationException(f"The body has more than {FIELDS} trailers.")


def _size(what: str, text: str, base: int) -> int:
    size = int(text, base) if _DIGITS[base].fullmatch(text) else None
    if size is None or size > _LARGEST:
        raise ValidationException(f"The {what} must be a number up to {_LARGEST}, not {text[:40]!r}.")
    return size


def _exactly(stream: BufferedIOBase, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise ValidationException(f"The body ends after {len(data)} bytes, of {size}.")
    return data
