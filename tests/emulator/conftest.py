"""A frozen clock, a store with one ACTIVE workflow, and boto3 wired to it; and a server with its neighbours."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from airflow_provider_omics.emulator import Clock, Store
from airflow_provider_omics.emulator.neighbours import MotoNeighbours
from airflow_provider_omics.emulator.server import Server
from tests.emulator.served import Client, connect
from tests.emulator.wired import ACCOUNT, REGION, WORKFLOW, Memory, Service, Wire


@pytest.fixture(scope="session")
def wire() -> Wire:
    return Wire()


@pytest.fixture(scope="session")
def wired_client(wire: Wire) -> Any:
    return wire.client()


@pytest.fixture
def service(wire: Wire, wired_client: Any) -> Iterator[Service]:
    """Return a fresh service with buckets in memory, at noon of a frozen day."""
    memory = Memory()
    clock = Clock(frozen=True, start=datetime(2026, 1, 1, 12, tzinfo=UTC))
    wire.store = Store(clock=clock, neighbours=memory)
    wire.store.seed_workflow(ACCOUNT, REGION, WORKFLOW, "cohort")
    yield Service(wired_client, wire.store, clock, memory)
    wire.store = Store()


@pytest.fixture
def server() -> Iterator[Server]:
    neighbours = MotoNeighbours()
    with Server(Store(clock=Clock(frozen=True), neighbours=neighbours)) as server:
        neighbours.create_bucket("genomes", ACCOUNT, "us-east-1")
        yield server
    neighbours.reset()


@pytest.fixture
def client(server: Server) -> Client:
    return partial(connect, server)
