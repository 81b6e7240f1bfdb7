"""Sensors on workflows and their versions."""

from __future__ import annotations

from typing import Any

from airflow_provider_omics.resources import WORKFLOW, WORKFLOW_VERSION
from airflow_provider_omics.sensors.base import OmicsBaseSensor


class WorkflowSensor(OmicsBaseSensor):
    """Wait until a workflow is ACTIVE, so that runs can use it; one that is FAILED, INACTIVE or DELETED fails the task.

    Source: https://docs.aws.amazon.com/omics/latest/dev/using-get-workflow.html

    :param workflow_id: the id of the workflow (templated)
    """

    operation = WORKFLOW.describe
    resource = WORKFLOW
    members = {"workflow_id": "id"}
    permissions = ("GetWorkflow",)

    def __init__(self, *, workflow_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.workflow_id = workflow_id


class WorkflowVersionSensor(OmicsBaseSensor):
    """Wait until a version of a workflow is ACTIVE; one that is FAILED, INACTIVE or DELETED fails the task.

    Needs boto3 1.37.36 or later.

    Source: https://docs.aws.amazon.com/omics/latest/dev/workflow-versions.html

    :param workflow_id: the id of the workflow (templated)
    :param version_name: the name of the version (templated)
    """

    operation = WORKFLOW_VERSION.describe
    resource = WORKFLOW_VERSION
    members = {"workflow_id": "workflowId", "version_name": "versionName"}
    permissions = ("GetWorkflowVersion",)

    def __init__(self, *, workflow_id: str, version_name: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.workflow_id = workflow_id
        self.version_name = version_name
