"""Create a HealthOmics run cache once, and start runs that reuse what it holds.

The cache is found again by every later DAG run. A run that fails saves what had completed, so that Airflow's retry
computes only the rest.
"""

from __future__ import annotations

from datetime import datetime

from airflow import DAG

from airflow_provider_omics.operators.run import StartRunOperator
from airflow_provider_omics.operators.run_cache import CreateRunCacheOperator

with DAG(
    dag_id="example_run_cache",
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
    # [START howto_create_run_cache]
    cache = CreateRunCacheOperator(
        task_id="cache",
        cache_s3_location="s3://{{ params.bucket }}/run-cache",
    )
    # [END howto_create_run_cache]

    # [START howto_start_run]
    germline = StartRunOperator(
        task_id="germline",
        workflow_id="{{ params.workflow_id }}",
        role_arn="{{ params.role_arn }}",
        output_uri="s3://{{ params.bucket }}/runs",
        parameters={"sample": "NA12878", "reads": "s3://{{ params.bucket }}/reads/NA12878.fastq.gz"},
        cache_id=cache.output["id"],
        retries=2,
        deferrable=True,
    )
    # [END howto_start_run]

if __name__ == "__main__":
    dag.test()
