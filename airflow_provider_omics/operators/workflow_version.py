"""Operators on versions of workflows. They need boto3 1.37.36 or later."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_omics.exceptions import NotFound, OmicsInputError
from airflow_provider_omics.operators.base import OmicsBaseOperator
from airflow_provider_omics.operators.ensure_workflow_version import version_named
from airflow_provider_omics.operators.registering import REGISTERED, OmicsRegisteringOperator
from airflow_provider_omics.reports.workflow import summary
from airflow_provider_omics.resources import WORKFLOW_VERSION

if TYPE_CHECKING:
    from airflow_provider_omics.compat import Context


class CreateWorkflowVersionOperator(OmicsRegisteringOperator):
    """Make a version of a workflow from a definition once, and wait until runs can use it.

    Without a name the version is named after a digest of its files, so that the same definition is registered once. A
    version never changes: one of this name that was made of another definition is a
    :class:`~airflow_provider_omics.exceptions.WorkflowVersionDiffers`, and one whose definition has errors a
    :class:`~airflow_provider_omics.exceptions.WorkflowFailedForGood`, which has what the linter found. It inherits
    nothing of its workflow. Needs boto3 1.37.36 or later.

    The result, each entry also under an XCom key of its own: that of
    :class:`~airflow_provider_omics.operators.workflow.CreateWorkflowOperator`.

    Source: https://docs.aws.amazon.com/omics/latest/dev/workflows-version-create.html

    :param workflow_id: the id of the workflow (templated)
    :param definition: the absolute path of a folder, a file or a ZIP archive on the worker, of at most 4.4 MB as an
        archive, or the S3 URI of a ZIP archive (templated)
    :param version_name: 1 to 64 letters, digits, dots, hyphens and underscores, the first of them a letter or a digit;
        by default 16 hexadecimal digits that stand for the content (templated)
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
    :param request_id: the idempotency token; by default one that all creators of this version share (templated)
    :param if_exists: ``reuse`` (default) or ``fail``
    """

    operation = "CreateWorkflowVersion"
    resource = WORKFLOW_VERSION
    members = {"workflow_id": "workflowId", "version_name": "versionName", **REGISTERED}
    template_fields = ("definition",)
    permissions = ("CreateWorkflowVersion", "GetWorkflowVersion", "TagResource")

    def __init__(
        self,
        *,
        workflow_id: str,
        definition: str | os.PathLike[str],
        version_name: str | None = None,
        main: str | None = None,
        engine: str | None = None,
        description: str | None = None,
        parameter_template: dict[str, dict[str, Any]] | None = None,
        storage_type: str | None = None,
        storage_capacity: int | str | None = None,
        accelerators: str | None = None,
        tags: dict[str, str] | None = None,
        request_id: str | None = None,
        if_exists: Literal["reuse", "fail"] = "reuse",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.workflow_id = workflow_id
        self.definition = definition
        self.version_name = version_name
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

    def request(self, context: Context) -> dict[str, Any]:
        """Refuse what is no choice, and name the version."""
        if self.if_exists not in ("reuse", "fail"):
            raise OmicsInputError("if_exists", f"must be one of reuse, fail, not {self.if_exists!r}.")
        request = super().request(context)
        return {"versionName": version_named(self.digest_of(request)), **request}

    def act(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Ensure the version."""
        return self.ensure_version(context, request, self.digest_of(request))


class UpdateWorkflowVersionOperator(OmicsBaseOperator):
    """Change the description or the default storage of a version of a workflow; its definition never changes.

    Needs boto3 1.37.36 or later. The result: ``id`` and ``arn`` of the workflow, ``version_name``, ``version_arn`` and
    ``status``.

    Source: https://docs.aws.amazon.com/omics/latest/api/API_UpdateWorkflowVersion.html

    :param workflow_id: the id of the workflow (templated)
    :param version_name: the name of the version (templated)
    :param description: 1 to 256 characters (templated)
    :param storage_type: ``DYNAMIC`` or ``STATIC``, of runs that do not say it (templated)
    :param storage_capacity: of such runs with static storage, in GiB (templated)
    """

    operation = "UpdateWorkflowVersion"
    members = {
        "workflow_id": "workflowId",
        "version_name": "versionName",
        "description": "description",
        "storage_type": "storageType",
        "storage_capacity": "storageCapacity",
    }
    permissions = ("UpdateWorkflowVersion", "GetWorkflowVersion")

    def __init__(
        self,
        *,
        workflow_id: str,
        version_name: str,
        description: str | None = None,
        storage_type: str | None = None,
        storage_capacity: int | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.workflow_id = workflow_id
        self.version_name = version_name
        self.description = description
        self.storage_type = storage_type
        self.storage_capacity = storage_capacity

    def request(self, context: Context) -> dict[str, Any]:
        """Refuse a request that changes nothing."""
        request = super().request(context)
        if set(request) <= set(WORKFLOW_VERSION.identifiers):
            raise OmicsInputError("description, storage_type, storage_capacity", "at least one of them must be given.")
        return request

    def act(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Change the version, and describe it."""
        self.hook.call(self.operation, **request)
        return summary(self.hook.describe(WORKFLOW_VERSION, **{m: request[m] for m in WORKFLOW_VERSION.identifiers}))


class DeleteWorkflowVersionOperator(OmicsBaseOperator):
    """Delete a version of a workflow; runs of it go on, and stay.

    Needs boto3 1.37.36 or later. The result: ``id`` (of the workflow), ``version_name`` and ``deleted`` (whether this
    task deleted it).

    Source: https://docs.aws.amazon.com/omics/latest/api/API_DeleteWorkflowVersion.html

    :param workflow_id: the id of the workflow (templated)
    :param version_name: the name of the version (templated)
    :param missing_ok: take a version that does not exist for deleted
    """

    operation = "DeleteWorkflowVersion"
    members = {"workflow_id": "workflowId", "version_name": "versionName"}
    permissions = ("DeleteWorkflowVersion",)

    def __init__(self, *, workflow_id: str, version_name: str, missing_ok: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.workflow_id = workflow_id
        self.version_name = version_name
        self.missing_ok = missing_ok

    def act(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Delete the version."""
        result = {"id": request["workflowId"], "version_name": request["versionName"], "deleted": True}
        try:
            self.hook.call(self.operation, **request)
        except NotFound:
            if not self.missing_ok:
                raise
            self.log.info("Version %s of workflow %s does not exist any more", self.version_name, self.workflow_id)
            return {**result, "deleted": False}
        self.log.info("Deleted version %s of workflow %s", self.version_name, self.workflow_id)
        return result
