"""A HealthOmics that throttles, fails and loses answers, and whose runs end when they are told to."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random
from types import TracebackType

from airflow_provider_omics.emulator.clock import Clock
from airflow_provider_omics.emulator.core import DEFAULT_ACCOUNT, DEFAULT_REGION
from airflow_provider_omics.emulator.errors import InternalServerException
from airflow_provider_omics.emulator.faults import Faults, Meeting
from airflow_provider_omics.emulator.neighbours import MotoNeighbours
from airflow_provider_omics.emulator.records import Run
from airflow_provider_omics.emulator.server import Server
from airflow_provider_omics.emulator.simulated import Plan, Task
from airflow_provider_omics.emulator.store import Store

RUN_SECONDS = 24 * 3600
"""How long a run takes: none ends before the clock is moved."""
LIMITS = {"StartRun": 5, "GetRun": 10, "ListRuns": 10}
"""Calls a second and account: https://docs.aws.amazon.com/omics/latest/dev/api-quotas.html."""
FAILING, LOST = 0.05, 0.01
"""The shares of calls that are answered with a server error, and whose answers are lost."""
START_LOST = 10
"""Of so many starts that would be answered one answer is lost: each makes a run that nobody knows of."""


class Unreliable(Faults):
    """Let a share of all calls go wrong, and count what does."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.wrong: Counter[str] = Counter()
        self._chance = Random(0)
        self._starts = 0
        self.start_delay = 0.0
        """By how many seconds the answers to starts are late, from now on."""

    def meet(self, operation: str) -> Meeting:
        """Count a call of an operation and return what is to go wrong with it."""
        meeting = super().meet(operation)
        with self._lock:
            chance = self._chance.random()
            if meeting.error:
                what = "throttled"
            elif chance < FAILING:
                what = "server error"
                meeting = replace(meeting, error=InternalServerException("Something is wrong in HealthOmics."))
            else:
                self._starts += operation == "StartRun"
                lost = chance < FAILING + LOST or (operation == "StartRun" and self._starts % START_LOST == 0)
                what = "answer lost" if lost else "answered"
                meeting = replace(meeting, lost=lost, delay=self.start_delay if operation == "StartRun" else 0)
            self.wrong[what] += 1
        return meeting


class Omics:
    """HealthOmics at an address of its own, with the workflow ``1234567`` and a bucket for its outputs."""

    def __init__(self) -> None:
        self.store = Store(neighbours=MotoNeighbours())
        self.store.faults = self.faults = Unreliable(self.store.clock)
        self.server = Server(self.store)

    def __enter__(self) -> Omics:
        self.server.wait()
        MotoNeighbours().create_bucket("amzn-s3-demo-bucket", DEFAULT_ACCOUNT, DEFAULT_REGION)
        self.store.seed_workflow(DEFAULT_ACCOUNT, DEFAULT_REGION, "1234567", name="cohort")
        self.store.plans.set("*", Plan((Task("align", seconds=RUN_SECONDS / 2),)))
        self.faults.idempotency = "off"  # a start that is sent twice makes two runs
        for operation, per_second in LIMITS.items():
            self.faults.limit(operation, per_second=per_second)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.close()
        MotoNeighbours().reset()

    @property
    def runs(self) -> list[Run]:
        """All runs that were started."""
        with self.store.lock:
            self.store.settle()
            return list(self.store.region(DEFAULT_ACCOUNT, DEFAULT_REGION).runs)

    @property
    def samples(self) -> list[str]:
        """The sample of each run."""
        return [run.members["parameters"]["sample"] for run in self.runs]

    def end_runs(self) -> None:
        """Let all runs end at once."""
        self.store.clock.advance(RUN_SECONDS)
