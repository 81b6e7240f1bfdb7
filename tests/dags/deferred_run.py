"""A run cache, and a run on it that is waited for in the triggerer, and started again should it fail."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG

from airflow_provider_omics.operators.run import StartRunOperator
from airflow_provider_omics.operators.run_cache import CreateRunCacheOperator

with DAG(dag_id="deferred_run", schedule=None, start_date=datetime(2026, 1, 1)) as dag:
    cache = CreateRunCacheOperator(task_id="cache", cache_s3_location="s3://amzn-s3-demo-bucket/run-cache")
    StartRunOperator(
        task_id="run",
        workflow_id="1234567",
        role_arn="arn:aws:iam::123456789012:role/OmicsRunRole",
        output_uri="s3://amzn-s3-demo-bucket/runs",
        cache_id=cache.output["id"],
        retries=1,
        deferrable=True,
        waiter_delay=1,
    )
