"""Limit what runs use together: one run group that every DAG run finds again, and one for a single DAG run."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG

from airflow_provider_omics.operators.run import StartRunOperator
from airflow_provider_omics.operators.run_group import (
    CreateRunGroupOperator,
    DeleteRunGroupOperator,
    UpdateRunGroupOperator,
)

with DAG(
    dag_id="example_run_group",
    schedule="@daily",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    params={
        "bucket": "amzn-s3-demo-bucket",
        "workflow_id": "1234567",
        "role_arn": "arn:aws:iam::123456789012:role/OmicsRunRole",
    },
    tags=["example", "healthomics"],
) as dag:
    # [START howto_create_run_group]
    group = CreateRunGroupOperator(
        task_id="group",
        max_runs=10,
        max_cpus=640,
        max_duration=24 * 60,
        if_exists="update",
    )

    germline = StartRunOperator(
        task_id="germline",
        workflow_id="{{ params.workflow_id }}",
        role_arn="{{ params.role_arn }}",
        output_uri="s3://{{ params.bucket }}/runs",
        parameters={"sample": "NA12878", "reads": "s3://{{ params.bucket }}/reads/NA12878.fastq.gz"},
        run_group_id=group.output["id"],
        deferrable=True,
    )
    # [END howto_create_run_group]

    trial = CreateRunGroupOperator(task_id="trial", max_runs=1, if_exists="create")

    # [START howto_update_run_group]
    widened = UpdateRunGroupOperator(task_id="widened", run_group_id=trial.output["id"], max_runs=2)
    # [END howto_update_run_group]

    # [START howto_delete_run_group]
    deleted = DeleteRunGroupOperator(task_id="deleted", run_group_id=trial.output["id"])
    # [END howto_delete_run_group]

    widened >> deleted

if __name__ == "__main__":
    dag.test()
