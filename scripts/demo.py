"""``make demo``: the main job, on this machine and without an AWS account.

Starts the emulator with the engine that really runs WDL, lets a real Airflow run
``example_dags/example_call_caching.py`` against it while its author mends and changes things, and shows what was
computed and what the run cache gave.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from demo_dag_runs import STORY

from airflow_provider_omics.emulator.connection import CONNECTION, connection_json, exports, no_proxy

ROOT = Path(__file__).parent.parent
LOGS = ROOT / "build" / "demo"
DEADLINE_SECONDS = 900
SEEDS = ["--bucket", "amzn-s3-demo-bucket", "--engine", "wdl"]
"""What the example DAG's own defaults name, and what executes its workflow."""


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
            # One row: the sequence clears the cursor's own, and not those before it.
            print(f"\r\033[K{line[: shutil.get_terminal_size().columns - 1]}", end="", flush=True)
        else:
            print(line, flush=True)

    def done(self) -> None:
        """Leave the line."""
        self(f"done in {time.monotonic() - self.began:.0f} s")
        print()


def settle(home: str) -> None:
    """Make the environment of this process, and of those it starts, one that leads to the emulator alone.

    :param home: Airflow's folder.
    """
    for name in [name for name in os.environ if name.startswith(("AIRFLOW", "AWS_"))]:
        del os.environ[name]
    os.environ |= {
        "AIRFLOW_HOME": home,
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "example_dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        **no_proxy(),
    }


@contextmanager
def process(name: str, *command: str, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command beside this one, its output in a log, and end it at the end."""
    with (LOGS / f"{name}.log").open("wb") as log:
        env = {**os.environ, **variables}
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


def tries_of(report: Path) -> list[dict[str, Any]]:
    """Return what became of the steps of the story that are over."""
    return [json.loads(line) for line in report.read_text().splitlines()] if report.exists() else []


def watch(airflow: subprocess.Popen[bytes], omics: Any, report: Path, progress: Progress) -> None:
    """Show how far it is until Airflow has ended."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while airflow.poll() is None:
        if time.monotonic() > deadline:
            raise fail("airflow", f"Airflow did not end within {DEADLINE_SECONDS} s.")
        over, runs = len(tries_of(report)), runs_of(omics)
        doing = "Airflow is at work"
        if len(runs) > over:
            done = sum(task["status"] == "COMPLETED" for task in runs[-1]["tasks"])
            doing = f"HealthOmics run {runs[-1]['id']} is {runs[-1]['status']}, {done} tasks completed"
        if over < len(STORY):
            progress(f"{over + 1} of {len(STORY)}, {STORY[over].title}: {doing}")
        time.sleep(0.3)
    if airflow.returncode:
        raise fail("airflow", "The DAG runs did not end as they should have.")


def show(omics: Any, report: Path) -> None:
    """Print the run cache, the error of the run that failed, and every run."""
    for item in omics.list_run_caches()["items"]:
        print(f"\nRun cache {item['id']} ({item['name']}) at {item['cacheS3Uri']}")
    tries = tries_of(report)
    for number, done in enumerate(tries, 1):
        if done["error"]:
            print(f"\nWhat Airflow says of step {number}:\n")
            print("\n".join(f"  {line}" for line in done["error"].splitlines()))
    rows = [("step", "Airflow's try", "HealthOmics run", "computed", "reused")]
    for number, (step, done, run) in enumerate(zip(STORY, tries, runs_of(omics), strict=True), 1):
        computed = [task for task in run["tasks"] if not task.get("cacheHit")]
        reused = f"{len(run['tasks']) - len(computed)} of {len(run['tasks'])}"
        airflow, healthomics = f"{done['number']} {done['state']}", f"{run['id']} {run['status']}"
        rows.append((f"{number}. {step.title}", airflow, healthomics, names_of(computed), reused))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    print()
    for row in rows:
        print("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


def names_of(tasks: list[dict[str, Any]]) -> str:
    """Return the names of tasks, those of a scatter (align-0, align-1) together, and what did not succeed."""
    counted = Counter(
        re.sub(r"-\d+$", "", task["name"]) + ("" if task["status"] == "COMPLETED" else f" ({task['status']})")
        for task in tasks
    )
    return ", ".join(name if count == 1 else f"{count} {name}" for name, count in sorted(counted.items())) or "nothing"


def show_next_step() -> None:
    """Print how to point one's own Airflow at the emulator."""
    url = "http://127.0.0.1:5000"
    print("\nTo point your own Airflow at the emulator, start it in one terminal:\n")
    print(f"  {sys.executable} -m airflow_provider_omics.emulator --port 5000 {shlex.join(SEEDS)}\n")
    print("and paste this where Airflow runs, behind an HTTP proxy with the last two lines;")
    print("the others are for the AWS CLI and boto3:\n")
    for line in exports(url):
        print(f"  {line}")


def main() -> None:
    """Run the demo."""
    LOGS.mkdir(parents=True, exist_ok=True)
    progress = Progress()
    with tempfile.TemporaryDirectory(prefix="omics-demo-") as home:
        settle(home)
        progress("starting the emulator, and making Airflow's database")
        command = (sys.executable, "-m", "airflow_provider_omics.emulator", "--port", "0", *SEEDS)
        with process("emulator", *command) as emulator:
            airflow_cli = (sys.executable, "-m", "airflow")
            with process("database", *airflow_cli, "db", "migrate") as database:
                url = emulator_url(emulator)
                if database.wait():
                    raise fail("database", "Airflow's database could not be made.")
            report = Path(home) / "steps.jsonl"
            driver = (sys.executable, str(ROOT / "scripts" / "demo_dag_runs.py"), "--report", str(report))
            known = {CONNECTION: connection_json(url), "DEMO_ENDPOINT": url}
            with process("airflow", *driver, "--folder", str(Path(home) / "workflow"), **known) as airflow:
                watch(airflow, client(url), report, progress)
            progress.done()
            show(client(url), report)
    show_next_step()


if __name__ == "__main__":
    main()
