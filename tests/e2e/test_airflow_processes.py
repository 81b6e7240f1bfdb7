"""A DAG run by a real scheduler, worker, triggerer and web server, against the emulator."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest

from airflow_provider_omics.emulator.clock import Clock
from airflow_provider_omics.emulator.connection import CONNECTION, connection_json
from airflow_provider_omics.emulator.neighbours import MotoNeighbours
from airflow_provider_omics.emulator.server import Server
from airflow_provider_omics.emulator.simulated import GENOME, Plan
from airflow_provider_omics.emulator.store import Store
from airflow_provider_omics.links.omics import RUN_LINKS
from tests.e2e.airflow_processes import Airflow

DAGS = Path(__file__).parent.parent / "dags"
TRIGGER = "airflow_provider_omics.triggers.omics.OmicsTrigger"
ENDED = ("success", "failed", "upstream_failed")
ACCOUNT, REGION = "123456789012", "us-east-1"

pytestmark = pytest.mark.slow


@pytest.fixture
def emulator() -> Iterator[Server]:
    """Start a HealthOmics whose time stands still: no run ends before the test has seen what it wants to see.

    In the first run the last task fails.
    """
    neighbours = MotoNeighbours()
    store = Store(clock=Clock(frozen=True), neighbours=neighbours)
    store.seed_workflow(ACCOUNT, REGION, "1234567", name="cohort")
    *others, last = GENOME.tasks
    store.plans.set("1234567", Plan((*others, replace(last, fail_first=1))))
    with Server(store) as server:
        server.wait()
        neighbours.create_bucket("amzn-s3-demo-bucket", ACCOUNT, REGION)
        yield server
    neighbours.reset()


@pytest.fixture
def airflow(emulator: Server, tmp_path: Path) -> Iterator[Airflow]:
    """Start Airflow with the one DAG, and leave nothing running."""
    home, dags = tmp_path / "airflow", tmp_path / "dags"
    (home / "config").mkdir(parents=True)
    dags.mkdir()
    shutil.copy(DAGS / "deferred_run.py", dags)
    shutil.copy(DAGS / "preloaded.py", home / "config" / "airflow_local_settings.py")
    environment = {CONNECTION: connection_json(emulator.url), "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "1"}
    with Airflow(home, dags, environment) as processes:
        yield processes
        started = [member for process in processes.processes.values() for member in process.family()]
    assert [process for process in started if process.is_running() and process.status() != psutil.STATUS_ZOMBIE] == []


def wait_in_triggerer(airflow: Airflow, emulator: Server, run_id: str, *, try_number: int) -> None:
    """Return when a try of the task is deferred, and the triggerer alone looks at the HealthOmics run."""

    def deferred() -> dict[str, Any] | None:
        task = airflow.task("deferred_run", run_id, "run")
        assert task["state"] not in ENDED, airflow.tails()
        here = task["state"] == "deferred" and task["try_number"] == try_number and task["triggerer_job"]
        return task if here else None

    task = airflow.until(f"the triggerer has the trigger of try {try_number}", deferred)
    assert task is not None
    assert task["trigger"]["classpath"] == TRIGGER
    # A task that is resumed before the scheduler has heard of its deferral is failed by Airflow.
    heard = rf"Received executor event with state success .*task_id='run', .*try_number={try_number}\b"
    airflow.until("the scheduler knows that the worker is free", lambda: airflow.logged("scheduler", heard))
    calls = emulator.store.faults.calls
    before = calls["GetRun"]
    airflow.until("the trigger looks at the run, again and again", lambda: calls["GetRun"] > before + 1)
    assert airflow.task("deferred_run", run_id, "run")["state"] == "deferred"


def test_a_deferred_run_fails_and_its_retry_reuses_the_cache(airflow: Airflow, emulator: Server) -> None:
    run_id = airflow.trigger("deferred_run")
    for try_number in (1, 2):
        wait_in_triggerer(airflow, emulator, run_id, try_number=try_number)
        emulator.store.clock.advance(3600)

    def ended() -> str | None:
        state: str = airflow.dag_run("deferred_run", run_id)["state"]
        return state if state in ENDED else None

    assert airflow.until("the DAG run ends", ended) == "success", airflow.tails()

    cache_id = airflow.xcom("deferred_run", run_id, "cache", "id")
    result = airflow.xcom("deferred_run", run_id, "run", "return_value")
    assert (result["status"], result["tasks_computed"], result["tasks_reused"]) == ("COMPLETED", 1, 4)
    assert airflow.xcom("deferred_run", run_id, "run", "arn") == result["arn"]
    run = emulator.store.region(ACCOUNT, REGION).runs.get(result["id"])
    assert run is not None
    assert run.members["cacheId"] == cache_id
    assert emulator.store.faults.calls["StartRun"] == 2
    assert airflow.links("deferred_run", run_id, "run") == {
        link.name: link.url(REGION, result["id"]) for link in RUN_LINKS
    }
