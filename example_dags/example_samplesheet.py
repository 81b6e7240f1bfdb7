"""Start a HealthOmics run for each row of a samplesheet, all on one run cache.

The sheet is checked as a whole before the first run is started. Its columns ``sample`` and ``reads`` give the
parameters of these names; ``min_depth`` is a number, and may be empty.
"""

from __future__ import annotations

from datetime import datetime

from airflow import DAG

from airflow_provider_omics.operators.run import StartRunOperator
from airflow_provider_omics.operators.run_cache import CreateRunCacheOperator
from airflow_provider_omics.operators.samplesheet import ReadSamplesheetOperator

with DAG(
    dag_id="example_samplesheet",
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

    # [START howto_read_samplesheet]
    samplesheet = ReadSamplesheetOperator(
        task_id="samplesheet",
        samplesheet="s3://{{ params.bucket }}/samples.csv",
        key_column="sample",
        types={"min_depth": "int"},
        optional_columns=["min_depth"],
        common_parameters={"reference": "s3://{{ params.bucket }}/reference/GRCh38.fasta"},
    )

    germline = StartRunOperator.partial(
        task_id="germline",
        workflow_id="{{ params.workflow_id }}",
        role_arn="{{ params.role_arn }}",
        output_uri="s3://{{ params.bucket }}/runs",
        cache_id=cache.output["id"],
        retention_mode="REMOVE",
        retries=2,
        deferrable=True,
        map_index_template="{{ task.params.samplesheet_key }}",
    ).expand_kwargs(samplesheet.output)
    # [END howto_read_samplesheet]

if __name__ == "__main__":
    dag.test()
