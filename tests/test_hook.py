"""OmicsHook: where it goes, whom it goes as, what it makes of answers."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.config import Config

from airflow_provider_omics import exceptions as errors
from airflow_provider_omics.exceptions import OmicsConnectionError, OmicsVersionError, OutcomeUnknown, WaitTimeout
from airflow_provider_omics.hooks import client, endpoints, schema
from airflow_provider_omics.hooks import omics as hook_module
from airflow_provider_omics.hooks.omics import OmicsHook
from airflow_provider_omics.hooks.waiting import Limits
from airflow_provider_omics.resources import RUN, RUN_CACHE
from tests.conftest import Logged

pytestmark = pytest.mark.matrix

URL = "http://127.0.0.1:5000"
DEFAULT = {"region_name": "us-east-1"}


def connect(monkeypatch: pytest.MonkeyPatch, extra: dict[str, Any], **env: str) -> None:
    value = {"conn_type": "aws", "login": "AKIAEXAMPLE", "password": "secretsecret", "extra": {**DEFAULT, **extra}}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(value))
    for name, each in env.items():
        monkeypatch.setenv(name, each)


def sent_to(hook: OmicsHook) -> str:
    """Return the host that a call really goes to, as botocore builds the request."""
    sent: list[str] = []

    def stop(request: Any, **_: Any) -> None:
        sent.append(request.url)
        raise ConnectionAbortedError

    hook.conn.meta.events.register("before-send.omics.GetRunCache", stop)
    with pytest.raises(ConnectionAbortedError):
        hook.conn.get_run_cache(id="1")
    return sent[0].removesuffix("/runCache/1")


OFF = {"inject_host_prefix": False}
ROWS: dict[str, tuple[dict[str, Any], dict[str, str], Any, str]] = {
    "endpoint_url in extra, alone": ({"endpoint_url": URL}, {}, None, URL),
    "endpoint_url and the prefix off": ({"endpoint_url": URL, "config_kwargs": OFF}, {}, None, URL),
    "service_config alone": ({"service_config": {"omics": {"endpoint_url": URL}}}, {}, None, URL),
    "service_config and its config_kwargs": (
        {"service_config": {"omics": {"endpoint_url": URL, "config_kwargs": OFF}}},
        {},
        None,
        URL,
    ),
    "botocore_config on the operator": (
        {"endpoint_url": URL, "config_kwargs": OFF},
        {},
        {"connect_timeout": 7},
        URL,
    ),
    "AWS_ENDPOINT_URL alone": ({}, {"AWS_ENDPOINT_URL": URL}, None, URL),
    "AWS_ENDPOINT_URL_OMICS alone": ({}, {"AWS_ENDPOINT_URL_OMICS": URL}, None, URL),
    "the environment and its switch": (
        {},
        {"AWS_ENDPOINT_URL": URL, "AWS_DISABLE_HOST_PREFIX_INJECTION": "true"},
        None,
        URL,
    ),
    "an explicit prefix in the connection wins": (
        {"endpoint_url": "http://localhost:5000", "config_kwargs": {"inject_host_prefix": True}},
        {},
        None,
        "http://workflows-localhost:5000",
    ),
    "a string counts as true, as in botocore": (
        {"endpoint_url": "http://localhost:5000", "config_kwargs": {"inject_host_prefix": "false"}},
        {},
        None,
        "http://workflows-localhost:5000",
    ),
    "an explicit prefix on the operator wins": (
        {"endpoint_url": "http://localhost:5000"},
        {},
        Config(inject_host_prefix=True),
        "http://workflows-localhost:5000",
    ),
    "the real service": ({}, {}, None, "https://workflows-omics.us-east-1.amazonaws.com"),
    "the real service by its address": (
        {"endpoint_url": "https://omics.us-east-1.amazonaws.com"},
        {},
        None,
        "https://workflows-omics.us-east-1.amazonaws.com",
    ),
    "a PrivateLink endpoint": (
        {"endpoint_url": "https://vpce-1-2.workflows-omics.us-east-1.vpce.amazonaws.com"},
        {},
        None,
        "https://vpce-1-2.workflows-omics.us-east-1.vpce.amazonaws.com",
    ),
}


@pytest.mark.parametrize("row", ROWS)
def test_host_prefix(row: str, monkeypatch: pytest.MonkeyPatch) -> None:
    extra, env, config, expected = ROWS[row]
    connect(monkeypatch, extra, **env)
    assert sent_to(OmicsHook(config=config)) == expected


def test_the_shared_config_file_counts_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    path = tmp_path / "config"
    path.write_text(f"[default]\nservices = mine\n[services mine]\nomics =\n  endpoint_url = {URL}\n")
    connect(monkeypatch, {}, AWS_CONFIG_FILE=str(path))
    assert sent_to(OmicsHook()) == URL


@pytest.mark.parametrize(("extra", "expected"), [({"endpoint_url": URL}, False), ({}, True)])
def test_the_amazon_providers_asynchronous_client_is_told_the_same(
    extra: dict[str, Any], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing here uses that client, but the hook inherits it."""
    connect(monkeypatch, extra)
    told: list[Config] = []

    def create_client(**kwargs: Any) -> None:
        told.append(kwargs["config"])

    hook: Any = OmicsHook()
    session = SimpleNamespace(create_client=create_client)
    monkeypatch.setitem(hook._sessions, (("deferrable", True), ("region_name", "us-east-1")), session)
    hook.get_client_type(region_name="us-east-1", deferrable=True)
    assert told[0].inject_host_prefix is expected


def test_retries_are_standard_unless_the_connection_or_the_environment_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def retries() -> Any:
        return OmicsHook().conn.meta.config.retries  # type: ignore[attr-defined]

    connect(monkeypatch, {})
    assert retries()["mode"] == "standard"
    connect(monkeypatch, {"config_kwargs": {"retries": {"mode": "adaptive", "total_max_attempts": 2}}})
    assert retries() == {"mode": "adaptive", "total_max_attempts": 2}
    connect(monkeypatch, {}, AWS_RETRY_MODE="adaptive")
    assert retries()["mode"] == "adaptive"


def test_creating_calls_are_sent_once_whatever_the_connection_says(monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, {"config_kwargs": {"retries": {"total_max_attempts": 9}, "read_timeout": 11}})
    config: Any = OmicsHook().conn_once.meta.config
    assert (config.retries["total_max_attempts"], config.read_timeout) == (1, 11)


def test_a_missing_connection_is_an_error_where_settings_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    assert OmicsHook("nowhere").conn.meta.region_name == "us-east-1"
    monkeypatch.setenv("AIRFLOW__OMICS__REQUIRE_CONNECTION", "True")
    with pytest.raises(OmicsConnectionError, match="'nowhere' does not exist"):
        _ = OmicsHook("nowhere").conn
    assert OmicsHook(None).conn.meta.region_name == "us-east-1"


@pytest.mark.parametrize(("region", "problem"), [(None, "No AWS Region is set"), ("eu-north-1", "'eu-north-1'")])
def test_a_region_without_healthomics_is_refused_with_the_list(
    region: str | None, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    extra = {"region_name": region} if region else {}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps({"conn_type": "aws", "extra": extra}))
    with pytest.raises(OmicsConnectionError, match=problem) as caught:
        _ = OmicsHook().conn
    assert all(each in str(caught.value) for each in endpoints.available_regions())


def test_the_account_is_unknown_where_sts_does_not_answer(monkeypatch: pytest.MonkeyPatch, logged: Logged) -> None:
    connect(monkeypatch, {"service_config": {"sts": {"endpoint_url": "http://127.0.0.1:9"}}})
    monkeypatch.setattr(client, "IDENTITY_TIMEOUT_SECONDS", 0.2)
    assert OmicsHook().identity == "unknown"
    assert "AWS STS does not tell" in logged()


def test_describe_and_iterate(omics_connection: str, omics_bucket: str) -> None:
    hook: Any = OmicsHook()
    for number in range(101):
        hook.conn.create_run_cache(cacheS3Location=f"s3://{omics_bucket}/c", name=f"c{number}")
    listed = list(hook.iterate("ListRunCaches"))
    assert [cache["name"] for cache in listed] == [f"c{number}" for number in range(101)]
    described = hook.describe(RUN_CACHE, id=listed[0]["id"])
    assert described["name"] == "c0"
    assert "ResponseMetadata" not in described


def test_find_run_cache(omics_connection: str, omics_bucket: str, omics_clock: Any) -> None:
    hook: Any = OmicsHook()
    ids: dict[str, str] = {}
    for place in ("a", "b", "b"):
        made = hook.conn.create_run_cache(cacheS3Location=f"s3://{omics_bucket}/{place}", name="mine")
        ids.setdefault(place, made["id"])
        omics_clock.advance(1)
    hook.conn.create_run_cache(cacheS3Location=f"s3://{omics_bucket}/a")
    assert (hook.find_run_cache("mine") or {})["id"] == ids["a"]
    assert (hook.find_run_cache("mine", f"s3://{omics_bucket}/b/") or {})["id"] == ids["b"]
    assert hook.find_run_cache("other") is None


def test_wait(
    omics_connection: str, omics_bucket: str, omics_emulator: Any, omics_clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        omics_clock.advance(seconds)

    monkeypatch.setattr(hook_module, "sleep", sleep)
    hook: Any = OmicsHook()
    omics_emulator.store.seed_workflow("123456789012", "us-east-1", "1", name="w")
    run = hook.conn.start_run(
        workflowId="1", roleArn="arn:aws:iam::123456789012:role/r", outputUri=f"s3://{omics_bucket}/o"
    )
    with pytest.raises(WaitTimeout):
        hook.wait(RUN, delay=1, limits=Limits(waiter_max_attempts=3), id=run["id"])
    assert hook.wait(RUN, id=run["id"])["status"] == "COMPLETED"
    assert pauses[:6] == [1, 1, 3, 6, 12, 24]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("AccessDeniedException", errors.AccessDenied),
        ("ConflictException", errors.Conflict),
        ("ResourceNotFoundException", errors.NotFound),
        ("ServiceQuotaExceededException", errors.QuotaExceeded),
        ("ValidationException", errors.ValidationFailed),
        ("InternalServerException", errors.OmicsServiceError),
    ],
)
def test_errors_become_ours(
    code: str,
    error: type[errors.OmicsServiceError],
    omics_connection: str,
    omics_faults: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    omics_faults.fail("GetRunCache", code, message="so it is")
    with pytest.raises(error) as caught:
        OmicsHook().describe(RUN_CACHE, id="1")
    assert type(caught.value) is error
    assert (caught.value.operation, caught.value.code, caught.value.aws_message) == ("GetRunCache", code, "so it is")
    omics_faults.fail("ListRunCaches", code)
    with pytest.raises(error):
        list(OmicsHook().iterate("ListRunCaches"))


def test_reading_calls_are_repeated_and_creating_ones_are_not(omics_connection: str, omics_faults: Any) -> None:
    hook = OmicsHook()
    omics_faults.fail("ListRunCaches", "ThrottlingException", times=2)
    assert list(hook.iterate("ListRunCaches")) == []
    omics_faults.fail("CreateRunCache", "InternalServerException", times=9)
    with pytest.raises(OutcomeUnknown, match="sent with request id my-token"):
        hook.create("CreateRunCache", cacheS3Location="s3://bucket/c", requestId="my-token")
    assert omics_faults.calls["CreateRunCache"] == 1


def test_an_older_boto3_is_met_with_the_version_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, {})
    full = schema.service_model()

    class Older:
        operation_names = [name for name in full.operation_names if name != "CreateRunCache"]
        operation_model = full.operation_model

    monkeypatch.setattr(schema, "service_model", lambda: Older)
    with pytest.raises(OmicsVersionError, match=r"'CreateRunCache' of HealthOmics. Install boto3 1\.35\.66 or later"):
        OmicsHook().call("CreateRunCache")


def test_an_answer_that_is_nested_too_deeply_is_an_error_of_ours(omics_connection: str, omics_bucket: str) -> None:
    def nest(response_dict: dict[str, Any], **_: Any) -> None:
        response_dict["body"] = b'{"tags": %s%s}' % (b"[" * 100_000, b"]" * 100_000)

    hook = OmicsHook()
    for each in (hook.conn, hook.conn_once):
        each.meta.events.register("before-parse.omics", nest)
    with pytest.raises(errors.AnswerUnreadable, match="The answer of AWS HealthOmics to ListRuns is nested too deeply"):
        hook.call("ListRuns")
    with pytest.raises(errors.AnswerUnreadable, match="ListRunCaches"):
        list(hook.iterate("ListRunCaches"))
    with pytest.raises(OutcomeUnknown, match="sent with request id my-token"):
        hook.create("CreateRunCache", cacheS3Location=f"s3://{omics_bucket}/c", requestId="my-token")


def test_an_older_boto3_without_a_member(monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, {})
    monkeypatch.delitem(schema.input_shape("StartRun", {}).members, "cacheId")
    with pytest.raises(OmicsVersionError, match=r"the member 'cacheId' of StartRun. Install boto3 1\.35\.66 or later"):
        OmicsHook().call("StartRun", cacheId="1")


def test_a_create_that_was_never_sent_is_told_from_one_whose_answer_is_lost(
    omics_connection: str, omics_bucket: str, omics_faults: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    members: Any = {"cacheS3Location": f"s3://{omics_bucket}/c", "requestId": "my-token"}
    omics_faults.lose_answer("CreateRunCache")
    with pytest.raises(OutcomeUnknown):
        OmicsHook().create("CreateRunCache", **members)
    connect(monkeypatch, {"endpoint_url": "http://127.0.0.1:9"})
    with pytest.raises(errors.NoAnswer, match="CreateRunCache got no answer from AWS HealthOmics: Could not connect"):
        OmicsHook().create("CreateRunCache", **members)
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps({"conn_type": "aws", "extra": DEFAULT}))
    with pytest.raises(errors.NoAnswer, match="Unable to locate credentials"):
        list(OmicsHook().iterate("ListRunCaches"))
