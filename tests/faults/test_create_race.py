"""Eight workers create the same run cache at once: whatever the service does, they end up with one."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from airflow_provider_omics.emulator.clock import Clock
from airflow_provider_omics.emulator.connection import CONNECTION, connection_json
from airflow_provider_omics.emulator.faults import Faults, Meeting
from airflow_provider_omics.emulator.server import Server
from airflow_provider_omics.emulator.store import Store
from tests.limit import LIMIT_SECONDS

SCRIPT = Path(__file__).with_name("create_caches.py")
ACCOUNT, REGION = "123456789012", "us-east-1"
NAME, LOCATION = "genomes.cache", "s3://genomes/cache"
WORKERS = 8
FIRST_ID = 9_999_999

pytestmark = pytest.mark.slow


class Race(Faults):
    """Let the first two creations go on together: both workers have looked for a cache by then, and found none."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._order, self._both = itertools.count(1), threading.Barrier(2)

    def meet(self, operation: str) -> Meeting:
        """Wait for the other one of the first two creations."""
        if operation == "CreateRunCache" and next(self._order) <= 2:
            self._both.wait(LIMIT_SECONDS)
        return super().meet(operation)


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Start a HealthOmics on the real clock whose lists lag and whose creation times are coarse."""
    store = Store(clock=Clock())
    store.faults = Race(store.clock)
    store.faults.list_lag = 2
    store.faults.time_resolution = 1
    # Of two caches of one second the younger one then has the lower id: nobody can rely on having been first.
    ids = itertools.count(FIRST_ID, -1)
    monkeypatch.setattr(store.region(ACCOUNT, REGION), "new_id", lambda resource: str(next(ids)))
    with Server(store) as server:
        server.wait()
        yield server


def race(server: Server, spread: float) -> list[dict[str, Any]]:
    """Let the workers start within so many seconds, and return their results."""
    delays = [str(spread * number / WORKERS) for number in range(WORKERS)]
    environment = os.environ | {CONNECTION: connection_json(server.url)}
    command: list[str | Path] = [sys.executable, SCRIPT, LOCATION, *delays]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    results: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    assert [result for result in results if "error" in result] == [], done.stderr
    return results


def names(server: Server) -> dict[str, str]:
    """Return the names of all ACTIVE caches by their ids, as the service itself knows them."""
    caches = server.store.region(ACCOUNT, REGION).run_caches
    made = [cache for number in range(2 * WORKERS + 1) if (cache := caches.get(str(FIRST_ID - number)))]
    return {cache.members["id"]: cache.members["name"] for cache in made if cache.status == "ACTIVE"}


@pytest.mark.parametrize(("reply", "spread"), [("off", 0.0), ("off", 3.0), ("conflict", 0.0)])
def test_one_of_several_caches_wins(emulator: Server, reply: Literal["off", "conflict"], spread: float) -> None:
    emulator.store.faults.idempotency = reply
    results = race(emulator, spread)
    winner = results[0]["id"]
    assert {result["id"] for result in results} == {winner}
    assert [result["id"] for result in results if result["created"]] == [winner]
    left = names(emulator)
    assert len(left) > 1, "the workers did not meet"
    assert left.pop(winner) == NAME
    assert set(left.values()) == {f"{NAME} duplicate of {winner}"}
    assert emulator.store.faults.calls["DeleteRunCache"] == 0


def test_one_request_id_makes_one_cache(emulator: Server) -> None:
    emulator.store.faults.idempotency = "replay"
    results = race(emulator, 0.0)
    assert emulator.store.faults.calls["CreateRunCache"] > 1, "the workers did not meet"
    assert names(emulator) == {results[0]["id"]: NAME}
    assert {result["id"] for result in results} == {results[0]["id"]}
