"""Test a DAG together with its workflow, whose task really runs, on reads in the emulated S3."""

from pathlib import Path

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from example_run_cache import dag


def test_the_reads_of_a_sample_are_counted(omics_connection, omics_bucket, omics_wdl):
    workflow_id = omics_wdl(Path(__file__).with_name("germline.wdl"))
    S3Hook().load_string("@read\nACGT\n+\nIIII\n" * 7, "reads/NA12878.fastq.gz", omics_bucket)
    dag.get_task("germline").waiter_delay = 1

    dag_run = dag.test(run_conf={"bucket": omics_bucket, "workflow_id": workflow_id})

    germline = dag_run.get_task_instance("germline").xcom_pull("germline")
    assert germline["outputs"]["germline.reads_of_sample"] == 7
