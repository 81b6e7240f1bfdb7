"""Start a batch of runs without waiting, watch it, cancel it if it takes too long, and delete what HealthOmics knows.

The runs' outputs in S3 and their logs stay. Needs boto3 1.42.74 or later.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow import DAG

from airflow_provider_omics.operators.run_batch import StartRunBatchOperator
from airflow_provider_omics.operators.run_batch_end import (
    CancelRunBatchOperator,
    DeleteBatchOperator,
    DeleteRunBatchOperator,
)
from airflow_provider_omics.sensors.run_batch import RunBatchSensor

with DAG(
    dag_id="example_run_batch_upkeep",
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
    started = StartRunBatchOperator(
        task_id="started",
        default_run_setting={
            "workflowId": "{{ params.workflow_id }}",
            "roleArn": "{{ params.role_arn }}",
            "outputUri": "s3://{{ params.bucket }}/runs",
            "retentionMode": "REMOVE",
        },
        batch_run_settings=[{"runSettingId": name, "parameters": {"sample": name}} for name in ("NA12878", "NA12891")],
        wait_for_completion=False,
    )

    watched = RunBatchSensor(
        task_id="watched",
        batch_id=started.output["id"],
        timeout=timedelta(hours=12),
        deferrable=True,
    )

    # [START howto_cancel_run_batch]
    cancelled = CancelRunBatchOperator(
        task_id="cancelled",
        batch_id=started.output["id"],
        trigger_rule="one_failed",
        deferrable=True,
    )
    # [END howto_cancel_run_batch]

    # [START howto_delete_run_batch]
    runs_deleted = DeleteRunBatchOperator(
        task_id="runs_deleted",
        batch_id=started.output["id"],
        trigger_rule="all_done",
        deferrable=True,
    )
    # [END howto_delete_run_batch]

    # [START howto_delete_batch]
    deleted = DeleteBatchOperator(
        task_id="deleted",
        batch_id=started.output["id"],
        missing_ok=True,
    )
    # [END howto_delete_batch]

    watched >> cancelled >> runs_deleted >> deleted

if __name__ == "__main__":
    dag.test()
