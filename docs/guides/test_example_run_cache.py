"""Test a DAG against the emulator: a failed run is retried, and the retry reuses what had completed."""

from datetime import timedelta

from example_run_cache import dag


def test_a_retry_reuses_what_had_completed(omics_connection, omics_bucket, omics_emulator, omics_faults):
    from airflow_provider_omics.emulator import Plan, Task

    store = omics_emulator.store
    store.seed_workflow("123456789012", "us-east-1", "1234567", name="germline")
    store.plans.set("1234567", Plan(tasks=(Task("align"), Task("call", after=("align",), fail_first=1))))
    dag.get_task("germline").retry_delay = timedelta(seconds=1)

    dag_run = dag.test(run_conf={"bucket": omics_bucket})

    assert dag_run.state == "success"
    germline = dag_run.get_task_instance("germline").xcom_pull("germline")
    assert (germline["tasks_computed"], germline["tasks_reused"]) == (1, 1)
    assert omics_faults.calls["CreateRunCache"] == 1
