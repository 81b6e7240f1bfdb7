"""Call the hook on an emulator in the test's own process: the cache is made, although its first answer is lost."""

from airflow_provider_omics.hooks.omics import OmicsHook


def test_a_lost_answer_makes_no_second_cache(omics_mock, omics_connection, omics_bucket, omics_faults):
    omics_faults.lose_answer("CreateRunCache")
    hook = OmicsHook()
    location = f"s3://{omics_bucket}/run-cache"
    made = hook.call("CreateRunCache", cacheS3Location=location, name="genomes", requestId="genomes-1")
    assert hook.find_run_cache("genomes")["id"] == made["id"]
