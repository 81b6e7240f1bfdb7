"""``make demo``: the main job, on this machine and without an AWS account.

Starts the emulator, lets a real Airflow run ``example_dags/example_run_cache.py`` twice against it, and shows what
happened.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from airflow_provider_omics.emulator.connection import CONNECTION, connection_json, environment

ROOT = Path(__file__).parent.parent
LOGS = ROOT / "build" / "demo"
DEADLINE_SECONDS = 240
SEEDS = ["--bucket", "amzn-s3-demo-bucket", "--workflow", "1234567"]
"""What the example DAG's own defaults name."""


class Progress:
    """One line that says what is going on: rewritten in place on a terminal, appended to a log."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.shown = ""

    def __call__(self, text: str) -> None:
        """Show it, if it is news."""
        if text == self.shown:
            return
        self.shown = text
        line = f"[{time.monotonic() - self.began:3.0f} s] {text}"
        if sys.stdout.isatty():
            print(f"\r\033[K{line}", end="", flush=True)
        else:
            print(line, flush=True)

    def done(self) -> None:
        """Leave the line."""
        self(f"done in {time.monotonic() - self.began:.0f} s")
        print()


@contextmanager
def process(name: str, *command: str, env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command beside this one, its output in a log, and end it at the end."""
    with (LOGS / f"{name}.log").open("wb") as log:
        running = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=env, cwd=ROOT)
    try:
        yield running
    finally:
        running.terminate()
        running.wait()


def emulator_url(running: subprocess.Popen[bytes]) -> str:
    """Return the address that the emulator printed."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and running.poll() is None:
        if found := re.search(r"answers at (http://\S+)\.", (LOGS / "emulator.log").read_text()):
            return found[1]
        time.sleep(0.05)
    raise fail("emulator", "The emulator did not start.")


def fail(log: str, what: str) -> SystemExit:
    """Return the end of the demo, with the end of the log that says why."""
    tail = (LOGS / f"{log}.log").read_text().splitlines()[-40:]
    return SystemExit("\n".join(["", *tail, "", f"{what} Its whole log: {LOGS / log}.log"]))


def client(url: str) -> Any:
    """Return boto3's own client of the emulated HealthOmics."""
    import boto3
    from botocore.config import Config

    session = boto3.Session("emulator", "emulator", region_name="us-east-1")
    return session.client("omics", endpoint_url=url, config=Config(inject_host_prefix=False))


def runs_of(omics: Any) -> list[dict[str, Any]]:
    """Describe every HealthOmics run with its tasks, oldest first."""
    listed = [item["id"] for page in omics.get_paginator("list_runs").paginate() for item in page["items"]]
    runs = [omics.get_run(id=run_id) for run_id in listed]
    for run in runs:
        run["tasks"] = omics.list_run_tasks(id=run["id"])["items"]
    return sorted(runs, key=lambda run: run["creationTime"])


def watch(airflow: subprocess.Popen[bytes], omics: Any, report: Path, progress: Progress) -> None:
    """Show how far it is until Airflow has ended."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    earlier: dict[int, int] = {}
    while airflow.poll() is None:
        if time.monotonic() > deadline:
            raise fail("airflow", f"Airflow did not end within {DEADLINE_SECONDS} s.")
        number = min(2, 1 + (len(report.read_text().splitlines()) if report.exists() else 0))
        runs = runs_of(omics)
        runs = runs[earlier.setdefault(number, len(runs)) :]
        if runs:
            done = sum(task["status"] == "COMPLETED" for task in runs[-1]["tasks"])
            doing = f"HealthOmics run {runs[-1]['id']} is {runs[-1]['status']}, {done} tasks completed"
        elif number == 1:
            doing = "creating the run cache" if omics.list_run_caches()["items"] else "Airflow is starting"
        else:
            doing = "finding the run cache"
        progress(f"DAG run {number} of 2: {doing}")
        time.sleep(0.3)
    if airflow.returncode:
        raise fail("airflow", "A DAG run failed.")


def show(omics: Any, report: Path) -> None:
    """Print the cache, the DAG runs and the HealthOmics runs."""
    dag_runs = [json.loads(line) for line in report.read_text().splitlines()]
    for item in omics.list_run_caches()["items"]:
        print(f"\nRun cache {item['id']} ({item['name']}, {item['cacheBehavior']})")
        print(f"  ARN          {item['arn']}\n  S3 location  {item['cacheS3Uri']}")
    for number, dag_run in enumerate(dag_runs, 1):
        print(f"\nDAG run {number} ({dag_run['run_id']}): {dag_run['state']}")
        for task in dag_run["tasks"]:
            tries = f", {task['tries']} tries" if task["tries"] > 1 else ""
            print(f"  {task['task']:10} {task['state']}{tries}: {outcome(task['xcom'])}")
    print("\nHealthOmics run  status     tasks computed                                 tasks reused from the cache")
    for run in runs_of(omics):
        names: dict[bool, list[str]] = {True: [], False: []}
        for task in run["tasks"]:
            text = task["name"] if task["status"] == "COMPLETED" else f"{task['name']} ({task['status']})"
            names[task.get("cacheHit", False)].append(text)
        computed, reused = ", ".join(names[False]) or "none", ", ".join(names[True]) or "none"
        print(f"{run['id']:15}  {run['status']:9}  {computed:45}  {reused}")


def outcome(xcom: dict[str, Any]) -> str:
    """Say in a few words what a task pushed to XCom."""
    if "created" in xcom:
        return f"run cache {xcom['id']} {'created' if xcom['created'] else 'found again and reused'}"
    return (
        f"run {xcom['id']} {xcom['status']}, tasks computed: {xcom['tasks_computed']}, reused: {xcom['tasks_reused']}"
    )


def show_next_step() -> None:
    """Print how to point one's own Airflow at the emulator."""
    url = "http://127.0.0.1:5000"
    print("\nTo point your own Airflow at the emulator, start it in one terminal:\n")
    print(f"  {sys.executable} -m airflow_provider_omics.emulator --port 5000 {shlex.join(SEEDS)}\n")
    print("and paste this where Airflow runs; the other lines are for the AWS CLI and boto3:\n")
    for name, value in {CONNECTION: connection_json(url), **environment(url)}.items():
        print(f"  export {name}={shlex.quote(value)}")


def main() -> None:
    """Run the demo."""
    LOGS.mkdir(parents=True, exist_ok=True)
    progress = Progress()
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "AWS_"))}
    with tempfile.TemporaryDirectory(prefix="omics-demo-") as home:
        env |= {
            "AIRFLOW_HOME": home,
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "example_dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "1",  # seconds; Airflow's own default is five minutes
        }
        progress("starting the emulator, and making Airflow's database")
        command = (sys.executable, "-m", "airflow_provider_omics.emulator", "--port", "0", *SEEDS)
        with process("emulator", *command, "--fail-task", "joint_call", env=env) as emulator:
            airflow_cli = (sys.executable, "-m", "airflow")
            with process("database", *airflow_cli, "db", "migrate", env=env) as database:
                url = emulator_url(emulator)
                if database.wait():
                    raise fail("database", "Airflow's database could not be made.")
            report = Path(home) / "dag_runs.jsonl"
            driver = (sys.executable, str(ROOT / "scripts" / "demo_dag_runs.py"), str(report))
            with process("airflow", *driver, env=env | {CONNECTION: connection_json(url)}) as airflow:
                watch(airflow, client(url), report, progress)
            progress.done()
            show(client(url), report)
    show_next_step()


if __name__ == "__main__":
    main()
