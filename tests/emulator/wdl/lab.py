"""Runs of WDL workflows on a frozen clock, with S3 and logs in memory."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from airflow_provider_omics.emulator import Clock, Store
from airflow_provider_omics.emulator.definition import Definition
from airflow_provider_omics.emulator.records import Run
from airflow_provider_omics.resources import RUN
from tests.emulator.wired import ACCOUNT, REGION, WORKFLOW, Memory, Service
from tests.limit import LIMIT_SECONDS

GENOME = Path(__file__).parents[3] / "example_dags" / "wdl"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/tools:1.0"
STEP = 0.25
"""Seconds of the clock between two looks at a run."""

TWO = """
version 1.1
workflow two {
    input { String word = "word"  String last = "true"  String image = "IMAGE" }
    call write { input: word, image }
    call read { input: file = write.file, last, image }
    output { String seen = read.seen }
}
task write {
    input { String word  String image }
    command <<< echo ~{word} > file.txt >>>
    output { File file = "file.txt" }
    runtime { container: image }
}
task read {
    input { File file  String last  String image }
    command <<< cat ~{file} && ~{last} >>>
    output { String seen = read_string(stdout()) }
    runtime { container: image }
}
""".replace("IMAGE", IMAGE)
"""A task that writes a word, and one that reads it and ends as the command ``last`` does."""


def one(
    command: str, *, inputs: str = "", output: str = 'File out = "out.txt"', runtime: str = "", meta: str = ""
) -> str:
    """Return a workflow of one task."""
    names = [part.split("=")[0].split()[-1] for part in inputs.split(";") if part.strip()]
    declared = " ".join(part.strip() for part in inputs.split(";"))
    return f"""
version development
workflow main {{
    input {{ {declared} }}
    call only {{ input: {", ".join(f"{name} = {name}" for name in names)} }}
}}
task only {{
    input {{ {declared} }}
    meta {{ {meta} }}
    command <<< {command} >>>
    output {{ {output} }}
    runtime {{ {runtime or f'container: "{IMAGE}"'} }}
}}
"""


class Bucket(Memory):
    """S3 that also knows objects which were uploaded in parts."""

    def __init__(self) -> None:
        super().__init__()
        self.etags: dict[str, str] = {}

    def etag(self, bucket: str, key: str) -> str | None:
        return self.etags.get(f"s3://{bucket}/{key}") or super().etag(bucket, key)


class Lab(Service):
    """A service whose runs are real."""

    def __init__(self, client: Any, store: Store, clock: Clock, memory: Bucket) -> None:
        super().__init__(client, store, clock, memory)
        self.memory: Bucket = memory

    def workflow(self, source: str | Mapping[str, str], workflow_id: str = WORKFLOW) -> str:
        """Make a workflow of a WDL source, or of files of which the first is the main one."""
        files = {"main.wdl": source} if isinstance(source, str) else source
        self.store.seed_workflow(ACCOUNT, REGION, workflow_id, "wdl")
        made = self.store.region(ACCOUNT, REGION).workflows.get(workflow_id)
        assert made
        encoded = {name: text.encode() for name, text in files.items()}
        made.definition = Definition(encoded, main=next(iter(files)))
        return workflow_id

    def run(self, **request: Any) -> Any:
        """Start a run, and describe it when it has ended."""
        return self.ended(self.start(**request)["id"])

    def ended(self, run_id: str) -> Any:
        """Wait for the end of a run, and describe it."""
        self.until(lambda: self.record(run_id).status in RUN.ended)
        return self.client.get_run(id=run_id)

    def record(self, run_id: str) -> Run:
        """Return the inside of a run; to ask for it again and again over the API would keep a core busy."""
        self.store.settle()
        run = self.store.region(ACCOUNT, REGION).runs.get(run_id)
        assert run
        return run

    def until(self, condition: Callable[[], Any], step: float = STEP) -> None:
        """Let time pass until something is so.

        :param step: seconds of the clock between two looks; what lasts no longer may be missed.
        """
        deadline = time.monotonic() + LIMIT_SECONDS
        while not condition():
            assert time.monotonic() < deadline, "the run does not get on"
            self.clock.advance(step)
            time.sleep(0.01)

    def running(self, run_id: str, name: str) -> None:
        """Wait until a task of a run is RUNNING."""
        self.until(lambda: name in (tasks := self.record(run_id).by_name) and tasks[name].status == "RUNNING")

    def computed(self, run: Mapping[str, Any]) -> set[str]:
        """Return the names of the tasks of a run that were not taken from the cache."""
        return {name for name, task in self.tasks(run).items() if not task.get("cacheHit")}

    def outputs(self, run: Mapping[str, Any]) -> Any:
        """Return what a run declares as its outputs."""
        return json.loads(self.memory.objects[f"{run['runOutputUri']}/logs/outputs.json"])

    def log(self, run: Mapping[str, Any], task: str) -> list[str]:
        """Return what the log of a task says."""
        return self.memory.logs[f"run/{run['id']}/task/{self.tasks(run)[task]['taskId']}"]

    def misses(self, run: Mapping[str, Any]) -> dict[str, Any]:
        """Return why tasks of a run were not found in its cache, by their names."""
        cache = self.client.get_run_cache(id=run["cacheId"])
        names = {task["taskId"]: name for name, task in self.tasks(run).items()}
        found = {}
        for line in self.memory.logs[f"runCache/{run['cacheId']}/{cache['cacheS3Uri'].split('/')[-2]}"]:
            event = json.loads(line)
            task_id = event["logMessage"].partition("task: ")[2].partition(",")[0]
            if "cacheMiss" in event and task_id in names:
                found[names[task_id]] = event["cacheMiss"]
        return found
