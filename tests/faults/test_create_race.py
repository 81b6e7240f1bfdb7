"""Eight workers create the same run cache at once: whatever the service does, they end up with one."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from airflow_provider_omics.emulator.clock import Clock
from airflow_provider_omics.emulator.connection import CONNECTION, connection_json
from airflow_provider_omics.emulator.server import Server
from airflow_provider_omics.emulator.store import Store

SCRIPT = Path(__file__).with_name("create_caches.py")
ACCOUNT, REGION = "123456789012", "us-east-1"
NAME, LOCATION = "genomes.cache", "s3://genomes/cache"
WORKERS = 8
DEADLINE_SECONDS = 120

pytestmark = pytest.mark.slow


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Start a HealthOmics on the real clock whose lists lag and whose creation times are coarse."""
    store = Store(clock=Clock())
    store.faults.list_lag = 2
    store.faults.time_resolution = 1
    # Of two caches of one second the younger one then has the lower id: nobody can rely on having been first.
    ids = itertools.count(9_999_999, -1)
    monkeypatch.setattr(store.region(ACCOUNT, REGION), "new_id", lambda resource: str(next(ids)))
    with Server(store) as server:
        server.wait()
        yield server


def race(server: Server, spread: float) -> list[dict[str, Any]]:
    """Let the workers start within so many seconds, and return their results."""
    delays = [str(spread * number / WORKERS) for number in range(WORKERS)]
    environment = os.environ | {CONNECTION: connection_json(server.url)}
    command: list[str | Path] = [sys.executable, SCRIPT, LOCATION, *delays]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    results: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    assert [result for result in results if "error" in result] == [], done.stderr
    return results


def names(server: Server) -> dict[str, str]:
    """Return the names of all ACTIVE caches by their ids, as the service itself knows them."""
    caches = server.store.region(ACCOUNT, REGION).run_caches
    every = [cache for number in range(100) if (cache := caches.get(str(9_999_999 - number)))]
    return {cache.members["id"]: cache.members["name"] for cache in every if cache.status == "ACTIVE"}


@pytest.mark.parametrize("spread", [0.0, 3.0, 6.0])
def test_one_of_eight_caches_wins(emulator: Server, spread: float) -> None:
    emulator.store.faults.idempotency = "off"
    results = race(emulator, spread)
    assert len({result["id"] for result in results}) == 1, results
    winner = results[0]["id"]
    left = names(emulator)
    assert len(left) == emulator.store.faults.calls["CreateRunCache"] > 1
    assert left.pop(winner) == NAME
    assert set(left.values()) == {f"{NAME} duplicate of {winner}"}
    assert emulator.store.faults.calls["DeleteRunCache"] == 0
    assert [result["id"] for result in results if result["created"]] == [winner]


@pytest.mark.parametrize("reply", ["replay", "conflict"])
def test_one_request_id_makes_one_cache(emulator: Server, reply: Literal["replay", "conflict"]) -> None:
    emulator.store.faults.idempotency = reply
    results = race(emulator, 0.0)
    assert {result.get("id"): NAME for result in results} == {
        id_: name for id_, name in names(emulator).items() if name == NAME
    }
    if reply == "replay":
        assert len(names(emulator)) == 1
