"""What runs do: plans of tasks that take their time, fail where they are told to, and compute nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from airflow_provider_omics.emulator.clock import check_duration

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/genomics:1.0"


@dataclass(frozen=True)
class Task:
    """One task of a plan."""

    name: str
    seconds: float = 60
    """How long it is RUNNING, in seconds of the clock."""
    after: tuple[str, ...] = ()
    """The tasks whose outputs it reads."""
    inputs: tuple[str, ...] | None = None
    """The run parameters that it reads; None: all."""
    container: str = IMAGE
    cpus: int = 2
    memory: int = 4
    """In GiB."""
    gpus: int = 0
    cacheable: bool = True
    """False for a task that opts out of caching, as ``volatile: true`` does in WDL."""
    fail_first: int = 0
    """How many times it fails before it succeeds, counted over the runs of a workflow since its plan was set."""
    fails_in: tuple[str, ...] | None = None
    """The only runs that ``fail_first`` is about, each counted by itself; None: all, counted together.

    A run is named by its ``name``, or in a batch by its ``runSettingId``.
    """
    failure_reason: str = "RUN_TASK_FAILED"
    """The run's ``failureReason`` then: https://docs.aws.amazon.com/omics/latest/dev/workflows-run-errors.html."""
    status_message: str = "The task's command ended with exit code 1."
    log: tuple[str, ...] = ()
    """Lines that it prints to its log stream."""

    def __post_init__(self) -> None:
        check_duration(f"seconds of task {self.name!r}", self.seconds)


@dataclass(frozen=True)
class Plan:
    """What a run of a workflow does; the times are seconds of the clock in the statuses of these names."""

    tasks: tuple[Task, ...]
    """A task stands after those whose outputs it reads."""
    pending: float = 2
    starting: float = 5
    stopping: float = 3
    failure_reason: str | None = None
    """The ``failureReason`` of a run that fails before its first task; None: it does not."""
    status_message: str = "The workflow engine failed."
    """What AWS says then."""
    log: tuple[str, ...] = ()
    """Lines that the workflow engine prints to its log stream."""

    def __post_init__(self) -> None:
        for name in ("pending", "starting", "stopping"):
            check_duration(name, getattr(self, name))
        known: set[str] = set()
        for task in self.tasks:
            if task.name in known:
                raise ValueError(f"The plan has two tasks {task.name!r}.")
            if missing := set(task.after) - known:
                raise ValueError(
                    f"Task {task.name!r} comes after {', '.join(sorted(missing))}, which must stand before it."
                )
            known.add(task.name)


GENOME = Plan(
    tasks=(
        Task("index_reference", inputs=("reference",)),
        Task("align_1", after=("index_reference",), inputs=("reference", "sample_1"), cpus=4, memory=8),
        Task("align_2", after=("index_reference",), inputs=("reference", "sample_2"), cpus=4, memory=8),
        Task("align_3", after=("index_reference",), inputs=("reference", "sample_3"), cpus=4, memory=8),
        Task("joint_call", after=("align_1", "align_2", "align_3"), cpus=4, memory=16),
    )
)
"""What a workflow does unless told otherwise: a cohort of three samples, called together.

The last task reads every parameter, so that a change of any of them makes at least one task compute anew.
"""


class Plans:
    """The plans of one store's workflows."""

    def __init__(self) -> None:
        self._plans: dict[str, Plan] = {}
        self._failed: Counter[tuple[str, ...]] = Counter()

    def set(self, workflow_id: str, plan: Plan) -> None:
        """Let later runs of a workflow follow a plan, and count its failures from zero.

        :param workflow_id: ``*`` for every workflow that has no plan of its own.
        """
        self._plans[workflow_id] = plan
        for key in [key for key in self._failed if workflow_id in ("*", key[0])]:
            del self._failed[key]

    def plan_for(self, workflow_id: str) -> Plan:
        """Return the plan of a workflow."""
        return self._plans.get(workflow_id) or self._plans.get("*", GENOME)

    def clear(self) -> None:
        """Forget every plan."""
        self._plans.clear()
        self._failed.clear()

    def fails(self, workflow_id: str, task: Task, *labels: str | None) -> bool:
        """Return whether a task that has just been computed is to fail, and count it if so.

        :param labels: what the run is called in ``fails_in``.
        """
        key: tuple[str, ...] = (workflow_id, task.name)
        if task.fails_in is not None:
            label = next((label for label in labels if label in task.fails_in), None)
            if label is None:
                return False
            key = (*key, label)
        if self._failed[key] >= task.fail_first:
            return False
        self._failed[key] += 1
        return True
