"""Start the runs of a cohort as one batch on one run cache, and go on with the samples that completed.

A sample that fails holds up nothing as long as not more than a tenth do; where more do, a retry starts only what has
not completed. Needs boto3 1.42.74 or later.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow import DAG

try:
    from airflow.sdk import task
except ImportError:  # Airflow 2
    from airflow.decorators import task  # type: ignore[assignment,attr-defined,no-redef,unused-ignore]

from airflow_provider_omics.operators.run_batch import StartRunBatchOperator
from airflow_provider_omics.operators.run_cache import CreateRunCacheOperator

with DAG(
    dag_id="example_run_batch",
    schedule=None,
    start_date=datetime(2026, 1, 1),
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

    @task
    def samples(**context: Any) -> list[dict[str, Any]]:
        """Return what is each sample's own."""
        names = ("NA12878", "NA12891", "NA12892")
        reads = f"s3://{context['params']['bucket']}/reads"
        return [{"runSettingId": name, "parameters": {"reads": f"{reads}/{name}.fastq.gz"}} for name in names]

    # [START howto_start_run_batch]
    cohort = StartRunBatchOperator(
        task_id="cohort",
        default_run_setting={
            "workflowId": "{{ params.workflow_id }}",
            "roleArn": "{{ params.role_arn }}",
            "outputUri": "s3://{{ params.bucket }}/runs",
            "cacheId": cache.output["id"],
            "retentionMode": "REMOVE",
        },
        batch_run_settings=samples(),
        settings_s3_prefix="s3://{{ params.bucket }}/batches",
        accept_failures=0.1,
        retries=2,
        deferrable=True,
    )

    @task
    def completed(runs: list[dict[str, Any]]) -> list[str]:
        """Return the samples whose runs completed."""
        return [row["run_setting_id"] for row in runs if row["status"] == "COMPLETED"]

    completed(cohort.output["runs"])
    # [END howto_start_run_batch]

if __name__ == "__main__":
    dag.test()
