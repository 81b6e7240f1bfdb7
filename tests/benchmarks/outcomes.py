"""What may become of a task that runs a workflow, and what each outcome costs: API calls, and runs."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, Protocol

import boto3
import botocore.endpoint
import pytest
from botocore.config import Config

from airflow_provider_omics.emulator.clock import Clock
from airflow_provider_omics.emulator.connection import CONNECTION, connection_json
from airflow_provider_omics.emulator.core import DEFAULT_ACCOUNT, DEFAULT_REGION
from airflow_provider_omics.emulator.neighbours import MotoNeighbours
from airflow_provider_omics.emulator.server import Server
from airflow_provider_omics.emulator.simulated import Plan, Task
from airflow_provider_omics.emulator.store import Store
from airflow_provider_omics.hooks.killing import TRY_ENDED
from tests.conftest import FakeTaskInstance, skip_sleeps
from tests.waits import finish

BUCKET, WORKFLOW = "omics-benchmark-bucket", "1234567"
LAST_TRY = 3
POLL_SECONDS = 30
STARTUP_SECONDS, TASK_SECONDS = 5.0, 600.0

Calls = Counter[str]


def plan(tasks: int = 5) -> Plan:
    """Return the plan of a run of tasks that run side by side."""
    each = tuple(Task(f"task_{number}", seconds=TASK_SECONDS) for number in range(tasks))
    return Plan(each, pending=2, starting=STARTUP_SECONDS - 2)


class Bench:
    """A HealthOmics whose clock moves where anybody would sleep, and the calls that it gets."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self.calls: Calls = Counter()

    def __enter__(self) -> Bench:
        neighbours = MotoNeighbours()
        self.store = Store(clock=Clock(frozen=True), neighbours=neighbours)
        self.server = self._stack.enter_context(Server(self.store))
        self.server.wait()
        self._stack.callback(neighbours.reset)
        neighbours.create_bucket(BUCKET, DEFAULT_ACCOUNT, DEFAULT_REGION)
        self._skip_sleeps()
        self.omics = self.client()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def client(self) -> Any:
        """Return boto3's own client."""
        session = boto3.Session("emulator", "emulator", region_name=DEFAULT_REGION)
        return session.client("omics", endpoint_url=self.server.url, config=Config(inject_host_prefix=False))

    def _skip_sleeps(self) -> None:
        from airflow_provider_omics.hooks import budget
        from airflow_provider_omics.triggers import pause

        async def no_sleep(seconds: float) -> None:
            pass

        async def advance(seconds: float) -> None:
            self.store.clock.advance(seconds)

        patches = self._stack.enter_context(pytest.MonkeyPatch.context())
        patches.setenv(CONNECTION, connection_json(self.server.url))
        skip_sleeps(patches, self.store.clock)
        patches.setattr(pause, "sleep", advance)
        patches.setattr(budget, "sleep", no_sleep)  # it goes by this machine's time, and one wait is within it
        # botocore's own retries sleep too
        patches.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=self.store.clock.advance))

    def clear(self) -> None:
        """Forget all runs and faults, and make the workflow and its cache anew."""
        self.store.reset()
        self.store.seed_workflow(DEFAULT_ACCOUNT, DEFAULT_REGION, WORKFLOW, name="germline")
        self.store.plans.set("*", plan())
        self.cache_id = self.omics.create_run_cache(cacheS3Location=f"s3://{BUCKET}/cache", requestId="1")["id"]
        random.seed(1)

    @contextmanager
    def counted(self, calls: Calls) -> Iterator[None]:
        """Add the calls to HealthOmics that are made here."""
        before = self.store.faults.calls.copy()
        yield
        calls.update(self.store.faults.calls - before)

    @property
    def runs(self) -> int:
        """How many runs were started."""
        return len(self.store.region(DEFAULT_ACCOUNT, DEFAULT_REGION).runs)


class Way(Protocol):
    """One way to run a workflow from a task."""

    def attempt(self, bench: Bench, try_number: int, *, sample: str = "NA12878", max_tries: int = LAST_TRY) -> None:
        """Make one try of the task, to its end."""

    def die_waiting(self, bench: Bench) -> str:
        """Make a first try whose worker dies when the run is started, and return the run's id."""


@dataclass(frozen=True)
class Ours:
    """``StartRunOperator``."""

    deferrable: bool

    def _operator(self, bench: Bench, sample: str, **arguments: Any) -> Any:
        from airflow_provider_omics.operators.run import StartRunOperator

        return StartRunOperator(task_id="run", cache_id=bench.cache_id, preflight=False, **request(sample), **arguments)

    def attempt(self, bench: Bench, try_number: int, *, sample: str = "NA12878", max_tries: int = LAST_TRY) -> None:
        """Make one try of the task, to its end."""
        operator = self._operator(bench, sample, deferrable=self.deferrable)
        finish(operator, {"ti": FakeTaskInstance(try_number=try_number, max_tries=max_tries)})

    def die_waiting(self, bench: Bench) -> str:
        """Make a first try whose worker dies when the run is started, and return the run's id."""
        operator = self._operator(bench, "NA12878", wait_for_completion=False)
        return str(operator.execute({"ti": FakeTaskInstance(max_tries=LAST_TRY)})["id"])


class Boto3:
    """A ``PythonOperator`` with boto3, which looks every 30 s and knows nothing of earlier tries."""

    def attempt(self, bench: Bench, try_number: int, *, sample: str = "NA12878", max_tries: int = LAST_TRY) -> None:
        """Make one try of the task, to its end."""
        omics = bench.client()
        run_id = self._start(bench, omics, sample)
        while (status := omics.get_run(id=run_id)["status"]) not in ("COMPLETED", "FAILED", "CANCELLED", "DELETED"):
            bench.store.clock.advance(POLL_SECONDS)
        if status != "COMPLETED":
            raise RuntimeError(f"Run {run_id} is {status}.")

    def die_waiting(self, bench: Bench) -> str:
        """Make a first try whose worker dies when the run is started, and return the run's id."""
        return self._start(bench, bench.client(), "NA12878")

    @staticmethod
    def _start(bench: Bench, omics: Any, sample: str) -> str:
        members = {"cacheId": bench.cache_id, "workflowId": WORKFLOW, "parameters": {"sample": sample}}
        given = request(sample)
        return str(omics.start_run(roleArn=given["role_arn"], outputUri=given["output_uri"], **members)["id"])


def request(sample: str) -> dict[str, Any]:
    """Return what a run is made of."""
    return {
        "workflow_id": WORKFLOW,
        "role_arn": "arn:aws:iam::123456789012:role/Omics",
        "output_uri": f"s3://{BUCKET}/runs",
        "parameters": {"sample": sample},
    }


WAYS: dict[str, Way] = {"synchronous": Ours(False), "deferred": Ours(True), "boto3": Boto3()}


@dataclass
class Count:
    """What an outcome cost."""

    needed: int
    """How many runs it takes."""
    runs: int = 0
    """How many were started."""
    calls: Calls = field(default_factory=Counter)


Play = Callable[[Bench, Way, Calls], None]


@dataclass(frozen=True)
class Outcome:
    """What becomes of a task."""

    play: Play
    needed: int

    def count(self, bench: Bench, way: Way) -> Count:
        """Play it, and return what it cost."""
        bench.clear()
        made = Count(self.needed)
        self.play(bench, way, made.calls)
        made.runs = bench.runs
        return made


OUTCOMES: dict[str, Outcome] = {}


def outcome(title: str, *, needed: int = 1) -> Callable[[Play], Play]:
    """Add an outcome to the table."""

    def add(play: Play) -> Play:
        OUTCOMES[title] = Outcome(play, needed)
        return play

    return add


def tries(bench: Bench, way: Way, calls: Calls, first: int = 1, **arguments: Any) -> None:
    """Make tries until one succeeds, as Airflow does, and count their calls."""
    with bench.counted(calls):
        for try_number in range(first, LAST_TRY + 1):
            try:
                way.attempt(bench, try_number, **arguments)
            except Exception:
                if try_number == LAST_TRY:
                    raise
            else:
                return


def die(bench: Bench, way: Way, calls: Calls) -> str:
    """Make a first try whose worker dies, and count its calls."""
    with bench.counted(calls):
        return way.die_waiting(bench)


@outcome("first try completes")
def completes(bench: Bench, way: Way, calls: Calls) -> None:
    tries(bench, way, calls)


@outcome("first try completes, 250 tasks")
def many_tasks(bench: Bench, way: Way, calls: Calls) -> None:
    bench.store.plans.set("*", plan(tasks=250))
    tries(bench, way, calls)


@outcome("first try fails, its retry completes", needed=2)
def fails_once(bench: Bench, way: Way, calls: Calls) -> None:
    *others, last = plan().tasks
    bench.store.plans.set("*", replace(plan(), tasks=(*others, replace(last, after=("task_0",), fail_first=1))))
    tries(bench, way, calls)


@outcome("worker dies while the run is active")
def adopts_active(bench: Bench, way: Way, calls: Calls) -> None:
    die(bench, way, calls)
    tries(bench, way, calls, first=2)


@outcome("worker dies, run completes meanwhile")
def adopts_completed(bench: Bench, way: Way, calls: Calls) -> None:
    die(bench, way, calls)
    bench.store.clock.advance(24 * 3600)
    tries(bench, way, calls, first=2)


@outcome("worker dies, run is STOPPING", needed=2)
def awaits_stopping(bench: Bench, way: Way, calls: Calls) -> None:
    run_id = die(bench, way, calls)
    bench.omics.tag_resource(resourceArn=bench.omics.get_run(id=run_id)["arn"], tags={TRY_ENDED: "timeout"})
    bench.omics.cancel_run(id=run_id)
    tries(bench, way, calls, first=2)


@outcome("answer of StartRun lost")
def answer_lost(bench: Bench, way: Way, calls: Calls) -> None:
    bench.store.faults.lose_answer("StartRun")
    tries(bench, way, calls)


@outcome("cleared while the run is active", needed=2)
def cleared(bench: Bench, way: Way, calls: Calls) -> None:
    die(bench, way, calls)
    tries(bench, way, calls, first=2, max_tries=LAST_TRY + 1)


@outcome("worker dies, retry asks for another sample", needed=2)
def another_request(bench: Bench, way: Way, calls: Calls) -> None:
    die(bench, way, calls)
    tries(bench, way, calls, first=2, sample="NA12891")


@outcome("StartRun throttled six times")
def throttled(bench: Bench, way: Way, calls: Calls) -> None:
    bench.store.faults.fail("StartRun", "ThrottlingException", times=6)
    tries(bench, way, calls)
