"""The example of a samplesheet, and one whose runs keep a worker, as real DAG runs on whatever Airflow is installed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from airflow_provider_omics.emulator.clock import Clock
from airflow_provider_omics.emulator.neighbours import MotoNeighbours
from airflow_provider_omics.emulator.server import Server
from airflow_provider_omics.emulator.store import Store
from tests.dag_runner import DagRunner
from tests.test_example_dags import runs_of

pytestmark = pytest.mark.matrix

TESTS = Path(__file__).parent
MODULES = (TESTS.parent / "example_dags" / "example_samplesheet.py", TESTS / "dags" / "samplesheet_modes.py")
ACCOUNT, REGION, BUCKET = "123456789012", "us-east-1", "amzn-s3-demo-bucket"
SAMPLES = ["007", "1e5", "NA12878"]
SHEET = "sample,reads,min_depth\r\n" + "".join(f"{sample},s3://b/{n}.fq,\r\n" for n, sample in enumerate(SAMPLES))
LABELLED = "label,sample,reads,urgency\n" + "".join(
    f"L{n},{sample},s3://b/{n}.fq,{3 - n}\n" for n, sample in enumerate(SAMPLES)
)
SPEED = 600


@pytest.fixture(scope="module")
def emulator() -> Iterator[Server]:
    """Start a HealthOmics with a workflow, and a samplesheet in its S3."""
    neighbours = MotoNeighbours()
    store = Store(clock=Clock(speed=SPEED), neighbours=neighbours)
    store.seed_workflow(ACCOUNT, REGION, "1234567", name="germline")
    with Server(store) as server:
        server.wait()
        neighbours.create_bucket(BUCKET, ACCOUNT, REGION)
        session = boto3.Session("emulator", "emulator", region_name=REGION)
        s3: Any = session.client("s3", endpoint_url=server.url)
        s3.put_object(Bucket=BUCKET, Key="samples.csv", Body=SHEET.encode("utf-8-sig"))
        yield server
    neighbours.reset()


@pytest.fixture(scope="module")
def dag_runs(emulator: Server, dag_runner: DagRunner) -> dict[str, Any]:
    """Run the DAGs, and return what became of them by DAG id."""
    (dag_runner.folder / "right.csv").write_text(LABELLED)
    (dag_runner.folder / "wrong.csv").write_text("sample,reads\nNA1,\nNA1,s3://b/1.fq\n")
    reports, log = dag_runner.run(emulator.url, *MODULES)
    found = {dag_run["dag"]: dag_run for dag_run in reports}
    assert {name: dag_run["state"] for name, dag_run in found.items()} == {
        "example_samplesheet": "success",
        "samplesheet_modes": "failed",
    }, log
    return found | {"log": log}


def instances(dag_run: dict[str, Any], task_id: str) -> list[dict[str, Any]]:
    """Return the instances of a task by their map index."""
    found = [task for task in dag_run["tasks"] if task["task"] == task_id]
    return sorted(found, key=lambda task: int(task["map_index"]))


def test_each_row_starts_one_run_with_its_own_parameters(dag_runs: dict[str, Any], emulator: Server) -> None:
    runs = {run["id"]: run for run in runs_of(emulator.url)}
    assert len(runs) == 2 * len(SAMPLES)
    for dag_id, task_id in (("example_samplesheet", "germline"), ("samplesheet_modes", "synchronous")):
        tasks = instances(dag_runs[dag_id], task_id)
        assert [task["map_index"] for task in tasks] == [0, 1, 2]
        started = [runs[task["xcom"]["id"]]["parameters"] for task in tasks]
        assert [each["sample"] for each in started] == SAMPLES
        assert [each["reads"] for each in started] == [f"s3://b/{number}.fq" for number in range(3)]


def test_common_parameters_are_rendered(dag_runs: dict[str, Any], emulator: Server) -> None:
    common = {run["parameters"].get("reference") for run in runs_of(emulator.url)}
    assert common == {f"s3://{BUCKET}/reference/GRCh38.fasta", None}
    (sheet,) = instances(dag_runs["example_samplesheet"], "samplesheet")
    assert [row["parameters"]["sample"] for row in sheet["xcom"]["return_value"]] == SAMPLES


def test_the_key_is_the_map_label_and_nothing_that_aws_sees(dag_runs: dict[str, Any], emulator: Server) -> None:
    for (dag_id, task_id), labels in {
        ("example_samplesheet", "germline"): SAMPLES,
        ("samplesheet_modes", "synchronous"): ["L0", "L1", "L2"],
    }.items():
        assert [task["label"] for task in instances(dag_runs[dag_id], task_id)] == labels
    for run in runs_of(emulator.url):
        seen = json.dumps([run["name"], run.get("tags"), run["outputUri"]])
        assert not [name for name in ("NA12878", "L0", "L1", "L2") if name in seen]  # no digest looks like these


def test_a_column_gives_an_argument(dag_runs: dict[str, Any], emulator: Server) -> None:
    runs = {run["id"]: run for run in runs_of(emulator.url)}
    tasks = instances(dag_runs["samplesheet_modes"], "synchronous")
    assert [runs[task["xcom"]["id"]]["priority"] for task in tasks] == [3, 2, 1]


def test_a_sheet_that_is_wrong_starts_nothing(dag_runs: dict[str, Any]) -> None:
    dag_run = dag_runs["samplesheet_modes"]
    states = {name: [task["state"] for task in instances(dag_run, name)] for name in ("right", "wrong", "never")}
    assert states == {"right": ["success"], "wrong": ["failed"], "never": ["upstream_failed"]}
    for problem in ("line 2: column 2 is empty", "line 3: column 1 has the same key as line 2"):
        assert problem in dag_runs["log"]
