"""Real DAG runs against the emulator, on whatever Airflow is installed: what ``make matrix`` proves of each version."""

from __future__ import annotations

import importlib.util
import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from airflow_provider_omics.emulator.clock import Clock
from airflow_provider_omics.emulator.neighbours import MotoNeighbours
from airflow_provider_omics.emulator.server import Server
from airflow_provider_omics.emulator.simulated import GENOME, Plan
from airflow_provider_omics.emulator.store import Store
from tests.dag_runner import DagRunner

pytestmark = pytest.mark.matrix

TESTS = Path(__file__).parent
EXAMPLES = TESTS.parent / "example_dags"
ACCOUNT, REGION = "123456789012", "us-east-1"
BUCKET, WORKFLOW, OTHER_WORKFLOW = "amzn-s3-demo-bucket", "1234567", "7654321"
CACHE_KEYS = {"id", "arn", "status", "tags", "name", "cache_s3_uri", "cache_behavior", "created"}
RUN_KEYS = {"id", "arn", "uuid", "status", "run_output_uri", "outputs"}
RUN_KEYS |= {"tasks_computed", "tasks_reused", "cache_summary"}
SPEED = 600
"""Emulated seconds in a real one: a run of three minutes is over before the first look at it."""


@dataclass(frozen=True)
class Outcome:
    """What became of the DAG runs, and of the HealthOmics runs that they started."""

    dag_runs: dict[str, dict[str, Any]]
    """By DAG id."""
    runs: list[dict[str, Any]]
    """As GetRun describes them, each with its ``tasks``, the oldest first."""
    log: str

    def tasks(self, dag_id: str, task_id: str) -> list[dict[str, Any]]:
        """Return the instances of a task by their map index."""
        found = [task for task in self.dag_runs[dag_id]["tasks"] if task["task"] == task_id]
        return sorted(found, key=lambda task: int(task["map_index"]))

    def runs_of(self, workflow_id: str) -> list[dict[str, Any]]:
        """Return the runs of a workflow, the oldest first."""
        return [run for run in self.runs if run["workflowId"] == workflow_id]


@pytest.fixture(scope="module")
def emulator() -> Iterator[Server]:
    """Start a HealthOmics with what the DAGs name; in the example's workflow one task fails once."""
    neighbours = MotoNeighbours()
    store = Store(clock=Clock(speed=SPEED), neighbours=neighbours)
    for workflow in (WORKFLOW, OTHER_WORKFLOW):
        store.seed_workflow(ACCOUNT, REGION, workflow, name=f"workflow-{workflow}")
    *prepared, joint_call = GENOME.tasks
    store.plans.set(WORKFLOW, Plan((*prepared, replace(joint_call, fail_first=1))))
    with Server(store) as server:
        server.wait()
        neighbours.create_bucket(BUCKET, ACCOUNT, REGION)
        yield server
    neighbours.reset()


@pytest.fixture(scope="module")
def outcome(emulator: Server, dag_runner: DagRunner) -> Outcome:
    """Run both DAGs."""
    reports, log = dag_runner.run(
        emulator.url, EXAMPLES / "example_run_cache.py", TESTS / "dags" / "run_cache_modes.py"
    )
    return Outcome({dag_run["dag"]: dag_run for dag_run in reports}, runs_of(emulator.url), log)


def runs_of(url: str) -> list[dict[str, Any]]:
    """Describe every HealthOmics run with its tasks, the oldest first."""
    session = boto3.Session("emulator", "emulator", region_name=REGION)
    omics: Any = session.client("omics", endpoint_url=url, config=Config(inject_host_prefix=False))
    runs = [omics.get_run(id=run["id"]) for run in omics.list_runs()["items"]]
    for run in runs:
        run["tasks"] = omics.list_run_tasks(id=run["id"])["items"]
    return sorted(runs, key=lambda run: run["creationTime"])


@pytest.mark.parametrize("dag_id", ["example_run_cache", "run_cache_modes"])
def test_every_task_succeeds(outcome: Outcome, dag_id: str) -> None:
    dag_run = outcome.dag_runs[dag_id]
    assert dag_run["state"] == "success", outcome.log
    assert {task["state"] for task in dag_run["tasks"]} == {"success"}


def test_the_retry_reuses_what_had_completed(outcome: Outcome) -> None:
    failed, completed = outcome.runs_of(WORKFLOW)
    assert (failed["status"], completed["status"]) == ("FAILED", "COMPLETED")
    assert [task["name"] for task in completed["tasks"] if not task["cacheHit"]] == ["joint_call"]
    assert sum(task["cacheHit"] for task in completed["tasks"]) == 4
    (germline,) = outcome.tasks("example_run_cache", "germline")
    assert germline["tries"] == 2
    assert (germline["xcom"]["tasks_computed"], germline["xcom"]["tasks_reused"]) == (1, 4)


def test_each_entry_of_a_result_has_an_xcom_key(outcome: Outcome) -> None:
    for task_id, keys in (("cache", CACHE_KEYS), ("germline", RUN_KEYS)):
        (task,) = outcome.tasks("example_run_cache", task_id)
        result = task["xcom"]["return_value"]
        assert result.keys() == keys
        assert {key: task["xcom"][key] for key in keys} == result


@pytest.mark.parametrize("dag_id", ["example_run_cache", "run_cache_modes"])
def test_xcom_holds_plain_json(outcome: Outcome, dag_id: str) -> None:
    values = json.dumps([task["xcom"] for task in outcome.dag_runs[dag_id]["tasks"]])
    # How Airflow's serde wraps a value that JSON has no form for.
    assert "__classname__" not in values
    assert "__type" not in values


def test_the_cache_goes_from_xcom_into_the_run(outcome: Outcome) -> None:
    (cache,), (germline,) = (outcome.tasks("example_run_cache", task) for task in ("cache", "germline"))
    cache_id = cache["xcom"]["id"]
    assert cache["xcom"]["arn"] == f"arn:aws:omics:{REGION}:{ACCOUNT}:runCache/{cache_id}"
    runs = outcome.runs_of(WORKFLOW)
    assert [run["cacheId"] for run in runs] == [cache_id, cache_id]
    assert germline["xcom"]["id"] == runs[-1]["id"]
    assert germline["xcom"]["arn"] == runs[-1]["arn"]


def test_mapped_tasks_use_the_caches_of_a_mapped_task(outcome: Outcome) -> None:
    caches = [task["xcom"]["id"] for task in outcome.tasks("run_cache_modes", "caches")]
    assert len(set(caches)) == 2
    used = {run["id"]: run.get("cacheId") for run in outcome.runs_of(OTHER_WORKFLOW)}
    for task_id in ("synchronous", "deferred"):
        results = [task["xcom"]["return_value"] for task in outcome.tasks("run_cache_modes", task_id)]
        assert [used[result["id"]] for result in results] == caches
        assert {result["status"] for result in results} == {"COMPLETED"}


def test_both_modes_push_the_same(outcome: Outcome) -> None:
    modes = [outcome.tasks("run_cache_modes", task_id) for task_id in ("synchronous", "deferred")]
    synchronous, deferred = ([set(task["xcom"]) for task in tasks] for tasks in modes)
    assert synchronous == deferred
    assert all(RUN_KEYS | {"return_value"} <= keys for keys in synchronous)


def test_nothing_is_pushed_without_do_xcom_push(outcome: Outcome) -> None:
    (silent,) = outcome.tasks("run_cache_modes", "silent")
    # Airflow 3 itself keeps the addresses of extra links in XCom.
    assert [key for key in silent["xcom"] if not key.startswith("_link_")] == []
    assert [run.get("cacheId") for run in outcome.runs_of(OTHER_WORKFLOW)].count(None) == 1


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_example_loads_without_warnings_and_serializes(path: Path) -> None:
    serialize(load(path))  # Airflow imports itself late, and older releases warn of themselves then
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dag = load(path)
        serialized = serialize(dag)
    assert len(json.loads(json.dumps(serialized))["dag"]["tasks"]) == len(dag.tasks)


def load(path: Path) -> Any:
    """Execute a DAG file and return its DAG."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.dag


def serialize(dag: Any) -> dict[str, Any]:
    """Return a DAG as the installed Airflow stores it."""
    try:
        from airflow.serialization.serialized_objects import DagSerialization as Serialized
    except ImportError:  # before 3.2
        from airflow.serialization.serialized_objects import (  # type: ignore[assignment,attr-defined,unused-ignore]
            SerializedDAG as Serialized,
        )
    stored: dict[str, Any] = Serialized.to_dict(dag)
    return stored
