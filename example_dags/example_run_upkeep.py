"""Start a run without waiting, watch it, cancel it if it takes too long, and delete what HealthOmics knows of it.

The run's outputs in S3 and its logs stay.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow import DAG

from airflow_provider_omics.operators.run import StartRunOperator
from airflow_provider_omics.operators.run_end import CancelRunOperator, DeleteRunOperator
from airflow_provider_omics.sensors.run import RunSensor

with DAG(
    dag_id="example_run_upkeep",
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
    started = StartRunOperator(
        task_id="started",
        workflow_id="{{ params.workflow_id }}",
        role_arn="{{ params.role_arn }}",
        output_uri="s3://{{ params.bucket }}/runs",
        parameters={"sample": "NA12878", "reads": "s3://{{ params.bucket }}/reads/NA12878.fastq.gz"},
        wait_for_completion=False,
    )

    # [START howto_run_sensor]
    watched = RunSensor(
        task_id="watched",
        run_id=started.output["id"],
        timeout=timedelta(hours=12),
        deferrable=True,
    )
    # [END howto_run_sensor]

    # [START howto_cancel_run]
    cancelled = CancelRunOperator(
        task_id="cancelled",
        run_id=started.output["id"],
        trigger_rule="one_failed",
        deferrable=True,
    )
    # [END howto_cancel_run]

    # [START howto_delete_run]
    deleted = DeleteRunOperator(
        task_id="deleted",
        run_id=started.output["id"],
        missing_ok=True,
        trigger_rule="all_done",
    )
    # [END howto_delete_run]

    watched >> cancelled >> deleted

if __name__ == "__main__":
    dag.test()
