"""Operators on run groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_omics.exceptions import Conflict, NotFound, OmicsInputError, RunGroupInUse
from airflow_provider_omics.operators.base import OmicsBaseOperator
from airflow_provider_omics.operators.ensure_run_group import RunGroupEnsurer
from airflow_provider_omics.operators.ensuring import OmicsEnsuringOperator
from airflow_provider_omics.resources import RUN, RUN_GROUP

if TYPE_CHECKING:
    from airflow_provider_omics.compat import Context
    from airflow_provider_omics.operators.identity import TaskIdentity

LIMITS = {"max_cpus": "maxCpus", "max_gpus": "maxGpus", "max_runs": "maxRuns", "max_duration": "maxDuration"}
"""The limits of a run group: the arguments, and the members of the API."""


def summary(group: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Return the XCom of a run group, without what AWS leaves out: Airflow 3.0 cannot push None under a key."""
    members = {"id": "id", "arn": "arn", "tags": "tags", "name": "name"} | LIMITS
    return {key: group[member] for key, member in members.items() if member in group} | more


class CreateRunGroupOperator(OmicsEnsuringOperator):
    """Create a run group, or find the one that the DAG created before.

    A run group limits what its runs use together; what is over a limit waits in the group's queue. Names are not unique
    in HealthOmics; this operator makes them so: of all run groups of one name the oldest is *the* group, for every
    task, retry and worker. Two groups of one name would each allow the full limits.

    The result, each entry also under an XCom key of its own: ``id``, ``arn``, ``tags``, ``name``, ``max_cpus``,
    ``max_gpus``, ``max_runs``, ``max_duration`` and ``created``. A limit that the group does not have is left out, and
    so are ``tags`` where an existing group was found by the list alone, which has none.

    Source: https://docs.aws.amazon.com/omics/latest/dev/creating-run-groups.html

    :param name: 1 to 128 characters; by default ``{dag_id}.{task_id}``, with a digest of the DAG run where
        ``if_exists="create"``; required where the task is mapped otherwise (templated)
    :param max_cpus: CPUs that its runs use at the same time, 1 to 100,000 (templated)
    :param max_gpus: GPUs that its runs use at the same time, 1 to 100,000 (templated)
    :param max_runs: runs that are active at the same time, 1 to 100,000 (templated)
    :param max_duration: minutes that a run may take, 1 to 100,000; one that takes longer fails, and saves nothing to
        its run cache (templated)
    :param tags: at most 50 (templated)
    :param request_id: the idempotency token, 1 to 128 characters; by default one that all creators of this group
        share (templated)
    :param if_exists: ``reuse`` (default), ``update`` (bring the limits that are given, and tags, in line), ``fail``, or
        ``create`` (a new group for every DAG run, found again by its retries)
    :param drift: ``warn`` (default) or ``error``, where the existing group has other limits than those given
    """

    operation = "CreateRunGroup"
    members = {"name": "name", **LIMITS, "tags": "tags", "request_id": "requestId"}
    ensurer = RunGroupEnsurer
    identifying = ("name", *RunGroupEnsurer.compared)
    permissions = ("CreateRunGroup", "ListRunGroups", "GetRunGroup", "UpdateRunGroup", "TagResource")

    def __init__(
        self,
        *,
        name: str | None = None,
        max_cpus: int | str | None = None,
        max_gpus: int | str | None = None,
        max_runs: int | str | None = None,
        max_duration: int | str | None = None,
        tags: dict[str, str] | None = None,
        request_id: str | None = None,
        if_exists: Literal["reuse", "update", "fail", "create"] = "reuse",
        drift: Literal["warn", "error"] = "warn",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.name = name
        self.max_cpus = max_cpus
        self.max_gpus = max_gpus
        self.max_runs = max_runs
        self.max_duration = max_duration
        self.tags = tags
        self.request_id = request_id
        self.if_exists = if_exists
        self.drift = drift

    def mapped_name(self, task: TaskIdentity) -> str:
        """Refuse: nothing but a name tells run groups apart, and a map index moves when the mapped list changes."""
        raise OmicsInputError(
            "name", "must be given where the task is mapped: nothing else tells the run groups apart."
        )

    def act(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Ensure the group."""
        group = self.ensure(context, request)
        return summary(group, created=group["created"])


class UpdateRunGroupOperator(OmicsBaseOperator):
    """Change the name or the limits of a run group.

    A higher limit lets runs go on that wait for it; a lower one stops none that is under way. The API has no way to
    take a limit off. The result is that of :class:`CreateRunGroupOperator` without ``created``.

    Source: https://docs.aws.amazon.com/omics/latest/api/API_UpdateRunGroup.html

    :param run_group_id: the id of the run group (templated)
    :param name: 1 to 128 characters (templated)
    :param max_cpus: CPUs that its runs use at the same time, 1 to 100,000 (templated)
    :param max_gpus: GPUs that its runs use at the same time, 1 to 100,000 (templated)
    :param max_runs: runs that are active at the same time, 1 to 100,000 (templated)
    :param max_duration: minutes that a run may take, 1 to 100,000 (templated)
    """

    operation = "UpdateRunGroup"
    members = {"run_group_id": "id", "name": "name", **LIMITS}
    permissions = ("UpdateRunGroup", "GetRunGroup")

    def __init__(
        self,
        *,
        run_group_id: str,
        name: str | None = None,
        max_cpus: int | str | None = None,
        max_gpus: int | str | None = None,
        max_runs: int | str | None = None,
        max_duration: int | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.run_group_id = run_group_id
        self.name = name
        self.max_cpus = max_cpus
        self.max_gpus = max_gpus
        self.max_runs = max_runs
        self.max_duration = max_duration

    def request(self, context: Context) -> dict[str, Any]:
        """Refuse a request that changes nothing."""
        request = super().request(context)
        if set(request) <= {"id"}:
            raise OmicsInputError(f"name, {', '.join(LIMITS)}", "at least one of them must be given.")
        return request

    def act(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Change the group, and describe it."""
        self.hook.call(self.operation, **request)
        return summary(self.hook.describe(RUN_GROUP, id=request["id"]))


class DeleteRunGroupOperator(OmicsBaseOperator):
    """Delete a run group; the runs that it had stay.

    AWS refuses while one of its runs has not ended; the task then fails with
    :class:`~airflow_provider_omics.exceptions.RunGroupInUse`, which names them.

    The result: ``id`` and ``deleted`` (whether this task deleted it).

    Source: https://docs.aws.amazon.com/omics/latest/api/API_DeleteRunGroup.html

    :param run_group_id: the id of the run group (templated)
    :param missing_ok: take a run group that does not exist for deleted
    """

    operation = "DeleteRunGroup"
    members = {"run_group_id": "id"}
    permissions = ("DeleteRunGroup", "ListRuns")

    def __init__(self, *, run_group_id: str, missing_ok: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.run_group_id = run_group_id
        self.missing_ok = missing_ok

    def act(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Delete the group."""
        try:
            self.hook.call(self.operation, **request)
        except NotFound:
            if not self.missing_ok:
                raise
            self.log.info("Run group %s does not exist any more", request["id"])
            return {"id": request["id"], "deleted": False}
        except Conflict as conflict:
            raise self._in_use(request["id"], conflict) from conflict
        self.log.info("Deleted run group %s", request["id"])
        return {"id": request["id"], "deleted": True}

    def _in_use(self, run_group_id: str, conflict: Conflict) -> RunGroupInUse | Conflict:
        listed = self.hook.iterate(RUN.list, runGroupId=run_group_id)
        runs = [run["id"] for run in listed if run["status"] not in RUN.ended]
        if not runs:
            return conflict
        return RunGroupInUse(
            f"Run group {run_group_id} cannot be deleted while runs of it are active: {', '.join(runs)}. "
            f"Wait for them or cancel them, and try again. AWS says: {conflict.aws_message}",
            run_group_id=run_group_id,
            run_ids=runs,
        )
