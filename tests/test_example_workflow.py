"""The example of workflows, as a real DAG run on whatever Airflow is installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider_omics.emulator.clock import Clock
from airflow_provider_omics.emulator.connection import CONNECTION, connection_json
from airflow_provider_omics.emulator.neighbours import MotoNeighbours
from airflow_provider_omics.emulator.server import Server
from airflow_provider_omics.emulator.store import Store
from airflow_provider_omics.hooks import schema
from tests.test_example_dags import ACCOUNT, BUCKET, EXAMPLES, REGION, SPEED, TESTS, runs_of

pytestmark = pytest.mark.skipif(
    "CreateWorkflowVersion" not in schema.service_model().operation_names,
    reason="the installed botocore has no versions of workflows",
)


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
def dag_run(emulator: Server, airflow_db: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run the DAG in a process of its own, and return what became of it."""
    dags, report = tmp_path_factory.mktemp("dags"), tmp_path_factory.mktemp("report") / "dag_runs.json"
    shutil.copy(EXAMPLES / "example_workflow.py", dags)
    shutil.copytree(EXAMPLES / "line_count", dags / "line_count")
    environment = os.environ | {CONNECTION: connection_json(emulator.url), "AIRFLOW__CORE__DAGS_FOLDER": str(dags)}
    done = subprocess.run(
        [sys.executable, TESTS / "run_dags.py", report, "example_workflow"],
        env=environment,
        cwd=dags,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout
    (found,) = json.loads(report.read_text())
    return {**found, "log": done.stdout}


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
