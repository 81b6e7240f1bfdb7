"""A HealthOmics with S3 beside it, at an address that other programs reach."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airflow_provider_omics.emulator.clock import Clock
from airflow_provider_omics.emulator.neighbours import MotoNeighbours
from airflow_provider_omics.emulator.server import Server
from airflow_provider_omics.emulator.store import Store
from tests.clients.samples import ACCOUNT, BUCKETS, REGION


@pytest.fixture
def clock() -> Clock:
    """Return the emulator's clock; it stands still unless a test has another one."""
    return Clock(frozen=True)


@pytest.fixture
def emulator(clock: Clock) -> Iterator[Server]:
    """Start a HealthOmics with the buckets that AWS's samples name."""
    neighbours = MotoNeighbours()
    with Server(Store(clock=clock, neighbours=neighbours)) as server:
        server.wait()
        for bucket in BUCKETS:
            neighbours.create_bucket(bucket, ACCOUNT, REGION)
        yield server
    neighbours.reset()
