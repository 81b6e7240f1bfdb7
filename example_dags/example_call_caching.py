"""Register a WDL workflow, and run it on a run cache: what was computed once is not computed again.

It runs whole on the embedded HealthOmics, which executes the workflow's tasks for real:
``python -m airflow_provider_omics.emulator --engine wdl --bucket amzn-s3-demo-bucket``, and the files beside
``genome.wdl`` under ``s3://amzn-s3-demo-bucket/data``.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from airflow import DAG

from airflow_provider_omics.operators.run import StartRunOperator
from airflow_provider_omics.operators.run_cache import CreateRunCacheOperator
from airflow_provider_omics.operators.workflow import CreateWorkflowOperator

with DAG(
    dag_id="example_call_caching",
    schedule=None,
    start_date=datetime(2026, 1, 1),
    params={
        "bucket": "amzn-s3-demo-bucket",
        "definition": str(Path(__file__).parent / "wdl" / "genome.wdl"),
        "role_arn": "arn:aws:iam::123456789012:role/OmicsRunRole",
        "cache_behavior": "CACHE_ON_FAILURE",
    },
    tags=["example", "healthomics"],
) as dag:
    # [START howto_register_and_run]
    workflow = CreateWorkflowOperator(task_id="workflow", name="genome", definition="{{ params.definition }}")
    cache = CreateRunCacheOperator(task_id="cache", cache_s3_location="s3://{{ params.bucket }}/run-cache")
    StartRunOperator(
        task_id="genome",
        workflow_id=workflow.output["id"],
        workflow_version_name=workflow.output["version_name"],
        role_arn="{{ params.role_arn }}",
        output_uri="s3://{{ params.bucket }}/runs",
        parameters={
            "reference": "s3://{{ params.bucket }}/data/reference.fa",
            "samples": [
                f"s3://{{{{ params.bucket }}}}/data/{sample}.fastq" for sample in ("NA12878", "NA12891", "NA12892")
            ],
        },
        cache_id=cache.output["id"],
        cache_behavior="{{ params.cache_behavior }}",
        waiter_delay=5,
        # After a failure: time to mend the workflow and to clear the task that registers it, which the retry waits for.
        retries=1,
        retry_delay=timedelta(minutes=10),
    )
    # [END howto_register_and_run]

if __name__ == "__main__":
    dag.test()
