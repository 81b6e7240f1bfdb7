"""What StartRunBatchOperator sends, and what it refuses to send."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_omics import exceptions as errors
from airflow_provider_omics.emulator.pytest_plugin import BUCKET
from airflow_provider_omics.hooks import schema
from airflow_provider_omics.operators.run_batch import StartRunBatchOperator
from tests.conftest import ContextMaker, Logged
from tests.emulator.batches import needs_batches
from tests.samples import SAMPLES
from tests.waits import both_modes, finish

pytestmark = pytest.mark.usefixtures("quick_waits")
with_batches = needs_batches

MANY = [{"runSettingId": f"sample_{n}"} for n in range(1, 121)]


@pytest.fixture
def s3(omics_connection: str, omics_bucket: str) -> Any:
    """Return a boto3 client of the emulated S3."""
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook

    return S3Hook().get_conn()


def put(s3: Any, settings: Any, key: str = "cohort.json") -> str:
    body = settings if isinstance(settings, bytes) else json.dumps(settings).encode()
    s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    return f"s3://{BUCKET}/{key}"


def keys(s3: Any, prefix: str) -> list[str]:
    return [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])]


@pytest.mark.skipif("GetBatch" in schema.service_model().operation_names, reason="the installed botocore has batches")
def test_a_boto3_without_batches_is_told_which_has_them(context: ContextMaker, omics_connection: str) -> None:
    operator = StartRunBatchOperator(task_id="b", default_run_setting={}, batch_run_settings=SAMPLES)
    with pytest.raises(errors.OmicsVersionError, match=r"1\.42\.74"):
        operator.execute(context())


@with_batches
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_run_settings": []}, r"batch_run_settings: has 0 entries; 1 to 100000 are allowed"),
        ({"batch_run_settings": [{}]}, r"batch_run_settings\[0\]\.runSettingId: needs a value"),
        (
            {"batch_run_settings": SAMPLES * 2},
            r"batch_run_settings\[3\].runSettingId: batch_run_settings\[0\] has the same",
        ),
        ({"batch_run_settings": ["sample_1"]}, r"batch_run_settings\[0\]: must be a dict, not this value \(str\)"),
        ({"default_run_setting": "{}"}, "default_run_setting: must be a dict, not a str"),
        ({"batch_run_settings": 3}, "batch_run_settings: must be a list or an S3 URI, not int"),
        ({"batch_run_settings": "cohort.json"}, "batch_run_settings: must be a list or an S3 URI"),
        ({"batch_run_settings": "s3://genomes"}, "s3://genomes names a bucket, but no object in it"),
        ({"batch_run_settings": MANY}, "has 120 entries, of which a request carries at most 100. Give settings_s3_pre"),
        ({"batch_run_settings": MANY, "settings_s3_prefix": "here"}, "settings_s3_prefix: 'here' is not an S3 URI"),
        ({"shared": {"workflowId": "one"}}, r"default_run_setting\.workflowId: 'one' must be digits only"),
        ({"shared": {"roleArn": ""}}, r"default_run_setting\.roleArn: needs a value"),
        ({"shared": {"logLevel": "LOUD"}}, r"default_run_setting\.logLevel: must be one of OFF, FATAL, ERROR, ALL"),
        ({"shared": {"workflowType": "READY2RUN"}}, "no batches of Ready2Run workflows; use StartRunOperator"),
        ({"shared": {"runTags": {"aws:x": "y"}}}, r"default_run_setting\.runTags: the key 'aws:x' begins with 'aws:'"),
        ({"batch_name": "x" * 65}, "batch_name: .* has 65 characters; 1 to 64 are allowed"),
        ({"accept_failures": 1.5}, "accept_failures: must be a number, or a share from 0.0 to 1.0, not 1.5"),
        ({"accept_failures": -1}, "accept_failures: must be a number"),
        ({"accept_failures": True}, "accept_failures: must be a number"),
    ],
)
def test_bad_input_is_refused_before_any_call(
    arguments: dict[str, Any], message: str, start_batch: Any, context: ContextMaker, omics_faults: Any
) -> None:
    operator = start_batch(**arguments)
    omics_faults.calls.clear()
    with pytest.raises(errors.OmicsInputError, match=message):
        operator.execute(context())
    assert not omics_faults.calls


@with_batches
@pytest.mark.parametrize(
    "settings",
    [
        "sample,reads\nJane Doe,s3://b/1.fq",
        ["Jane Doe"],
        [{"runSettingId": "Jane Doe" * 100}],
        [{"runSettingId": "Jane Doe"}, {"runSettingId": "Jane Doe"}],
        [{"runSettingId": "Jane\nDoe"}],
        [{"runSettingId": "1", "priority": "Jane Doe"}],
        [{"runSettingId": "1", "name": {"Jane": "Doe"}}],
        [{"runSettingId": "1", "parameters": {"sample": b"Jane Doe"}}],
        [{"runSettingId": "1", "runTags": {"sample": "Jane Doe" * 100}}],
    ],
)
def test_what_is_wrong_with_a_sample_is_told_without_its_name(
    settings: Any, start_batch: Any, context: ContextMaker
) -> None:
    with pytest.raises(errors.OmicsInputError) as caught:
        start_batch(batch_run_settings=settings).execute(context())
    assert caught.value.argument.startswith("batch_run_settings")
    assert "Jane" not in str(caught.value)
    assert "Doe" not in repr(vars(caught.value))


@with_batches
def test_what_has_no_output_uri_or_no_cache_is_refused(start_batch: Any, context: ContextMaker) -> None:
    operator = start_batch()
    del operator.default_run_setting["outputUri"]
    with pytest.raises(errors.OmicsInputError, match=r"batch_run_settings\[0\]\.outputUri: must be given"):
        operator.execute(context())
    operator = start_batch({"cacheBehavior": "CACHE_ALWAYS"})
    del operator.default_run_setting["cacheId"]
    with pytest.raises(errors.OmicsInputError, match="says nothing without a cacheId"):
        operator.execute(context())


@with_batches
def test_a_member_that_the_installed_boto3_lacks(start_batch: Any, context: ContextMaker) -> None:
    with pytest.raises(errors.OmicsVersionError, match="the member 'colour' of default_run_setting"):
        start_batch({"colour": "red"}).execute(context())


@with_batches
def test_every_member_is_sent(
    start_batch: Any, context: ContextMaker, omics: Any, omics_clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow_provider_omics.hooks.omics import OmicsHook

    monkeypatch.setattr(OmicsHook, "connection_tags", {"cost-center": "genomics", "team": "shared"})
    shared = {"priority": "7", "logLevel": "ERROR", "runTags": {"team": "own"}, "parameters": {"depth": 30}}
    operator = start_batch(shared, batch_name="cohort 7", tags={"study": "x"}, wait_for_completion=False)
    result = operator.execute(context())
    assert set(result) == {"id", "arn", "uuid", "status"}
    batch = omics.get_batch(batchId=result["id"])
    assert batch["name"] == "cohort 7"
    assert {"study": "x", "cost-center": "genomics", "team": "shared"}.items() <= batch["tags"].items()
    assert "airflow_task_instance" in batch["tags"]
    assert (batch["defaultRunSetting"]["priority"], batch["defaultRunSetting"]["logLevel"]) == (7, "ERROR")
    omics_clock.advance(10)
    run = omics.get_run(id=omics.list_runs()["items"][0]["id"])
    assert run["tags"] == {"cost-center": "genomics", "team": "own"}
    assert run["parameters"]["depth"] == 30


# --- settings in S3


@with_batches
@both_modes
def test_more_than_a_request_carries_is_written_to_s3(
    deferrable: bool, start_batch: Any, context: ContextMaker, fail_in: Any, s3: Any, omics: Any, omics_faults: Any
) -> None:
    fail_in("sample_7", "sample_120")
    arguments = {"batch_run_settings": MANY, "settings_s3_prefix": f"s3://{BUCKET}/batches/", "deferrable": deferrable}
    with pytest.raises(errors.RunBatchFailed, match="118 completed, 2 failed"):
        finish(start_batch(**arguments), context(max_tries=1))
    (key,) = keys(s3, "batches/")
    assert json.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()) == MANY
    assert omics_faults.calls["ListRunTasks"] == 0
    result = finish(start_batch(**arguments), context(try_number=2, max_tries=1))
    assert (result["counts"]["completed"], len(result["runs"]), len(result["batch_ids"])) == (120, 120, 2)
    assert omics.get_batch(batchId=result["id"])["totalRuns"] == 2
    assert keys(s3, "batches/") == [key]


@with_batches
def test_what_is_left_of_a_long_list_is_written_beside_it(
    start_batch: Any, context: ContextMaker, s3: Any, fail_in: Any, omics: Any
) -> None:
    uri = put(s3, MANY, "cohorts/7.json")
    fail_in(*(each["runSettingId"] for each in MANY[:110]))
    with pytest.raises(errors.RunBatchFailed, match="10 completed, 110 failed"):
        start_batch(batch_run_settings=uri).execute(context(max_tries=1))
    result = start_batch(batch_run_settings=uri).execute(context(try_number=2, max_tries=1))
    assert (result["counts"]["completed"], omics.get_batch(batchId=result["id"])["totalRuns"]) == (120, 110)
    assert len(keys(s3, "cohorts/")) == 2


@with_batches
def test_a_list_that_was_written_anew_is_another_request(
    start_batch: Any, context: ContextMaker, s3: Any, omics: Any
) -> None:
    uri = put(s3, SAMPLES)
    left = start_batch(batch_run_settings=uri, wait_for_completion=False).execute(context(max_tries=1))
    put(s3, SAMPLES[:1])
    result = start_batch(batch_run_settings=uri).execute(context(try_number=2, max_tries=1))
    assert result["id"] != left["id"]
    assert (result["counts"]["total"], omics.get_batch(batchId=left["id"])["status"]) == (1, "CANCELLED")


@with_batches
def test_a_list_that_is_not_there(start_batch: Any, context: ContextMaker, omics_faults: Any) -> None:
    with pytest.raises(errors.RunSettingsUnreadable, match=r"none\.json, cannot be used: .*404"):
        start_batch(batch_run_settings=f"s3://{BUCKET}/none.json").execute(context())
    assert omics_faults.calls["StartRunBatch"] == 0


@with_batches
@both_modes
def test_a_list_that_aws_cannot_take_fails_the_batch(
    deferrable: bool, start_batch: Any, context: ContextMaker, s3: Any, logged: Logged
) -> None:
    operator = start_batch(batch_run_settings=put(s3, b"[{]"), deferrable=deferrable)
    with pytest.raises(errors.RunBatchFailed, match=r"ended as FAILED: .*is not JSON.*Samples: none\.") as caught:
        finish(operator, context())
    assert caught.value.status == "FAILED"


BIG = "x" * 200_000


@with_batches
@pytest.mark.parametrize(
    ("shared", "own", "named"),
    [
        ({"a": BIG + BIG}, {}, r"default_run_setting\.parameters: they are 400,"),
        ({"a": BIG}, {"b": BIG}, r"batch_run_settings\[0\]\.parameters: with those of default_run_setting, they are"),
    ],
    ids=["shared", "together"],
)
def test_parameters_that_are_too_large_are_refused_before_any_call(
    shared: Any, own: Any, named: str, start_batch: Any, context: ContextMaker, omics_faults: Any
) -> None:
    settings = [{"runSettingId": "one", "parameters": own}]
    with pytest.raises(errors.OmicsInputError, match=named):
        start_batch({"parameters": shared}, batch_run_settings=settings).execute(context())
    assert not omics_faults.calls["StartRunBatch"]
