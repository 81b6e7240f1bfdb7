"""The operator that starts a run, exactly once, and waits for it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_omics.exceptions import OmicsInputError
from airflow_provider_omics.operators.identity import Attempt, digest, token
from airflow_provider_omics.operators.run_course import RunCourse
from airflow_provider_omics.operators.waiting import seconds

if TYPE_CHECKING:
    from airflow_provider_omics.compat import Context

YES, NO = ("true", "1", "yes", "on"), ("false", "0", "no", "off", "none", "")


class StartRunOperator(RunCourse):
    """Start a HealthOmics run and wait for its end.

    With ``cache_id`` the run reuses what the cache holds, and saves what its behaviour says. A failed run fails the
    task with AWS's own reason, whose it most likely is, and what to do; Airflow's ``retries`` then start a new run on
    the same cache, except after a reason that no retry can mend.

    The result, each entry also under an XCom key of its own: ``id``, ``arn``, ``uuid``, ``status``,
    ``run_output_uri``, and, after a wait, ``tasks_computed``, ``tasks_reused``, ``cache_summary`` (which tasks, by
    name and number; pushed for a failed run too) and ``outputs`` (what the run declares as its outputs, else the S3
    URIs of its files; at most 64 KiB). What may not be read is left out, with a warning.

    Source: https://docs.aws.amazon.com/omics/latest/dev/starting-a-run.html

    :param workflow_id: the workflow (templated)
    :param role_arn: the IAM role that HealthOmics takes on for the run (templated)
    :param output_uri: the S3 URI for the run's outputs (templated)
    :param parameters: the run's parameters, by the workflow's template; at most 256,000 bytes (templated)
    :param cache_id: the run cache, e.g. ``cache.output["id"]`` of a ``CreateRunCacheOperator`` (templated)
    :param cache_behavior: ``CACHE_ON_FAILURE`` or ``CACHE_ALWAYS``, instead of the cache's own (templated)
    :param use_cache: false leaves ``cache_id`` out, so that everything is computed (templated)
    :param name: 1 to 128 characters; by default ``{dag_id}.{task_id}`` and a digest of the task instance (templated)
    :param workflow_type: ``PRIVATE`` or ``READY2RUN`` (templated)
    :param workflow_owner_id: the account that shares the workflow, 12 digits (templated)
    :param workflow_version_name: the version of the workflow (templated)
    :param run_id: a run to repeat with its settings (templated)
    :param run_group_id: the run group (templated)
    :param priority: 0 to 100,000, in the run group (templated)
    :param storage_type: ``STATIC`` or ``DYNAMIC``; not sent unless given, since the workflow may say it (templated)
    :param storage_capacity: GiB, with static storage (templated)
    :param log_level: ``OFF``, ``FATAL``, ``ERROR`` or ``ALL`` (templated)
    :param retention_mode: ``RETAIN`` or ``REMOVE`` (templated)
    :param tags: at most 50 (templated)
    :param request_id: the idempotency token; by default one that belongs to this try of the task (templated)
    :param airflow_tags: tag the run with digests by which later tries recognise it; without them a run of a name that
        the author gave is not found again
    :param retry_cancelled: let ``retries`` start a run again that somebody else cancelled
    :param pending_timeout: how long the run may wait for capacity, in seconds or as a timedelta; None means no limit
    :param run_timeout: how long it may run from its start, in seconds or as a timedelta; None means no limit
    :param start_timeout: how long a start that AWS throttles, or refuses for a quota, waits for its turn, in seconds
        or as a timedelta, by default 6 hours; None means no limit
    :param preflight: look at workflow, parameters, cache and buckets before the run is started
    :param dry_run: log the exact request, and skip the task instead of starting the run
    :param log_lines: how many of the last lines of a failed task's log, else of the engine's, are copied into the
        task's log; 0 for none
    """

    operation = "StartRun"
    members = {
        "workflow_id": "workflowId",
        "role_arn": "roleArn",
        "output_uri": "outputUri",
        "parameters": "parameters",
        "cache_id": "cacheId",
        "cache_behavior": "cacheBehavior",
        "name": "name",
        "workflow_type": "workflowType",
        "workflow_owner_id": "workflowOwnerId",
        "workflow_version_name": "workflowVersionName",
        "run_id": "runId",
        "run_group_id": "runGroupId",
        "priority": "priority",
        "storage_type": "storageType",
        "storage_capacity": "storageCapacity",
        "log_level": "logLevel",
        "retention_mode": "retentionMode",
        "tags": "tags",
        "request_id": "requestId",
    }
    template_fields = ("use_cache",)
    permissions = (
        "StartRun",
        "TagResource",
        "ListRuns",
        "GetRun",
        "ListRunTasks",
        "GetRunTask",
        "CancelRun",
        "GetWorkflow",
        "GetWorkflowVersion",
        "GetRunCache",
    )

    def __init__(
        self,
        *,
        role_arn: str,
        output_uri: str,
        workflow_id: str | None = None,
        parameters: dict[str, Any] | None = None,
        cache_id: str | None = None,
        cache_behavior: str | None = None,
        use_cache: bool | str = True,
        name: str | None = None,
        workflow_type: str | None = None,
        workflow_owner_id: str | None = None,
        workflow_version_name: str | None = None,
        run_id: str | None = None,
        run_group_id: str | None = None,
        priority: int | str | None = None,
        storage_type: str | None = None,
        storage_capacity: int | str | None = None,
        log_level: str | None = None,
        retention_mode: str | None = None,
        tags: dict[str, str] | None = None,
        request_id: str | None = None,
        airflow_tags: bool = True,
        retry_cancelled: bool = False,
        pending_timeout: float | timedelta | None = None,
        run_timeout: float | timedelta | None = None,
        start_timeout: float | timedelta | None = timedelta(hours=6),
        preflight: bool = True,
        dry_run: bool = False,
        log_lines: int = 30,
        **kwargs: Any,
    ) -> None:
        super().__init__(dry_run=dry_run, **kwargs)
        self.role_arn = role_arn
        self.output_uri = output_uri
        self.workflow_id = workflow_id
        self.parameters = parameters
        self.cache_id = cache_id
        self.cache_behavior = cache_behavior
        self.use_cache = use_cache
        self.name = name
        self.workflow_type = workflow_type
        self.workflow_owner_id = workflow_owner_id
        self.workflow_version_name = workflow_version_name
        self.run_id = run_id
        self.run_group_id = run_group_id
        self.priority = priority
        self.storage_type = storage_type
        self.storage_capacity = storage_capacity
        self.log_level = log_level
        self.retention_mode = retention_mode
        self.tags = tags
        self.request_id = request_id
        self.airflow_tags = airflow_tags
        self.retry_cancelled = retry_cancelled
        self.pending_timeout = pending_timeout
        self.run_timeout = run_timeout
        self.start_timeout = start_timeout
        self.preflight = preflight
        self.log_lines = log_lines

    def request(self, context: Context) -> dict[str, Any]:
        """Add the name, and leave the cache out where the author says so."""
        request = super().request(context)
        seconds("start_timeout", self.start_timeout)
        if isinstance(self.log_lines, bool) or not isinstance(self.log_lines, int) or not 0 <= self.log_lines <= 10_000:
            raise OmicsInputError("log_lines", f"must be a number from 0 to 10000, not {self.log_lines!r}.")
        if not {"workflowId", "runId"} & request.keys():
            raise OmicsInputError("workflow_id", "must be given, unless run_id names a run to repeat.")
        if not truth("use_cache", self.use_cache):
            request = {m: value for m, value in request.items() if m not in ("cacheId", "cacheBehavior")}
        elif "cacheBehavior" in request and "cacheId" not in request:
            raise OmicsInputError("cache_behavior", "says nothing without a cache_id.")
        attempt = Attempt.of(context, self.hook)
        # Without tags only the name tells the tries that belong together.
        own = attempt.task.digest if self.airflow_tags else digest(attempt.task.digest, attempt.max_tries)
        return {"name": attempt.task.readable(f"-{own}")} | request

    def checked_request(self, context: Context) -> dict[str, Any]:
        """Add tags and token. The tags stand for the checked request: later tries compare their own checked one."""
        from airflow_provider_omics.hooks import schema

        request = super().checked_request(context)
        adoption = self._adoption(context, request)
        if tags := {**request.get("tags", {}), **adoption.tags}:
            request["tags"] = tags
        attempt = adoption.attempt
        own_token = token(self.operation, attempt.task.digest, attempt.try_number, request)
        return schema.check(self.operation, {"requestId": own_token} | request, {"tags": "tags"})


def truth(argument: str, value: Any) -> bool:
    """Return a value that a template may have rendered as a boolean.

    :raises OmicsInputError: if it is none
    """
    answer = str(value).strip().lower()
    if answer not in YES + NO:
        raise OmicsInputError(argument, f"must be true or false, not {value!r}.")
    return answer in YES
