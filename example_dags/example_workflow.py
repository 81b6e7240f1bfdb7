"""Register a workflow from the folder beside this file, run it, and keep it: every DAG run finds what it needs."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from airflow import DAG

from airflow_provider_omics.operators.run import StartRunOperator
from airflow_provider_omics.operators.workflow import (
    CreateWorkflowOperator,
    DeleteWorkflowOperator,
    UpdateWorkflowOperator,
)
from airflow_provider_omics.operators.workflow_version import (
    CreateWorkflowVersionOperator,
    DeleteWorkflowVersionOperator,
    UpdateWorkflowVersionOperator,
)
from airflow_provider_omics.sensors.workflow import WorkflowSensor, WorkflowVersionSensor

LINE_COUNT = Path(__file__).parent / "line_count"

with DAG(
    dag_id="example_workflow",
    schedule=None,
    start_date=datetime(2026, 1, 1),
    catchup=False,
    params={
        "bucket": "amzn-s3-demo-bucket",
        "role_arn": "arn:aws:iam::123456789012:role/OmicsRunRole",
        "release": "1.0",
    },
    tags=["example", "healthomics"],
) as dag:
    # [START howto_create_workflow]
    workflow = CreateWorkflowOperator(
        task_id="workflow",
        definition=LINE_COUNT,
        name="line_count",
        storage_type="DYNAMIC",
        deferrable=True,
    )

    counted = StartRunOperator(
        task_id="counted",
        workflow_id=workflow.output["id"],
        workflow_version_name=workflow.output["version_name"],
        role_arn="{{ params.role_arn }}",
        output_uri="s3://{{ params.bucket }}/runs",
        parameters={"samples": ["s3://{{ params.bucket }}/reads/NA12878.txt"]},
        deferrable=True,
    )
    # [END howto_create_workflow]

    # [START howto_create_workflow_version]
    release = CreateWorkflowVersionOperator(
        task_id="release",
        workflow_id=workflow.output["id"],
        definition=LINE_COUNT,
        version_name="release-{{ params.release }}",
    )
    # [END howto_create_workflow_version]

    # [START howto_update_workflow_version]
    described = UpdateWorkflowVersionOperator(
        task_id="described",
        workflow_id=release.output["id"],
        version_name=release.output["version_name"],
        description="Line counts, release {{ params.release }}.",
    )
    # [END howto_update_workflow_version]

    # [START howto_workflow_version_sensor]
    usable_version = WorkflowVersionSensor(
        task_id="usable_version",
        workflow_id=release.output["id"],
        version_name=release.output["version_name"],
        mode="reschedule",
    )
    # [END howto_workflow_version_sensor]

    # [START howto_delete_workflow_version]
    withdrawn = DeleteWorkflowVersionOperator(
        task_id="withdrawn",
        workflow_id=release.output["id"],
        version_name=release.output["version_name"],
    )
    # [END howto_delete_workflow_version]

    # [START howto_update_workflow]
    renamed = UpdateWorkflowOperator(
        task_id="renamed",
        workflow_id=workflow.output["id"],
        name="line_count.retired",
        description="Replaced after release {{ params.release }}.",
    )
    # [END howto_update_workflow]

    # [START howto_workflow_sensor]
    usable = WorkflowSensor(task_id="usable", workflow_id=workflow.output["id"], deferrable=True)
    # [END howto_workflow_sensor]

    # [START howto_delete_workflow]
    deleted = DeleteWorkflowOperator(task_id="deleted", workflow_id=workflow.output["id"], delete_versions=True)
    # [END howto_delete_workflow]

    [counted, withdrawn] >> renamed >> usable >> deleted
    described >> usable_version >> withdrawn

if __name__ == "__main__":
    dag.test()
