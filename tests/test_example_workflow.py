"""The example of workflows, as a real DAG run on whatever Airflow is installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider_omics.emulator.clock import Clock
from airflow_provider_omics.emulator.neighbours import MotoNeighbours
from airflow_provider_omics.emulator.server import Server
from airflow_provider_omics.emulator.store import Store
from airflow_provider_omics.hooks import schema
from tests.dag_runner import DagRunner
from tests.test_example_dags import ACCOUNT, BUCKET, EXAMPLES, REGION, SPEED, runs_of

pytestmark = [
    pytest.mark.matrix,
    pytest.mark.skipif(
        "CreateWorkflowVersion" not in schema.service_model().operation_names,
        reason="the installed botocore has no versions of workflows",
    ),
]


@pytest.fixture(scope="module")
def emulator() -> Iterator[Server]:
    """Start a HealthOmics without any workflow."""
    neighbours = MotoNeighbours()
    with Server(Store(clock=Clock(speed=SPEED), neighbours=neighbours)) as server:
        server.wait()
        neighbours.create_bucket(BUCKET, ACCOUNT, REGION)
        yield server
    neighbours.reset()


@pytest.fixture(scope="module")
def dag_run(emulator: Server, dag_runner: DagRunner) -> dict[str, Any]:
    """Run the DAG, and return what became of it."""
    (found,), log = dag_runner.run(emulator.url, EXAMPLES / "example_workflow.py", EXAMPLES / "line_count")
    return {**found, "log": log}


def test_a_workflow_is_registered_run_and_deleted(dag_run: dict[str, Any], emulator: Server) -> None:
    assert dag_run["state"] == "success", dag_run["log"]
    tasks = {task["task"]: task["xcom"] for task in dag_run["tasks"]}
    assert {task["state"] for task in dag_run["tasks"]} == {"success"}
    made = tasks["workflow"]
    assert {key: made[key] for key in made["return_value"]} == made["return_value"]
    (run,) = runs_of(emulator.url)
    assert (run["workflowId"], run["workflowVersionName"]) == (made["id"], made["version_name"])
    assert (run["status"], run["storageType"]) == ("COMPLETED", "DYNAMIC")
    release = tasks["release"]
    assert (release["id"], release["created"], release["digest"]) == (made["id"], True, made["digest"])
    assert tasks["usable_version"]["versionName"] == release["version_name"] == "release-1.0"
    assert tasks["usable_version"]["description"] == "Line counts, release 1.0."
    assert (tasks["usable"]["name"], tasks["deleted"]["versions_deleted"]) == ("line_count.retired", 1)
