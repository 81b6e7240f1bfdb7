"""Operators on runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any

from airflow_provider_omics.exceptions import (
    OmicsError,
    OmicsInputError,
    OutcomeUnknown,
    RunCancelled,
    RunError,
    RunFailed,
    RunFailedForGood,
)
from airflow_provider_omics.failures import reason_of
from airflow_provider_omics.links.omics import RunLink
from airflow_provider_omics.operators import lost_start
from airflow_provider_omics.operators.base import OmicsWaitingOperator
from airflow_provider_omics.operators.identity import TaskIdentity, token
from airflow_provider_omics.reports.run import LOG_GROUP, TaskSummary, failure, log_streams, redacted, summarize
from airflow_provider_omics.resources import RUN, RUN_TASK

if TYPE_CHECKING:
    from airflow_provider_omics.compat import Context

SENDS = 3
"""How often a start whose answers are lost is sent, always with the same token."""

FAILED_TASKS = 5
"""How many failed tasks an error names."""

YES, NO = ("true", "1", "yes", "on"), ("false", "0", "no", "off", "none", "")


class StartRunOperator(OmicsWaitingOperator):
    """Start a HealthOmics run and wait for its end.

    With ``cache_id`` the run reuses what the cache holds, and saves what its behaviour says. A failed run fails the
    task with AWS's own reason, whose it most likely is, and what to do; Airflow's ``retries`` then start a new run on
    the same cache, except after a reason that no retry can mend.

    The result, each entry also under an XCom key of its own: ``id``, ``arn``, ``uuid``, ``status``,
    ``run_output_uri``, and, after a wait, ``tasks_computed``, ``tasks_reused``, ``cache_summary`` (which tasks, by
    name and number; pushed for a failed run too) and ``outputs`` (what the run declares as its outputs, else the S3
    URIs of its files; at most 64 KiB). What may not be read is None, and a warning.

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
    :param log_lines: how many of the last lines of a failed task's log, else of the engine's, are copied into the
        task's log; 0 for none
    """

    operation = "StartRun"
    resource = RUN
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
    permissions = ("StartRun", "TagResource", "ListRuns", "GetRun", "ListRunTasks", "GetRunTask", "CancelRun")
    operator_extra_links = (RunLink(),)

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
        log_lines: int = 30,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
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
        self.log_lines = log_lines

    def request(self, context: Context) -> dict[str, Any]:
        """Add name and token, and leave the cache out where the author says so."""
        request = super().request(context)
        if not {"workflowId", "runId"} & request.keys():
            raise OmicsInputError("workflow_id", "must be given, unless run_id names a run to repeat.")
        answer = str(self.use_cache).strip().lower()
        if answer not in YES + NO:
            raise OmicsInputError("use_cache", f"must be true or false, not {self.use_cache!r}.")
        if answer in NO:
            request = {m: value for m, value in request.items() if m not in ("cacheId", "cacheBehavior")}
        elif "cacheBehavior" in request and "cacheId" not in request:
            raise OmicsInputError("cache_behavior", "says nothing without a cache_id.")
        task = TaskIdentity.of(context)
        request = {"name": task.readable(f"-{task.digest}")} | request
        return {"requestId": token("StartRun", task.digest, context["ti"].try_number, request)} | request

    def act(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Start the run."""
        if self.retries and "cacheId" not in request:
            self.log.warning(
                "This task has retries but no run cache: a retry computes everything again. Give cache_id."
            )
        run = self._send(request)
        cache = f" on run cache {request['cacheId']}" if "cacheId" in request else ""
        self.log.info("Started run %s%s; its output goes to %s", run["id"], cache, run.get("runOutputUri"))
        if self.do_xcom_push:
            context["ti"].xcom_push(RunLink.key, RunLink.url(self.hook.conn.meta.region_name, run["id"]))
        return self.wait(context, run) if self.wait_for_completion else self._result(run)

    def _send(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Start the run; where the answer is lost, look for it before sending again with the same token."""
        own_name = self.name is None and "name" not in (self.extra_request or {})
        for attempt in range(1, SENDS + 1):
            sent = monotonic()
            try:
                return self.hook.create("StartRun", **request)
            except OutcomeUnknown as unknown:
                self.log.warning("%s Looking for the run.", unknown)
                if found := lost_start.find(self.hook, request, sent, own_name=own_name):
                    self.log.info("Run %s was started all the same", found["id"])
                    return found
                if attempt == SENDS:
                    raise
        raise AssertionError("unreachable")

    @staticmethod
    def _result(run: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        members = {
            "id": "id",
            "arn": "arn",
            "uuid": "uuid",
            "status": "status",
            "run_output_uri": "runOutputUri",
        }
        return {key: run.get(member) for key, member in members.items()} | more

    def outcome(self, context: Context, description: dict[str, Any]) -> dict[str, Any]:
        """Return the result of a completed run, or say why it did not complete."""
        tasks = self._list_tasks(description["id"])
        summary = None if tasks is None else summarize(tasks, description.get("cacheId"))
        if summary:
            self.log.info("Run %s: %s", description["id"], summary.sentence())
        if description["status"] in RUN.succeeded:
            return self._result(
                description,
                tasks_computed=summary and summary.tasks_computed,
                tasks_reused=summary and summary.tasks_reused,
                cache_summary=summary and summary.plain(),
                outputs=self._outputs(description),
            )
        if summary and self.do_xcom_push:
            context["ti"].xcom_push("cache_summary", summary.plain())
        raise self._error(description, tasks or [], summary)

    def _outputs(self, run: Mapping[str, Any]) -> Any:
        from airflow_provider_omics.hooks import outputs

        return outputs.of_run(self.hook, run["runOutputUri"]) if "runOutputUri" in run else None

    def _list_tasks(self, run_id: str) -> list[dict[str, Any]] | None:
        try:
            return list(self.hook.iterate(RUN_TASK.list, id=run_id))
        except OmicsError as error:  # never hides how the run ended
            self.log.warning("What became of the tasks is unknown: %s", error)
            return None

    def _error(
        self, run: Mapping[str, Any], tasks: Sequence[Mapping[str, Any]], summary: TaskSummary | None
    ) -> RunError:
        listed = [task for task in tasks if task["status"] == "FAILED"][:FAILED_TASKS]
        failed = [self._describe_task(run["id"], task) for task in listed]
        streams = log_streams(run["id"], failed)
        if run["status"] == "FAILED" and self.log_lines:
            self._log_tail(streams)
        links = [
            f"Run: {RunLink.url(self.hook.conn.meta.region_name, run['id'])}",
            f"Log: group {LOG_GROUP}, stream {streams[0]}",
        ]
        kind: type[RunError] = RunCancelled
        if run["status"] == "FAILED":
            kind = RunFailed if reason_of(run.get("failureReason")).heals else RunFailedForGood
        return kind(
            failure(run, failed, summary, links),
            run_id=run["id"],
            status=run["status"],
            reason=run.get("failureReason"),
            aws_message=redacted(run["statusMessage"]) if "statusMessage" in run else None,
        )

    def _describe_task(self, run_id: str, task: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a failed task with its message, which the list does not carry."""
        try:
            return {**task, **self.hook.describe(RUN_TASK, id=run_id, taskId=task["taskId"])}
        except OmicsError as error:
            self.log.warning("Why task %s failed is unknown: %s", task["name"], error)
            return task

    def _log_tail(self, streams: Sequence[str]) -> None:
        """Log the end of the failed task's log, else of the engine's: here only, since it may hold patients' data."""
        from airflow_provider_omics.hooks import run_logs

        if found := run_logs.tail(self.hook, LOG_GROUP, streams, self.log_lines):
            stream, lines = found
            self.log.info("The end of %s, stream %s:\n%s", LOG_GROUP, stream, redacted("\n".join(lines)))
