"""Call the hook in moto's ``mock_aws``."""

import boto3
from moto import mock_aws

from airflow_provider_omics.hooks.omics import OmicsHook


@mock_aws
def test_the_cache_is_found_by_its_name(omics_store):
    boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="genomes")
    hook = OmicsHook(aws_conn_id=None, region_name="us-east-1")
    made = hook.call("CreateRunCache", cacheS3Location="s3://genomes/cache", name="genomes")
    assert hook.find_run_cache("genomes")["id"] == made["id"]
