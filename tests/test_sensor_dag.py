"""Sensors in every mode, and the operators that end runs, as a real DAG run on whatever Airflow is installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_omics.emulator.clock import Clock
from airflow_provider_omics.emulator.neighbours import MotoNeighbours
from airflow_provider_omics.emulator.server import Server
from airflow_provider_omics.emulator.simulated import Plan, Task
from airflow_provider_omics.emulator.store import Store
from tests.dag_runner import DagRunner
from tests.test_example_dags import runs_of

pytestmark = pytest.mark.matrix

TESTS = Path(__file__).parent
WORKFLOW, ENDLESS = "1234567", "7654321"
ACCOUNT, REGION, BUCKET = "123456789012", "us-east-1", "amzn-s3-demo-bucket"
SPEED = 60
"""Emulated seconds in a real one: a run of three minutes goes on while it is first looked at."""


@pytest.fixture(scope="module")
def emulator() -> Iterator[Server]:
    """Start a HealthOmics with a workflow, and with one whose runs take a day."""
    neighbours = MotoNeighbours()
    store = Store(clock=Clock(speed=SPEED), neighbours=neighbours)
    for workflow_id in (WORKFLOW, ENDLESS):
        store.seed_workflow(ACCOUNT, REGION, workflow_id, name="germline")
    store.plans.set(ENDLESS, Plan((Task("align", seconds=86400),)))
    with Server(store) as server:
        server.wait()
        neighbours.create_bucket(BUCKET, ACCOUNT, REGION)
        yield server
    neighbours.reset()


@pytest.fixture(scope="module")
def tasks(emulator: Server, dag_runner: DagRunner) -> dict[str, Any]:
    """Run the DAG, and return what became of its tasks."""
    (dag_run,), log = dag_runner.run(emulator.url, TESTS / "dags" / "sensor_modes.py")
    assert dag_run["state"] == "success", log
    assert "failed" not in {task["state"] for task in dag_run["tasks"]}, log
    return {task["task"]: task for task in dag_run["tasks"]}


def test_every_mode_sees_the_end_and_pushes_the_same(tasks: dict[str, Any]) -> None:
    started = tasks["started"]["xcom"]["return_value"]
    for task_id in ("poked", "rescheduled", "deferred"):
        task = tasks[task_id]
        assert (task["state"], task["xcom"]["status"]) == ("success", "COMPLETED"), task_id
        assert (task["xcom"]["id"], task["xcom"]["uuid"]) == (started["id"], started["uuid"])
        assert task["xcom"]["return_value"] == tasks["poked"]["xcom"]["return_value"]


def test_a_run_that_is_cancelled_skips_who_watches_it_with_soft_fail(tasks: dict[str, Any]) -> None:
    assert tasks["cancelled"]["xcom"]["return_value"]["status"] == "CANCELLED"
    assert (tasks["skipped"]["state"], tasks["skipped_deferred"]["state"]) == ("skipped", "skipped")


def test_what_was_deleted_is_gone(tasks: dict[str, Any], emulator: Server) -> None:
    assert tasks["deleted"]["xcom"]["deleted"]
    assert tasks["group_deleted"]["xcom"]["deleted"]
    assert [run["id"] for run in runs_of(emulator.url)] == [tasks["started"]["xcom"]["id"]]
