"""What the emulator's own processes give away, and leave behind, where they were started."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from airflow_provider_omics.emulator import clean_environment
from tests.emulator.wdl.lab import one
from tests.emulator.wdl.test_ending import wait_for, zipped
from tests.limit import LIMIT_SECONDS

pytestmark = pytest.mark.locked

ANCESTORS = """
    p=$$
    while [ "$p" != STOP ]; do
        echo "process $p"
        tr '\\0' '\\n' < /proc/$p/environ
        p=$(sed -n 's/^PPid:[[:space:]]*//p' /proc/$p/status)
    done
"""
"""A command that shows with which environment each process began from which it descends, this one left out."""
SECRETS = {
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI",
    "AWS_SESSION_TOKEN": "wJalrXUtnFEMI",
    "AIRFLOW_CONN_AWS_DEFAULT": "aws://a:wJalrXUtnFEMI@/",
    "SOME_TOKEN": "wJalrXUtnFEMI",
    "PYTHON_TOKEN": "wJalrXUtnFEMI",
    "MOTO_ENABLE_RECORDING": "true",
    "MOTO_EVENTS_INVOKE_HTTP": "true",
}
"""What the shell that starts the emulator may have: secrets, and settings by which moto writes files and calls out."""


class Started:
    """An emulator that somebody started in a folder from a shell with secrets."""

    def __init__(self, process: subprocess.Popen[str], url: str, folder: Path) -> None:
        self.process, self.url, self.folder = process, url, folder

    def client(self, service: str) -> Any:
        """Return boto3's client of a service."""
        config = Config(inject_host_prefix=False, s3={"addressing_style": "path"})
        session = boto3.Session("emulator", "emulator", region_name="us-east-1")
        return session.client(service, endpoint_url=self.url, config=config)  # type: ignore[call-overload]

    def run(self, command: str) -> str:
        """Run a workflow of one task, and return what the task has written to out.txt."""
        omics = self.client("omics")
        workflow_id = omics.create_workflow(name="one", definitionZip=zipped(one(command)), engine="WDL")["id"]
        wait_for(lambda: omics.get_workflow(id=workflow_id)["status"] == "ACTIVE")
        role, output = "arn:aws:iam::123456789012:role/r", "s3://genomes/out"
        started = omics.start_run(workflowId=workflow_id, roleArn=role, outputUri=output)
        wait_for(lambda: omics.get_run(id=started["id"])["status"] in ("COMPLETED", "FAILED"))
        run = omics.get_run(id=started["id"])
        assert run["status"] == "COMPLETED", run["statusMessage"]
        key = f"{run['runOutputUri'].removeprefix('s3://genomes/')}/out/only.out/out.txt"
        return str(self.client("s3").get_object(Bucket="genomes", Key=key)["Body"].read().decode())


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Started]:
    """Start the emulator's command with the engine wdl."""
    folder, temporary = tmp_path / "here", tmp_path / "tmp"
    folder.mkdir()
    temporary.mkdir()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "airflow_provider_omics.emulator", "--port", "0", "--bucket", "genomes"),
            *("--engine", "wdl", "--speed", "60"),
        ],
        stdout=subprocess.PIPE,
        text=True,
        cwd=folder,
        env={**os.environ, **SECRETS, "TMPDIR": str(temporary)},
    )
    with process:
        try:
            assert process.stdout
            url = next(found[1] for line in process.stdout if (found := re.search(r"answers at (http://\S+)\.", line)))
            yield Started(process, url, folder)
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=LIMIT_SECONDS) == 0
        finally:
            process.kill()
    assert list(temporary.iterdir()) == []


def test_a_task_reads_no_secrets_of_the_emulator(started: Started) -> None:
    seen = started.run(f"({ANCESTORS.replace('STOP', str(os.getpid()))}) > out.txt")
    processes = {int(each.split("\n", 1)[0]): each for each in seen.split("process ")[1:]}
    assert len(processes) >= 3  # the task, its run and the emulator
    assert f"PATH={os.environ['PATH']}" in processes[started.process.pid].split("\n")
    assert "wJalrXUtnFEMI" not in seen
    names = {line.split("=")[0] for line in processes[started.process.pid].split("\n")[1:] if line}
    assert {name for name in names if not name.startswith(("PYTHON", "LC_"))} <= {
        *clean_environment.PASSED_ON,
        "OMICS_EMULATOR_CLEAN",
    }


def test_nothing_is_written_into_the_working_directory(started: Started) -> None:
    assert started.run("pwd > out.txt").strip() != str(started.folder)
    s3 = started.client("s3")
    s3.put_object(Bucket="genomes", Key="large", Body=bytes(20 * 1024**2))  # more than moto keeps in memory
    for path in ("start-recording", "upload-recording", "reset-recording", "replay-recording"):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(f"{started.url}/moto-api/recorder/{path}", b"{}")
    for service, operation in {"sts": "get_caller_identity", "logs": "describe_log_groups"}.items():
        getattr(started.client(service), operation)()
    s3.get_object(Bucket="genomes", Key="large")["Body"].read()
    assert list(started.folder.iterdir()) == []


def test_a_process_begins_again_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python, or a module that it loads at its start, may add to the environment: that is no reason for another one."""
    began: list[dict[str, str]] = []
    monkeypatch.setattr(os, "execve", lambda program, command, environment: began.append(environment))
    monkeypatch.setenv("SOME_TOKEN", "secret")
    monkeypatch.setenv("OMICS_EMULATOR_CLEAN", "1")  # that of another process
    clean_environment.begin_again()
    assert "SOME_TOKEN" not in began[0]
    monkeypatch.setenv("OMICS_EMULATOR_CLEAN", began[0]["OMICS_EMULATOR_CLEAN"])
    clean_environment.begin_again()
    assert len(began) == 1
