"""The emulator's memory: resources by account and region, what is due when, and the knobs beside them."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_omics.emulator.clock import Clock
from airflow_provider_omics.emulator.definition import Kept
from airflow_provider_omics.emulator.faults import Faults
from airflow_provider_omics.emulator.neighbours import Neighbours, NoNeighbours, partition
from airflow_provider_omics.emulator.permissions import Permissions
from airflow_provider_omics.emulator.records import Members, Record, Run, RunBatch, RunCache, RunGroup, Workflow
from airflow_provider_omics.emulator.simulated import Plans
from airflow_provider_omics.emulator.tables import Table
from airflow_provider_omics.resources import RULES, RUN, RUN_BATCH, RUN_CACHE, RUN_GROUP, RUN_TASK, WORKFLOW, Resource

if TYPE_CHECKING:
    from airflow_provider_omics.emulator.wdl.engine import Engine

EngineName = Literal["simulated", "wdl"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_IDS = {
    WORKFLOW.word: 1234567,
    RUN_CACHE.word: 2345678,
    RUN.word: 3456789,
    RUN_TASK.word: 4567891,
    RUN_BATCH.word: 7123456,
    RUN_GROUP.word: 5678912,
}
"""Seven digits, as in every sample of AWS's; each kind starts elsewhere, so that a mistaken id is found nowhere."""


@dataclass(frozen=True)
class Token:
    """A ``requestId`` that was used."""

    parameters: Members
    answer: Members
    record: Record | None
    since: datetime


class Region:
    """HealthOmics of one account in one region."""

    def __init__(self, store: Store, account: str, name: str) -> None:
        self.store = store
        self.account = account
        self.name = name
        self.run_caches: Table[RunCache] = Table(store)
        self.run_groups: Table[RunGroup] = Table(store)
        self.runs: Table[Run] = Table(store, "status", "name", "batchId")
        self.run_batches: Table[RunBatch] = Table(store, "status", "name")
        self.workflows: Table[Workflow] = Table(store)
        self.tokens: dict[tuple[str, str], Token] = {}
        self.tagged: dict[str, tuple[Table[Any], str]] = {}
        """Where the resource of an ARN stands: its table, and its key there."""
        self._next = dict(_FIRST_IDS)
        self._free: list[str] = []

    def arn(self, resource: Resource, **identifiers: str) -> str:
        """Return the ARN of a resource."""
        return f"arn:{partition(self.name)}:omics:{self.name}:{self.account}:{resource.arn.format(**identifiers)}"

    def new_id(self, resource: Resource) -> str:
        """Return an id that no resource of that kind has.

        "HealthOmics reuses deleted run IDs": https://docs.aws.amazon.com/omics/latest/dev/running-workflows.html.
        """
        if resource is RUN and self._free:
            return self._free.pop(0)
        number = self._next[resource.word]
        while resource is WORKFLOW and self.workflows.get(str(number)):
            number += 1  # a workflow may have been made under an id of somebody's own
        self._next[resource.word] = number + 1
        return str(number)

    def remove_run(self, run: Run) -> None:
        """Forget a run, and let its id be used again."""
        run_id = run.members["id"]
        self.runs.remove(run_id)
        del self.tagged[run.members["arn"]]
        self._free.append(run_id)
        if run.watch:
            run.watch(run.status, "DELETED")

    def record(self, arn: str) -> Record | None:
        """Return the resource of an ARN, if it has tags of its own and still exists."""
        table, key = self.tagged.get(arn, (None, ""))
        found: Record | None = table.get(key) if table is not None else None
        return found


class Store:
    """Everything that one emulated HealthOmics knows.

    :param clock: by default the real time.
    :param neighbours: the services beside it; by default none, so that buckets are not checked and nothing is written.
    :param max_runs: how many runs, ended ones included, an account can have in a region; by default AWS's quota.
    :param engine: what executes runs. ``wdl`` runs the tasks of WDL workflows as processes of this machine, with the
        rights of whoever started this one; what it cannot execute is simulated.
    :raises ValueError: if the engine ``wdl`` lacks what it needs.
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        neighbours: Neighbours | None = None,
        max_runs: int = int(RULES["runs.per_account"].limit),
        engine: EngineName = "simulated",
    ) -> None:
        self.max_runs = max_runs
        self.clock = clock or Clock()
        self.neighbours: Neighbours = neighbours or NoNeighbours()
        self.faults = Faults(self.clock)
        self.plans = Plans()
        self.permissions = Permissions()
        self.definitions = Kept()
        self.lock = threading.RLock()
        self.now: datetime = self.clock.now()
        """The time of what is being done: the clock's, or that of an event which is done after it was due."""
        self._count = itertools.count()
        self._regions: dict[tuple[str, str], Region] = {}
        self._due: list[tuple[datetime, int, Callable[[], None]]] = []
        self.wdl: Engine | None = self._wdl() if engine == "wdl" else None

    def _wdl(self) -> Engine:
        from airflow_provider_omics.emulator.wdl.engine import Engine

        return Engine(self)

    def region(self, account: str, region: str) -> Region:
        """Return the tables of one account in one region."""
        with self.lock:
            key = (account, region)
            if key not in self._regions:
                self._regions[key] = Region(self, account, region)
            return self._regions[key]

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something as soon as the clock has moved on by that many seconds."""
        heapq.heappush(self._due, (self.now + timedelta(seconds=seconds), next(self._count), action))

    def settle(self) -> None:
        """Do what has fallen due, in order and each at its own time: a jump of the clock ends as waiting would."""
        with self.lock:
            until, due = self.clock.now(), self._due
            while due is self._due and due and due[0][0] <= until:
                self.now, _, action = heapq.heappop(due)
                action()
            self.now = max(self.now, until)

    def creation_time(self) -> datetime:
        """Return the present time, as coarsely as creation times are told."""
        resolution = timedelta(seconds=self.faults.time_resolution)
        return self.now - (self.now - _EPOCH) % resolution if resolution else self.now

    def reset(self) -> None:
        """Drop all resources, faults and plans.

        It waits for no request: moto resets while it holds a lock which a request that is under way may be waiting for.
        Such a request ends on what was there before.
        """
        self._regions, self._due = {}, []
        self.definitions = Kept()
        if self.wdl:
            self.wdl.drop()
        self.faults.clear()
        self.plans.clear()
        self.permissions.clear()
        self.now = self.clock.now()

    def close(self) -> None:
        """End every process that runs have started, and remove their folders; a store that simulates has none."""
        if self.wdl:
            self.wdl.drop()

    def set_run_cache_status(self, account: str, region: str, cache_id: str, status: str) -> None:
        """Give a run cache another status, e.g. ``FAILED``, which no request leads to.

        :raises LookupError: if there is no such run cache.
        """
        if status not in RUN_CACHE.statuses:
            raise ValueError(f"A run cache is {', '.join(sorted(RUN_CACHE.statuses))}, not {status!r}.")
        with self.lock:
            self.settle()
            caches = self.region(account, region).run_caches
            if caches.get(cache_id) is None:
                raise LookupError(f"Account {account} has no run cache {cache_id!r} in {region}.")
            caches.change(cache_id, status=status)

    def seed_workflow(self, account: str, region: str, workflow_id: str, name: str, **members: Any) -> None:
        """Make a workflow that is ACTIVE at once, under an id of one's own; it replaces one of that id.

        :param members: further members of GetWorkflow, e.g. ``parameterTemplate`` or ``type="READY2RUN"``.
        """
        from airflow_provider_omics.emulator.operations import workflow

        with self.lock:
            self.settle()
            workflow.seed(self.region(account, region), workflow_id, {"name": name, **members})
