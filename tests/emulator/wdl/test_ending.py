"""However a run or the emulator ends, nothing is left behind: no process and no folder."""

from __future__ import annotations

import errno
import io
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.emulator.wdl.lab import Lab, one
from tests.limit import LIMIT_SECONDS

pytestmark = pytest.mark.locked

SLEEP = f"sleep {100_000 + os.getpid()}"
"""So that it is known whose process it is."""
HARDY = f"trap '' TERM INT HUP; setsid {SLEEP} & nohup {SLEEP} & ({SLEEP} &); {SLEEP}"
"""A task that does what it can to outlive its run."""


def sleepers() -> list[Any]:
    """Return the processes that such a task has started."""
    import psutil  # type: ignore[import-untyped,unused-ignore]

    return [process for process in psutil.process_iter(["cmdline"]) if process.info["cmdline"] == SLEEP.split()]


@pytest.fixture
def hardy(lab: Lab) -> str:
    """Start a run of such a task, and return its id when all its processes are there."""
    assert not sleepers()
    lab.workflow(one(HARDY))
    run_id = str(lab.start()["id"])
    lab.until(lambda: len(sleepers()) == 4)
    return run_id


@pytest.mark.usefixtures("folders")
def test_cancelling_ends_every_process_before_it_answers(lab: Lab, hardy: str) -> None:
    lab.client.cancel_run(id=hardy)
    assert not sleepers()
    assert lab.client.get_run(id=hardy)["status"] == "STOPPING"
    assert lab.ended(hardy)["status"] == "CANCELLED"
    assert [task["status"] for task in lab.tasks({"id": hardy}).values()] == ["CANCELLED"]


@pytest.mark.parametrize(
    "command", [f"setsid {SLEEP} & echo > out.txt", f"setsid {SLEEP} & exit 1"], ids=["succeeds", "fails"]
)
def test_what_a_task_leaves_running_ends_with_its_run(lab: Lab, folders: Path, command: str) -> None:
    lab.workflow(one(command))
    assert lab.run()["status"] == ("FAILED" if "exit" in command else "COMPLETED")
    assert not sleepers()
    assert not list(folders.iterdir())


@pytest.mark.usefixtures("hardy")
def test_a_reset_ends_everything(lab: Lab, folders: Path) -> None:
    lab.store.reset()
    assert not sleepers()
    assert not list(folders.iterdir())
    assert lab.client.list_runs()["items"] == []


def test_an_engine_that_dies_fails_the_run(lab: Lab, hardy: str) -> None:
    import psutil  # type: ignore[import-untyped,unused-ignore]

    engine = max(psutil.Process().children(), key=lambda child: child.create_time())
    engine.kill()
    run = lab.ended(hardy)
    assert (run["status"], run["failureReason"]) == ("FAILED", "WORKFLOW_RUN_FAILED")
    assert "ended unexpectedly" in run["statusMessage"]
    wait_for(lambda: len(sleepers()) <= 1)  # the one that left the session with nobody to find it by
    for process in sleepers():
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_the_emulator_ends_with_all_that_it_started(tmp_path: Path, number: signal.Signals) -> None:
    """The whole way: the command line, a definition uploaded over HTTP, and a signal while its task runs."""
    import boto3
    from botocore.config import Config

    assert not sleepers()
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "airflow_provider_omics.emulator",
            "--port",
            "0",
            "--engine",
            "wdl",
            "--speed",  # at the real one, a workflow takes two seconds to be ACTIVE
            "60",
            "--bucket",
            "genomes",
        ],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    with process:
        assert process.stdout
        url = next(found[1] for line in process.stdout if (found := re.search(r"answers at (http://\S+)\.", line)))
        session = boto3.Session("emulator", "emulator", region_name="us-east-1")
        client: Any = session.client("omics", endpoint_url=url, config=Config(inject_host_prefix=False))
        made = client.create_workflow(name="hardy", definitionZip=zipped(one(HARDY)), engine="WDL")
        wait_for(lambda: client.get_workflow(id=made["id"])["status"] == "ACTIVE")
        client.start_run(
            workflowId=made["id"], roleArn="arn:aws:iam::123456789012:role/r", outputUri="s3://genomes/out"
        )
        wait_for(lambda: len(sleepers()) == 4)
        process.send_signal(number)
        assert process.wait(timeout=LIMIT_SECONDS) == (-signal.SIGKILL if number is signal.SIGKILL else 0)
    wait_for(lambda: not sleepers() and not list(tmp_path.iterdir()))


def test_a_process_that_cannot_be_started(lab: Lab, folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    lab.workflow(one("true"))
    monkeypatch.setattr("airflow_provider_omics.emulator.wdl.engine.subprocess.Popen", fail)
    run = lab.run()
    assert (run["status"], run["failureReason"]) == ("FAILED", "SERVICE_ERROR")
    assert not list(folders.iterdir())


def zipped(source: str) -> bytes:
    """Return an archive of a workflow's only file."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr("main.wdl", source)
    return body.getvalue()


def wait_for(condition: Callable[[], Any]) -> None:
    """Wait, in real time, until something is so."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
