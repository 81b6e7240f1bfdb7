"""A case: one DAG run in a real Airflow, against a HealthOmics of its own, so that cases do not disturb each other."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import boto3
import psutil  # type: ignore[import-untyped]
from botocore.config import Config

from airflow_provider_omics.emulator.clock import Clock
from airflow_provider_omics.emulator.connection import connection_json
from airflow_provider_omics.emulator.core import DEFAULT_ACCOUNT, DEFAULT_REGION
from airflow_provider_omics.emulator.neighbours import MotoNeighbours
from airflow_provider_omics.emulator.records import Run
from airflow_provider_omics.emulator.server import Server
from airflow_provider_omics.emulator.simulated import Plan, Task
from airflow_provider_omics.emulator.store import Store
from airflow_provider_omics.emulator.wsgi import MotoApplication
from tests.faults.accounts import Account, Taken, account
from tests.faults.watch import Meeting, Watch
from tests.faults.workers import ended, kill
from tests.limit import LIMIT_SECONDS

BUCKET = "amzn-s3-demo-bucket"
LOOK_SECONDS = 0.2
OVER = frozenset({"success", "failed", "upstream_failed", "skipped", "removed"})
PLAN = Plan(
    (Task("align", seconds=6), Task("call", seconds=600, after=("align",))), pending=0.5, starting=0.5, stopping=1
)
"""What a run does: it is not over before a case moves its clock."""
LATE_START = replace(PLAN, starting=600)
"""The same for a run that may take everything from the cache, and would be over before anybody has seen it."""
RUN_SECONDS = 1260
"""How far the clock moves to end a run of these plans."""
POLLS = ("GetRun", "ListRuns")

Seen = TypeVar("Seen")


class Case:
    """One DAG run and its HealthOmics.

    :param dag_id: the DAG's, and the connection's
    :param folder: where the DAG's notes and its definition lie
    :param moto: S3 and the other services, which all cases share
    :param arguments: the operator's
    :param samples: what its task is mapped over, if there are several
    """

    def __init__(
        self, dag_id: str, folder: Path, moto: MotoApplication, arguments: Mapping[str, Any], samples: Iterable[str]
    ) -> None:
        self.dag_id, self.folder = dag_id, folder
        self.arguments, self.samples = dict(arguments), list(samples)
        self.store = Store(clock=Clock(), neighbours=MotoNeighbours())
        self.region = self.store.region(DEFAULT_ACCOUNT, DEFAULT_REGION)
        self.store.seed_workflow(DEFAULT_ACCOUNT, DEFAULT_REGION, "1234567", name="cohort")
        self.store.plans.set("*", PLAN)
        self.server = Server(self.store, neighbours=False)
        self.server.moto = moto
        self.faults = self.store.faults
        session = boto3.Session("emulator", "emulator", region_name=DEFAULT_REGION)
        self.client = session.client("omics", endpoint_url=self.server.url, config=Config(inject_host_prefix=False))
        cache = self.client.create_run_cache(
            requestId=dag_id, cacheS3Location=f"s3://{BUCKET}/{dag_id}/cache", cacheBehavior="CACHE_ALWAYS"
        )
        self.arguments["cache_id"] = cache["id"]
        self.run_id = "first"
        self.needed, self.cancelled, self.left = 1, 0, 0
        """How many runs there must be, and may be cancelled and left alone because somebody wanted it."""
        self.decoys: set[str] = set()
        """The names of somebody else's runs."""
        self.heard = 0
        """How often the scheduler has heard of the end of a first try's worker before the present DAG run."""
        self.taken: list[Taken] = []
        self.workers: list[psutil.Process] = []
        """Every process that executed a task."""
        self.watch: Watch
        self.edited: Callable[[], None]
        """To be called when arguments or samples were changed."""
        self.meeting: Meeting

    @property
    def deferred(self) -> bool:
        """Whether the run is waited for in the triggerer."""
        return bool(self.arguments["deferrable"])

    @property
    def elsewhere(self) -> str:
        """The connection of another deployment to the same account."""
        return f"{self.dag_id}__elsewhere"

    @property
    def connections(self) -> dict[str, str]:
        """The connections by their ids, as JSON."""
        here = connection_json(self.server.url)
        other = json.loads(here)
        other["extra"]["deployment"] = "elsewhere"
        return {self.dag_id: here, self.elsewhere: json.dumps(other)}

    @property
    def definition(self) -> dict[str, Any]:
        """What the DAG file reads."""
        return {"dag_id": self.dag_id, "samples": self.samples, "arguments": self.arguments}

    @property
    def runs(self) -> list[Run]:
        """The runs that were started for the task, the oldest first."""
        with self.store.lock:
            self.store.settle()
            return [run for run in self.region.runs if run.members["name"] not in self.decoys]

    @property
    def polls(self) -> int:
        """How often somebody looked for a run, or at one."""
        return sum(self.faults.calls[operation] for operation in POLLS)

    # --- Airflow

    def trigger(self) -> None:
        """Start the DAG run."""
        self.watch.ask(lambda airflow: airflow.trigger(self.dag_id, self.run_id))

    def clear(self) -> None:
        """Clear the task, as a person does."""
        self.watch.ask(lambda airflow: airflow.clear(self.dag_id, self.run_id, "run"))

    def clear_ended(self) -> None:
        """Clear the task when its DAG run has ended, too: Airflow ends one whose task is cleared a moment before."""
        over = {"success", "failed"}
        self.until(
            "the DAG run ends",
            lambda: self.watch.ask(lambda airflow: airflow.dag_run(self.dag_id, self.run_id)["state"] in over),
        )
        self.clear()

    def clear_running(self) -> None:
        """Clear the task while it runs, and on Airflow 3.0 once more: it leaves the task ``restarting`` for good."""
        stuck = not self.deferred and self.watch.airflow.version.startswith("3.0.")
        worker = self.process() if stuck else None
        self.clear()
        if worker:
            self.until("its process is gone", lambda: ended(worker))
            self.clear()

    def mark(self, state: str) -> None:
        """Mark the task as failed or succeeded, as a person does."""
        self.watch.ask(lambda airflow: airflow.mark(self.dag_id, self.run_id, "run", state))

    def delete(self) -> None:
        """Delete the DAG run, as soon as Airflow is done with it, and forget its processes."""
        self.until("the DAG run ends", lambda: self._dag_run_state() in OVER)
        self.heard += self.deferred  # a process that defers is a worker that has ended, too
        # What the scheduler hears later it would take for news of the next DAG run.
        self.until("the scheduler knows that the worker is free", partial(self._heard, 1))
        self.heard += 1
        self.watch.ask(lambda airflow: airflow.delete_dag_run(self.dag_id, self.run_id))
        for note in self.folder.glob(f"{self.dag_id}.*"):
            note.unlink()

    def _dag_run_state(self) -> str:
        return str(self.watch.ask(lambda airflow: airflow.dag_run(self.dag_id, self.run_id))["state"])

    def states(self) -> list[tuple[str | None, int]]:
        """Return state and try of each task instance."""
        return [(task["state"], task["try_number"]) for task in self.watch.tasks(self.dag_id, self.run_id)]

    def ends(self, state: str = "success") -> None:
        """Wait until every task instance has ended for good, and take its result if it succeeded."""

        def ended() -> bool:
            tasks = self.states()
            return bool(tasks) and all(each in OVER for each, _ in tasks)

        self.until("the task ends", ended)
        tasks = self.watch.tasks(self.dag_id, self.run_id)
        assert {task["state"] for task in tasks} == {state}, self.story()
        for task, sample in zip(tasks, self.samples, strict=True):
            if state == "success":
                self.taken.append(Taken(self._result(int(task["map_index"])), sample))

    def _result(self, map_index: int) -> str:
        return str(self.watch.ask(lambda airflow: airflow.xcom(self.dag_id, self.run_id, "run", "uuid", map_index)))

    # --- processes

    def kill(self, *workers: psutil.Process) -> None:
        """Kill tasks' processes and their supervisors, and let Airflow notice it."""
        kill(*workers)
        self.is_dead(*workers)

    def is_dead(self, *workers: psutil.Process) -> None:
        """Let Airflow notice at its next check that nobody supervises the tasks of these processes any more."""
        self.watch.bury(self.dag_id, *(worker.pid for worker in workers))

    def held(self, map_index: int = -1) -> psutil.Process:
        """Wait until the first try stands still, and return its process."""
        self.until("the first try stands still", lambda: self._notes(map_index, "held"))
        return self.process(map_index=map_index)

    def process(self, try_number: int = 1, map_index: int = -1) -> psutil.Process:
        """Wait until a try of this number or a later one has begun, and return its process."""
        self._begun(try_number, map_index)
        noted = {int(note.name.split(".")[-2]): note for note in self._notes(map_index, "pid")}
        worker = psutil.Process(int(noted[max(noted)].read_text()))
        self.workers.append(worker)
        return worker

    def _begun(self, try_number: int, map_index: int = -1) -> None:
        def begun() -> bool:
            return any(int(note.name.split(".")[-2]) >= try_number for note in self._notes(map_index, "pid"))

        self.until(f"try {try_number} begins", begun)

    def _notes(self, map_index: int, kind: str) -> list[Path]:
        return list(self.folder.glob(f"{self.dag_id}.{map_index}.*.{kind}"))

    def waits(self, try_number: int = 1, *, anywhere: bool = False) -> None:
        """Wait until a try waits for its run: its worker looks at it again and again, or the triggerer does.

        Airflow 2 may count several tries for one that it finds dead.

        :param try_number: which try at least
        :param anywhere: whether a task that can wait in the triggerer may wait in its worker too
        """
        states = ({"deferred", "running"} if anywhere else {"deferred"}) if self.deferred else {"running"}

        def waiting() -> list[tuple[str | None, int]]:
            return [(state, number) for state, number in self.states() if state in states and number >= try_number]

        self._begun(try_number)
        state, number = self.until(f"try {try_number} waits", waiting)[0]
        self.until("a run is on its way", self.active)
        if state == "deferred":  # a task that is resumed earlier is failed by Airflow
            self.until("the scheduler knows that the worker is free", partial(self._heard, number))
        looks = 1 if state == "deferred" else 3  # a worker that reattaches looks twice before it waits
        before = self.polls
        self.until(f"try {number} looks at the run", lambda: self.polls >= before + looks)

    def _heard(self, try_number: int) -> bool:
        """Tell whether the scheduler has heard of one more worker of a try that has ended."""
        heard = rf"Received executor event with state success .*dag_id='{self.dag_id}'.*try_number={try_number}\b"
        return self.watch.airflow.logged("scheduler", heard, times=self.heard + 1)

    def together(self, action: Callable[[], object]) -> None:
        """Do something to all of Airflow, once, when all cases of the row have come here, and all other ones ended."""
        self.meeting.wait(action)

    # --- HealthOmics

    def start_decoy(self, name: str, **request: Any) -> None:
        """Start a run that is somebody else's."""
        self.decoys.add(name)
        self.client.start_run(name=name, **request)

    def complete(self, seconds: float = RUN_SECONDS) -> None:
        """Let time pass until every run has ended."""
        self.store.clock.advance(seconds)

    def start_late(self) -> None:
        """Let the runs from now on start late."""
        self.store.plans.set("*", LATE_START)

    def age(self) -> None:
        """Let the runs have begun as long ago in Airflow's time as they have in that of their HealthOmics."""
        with self.store.lock:
            for run in self.runs:
                began = run.members["creationTime"] - timedelta(seconds=RUN_SECONDS)
                self.region.runs.change(run.members["id"], creationTime=began)

    def active(self) -> list[Run]:
        """Return the runs that have not ended."""
        return [run for run in self.runs if run.status not in ("COMPLETED", "FAILED", "CANCELLED")]

    def until(self, what: str, look: Callable[[], Seen]) -> Seen:
        """Look again and again until something true is seen, and return it."""
        deadline = time.monotonic() + LIMIT_SECONDS
        while not (seen := look()):
            assert time.monotonic() < deadline, f"Not within {LIMIT_SECONDS:.0f} s: {what}; {self.story()}"
            processes = list(self.watch.airflow.processes.values())
            dead = [each for each in processes if each.popen.poll() is not None]
            assert not dead, f"A process ended before {what}.\n{self.watch.airflow.tails(dead)}"
            self.watch.age_heartbeats()
            time.sleep(LOOK_SECONDS)
        return seen

    def story(self) -> str:
        """Return what is known of the case, for a message."""
        runs = [f"{run.members['id']} {run.status} {run.members['parameters']}" for run in self.runs]
        calls = ", ".join(f"{name} {count}" for name, count in sorted(self.faults.calls.items()))
        return f"{self.dag_id}: task instances {self.states()}, runs {runs}, calls: {calls}"

    def account(self) -> Account:
        """Return what the case cost, as soon as nothing is about to stop any more."""
        self.store.clock.advance(PLAN.stopping + 1)
        return account(self.runs, self.taken, needed=self.needed, cancelled=self.cancelled, left=self.left)
