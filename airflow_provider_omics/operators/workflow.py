"""Operators on workflows."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_omics.exceptions import Conflict, NotFound, OmicsError, OmicsInputError, WorkflowHasVersions
from airflow_provider_omics.operators.base import OmicsBaseOperator
from airflow_provider_omics.operators.ensure_workflow import DEFINITION, WorkflowEnsurer
from airflow_provider_omics.operators.ensure_workflow_version import version_named
from airflow_provider_omics.operators.ensuring import OmicsEnsuringOperator
from airflow_provider_omics.operators.registering import REGISTERED, OmicsRegisteringOperator
from airflow_provider_omics.redaction import one_line
from airflow_provider_omics.reports.workflow import summary
from airflow_provider_omics.resources import WORKFLOW, WORKFLOW_VERSION

if TYPE_CHECKING:
    from airflow_provider_omics.compat import Context
    from airflow_provider_omics.operators.identity import TaskIdentity


class CreateWorkflowOperator(OmicsEnsuringOperator, OmicsRegisteringOperator):
    """Register the definition of a workflow once, and wait until runs can use it.

    A definition is known by a digest of its files: the first one of a name makes the workflow, and each one, the first
    included, a version of it that is named after its digest. The same definition is found again and registered no more;
    a changed one becomes a new version, and runs of older ones go on. Start runs with both ``id`` and ``version_name``:
    without the version a run uses the definition with which the workflow began.

    A workflow whose definition has errors fails the task with
    :class:`~airflow_provider_omics.exceptions.WorkflowFailedForGood`, which has what the linter found.

    The result, each entry also under an XCom key of its own: ``id``, ``arn``, ``version_name``, ``version_arn``,
    ``status``, ``digest`` and ``created`` (whether this task registered the definition). A boto3 before 1.37.36 knows
    no versions: ``version_name`` and ``version_arn`` are left out, and a changed definition is an error.

    Source: https://docs.aws.amazon.com/omics/latest/dev/create-private-workflow.html

    :param definition: the absolute path of a folder, a file or a ZIP archive on the worker, of at most 4.4 MB as an
        archive, or the S3 URI of a ZIP archive (templated)
    :param name: 1 to 128 characters; by default ``{dag_id}.{task_id}``, with a digest of the DAG run where
        ``if_exists="create"``; required where the task is mapped otherwise (templated)
    :param main: the path of the main file in the definition, where it is neither the only one nor named ``main``
        (templated)
    :param engine: ``WDL``, ``WDL_LENIENT``, ``NEXTFLOW`` or ``CWL``; by default by the main file (templated)
    :param description: 1 to 256 characters (templated)
    :param parameter_template: the parameters of runs, each with ``description`` and ``optional``; by default derived by
        AWS from the definition (templated)
    :param storage_type: ``DYNAMIC`` or ``STATIC``, of runs that do not say it (templated)
    :param storage_capacity: of such runs with static storage, in GiB (templated)
    :param accelerators: ``GPU``, if tasks need one (templated)
    :param tags: at most 49 (templated)
    :param request_id: the idempotency token of a new workflow; by default one that all creators of this workflow share
        (templated)
    :param if_exists: ``reuse`` (default), ``update`` (bring description, storage and tags in line), ``fail``, or
        ``create`` (a new workflow for every DAG run, found again by its retries)
    :param drift: ``warn`` (default) or ``error``, where the existing workflow has another default storage
    """

    operation = "CreateWorkflow"
    resource = WORKFLOW
    members = {"name": "name", **REGISTERED}
    template_fields = ("definition",)
    ensurer = WorkflowEnsurer
    identifying = ("name",)
    permissions = (
        *("CreateWorkflow", "ListWorkflows", "GetWorkflow", "CreateWorkflowVersion", "GetWorkflowVersion"),
        *("UpdateWorkflow", "TagResource"),
    )

    def __init__(
        self,
        *,
        definition: str | os.PathLike[str],
        name: str | None = None,
        main: str | None = None,
        engine: str | None = None,
        description: str | None = None,
        parameter_template: dict[str, dict[str, Any]] | None = None,
        storage_type: str | None = None,
        storage_capacity: int | str | None = None,
        accelerators: str | None = None,
        tags: dict[str, str] | None = None,
        request_id: str | None = None,
        if_exists: Literal["reuse", "update", "fail", "create"] = "reuse",
        drift: Literal["warn", "error"] = "warn",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.definition = definition
        self.name = name
        self.main = main
        self.engine = engine
        self.description = description
        self.parameter_template = parameter_template
        self.storage_type = storage_type
        self.storage_capacity = storage_capacity
        self.accelerators = accelerators
        self.tags = tags
        self.request_id = request_id
        self.if_exists = if_exists
        self.drift = drift

    def mapped_name(self, task: TaskIdentity) -> str:
        """Refuse: nothing but a name tells workflows apart, and a map index moves when the mapped list changes."""
        raise OmicsInputError("name", "must be given where the task is mapped: nothing else tells the workflows apart.")

    def act(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Ensure the workflow, and then the version."""
        self.resource = WORKFLOW  # type: ignore[misc]  # which is waited for first
        digest = self.digest_of(request)
        tagged = {**request, "tags": {**request.get("tags", {}), DEFINITION: digest}}
        workflow = self.ensure(context, tagged)
        return self.made(context, workflow, created=workflow["created"])

    def registered(self, context: Context, description: dict[str, Any], *, created: bool) -> dict[str, Any]:
        """Go on to the version, where it was the workflow that has been made."""
        from airflow_provider_omics.hooks import schema

        done = self.resource is WORKFLOW_VERSION or description["status"] in WORKFLOW.failed
        if not done:
            request = self.checked_request(context)
            digest = self.digest_of(request)
            versions = WORKFLOW_VERSION.create in schema.service_model().operation_names
            done = not versions and description.get("tags", {}).get(DEFINITION) == digest
        if done:
            return super().registered(context, description, created=created)
        members = schema.members_of(str(WORKFLOW_VERSION.create)) - {"requestId"}
        version = {member: value for member, value in request.items() if member in members}
        which = {"workflowId": description["id"], "versionName": version_named(digest)}
        return self.ensure_version(context, {**version, **which}, digest)


class UpdateWorkflowOperator(OmicsBaseOperator):
    """Change the name, the description or the default storage of a workflow; its definition never changes.

    The result: ``id``, ``arn``, ``status`` and ``name``.

    Source: https://docs.aws.amazon.com/omics/latest/api/API_UpdateWorkflow.html

    :param workflow_id: the id of the workflow (templated)
    :param name: 1 to 128 characters (templated)
    :param description: 1 to 256 characters (templated)
    :param storage_type: ``DYNAMIC`` or ``STATIC``, of runs that do not say it (templated)
    :param storage_capacity: of such runs with static storage, in GiB (templated)
    """

    operation = "UpdateWorkflow"
    members = {
        "workflow_id": "id",
        "name": "name",
        "description": "description",
        "storage_type": "storageType",
        "storage_capacity": "storageCapacity",
    }
    permissions = ("UpdateWorkflow", "GetWorkflow")

    def __init__(
        self,
        *,
        workflow_id: str,
        name: str | None = None,
        description: str | None = None,
        storage_type: str | None = None,
        storage_capacity: int | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.workflow_id = workflow_id
        self.name = name
        self.description = description
        self.storage_type = storage_type
        self.storage_capacity = storage_capacity

    def request(self, context: Context) -> dict[str, Any]:
        """Refuse a request that changes nothing."""
        request = super().request(context)
        if set(request) <= {"id"}:
            arguments = ", ".join(name for name in self.members if name != "workflow_id")
            raise OmicsInputError(arguments, "at least one of them must be given.")
        return request

    def act(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Change the workflow, and describe it."""
        self.hook.call(self.operation, **request)
        found = self.hook.describe(WORKFLOW, id=request["id"])
        return summary(found, name=found.get("name"))


class DeleteWorkflowOperator(OmicsBaseOperator):
    """Delete a workflow; runs of it go on, and stay.

    AWS refuses while it has versions, as every workflow of :class:`CreateWorkflowOperator` does; the task then fails
    with :class:`~airflow_provider_omics.exceptions.WorkflowHasVersions`, which names them, unless they are to go, too.

    The result: ``id``, ``deleted`` (whether this task deleted it) and ``versions_deleted``.

    Source: https://docs.aws.amazon.com/omics/latest/api/API_DeleteWorkflow.html

    :param workflow_id: the id of the workflow (templated)
    :param delete_versions: delete its versions first
    :param missing_ok: take a workflow that does not exist for deleted
    """

    operation = "DeleteWorkflow"
    members = {"workflow_id": "id"}
    permissions = ("DeleteWorkflow", "ListWorkflowVersions", "DeleteWorkflowVersion")

    def __init__(
        self, *, workflow_id: str, delete_versions: bool = False, missing_ok: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.workflow_id = workflow_id
        self.delete_versions = delete_versions
        self.missing_ok = missing_ok

    def act(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Delete the versions, if asked to, and then the workflow."""
        result = {"id": request["id"], "deleted": True, "versions_deleted": 0}
        try:
            if self.delete_versions:
                result["versions_deleted"] = self._delete_versions(request["id"])
            self.hook.call(self.operation, **request)
        except NotFound:
            if not self.missing_ok:
                raise
            self.log.info("Workflow %s does not exist any more", request["id"])
            return {**result, "deleted": False}
        except Conflict as conflict:
            raise self._has_versions(request["id"], conflict) from conflict
        self.log.info("Deleted workflow %s", request["id"])
        return result

    def _delete_versions(self, workflow_id: str) -> int:
        names = self._versions(workflow_id)
        for name in names:
            with suppress(NotFound):
                self.hook.call("DeleteWorkflowVersion", workflowId=workflow_id, versionName=name)
                self.log.info("Deleted version %s of workflow %s", one_line(name), workflow_id)
        return len(names)

    def _versions(self, workflow_id: str) -> list[str]:
        listed = self.hook.iterate("ListWorkflowVersions", workflowId=workflow_id)
        return [version["versionName"] for version in listed if version["status"] != "DELETED"]

    def _has_versions(self, workflow_id: str, conflict: Conflict) -> WorkflowHasVersions | Conflict:
        try:
            names = self._versions(workflow_id)
        except OmicsError as error:
            self.log.warning("Whether workflow %s has versions is unknown: %s", workflow_id, error)
            return conflict
        if not names:
            return conflict
        return WorkflowHasVersions(
            f"Workflow {workflow_id} cannot be deleted while it has versions: {', '.join(map(one_line, names))}. Use "
            f"delete_versions=True, or DeleteWorkflowVersionOperator for each. AWS says: {conflict.aws_message}",
            workflow_id=workflow_id,
            version_names=names,
        )
