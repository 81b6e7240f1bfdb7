"""Every call that boto3's clients of this process make, whatever their service."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from unittest.mock import patch

from botocore.client import BaseClient


class Call(NamedTuple):
    """One call: the service by boto3's name, the operation and its members."""

    service: str
    operation: str
    members: dict[str, Any]


@contextmanager
def recorded() -> Iterator[list[Call]]:
    """Record the calls that are made here, and let them through."""
    calls: list[Call] = []
    base: Any = BaseClient
    make = base._make_api_call

    def record(client: Any, operation: str, members: dict[str, Any]) -> Any:
        calls.append(Call(client.meta.service_model.service_name, operation, dict(members)))
        return make(client, operation, members)

    with patch.object(base, "_make_api_call", record):
        yield calls
