"""What this project knows of HealthOmics, as data: one record for each kind of resource.

Hook, trigger, operators, links, emulator, docs and tests all read these records; a contract test compares them with
botocore's service model. The module imports neither Airflow nor boto3, so that a DAG file can load it for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One kind of HealthOmics resource."""

    word: str
    """Its name in every layer of this package, e.g. ``run_cache``."""
    title: str
    """Its name in sentences, e.g. ``run cache``."""
    describe: str
    """The operation that describes one, e.g. ``GetRunCache``."""
    identifiers: tuple[str, ...] = ("id",)
    """The members of the describe operation that say which one."""
    answered: tuple[str, ...] | None = None
    """The members of the create answer that carry the identifiers, in their order; by default those of their names."""
    list: str
    """The operation that lists them, e.g. ``ListRunCaches``."""
    listed_time: str = "creationTime"
    """The member of a listed item that says when it was created."""
    create: str | None = None
    """The operation that makes one; its answer carries the identifiers."""
    cancel: str | None = None
    """The operation that stops one, called with the identifiers."""
    delete: str | None = None
    """The operation that deletes one, called with the identifiers."""
    enum: str | None = None
    """The shape in botocore's model whose values the four groups below must cover together.

    None: the API gives it no status, the groups are empty, and there is nothing to wait for.
    """
    progress: frozenset[str] = frozenset()
    """Statuses of a resource that is on its way."""
    stopping: frozenset[str] = frozenset()
    """Statuses of a resource whose end is decided but not reached: still to be waited for."""
    succeeded: frozenset[str] = frozenset()
    """Statuses in which the resource is what was asked for."""
    failed: frozenset[str] = frozenset()
    """Statuses from which nothing more is to be expected."""
    status: str = "status"
    """The member of an answer that carries the status."""
    reason: str | None = None
    """The member of an answer that carries AWS's reason for a failure."""
    message: str | None = None
    """The member of an answer that carries AWS's sentence about a failure."""
    arn: str
    """The form of its ARN after ``arn:PARTITION:omics:REGION:ACCOUNT:``, with the identifiers as fields."""
    poll_seconds: int = 30
    """How often a wait looks, in seconds, unless the author says otherwise."""

    def status_of(self, description: Mapping[str, Any]) -> str:
        """Return the status that an answer carries."""
        return str(description.get(self.status))

    def identifiers_in(self, answer: Mapping[str, Any]) -> dict[str, str]:
        """Return the identifiers of the resource that a create answer tells of."""
        members = self.answered or self.identifiers
        return {name: str(answer[member]) for name, member in zip(self.identifiers, members, strict=True)}

    @property
    def ended(self) -> frozenset[str]:
        """The statuses that do not change any more."""
        return self.succeeded | self.failed

    @property
    def statuses(self) -> frozenset[str]:
        """Every status."""
        return self.progress | self.stopping | self.succeeded | self.failed


RUN_CACHE = Resource(
    word="run_cache",
    title="run cache",
    describe="GetRunCache",
    list="ListRunCaches",
    create="CreateRunCache",
    delete="DeleteRunCache",
    enum="RunCacheStatus",
    succeeded=frozenset({"ACTIVE"}),
    failed=frozenset({"DELETED", "FAILED"}),
    arn="runCache/{id}",
)

RUN = Resource(
    word="run",
    title="run",
    describe="GetRun",
    list="ListRuns",
    create="StartRun",
    cancel="CancelRun",
    delete="DeleteRun",
    enum="RunStatus",
    progress=frozenset({"PENDING", "STARTING", "RUNNING"}),
    stopping=frozenset({"STOPPING"}),
    succeeded=frozenset({"COMPLETED"}),
    failed=frozenset({"FAILED", "CANCELLED", "DELETED"}),
    reason="failureReason",
    message="statusMessage",
    arn="run/{id}",
)

RUN_TASK = Resource(
    word="run_task",
    title="run task",
    describe="GetRunTask",
    identifiers=("id", "taskId"),
    list="ListRunTasks",
    enum="TaskStatus",
    progress=frozenset({"PENDING", "STARTING", "RUNNING"}),
    stopping=frozenset({"STOPPING"}),
    succeeded=frozenset({"COMPLETED"}),
    failed=frozenset({"FAILED", "CANCELLED"}),
    reason="failureReason",
    message="statusMessage",
    arn="task/{taskId}",
)

RUN_GROUP = Resource(
    word="run_group",
    title="run group",
    describe="GetRunGroup",
    list="ListRunGroups",
    create="CreateRunGroup",
    delete="DeleteRunGroup",
    arn="runGroup/{id}",
)

RUN_BATCH = Resource(
    word="run_batch",
    title="run batch",
    describe="GetBatch",
    identifiers=("batchId",),
    answered=("id",),
    list="ListBatch",
    listed_time="createdAt",
    create="StartRunBatch",
    cancel="CancelRunBatch",
    delete="DeleteBatch",
    enum="BatchStatus",
    progress=frozenset({"CREATING", "PENDING", "SUBMITTING", "INPROGRESS"}),
    stopping=frozenset({"STOPPING", "RUNS_DELETING"}),
    succeeded=frozenset({"PROCESSED"}),
    failed=frozenset({"FAILED", "CANCELLED", "RUNS_DELETED", "RUNS_DELETE_FAILED"}),
    reason="failureReason",
    arn="runBatch/{batchId}",
)
"""PROCESSED says that every run has ended, not how: https://docs.aws.amazon.com/omics/latest/dev/workflows-batch.html."""

RUNS_OF_BATCH = replace(
    RUN_BATCH,
    word="runs_of_batch",
    create=None,
    cancel=None,
    delete="DeleteRunBatch",
    progress=RUN_BATCH.progress | {"PROCESSED", "CANCELLED"},
    succeeded=frozenset({"RUNS_DELETED"}),
    failed=frozenset({"FAILED", "RUNS_DELETE_FAILED"}),
)
"""A run batch as seen by who deletes its runs: lists and counts may lag, so that it may still seem PROCESSED."""

WORKFLOW = Resource(
    word="workflow",
    title="workflow",
    describe="GetWorkflow",
    list="ListWorkflows",
    create="CreateWorkflow",
    delete="DeleteWorkflow",
    enum="WorkflowStatus",
    progress=frozenset({"CREATING", "UPDATING"}),
    succeeded=frozenset({"ACTIVE"}),
    failed=frozenset({"DELETED", "FAILED", "INACTIVE"}),
    message="statusMessage",
    arn="workflow/{id}",
    poll_seconds=5,
)

WORKFLOW_VERSION = replace(
    WORKFLOW,
    word="workflow_version",
    title="workflow version",
    describe="GetWorkflowVersion",
    identifiers=("workflowId", "versionName"),
    list="ListWorkflowVersions",
    create="CreateWorkflowVersion",
    delete="DeleteWorkflowVersion",
    arn="workflow/{workflowId}/version/{versionName}",
)

RESOURCES: Mapping[str, Resource] = {
    r.word: r for r in (RUN_CACHE, RUN, RUN_TASK, RUN_BATCH, RUNS_OF_BATCH, RUN_GROUP, WORKFLOW, WORKFLOW_VERSION)
}
"""Every record by its word; the trigger names a resource by it."""


LOG_GROUP = "/aws/omics/WorkflowLog"
"""Where runs log: https://docs.aws.amazon.com/omics/latest/dev/monitoring-cloudwatch-logs.html."""

LOG_STREAMS: Mapping[str, str] = {"run": "run/{id}", "engine": "run/{id}/engine", "task": "run/{id}/task/{taskId}"}
"""The streams of a run there: of its course, of the workflow engine, and of what a task prints."""

CACHE_BEHAVIORS = ("CACHE_ON_FAILURE", "CACHE_ALWAYS")
"""What a run saves: https://docs.aws.amazon.com/omics/latest/dev/workflow-cache-startrun.html."""


@dataclass(frozen=True)
class Rule:
    """A rule on input that AWS documents but botocore's model does not carry."""

    limit: int | str
    source: str


RULES: Mapping[str, Rule] = {
    "tags.count": Rule(50, "https://docs.aws.amazon.com/omics/latest/dev/tagging.html"),
    "tags.reserved_prefix": Rule("aws:", "https://docs.aws.amazon.com/omics/latest/dev/tagging.html"),
    "run_parameters.bytes": Rule(256_000, "https://docs.aws.amazon.com/omics/latest/dev/fixed-quotas.html"),
    "run_caches.per_account": Rule(1000, "https://docs.aws.amazon.com/omics/latest/dev/fixed-quotas.html"),
    "run_groups.per_account": Rule(1000, "https://docs.aws.amazon.com/omics/latest/dev/fixed-quotas.html"),
    "run_batches.runs": Rule(100_000, "https://docs.aws.amazon.com/omics/latest/dev/workflows-batch.html"),
    "workflow_definitions.zip_bytes": Rule(4_400_000, "https://docs.aws.amazon.com/omics/latest/dev/fixed-quotas.html"),
    "workflow_definitions.s3_bytes": Rule(
        100_000_000, "https://docs.aws.amazon.com/omics/latest/dev/fixed-quotas.html"
    ),
    "runs.per_account": Rule(100_000, "https://docs.aws.amazon.com/omics/latest/dev/service-quotas.html"),
}


@dataclass(frozen=True)
class Since:
    """The boto3 release from which an operation, and each later member of its input, exist."""

    operation: str
    members: Mapping[str, str] = field(default_factory=dict)


FIRST_BOTO3 = "1.35.66"
"""The first boto3 with run caches, and with the run's members ``cacheId`` and ``cacheBehavior``."""

FIRST_VERSIONS = "1.37.36"
"""The first boto3 with versions of workflows."""

SINCE: Mapping[str, Since] = {
    "CreateRunCache": Since(FIRST_BOTO3),
    "GetRunCache": Since(FIRST_BOTO3),
    "CreateWorkflow": Since("1.26.18", {"storageType": FIRST_VERSIONS}),
    "UpdateWorkflow": Since("1.26.18", {"storageType": FIRST_VERSIONS, "storageCapacity": FIRST_VERSIONS}),
    **dict.fromkeys(
        (
            *("CreateWorkflowVersion", "GetWorkflowVersion", "ListWorkflowVersions"),
            *("UpdateWorkflowVersion", "DeleteWorkflowVersion"),
        ),
        Since(FIRST_VERSIONS),
    ),
    "ListRunCaches": Since(FIRST_BOTO3),
    "UpdateRunCache": Since(FIRST_BOTO3),
    "DeleteRunCache": Since(FIRST_BOTO3),
    "StartRun": Since(
        "1.26.18",
        {
            "cacheId": FIRST_BOTO3,
            "cacheBehavior": FIRST_BOTO3,
            "workflowVersionName": FIRST_VERSIONS,
            "networkingMode": "1.42.78",
            "configurationName": "1.42.78",
            "engineSettings": "1.43.18",
            "scratchStorageMode": "1.43.35",
            "sessionPolicy": "1.43.113",
            "outputUriPrefixMode": "1.44.5",
        },
    ),
    **dict.fromkeys(
        (
            *("StartRunBatch", "GetBatch", "ListBatch", "ListRunsInBatch"),
            *("CancelRunBatch", "DeleteRunBatch", "DeleteBatch"),
        ),
        Since("1.42.74"),
    ),
}
"""Read from the service models of the botocore releases; where two releases bracket the change, the later one."""
