"""miniwdl-omics-run, the WDL launcher of miniwdl's makers, registers a workflow, starts it, and finds it again."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from airflow_provider_omics.emulator.clock import Clock
from airflow_provider_omics.emulator.server import Server
from tests.clients.program import scripts, surroundings
from tests.clients.samples import REGION
from tests.limit import LIMIT_SECONDS

pytestmark = pytest.mark.slow

WDL = """version 1.0
import "greet.wdl" as lib
workflow greeting {
  input { String who }
  call lib.greet { input: who = who }
  output { String said = greet.said }
}"""
IMPORTED = """version 1.0
task greet {
  input { String who }
  command { echo "Hello, ~{who}" }
  output { String said = read_string(stdout()) }
}"""
OPTIONS = (
    *("--role-arn", "arn:aws:iam::123456789012:role/omics", "--output-uri", "s3://example-bucket/runs"),
    *("--cache", "cohort", "--run-group", "cohort", "--storage-type", "dynamic", "--tag", "team=genomics"),
)


@pytest.fixture
def clock() -> Clock:
    """Return a clock by which workflows are ACTIVE before the client looks again, a second later."""
    return Clock(speed=60)


def launch(server: Server, wdl: Path) -> Any:
    """Return what the program prints of the run that it has started."""
    done = subprocess.run(
        [scripts("miniwdl-omics-run") / "miniwdl-omics-run", wdl, "who=Ann", *OPTIONS],
        env=surroundings(server.url),
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def omics(emulator: Server) -> Iterator[Any]:
    """Return a boto3 client, after it has made the cache and the run group that the launcher names."""
    client = boto3.client(
        "omics",
        region_name=REGION,
        endpoint_url=emulator.url,
        aws_access_key_id="emulator",
        aws_secret_access_key="emulator",
        config=Config(inject_host_prefix=False),
    )
    client.create_run_cache(cacheS3Location="s3://example-bucket/cache", name="cohort", requestId="cohort")
    client.create_run_group(name="cohort", requestId="cohort")
    yield client
    client.close()


def test_a_workflow_is_registered_once_and_a_change_is_a_version(emulator: Server, omics: Any, tmp_path: Path) -> None:
    wdl = tmp_path / "greeting.wdl"
    wdl.write_text(WDL)
    (tmp_path / "greet.wdl").write_text(IMPORTED)
    first = launch(emulator, wdl)
    run = omics.get_run(id=first["runId"])
    assert (run["parameters"], run["tags"]) == ({"who": "Ann"}, {"team": "genomics"})
    assert (run["workflowVersionName"], run["storageType"]) == (first["workflowVersionName"], "DYNAMIC")
    assert {"cacheId", "runGroupId"} <= set(run)
    again = launch(emulator, wdl)
    assert {**again, "runId": first["runId"], "runConsole": first["runConsole"]} == first
    wdl.write_text(WDL.replace("call lib.greet", "call lib.greet as hail").replace("greet.said", "hail.said"))
    changed = launch(emulator, wdl)
    assert changed["workflowId"] == first["workflowId"]
    assert changed["workflowVersionName"] != first["workflowVersionName"]
    created = {
        name: emulator.store.faults.calls[name] for name in ("CreateWorkflow", "CreateWorkflowVersion", "StartRun")
    }
    assert created == {"CreateWorkflow": 1, "CreateWorkflowVersion": 2, "StartRun": 3}
    versions = omics.list_workflow_versions(workflowId=first["workflowId"])["items"]
    assert {version["status"] for version in versions} == {"ACTIVE"}
