"""Start one HealthOmics run, wait for it without a worker slot, and hand its outputs to the next task."""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow import DAG

from airflow_provider_omics.operators.run import StartRunOperator
from airflow_provider_omics.operators.run_cache import CreateRunCacheOperator

try:
    from airflow.sdk import task
except ImportError:  # Airflow 2
    from airflow.decorators import task  # type: ignore[attr-defined,no-redef,unused-ignore]

with DAG(
    dag_id="example_run",
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
    cache = CreateRunCacheOperator(
        task_id="cache",
        cache_s3_location="s3://{{ params.bucket }}/run-cache",
    )

    # [START howto_run]
    germline = StartRunOperator(
        task_id="germline",
        workflow_id="{{ params.workflow_id }}",
        role_arn="{{ params.role_arn }}",
        output_uri="s3://{{ params.bucket }}/runs",
        parameters={
            "sample": "NA12878",
            "reads": "s3://{{ params.bucket }}/reads/NA12878.fastq.gz",
        },
        cache_id=cache.output["id"],
        retries=3,
        deferrable=True,
        pending_timeout=timedelta(hours=12),
        run_timeout=timedelta(hours=24),
    )

    @task
    def files(outputs: dict[str, str]) -> list[str]:
        """Return the S3 URIs of what the run declares as its outputs."""
        return sorted(outputs.values())

    files(germline.output["outputs"])
    # [END howto_run]

if __name__ == "__main__":
    dag.test()
