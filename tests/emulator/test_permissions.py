"""The IAM policy of the calls that were seen: every action, on no more than it has to be on."""

from __future__ import annotations

import json
import signal
import urllib.request
from email.message import Message
from typing import Any

import boto3
import pytest
from botocore.config import Config

from airflow_provider_omics.emulator import control, neighbour_permissions
from airflow_provider_omics.emulator.iam_resources import MADE_BY, RESOURCES
from airflow_provider_omics.emulator.operations import HANDLERS
from airflow_provider_omics.emulator.server import Server
from tests.emulator.batches import needs_status, start_from_s3
from tests.emulator.test_cli import running
from tests.emulator.wired import ACCOUNT, REGION, ROLE, WORKFLOW, Service
from tests.limit import LIMIT_SECONDS

OMICS = f"arn:aws:omics:{REGION}:{ACCOUNT}:"


def allowed(store: Any) -> dict[str, set[str]]:
    """Return the resources of each action of the policy, without the part that all ARNs of HealthOmics share."""
    found: dict[str, set[str]] = {}
    for statement in store.permissions.policy()["Statement"]:
        assert statement["Effect"] == "Allow"
        assert statement["Action"] == sorted(set(statement["Action"]))
        for action in statement["Action"]:
            assert action not in found, "an action stands in one statement only"
            found[action] = {resource.removeprefix(OMICS) for resource in statement["Resource"]}
    return found


def test_every_emulated_operation_has_its_resources() -> None:
    anywhere = {"TagResource", "UntagResource"}  # on the resource that they name
    assert set(HANDLERS) <= set(RESOURCES) | anywhere
    assert set(MADE_BY) <= set(RESOURCES)


def test_without_calls_there_is_no_statement(service: Service) -> None:
    assert service.store.permissions.policy() == {"Version": "2012-10-17", "Statement": []}


def test_what_was_made_is_a_star_and_what_was_named_is_named(service: Service) -> None:
    cache_id = service.cache(tags={"team": "exome"})["id"]
    service.client.get_run_cache(id=cache_id)
    run = service.start(cacheId=cache_id)
    service.client.get_run(id=run["id"])
    service.client.list_run_tasks(id=run["id"])
    service.client.list_runs()
    service.client.get_workflow(id=WORKFLOW)
    assert allowed(service.store) == {
        "omics:CreateRunCache": {"*"},
        "omics:TagResource": {"runCache/*"},
        "omics:GetRunCache": {"runCache/*"},
        "omics:StartRun": {"run/*", "runCache/*", f"workflow/{WORKFLOW}"},
        "iam:PassRole": {ROLE},
        "omics:GetRun": {"run/*"},
        "omics:ListRunTasks": {"run/*"},
        "omics:ListRuns": {"*"},
        "omics:GetWorkflow": {f"workflow/{WORKFLOW}"},
    }


def test_the_role_is_passed_to_healthomics_alone(service: Service) -> None:
    service.start()
    (passing,) = [
        statement
        for statement in service.store.permissions.policy()["Statement"]
        if "iam:PassRole" in statement["Action"]
    ]
    assert passing == {
        "Effect": "Allow",
        "Action": ["iam:PassRole"],
        "Resource": [ROLE],
        "Condition": {"StringEquals": {"iam:PassedToService": "omics.amazonaws.com"}},
    }


def test_a_call_that_fails_needs_its_permission_too(service: Service) -> None:
    service.store.faults.deny("GetRunCache")
    with pytest.raises(service.client.exceptions.AccessDeniedException):
        service.client.get_run_cache(id="7654321")
    with pytest.raises(service.client.exceptions.ResourceNotFoundException):
        service.client.delete_run_cache(id="7654321")
    with pytest.raises(service.client.exceptions.ValidationException):
        service.client.get_run(id="no digits")
    assert allowed(service.store) == {
        "omics:DeleteRunCache": {"runCache/7654321"},
        "omics:GetRunCache": {"runCache/7654321"},
    }


def test_tags_of_a_resource_are_on_that_resource(service: Service) -> None:
    service.client.tag_resource(resourceArn=f"{OMICS}workflow/{WORKFLOW}", tags={"a": "b"})
    arn = service.client.create_run_group(name="exomes")["arn"]
    service.client.tag_resource(resourceArn=arn, tags={"a": "b"})
    service.client.list_tags_for_resource(resourceArn=arn)
    found = allowed(service.store)
    assert found["omics:TagResource"] == {f"workflow/{WORKFLOW}", "runGroup/*"}
    assert found["omics:ListTagsForResource"] == {"*"}


def test_a_version_is_a_resource_of_its_own(service: Service) -> None:
    service.needs("GetWorkflowVersion")
    with pytest.raises(service.client.exceptions.ResourceNotFoundException):
        service.client.get_workflow_version(workflowId=WORKFLOW, versionName="v1")
    assert allowed(service.store) == {
        "omics:GetWorkflowVersion": {f"workflow/{WORKFLOW}", f"workflow/{WORKFLOW}/version/*"}
    }


def test_a_shared_workflow_is_its_owners(service: Service) -> None:
    with pytest.raises(service.client.exceptions.ResourceNotFoundException):
        service.start(workflowOwnerId="999999999999")
    assert f"arn:aws:omics:{REGION}:999999999999:workflow/{WORKFLOW}" in allowed(service.store)["omics:StartRun"]


def test_a_run_that_repeats_another_may_need_whatever_that_did(service: Service) -> None:
    first = service.start(cacheId=service.cache()["id"])["id"]
    service.store.permissions.clear()
    service.client.start_run(runId=first, roleArn=ROLE, outputUri="s3://genomes/out")
    assert {"run/*", "workflow/*", "runCache/*"} <= allowed(service.store)["omics:StartRun"]


@needs_status("CREATING")
def test_a_batch_needs_what_its_runs_need(service: Service) -> None:
    batch = service.start_batch({"runSettingId": "a", "parameters": {}}, shared={"runTags": {"a": "b"}})
    service.clock.advance(5)
    service.client.cancel_run_batch(batchId=batch["id"])
    found = allowed(service.store)
    started = {"run/*", "runBatch/*", f"workflow/{WORKFLOW}"}
    assert found["omics:StartRunBatch"] == found["omics:StartRun"] == started
    assert found["omics:TagResource"] == {"run/*"}
    assert found["omics:CancelRunBatch"] == {"runBatch/*"}
    assert found["omics:CancelRun"] == {"run/*"}
    assert found["iam:PassRole"] == {ROLE}


@needs_status("CREATING")
def test_what_aws_reads_in_the_callers_name_is_the_callers_to_read(service: Service) -> None:
    start_from_s3(service, [{"runSettingId": "a", "parameters": {}}])
    assert allowed(service.store)["s3:GetObject"] == {"arn:aws:s3:::genomes/settings.json"}


def test_the_control_address_gives_it_and_reset_forgets_it(service: Service) -> None:
    service.client.list_runs()
    status, _, body = control.answer(service.store, "GET", "/_emulator/policy", b"")
    assert (status, json.loads(body)) == (200, service.store.permissions.policy())
    assert json.loads(body)["Statement"] == [{"Effect": "Allow", "Action": ["omics:ListRuns"], "Resource": ["*"]}]
    control.answer(service.store, "POST", "/_emulator/reset", b"")
    assert service.store.permissions.policy()["Statement"] == []


def clients(server: Server, *services: str) -> list[Any]:
    config = Config(inject_host_prefix=False, retries={"total_max_attempts": 1})
    session = boto3.Session("emulator", "emulator", region_name=REGION)
    return [session.client(name, endpoint_url=server.url, config=config) for name in services]  # type: ignore[call-overload]


def test_the_services_beside_are_part_of_it(omics_emulator: Server, omics_bucket: str, caplog: Any) -> None:
    omics_emulator.store.neighbours.log(ACCOUNT, REGION, "/aws/omics/WorkflowLog", "run/1234567", [])
    s3, logs, sts, sqs = clients(omics_emulator, "s3", "logs", "sts", "sqs")
    run = "runs/3456789/5b1a5a2e-8c4c-4f4e-9a52-0f0f6c7c5d11"
    for key in ("cohort.csv", f"{run}/logs/outputs.json", f"{run}/out/a b", "batches/a&b.json"):
        s3.put_object(Bucket=omics_bucket, Key=key, Body=b"{}")
    s3.get_object(Bucket=omics_bucket, Key="cohort.csv")
    s3.head_object(Bucket=omics_bucket, Key=f"{run}/out/a b")
    s3.list_objects_v2(Bucket=omics_bucket, Prefix="runs/")
    s3.head_bucket(Bucket=omics_bucket)
    s3.get_bucket_versioning(Bucket=omics_bucket)
    s3.copy_object(Bucket=omics_bucket, Key="copies/x", CopySource={"Bucket": omics_bucket, "Key": "batches/a&b.json"})
    s3.delete_objects(Bucket=omics_bucket, Delete={"Objects": [{"Key": "batches/a&b.json"}, {"Key": "cohort.csv"}]})
    logs.get_log_events(logGroupName="/aws/omics/WorkflowLog", logStreamName="run/1234567")
    sts.get_caller_identity()
    sts.assume_role(RoleArn="arn:aws:iam::999988887777:role/dag", RoleSessionName="airflow")
    sqs.list_queues()
    place = f"arn:aws:s3:::{omics_bucket}"
    assert allowed(omics_emulator.store) == {
        "s3:PutObject": {f"{place}/cohort.csv", f"{place}/runs/*", f"{place}/batches/*", f"{place}/copies/*"},
        "s3:GetObject": {f"{place}/cohort.csv", f"{place}/runs/*", f"{place}/batches/*"},
        "s3:ListBucket": {place},
        "s3:GetBucketVersioning": {place},
        "s3:DeleteObject": {f"{place}/batches/*", f"{place}/cohort.csv"},
        "logs:GetLogEvents": {f"arn:aws:logs:{REGION}:*:log-group:/aws/omics/WorkflowLog:log-stream:*"},
        "sts:AssumeRole": {"arn:aws:iam::999988887777:role/dag"},
    }
    with urllib.request.urlopen(f"{omics_emulator.url}/_emulator/policy") as answer:
        assert json.load(answer) == omics_emulator.store.permissions.policy()


@pytest.mark.parametrize("version", ["s3-query", "s3v4"])
def test_a_presigned_address_needs_what_its_signer_needs(
    version: str, omics_emulator: Server, omics_bucket: str
) -> None:
    config = Config(signature_version=version)
    session = boto3.Session("emulator", "emulator", region_name=REGION)
    s3 = session.client("s3", endpoint_url=omics_emulator.url, config=config)
    s3.put_object(Bucket=omics_bucket, Key="a/b.txt", Body=b"")
    omics_emulator.store.permissions.clear()
    answered = {"Bucket": omics_bucket, "Key": "a/b.txt", "ResponseContentType": "text/plain"}
    url = s3.generate_presigned_url("get_object", Params=answered)
    assert ("AWSAccessKeyId=" in url) == (version == "s3-query")
    with urllib.request.urlopen(url) as answer:
        assert answer.status == 200
    assert allowed(omics_emulator.store) == {"s3:GetObject": {f"arn:aws:s3:::{omics_bucket}/a/*"}}


@pytest.mark.parametrize(
    ("host", "target", "resource"),
    [
        ("genomes.s3.amazonaws.com", "/b.txt", "genomes/b.txt"),
        ("my.genomes.s3.eu-west-1.amazonaws.com:5000", "/a/b.txt", "my.genomes/a/*"),
        ("s3.eu-west-1.amazonaws.com", "/genomes/b.txt", "genomes/b.txt"),
        ("127.0.0.1:5000", "/genomes/b.txt", "genomes/b.txt"),
    ],
)
def test_a_bucket_may_be_part_of_the_host(host: str, target: str, resource: str) -> None:
    headers = Message()
    headers["Host"] = host
    query = "AWSAccessKeyId=emulator&Signature=x&Expires=1"
    found = neighbour_permissions.needs("GET", f"{target}?{query}", headers, b"")
    assert found == [("s3:GetObject", f"arn:aws:s3:::{resource}")]


def test_a_service_that_is_left_out_is_told_once(omics_emulator: Server, caplog: pytest.LogCaptureFixture) -> None:
    from airflow_provider_omics.emulator.neighbour_permissions import _left_out

    _left_out.cache_clear()
    (sqs,) = clients(omics_emulator, "sqs")
    sqs.list_queues()
    sqs.list_queues()
    told = [record.getMessage() for record in caplog.records if "IAM policy" in record.getMessage()]
    assert told == ["Calls of sqs are not part of the IAM policy that the emulator writes."]


def test_the_command_prints_it_at_its_end() -> None:
    with running("--no-neighbours", "--workflow", "4711", "--print-iam-policy") as (process, variables):
        with urllib.request.urlopen(f"{variables['AWS_ENDPOINT_URL']}/workflow/4711") as answer:
            assert json.load(answer)["status"] == "ACTIVE"
        process.send_signal(signal.SIGINT)
        assert process.stdout
        printed = json.loads(process.stdout.read())
        assert process.wait(timeout=LIMIT_SECONDS) == 0
    statement = {"Effect": "Allow", "Action": ["omics:GetWorkflow"], "Resource": [f"{OMICS}workflow/4711"]}
    assert printed == {"Version": "2012-10-17", "Statement": [statement]}
