"""What the example DAGs do not show: both modes side by side, mapped tasks, and a task that pushes nothing to XCom."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow import DAG

from airflow_provider_omics.operators.run import StartRunOperator
from airflow_provider_omics.operators.run_cache import CreateRunCacheOperator

RUN: dict[str, Any] = {
    "workflow_id": "7654321",
    "role_arn": "arn:aws:iam::123456789012:role/OmicsRunRole",
    "output_uri": "s3://amzn-s3-demo-bucket/runs",
    "waiter_delay": 1,
}

with DAG(dag_id="run_cache_modes", schedule=None, start_date=datetime(2026, 1, 1)) as dag:
    caches = CreateRunCacheOperator.partial(task_id="caches").expand(
        cache_s3_location=["s3://amzn-s3-demo-bucket/north", "s3://amzn-s3-demo-bucket/south"]
    )
    for mode, deferrable in {"synchronous": False, "deferred": True}.items():
        StartRunOperator.partial(task_id=mode, deferrable=deferrable, **RUN).expand(
            cache_id=caches.output.map(lambda cache: cache["id"])
        )
    StartRunOperator(task_id="silent", wait_for_completion=False, do_xcom_push=False, **RUN)
