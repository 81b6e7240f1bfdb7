"""A DAG run by a real scheduler, worker, triggerer and web server, against the emulator."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest

from airflow_provider_omics.emulator.clock import Clock
from airflow_provider_omics.emulator.connection import CONNECTION, connection_json
from airflow_provider_omics.emulator.neighbours import MotoNeighbours
from airflow_provider_omics.emulator.server import Server
from airflow_provider_omics.emulator.store import Store
from tests.e2e.airflow_processes import Airflow

DAG = Path(__file__).parent.parent / "dags" / "deferred_run.py"
TRIGGER = "airflow_provider_omics.triggers.omics.OmicsTrigger"
ACCOUNT, REGION = "123456789012", "us-east-1"

pytestmark = pytest.mark.slow


@pytest.fixture
def emulator() -> Iterator[Server]:
    """Start a HealthOmics whose time stands still: no run ends before the test has seen what it wants to see."""
    neighbours = MotoNeighbours()
    store = Store(clock=Clock(frozen=True), neighbours=neighbours)
    store.seed_workflow(ACCOUNT, REGION, "1234567", name="cohort")
    with Server(store) as server:
        server.wait()
        neighbours.create_bucket("amzn-s3-demo-bucket", ACCOUNT, REGION)
        yield server
    neighbours.reset()


@pytest.fixture
def airflow(emulator: Server, tmp_path: Path) -> Iterator[Airflow]:
    """Start Airflow with the one DAG, and leave nothing running."""
    home, dags = tmp_path / "airflow", tmp_path / "dags"
    home.mkdir()
    dags.mkdir()
    shutil.copy(DAG, dags)
    with Airflow(home, dags, {CONNECTION: connection_json(emulator.url)}) as processes:
        yield processes
        started = [member for process in processes.processes.values() for member in process.family()]
    assert [process for process in started if process.is_running() and process.status() != psutil.STATUS_ZOMBIE] == []


def test_a_deferred_run_ends_in_the_triggerer(airflow: Airflow, emulator: Server) -> None:
    run_id = airflow.trigger("deferred_run")

    def deferred() -> dict[str, Any] | None:
        task = airflow.task("deferred_run", run_id, "run")
        return task if task["state"] == "deferred" and task["triggerer_job"] else None

    task = airflow.until("the triggerer has the task's trigger", deferred)
    assert task is not None
    assert task["trigger"]["classpath"] == TRIGGER
    calls = emulator.store.faults.calls
    before = calls["GetRun"]
    airflow.until("the trigger looks at the run, again and again", lambda: calls["GetRun"] > before + 1)
    assert airflow.task("deferred_run", run_id, "run")["state"] == "deferred"
    # A task that is resumed before the scheduler has heard of its deferral is failed by Airflow.
    heard = r"Received executor event with state success .*task_id='run'"
    airflow.until("the scheduler knows that the worker is free", lambda: airflow.logged("scheduler", heard))

    emulator.store.clock.advance(3600)
    ended = ("success", "failed")
    state = airflow.until(
        "the DAG run ends", lambda: (s := airflow.dag_run("deferred_run", run_id)["state"]) in ended and s
    )
    assert state == "success", "\n".join(process.tail() for process in airflow.processes.values())

    cache_id = airflow.xcom("deferred_run", run_id, "cache", "id")
    result = airflow.xcom("deferred_run", run_id, "run", "return_value")
    assert (result["status"], result["tasks_computed"], result["tasks_reused"]) == ("COMPLETED", 5, 0)
    assert airflow.xcom("deferred_run", run_id, "run", "arn") == result["arn"]
    run = emulator.store.region(ACCOUNT, REGION).runs.get(result["id"])
    assert run is not None
    assert run.members["cacheId"] == cache_id
    assert calls["StartRun"] == 1
    assert airflow.links("deferred_run", run_id, "run") == {
        "HealthOmics run": f"https://{REGION}.console.aws.amazon.com/omics/home?region={REGION}#/runs/{result['id']}"
    }
