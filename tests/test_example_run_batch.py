"""The examples of run batches, as real DAG runs on whatever Airflow is installed: one sample fails first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider_omics.emulator.clock import Clock
from airflow_provider_omics.emulator.neighbours import MotoNeighbours
from airflow_provider_omics.emulator.server import Server
from airflow_provider_omics.emulator.simulated import Plan, Task
from airflow_provider_omics.emulator.store import Store
from tests.dag_runner import DagRunner
from tests.emulator.batches import needs_batches
from tests.test_example_dags import ACCOUNT, BUCKET, EXAMPLES, REGION, SPEED, WORKFLOW, runs_of

pytestmark = [needs_batches, pytest.mark.matrix]

SAMPLES = ["NA12878", "NA12891", "NA12892"]


@pytest.fixture(scope="module")
def emulator() -> Iterator[Server]:
    """Start a HealthOmics in which a task of one sample fails once."""
    neighbours = MotoNeighbours()
    store = Store(clock=Clock(speed=SPEED), neighbours=neighbours)
    store.seed_workflow(ACCOUNT, REGION, WORKFLOW, name="germline")
    store.plans.set("*", Plan((Task("align"), Task("call", after=("align",), fail_first=1, fails_in=("NA12892",)))))
    with Server(store) as server:
        server.wait()
        neighbours.create_bucket(BUCKET, ACCOUNT, REGION)
        yield server
    neighbours.reset()


@pytest.fixture(scope="module")
def dag_runs(emulator: Server, dag_runner: DagRunner) -> tuple[list[dict[str, Any]], str]:
    """Run both DAGs, and return what became of them, and the log."""
    return dag_runner.run(emulator.url, EXAMPLES / "example_run_batch.py", EXAMPLES / "example_run_batch_upkeep.py")


def tasks(dag_run: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {task["task"]: task for task in dag_run["tasks"]}


def test_the_retry_starts_only_the_sample_that_failed(
    dag_runs: tuple[list[dict[str, Any]], str], emulator: Server
) -> None:
    (cohort, _), log = dag_runs
    assert cohort["state"] == "success", log
    done = tasks(cohort)
    assert done["cohort"]["tries"] == 2
    result = done["cohort"]["xcom"]["return_value"]
    assert {row["run_setting_id"]: row["tasks_reused"] for row in result["runs"]} == {
        "NA12878": 0,
        "NA12891": 0,
        "NA12892": 1,
    }
    assert len(set(result["batch_ids"])) == 2
    assert done["completed"]["xcom"]["return_value"] == SAMPLES


def test_a_batch_is_watched_and_deleted_with_its_runs(
    dag_runs: tuple[list[dict[str, Any]], str], emulator: Server
) -> None:
    (cohort, upkeep), log = dag_runs
    states = {name: task["state"] for name, task in tasks(upkeep).items()}
    assert states == {
        "started": "success",
        "watched": "success",
        "cancelled": "skipped",
        "runs_deleted": "success",
        "deleted": "success",
    }, log
    assert tasks(upkeep)["runs_deleted"]["xcom"]["deleted"] == 2
    left = {run["id"] for run in runs_of(emulator.url)}
    assert {row["run_id"] for row in tasks(cohort)["cohort"]["xcom"]["runs"]} <= left
    assert len(left) == 4
