"""The examples of a run and of a cohort, as real DAG runs on whatever Airflow is installed: one sample fails first."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_omics.emulator.clock import Clock
from airflow_provider_omics.emulator.neighbours import MotoNeighbours
from airflow_provider_omics.emulator.server import Server
from airflow_provider_omics.emulator.simulated import GENOME, Plan, Task
from airflow_provider_omics.emulator.store import Store
from tests.dag_runner import DagRunner
from tests.test_example_dags import runs_of

pytestmark = pytest.mark.matrix

TESTS = Path(__file__).parent
EXAMPLES = TESTS.parent / "example_dags"
SINGLE, COHORT, JOINT = "2345678", "1234567", "7654321"
SAMPLES = ["NA12878", "NA12891", "NA12892"]
PLAN = Plan(
    (
        Task("align"),
        Task("call", after=("align",), fail_first=1, failure_reason="INVALID_TASK_RESOURCE_VALUE"),
    )
)
"""Of all runs the first one fails, for a reason that no retry can mend."""


@dataclass(frozen=True)
class Outcome:
    """What became of the DAG runs: of the cohort's, the first has a failing sample."""

    single: dict[str, Any]
    failing: dict[str, Any]
    repeated: dict[str, Any]
    runs: list[dict[str, Any]]
    posted: list[str]
    log: str

    def runs_of(self, workflow_id: str) -> list[dict[str, Any]]:
        """Return the runs of a workflow, the oldest first."""
        return [run for run in self.runs if run["workflowId"] == workflow_id]


def instances(dag_run: dict[str, Any], task_id: str) -> list[dict[str, Any]]:
    """Return the instances of a task by their map index."""
    found = [task for task in dag_run["tasks"] if task["task"] == task_id]
    return sorted(found, key=lambda task: int(task["map_index"]))


@pytest.fixture(scope="module")
def emulator() -> Iterator[Server]:
    """Start a HealthOmics with the workflows that the DAGs name."""
    neighbours = MotoNeighbours()
    store = Store(clock=Clock(speed=600), neighbours=neighbours)
    for workflow_id, plan in ((SINGLE, GENOME), (COHORT, PLAN), (JOINT, GENOME)):
        store.seed_workflow("123456789012", "us-east-1", workflow_id, name=f"workflow-{workflow_id}")
        store.plans.set(workflow_id, plan)
    with Server(store) as server:
        server.wait()
        neighbours.create_bucket("amzn-s3-demo-bucket", "123456789012", "us-east-1")
        yield server
    neighbours.reset()


@pytest.fixture(scope="module")
def webhook() -> Iterator[tuple[str, list[str]]]:
    """Listen where failures are posted, and return the address and the texts."""
    texts: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            texts.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Print nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook", texts
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def outcome(emulator: Server, webhook: tuple[str, list[str]], dag_runner: DagRunner) -> Outcome:
    """Run the DAGs, the cohort's twice."""
    # Another workflow, so that its run is not among the failing.
    single = (EXAMPLES / "example_run.py").read_text().replace(COHORT, SINGLE)
    (dag_runner.folder / "example_run.py").write_text(single)
    address, texts = webhook
    reports, log = dag_runner.run(
        emulator.url,
        EXAMPLES / "example_genome.py",
        modules=("example_run", "example_genome", "example_genome"),
        environment={"LAB_WEBHOOK": address},
    )
    single_run, failing, repeated = reports
    return Outcome(single_run, failing, repeated, runs_of(emulator.url), list(texts), log)


def test_the_outputs_of_a_run_go_to_the_next_task(outcome: Outcome) -> None:
    assert outcome.single["state"] == "success", outcome.log
    (germline,), (files,) = (instances(outcome.single, task) for task in ("germline", "files"))
    (run,) = outcome.runs_of(SINGLE)
    assert germline["xcom"]["uuid"] == run["uuid"]
    assert files["xcom"]["return_value"] == [f"{run['runOutputUri']}/out/joint_call/joint_call.txt"]


def test_a_sample_that_fails_holds_up_the_joint_step_alone(outcome: Outcome) -> None:
    assert outcome.failing["state"] == "failed", outcome.log
    states = [task["state"] for task in instances(outcome.failing, "cohort")]
    assert sorted(states) == ["failed", "success", "success"], outcome.log
    assert [task["state"] for task in instances(outcome.failing, "joint")] == ["upstream_failed"]
    assert [task["state"] for task in instances(outcome.failing, "quality_control")] == ["success"]
    assert {task["tries"] for task in instances(outcome.failing, "cohort")} == {1}


def test_quality_control_tells_of_every_sample(outcome: Outcome) -> None:
    cohort, (control,) = (instances(outcome.failing, task) for task in ("cohort", "quality_control"))
    told = control["xcom"]["return_value"]
    assert list(told) == SAMPLES
    for task, row in zip(cohort, told.values(), strict=True):
        if task["state"] == "failed":
            assert row["status"] == "not completed"
            assert (row["tasks"]["computed"], row["tasks"]["failed"]) == ({"align": 1}, {"call": 1})
        else:
            assert row["status"] == "COMPLETED"
            assert row["tasks"]["computed"] == {"align": 1, "call": 1}


def test_owner_and_action_of_the_failure_are_posted(outcome: Outcome) -> None:
    (text,) = outcome.posted
    (failed,) = (task for task in instances(outcome.failing, "cohort") if task["state"] == "failed")
    (run,) = (run for run in outcome.runs_of(COHORT) if run["status"] == "FAILED")
    assert text.startswith(
        f"example_genome.cohort[{failed['map_index']}]: run {run['id']} failed, INVALID_TASK_RESOURCE_VALUE. "
        "For the author of the workflow: "
    )
    assert "Correct the task's resources." in text
    assert text.rpartition(" ")[0] in outcome.log


def test_the_next_dag_run_reuses_what_the_failed_sample_had_completed(outcome: Outcome) -> None:
    assert outcome.repeated["state"] == "success", outcome.log
    caches = {run["cacheId"] for run in (*outcome.runs_of(COHORT), *outcome.runs_of(JOINT))}
    assert len(caches) == 1
    reused = [task["xcom"]["tasks_reused"] for task in instances(outcome.repeated, "cohort")]
    assert sorted(reused) == [0, 0, 1]
    assert [each["state"] for each in instances(outcome.failing, "cohort")][reused.index(1)] == "failed"


def test_the_joint_run_reads_what_all_runs_of_the_cohort_wrote(outcome: Outcome) -> None:
    results = [task["xcom"]["return_value"] for task in instances(outcome.repeated, "cohort")]
    (joint,) = outcome.runs_of(JOINT)
    assert joint["parameters"] == {"variants": [result["outputs"]["call"] for result in results]}
    assert {run["retentionMode"] for run in (joint, *outcome.runs_of(COHORT))} == {"REMOVE"}
    assert [task["label"] for task in instances(outcome.repeated, "cohort")] == SAMPLES
