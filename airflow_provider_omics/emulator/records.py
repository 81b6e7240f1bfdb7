"""What the store keeps of each resource: the members that the API shows, and what it needs besides."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_omics.emulator.cache_key import CacheKey, Miss
    from airflow_provider_omics.emulator.definition import Definition
    from airflow_provider_omics.emulator.lifecycle import Course
    from airflow_provider_omics.emulator.operations.batch_course import BatchCourse
    from airflow_provider_omics.emulator.outputs import Outputs
    from airflow_provider_omics.emulator.tables import Table

Members = dict[str, Any]
"""Members of an API shape by their names there; an unset one is absent."""


@dataclass(eq=False)
class Record:
    """One resource."""

    members: Members
    """What the API shows of it now; never changed in place, so that an older one can still be listed."""
    history: list[tuple[datetime, Members]] = field(default_factory=list)
    """What it showed from when on, as far back as a lagging list needs."""

    @property
    def status(self) -> str:
        """Its status."""
        return str(self.members["status"])


@dataclass(frozen=True)
class CacheEntry:
    """One task's saved outputs."""

    uuid: str
    name: str
    """What the task was called in its run."""
    s3_uri: str
    """Its folder, without a slash at the end."""
    objects: tuple[tuple[str, str, str], ...]
    """Bucket, key and ETag of each of its objects."""
    key: CacheKey
    """By which tasks match it."""
    values: Members
    """The values of the outputs; a file stands there by its path in the folder (see ``outputs.py``)."""
    modes: Mapping[str, int]
    """The ``st_mode`` of files and folders by their paths there: S3 keeps neither modes nor empty folders."""


@dataclass(eq=False)
class RunCache(Record):
    """A run cache."""

    uuid: str = ""
    entries: dict[str, CacheEntry] = field(default_factory=dict)
    """The entries by the digest of their key, the oldest first."""
    active_runs: dict[str, None] = field(default_factory=dict)
    """The ids of the runs that use it and have not ended, in the order of their start."""


@dataclass(eq=False)
class RunGroup(Record):
    """A run group."""

    active_runs: dict[str, int] = field(default_factory=dict)
    """The ids of the runs in it that have not ended, each with its place in the order of their start."""
    under_way: set[str] = field(default_factory=set)
    """Those of them that have left the queue."""
    queue: list[tuple[float, int, Run]] = field(default_factory=list)
    """A heap of the others by rank and place, and of some that were cancelled there."""
    started: int = 0
    """How many runs were ever started in it."""
    taken: Counter[str] = field(default_factory=Counter)
    """The CPUs and GPUs of its tasks that really run now, by the members of a task."""


@dataclass(eq=False)
class RunTask(Record):
    """A task of a run."""

    key: CacheKey = field(kw_only=True)
    """By which it matches an entry of a run cache."""
    cacheable: bool = True
    """False for a task that opts out of caching."""
    entry: CacheEntry | None = None
    """The entry that it was taken from."""
    miss: Miss | None = None
    """Why it was not taken from the cache of its run."""
    outputs: Outputs | None = None
    """What it has computed."""


@dataclass(eq=False)
class Workflow(Record):
    """A workflow or a version of one."""

    uuid: str = ""
    versions: Table[Workflow] | None = None
    """The versions of a workflow by name; a version has none."""
    definition: Definition | None = None
    """Its source, from when it is ACTIVE on; a seeded workflow has none, nor one whose source lies out of reach."""


@dataclass(eq=False)
class Run(Record):
    """A run."""

    workflow: Workflow = field(kw_only=True)
    """The workflow, or the version of it, that it runs."""
    cache: RunCache | None = None
    group: RunGroup | None = None
    tasks: Table[RunTask] = field(kw_only=True)
    """Its tasks so far by their ids."""
    course: Course = field(init=False)
    """What makes it go on."""
    by_name: dict[str, RunTask] = field(default_factory=dict)
    """Its tasks so far by the name that the engine gave them."""
    turn: int = 0
    """Counts its changes of course; what was due before one is not done any more."""
    setting_id: str | None = None
    """Of a run of a batch: its ``runSettingId`` there."""
    watch: Callable[[str, str], None] | None = None
    """Told of each change of its status: from which, to which."""


@dataclass(eq=False)
class BatchRun(Record):
    """A run of a batch whose submission was tried."""

    run: Run | None = None
    """The run, unless its submission failed."""


@dataclass(eq=False)
class RunBatch(Record):
    """A run batch."""

    submitted: Table[BatchRun] = field(kw_only=True)
    """Its runs by their ``runSettingId``, in the order of their submission."""
    course: BatchCourse = field(init=False)
    """What makes it go on."""
    waiting: deque[Members] = field(default_factory=deque)
    """The settings of the runs that are still to be submitted."""
    submissions: Counter[str] = field(default_factory=Counter)
    """What was submitted, by the members of ``submissionSummary``."""
    runs: Counter[str] = field(default_factory=Counter)
    """Its runs by their status."""
    turn: int = 0
    """As a run's."""
