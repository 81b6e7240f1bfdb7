"""The checks before a run is started, against the emulator and against servers that do not behave."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from airflow_provider_omics import exceptions as errors
from airflow_provider_omics.compat import AirflowFailException
from airflow_provider_omics.hooks import buckets, preflight, preflight_rules, schema
from airflow_provider_omics.hooks.omics import OmicsHook
from tests.archives import archive
from tests.conftest import Logged

pytestmark = pytest.mark.matrix

ACCOUNT, REGION = "123456789012", "us-east-1"
TEMPLATE = {"sample": {"description": ""}, "reference": {"optional": False}, "depth": {"optional": True}}
MODEL = schema.service_model()
versions = pytest.mark.skipif("GetWorkflowVersion" not in MODEL.operation_names, reason="a boto3 without versions")

SHOWN = MODEL.operation_model("GetWorkflow").output_shape
SHOWS_STORAGE = SHOWN is not None and "storageType" in SHOWN.members
DYNAMIC = {"storageType": "DYNAMIC"} if SHOWS_STORAGE else {}
"""What is added: nothing where an older boto3 does not show whether the workflow has a storage type."""


@pytest.fixture
def seed(omics_emulator: Any) -> Any:
    """Return a maker of workflows that are ACTIVE at once."""

    def make(workflow_id: str, account: str = ACCOUNT, **members: Any) -> None:
        omics_emulator.store.seed_workflow(account, REGION, workflow_id, **{"name": "germline"} | members)

    return make


@pytest.fixture
def request_of(seed: Any, omics_connection: str, omics_bucket: str) -> Any:
    """Return a maker of StartRun requests for a workflow with a parameter template; None leaves a member out."""
    seed("1234567", parameterTemplate=TEMPLATE)

    def make(**members: Any) -> dict[str, Any]:
        sound = {
            "workflowId": "1234567",
            "roleArn": f"arn:aws:iam::{ACCOUNT}:role/Omics",
            "outputUri": f"s3://{omics_bucket}/runs",
            "parameters": {"sample": "NA12878", "reference": "s3://genomes/hg38.fa"},
        }
        return {name: value for name, value in (sound | members).items() if value is not None}

    return make


def findings_of(request: dict[str, Any], **arguments: Any) -> list[str]:
    with pytest.raises(errors.PreflightFailed) as caught:
        preflight.check(OmicsHook(), request, **arguments)
    assert all(str(finding) in str(caught.value) for finding in caught.value.findings)
    return [str(finding) for finding in caught.value.findings]


def test_a_sound_request(request_of: Any, cache_id: str, omics_faults: Any, logged: Logged) -> None:
    omics_faults.clear()
    assert preflight.check(OmicsHook(), request_of(cacheId=cache_id)) == DYNAMIC
    assert dict(omics_faults.calls) == {"GetWorkflow": 1, "GetRunCache": 1}
    text = logged()
    assert "is not checked" not in text
    assert ("storageType: DYNAMIC is sent" in text) is SHOWS_STORAGE
    assert ("is not shown by the installed boto3" in text) is not SHOWS_STORAGE


def test_a_mapped_instance_after_the_first_looks_at_its_workflow_and_its_bucket(
    request_of: Any, omics_faults: Any
) -> None:
    omics_faults.clear()
    request = request_of(cacheId="999", outputUri="s3://not-there/", parameters={"sample": "x", "refrence": "y"})
    unknown, missing, bucket = findings_of(request, shared=False)
    assert "no refrence (did you mean reference?)" in unknown
    assert "requires reference" in missing
    assert "the bucket not-there does not exist" in bucket
    assert dict(omics_faults.calls) == {"GetWorkflow": 1}


@versions
def test_a_mapped_instance_of_a_version_looks_at_the_version_only(
    request_of: Any, omics: Any, omics_faults: Any, omics_clock: Any
) -> None:
    omics.create_workflow_version(
        workflowId="1234567", versionName="v2", definitionZip=archive(name="main.nf"), storageType="DYNAMIC"
    )
    omics_clock.advance(60)
    omics_faults.clear()
    request = request_of(workflowVersionName="v2")
    assert preflight.check(OmicsHook(), request, shared=False) == {}
    assert dict(omics_faults.calls) == {"GetWorkflowVersion": 1}
    preflight.check(OmicsHook(), request)
    assert dict(omics_faults.calls) == {"GetWorkflowVersion": 2, "GetWorkflow": 1}


def test_everything_is_said_at_once(request_of: Any) -> None:
    found = findings_of(
        request_of(
            cacheId="999",
            outputUri="s3://not-there/runs",
            parameters={"sampel": "x" * 300_000},
            networkingMode="VPC",
        )
    )
    assert sorted(each.split(":")[0] for each in found) == [
        "cache_id",
        "networkingMode",
        "output_uri",
        "parameters",
        "parameters",
        "parameters",
    ]
    assert any("300,013 bytes of JSON, of which AWS takes at most 256,000" in each for each in found)
    assert any("no sampel (did you mean sample?)" in each for each in found)
    assert any("requires reference, sample" in each for each in found)
    assert any("the bucket not-there does not exist" in each for each in found)


@pytest.mark.parametrize(
    ("members", "for_good"),
    [
        ({"cacheId": "999"}, False),
        ({"workflowId": "42"}, False),
        ({"outputUri": "s3://not-there/runs"}, False),
        pytest.param({"workflowVersionName": "v9"}, False, marks=versions),
        ({"parameters": {}}, True),
        ({"parameters": {}, "cacheId": "999"}, True),
    ],
)
def test_retries_are_spared_where_they_cannot_help(members: dict[str, Any], for_good: bool, request_of: Any) -> None:
    with pytest.raises(errors.PreflightFailed) as caught:
        preflight.check(OmicsHook(), request_of(**members))
    assert isinstance(caught.value, AirflowFailException) is for_good
    assert isinstance(caught.value, errors.PreflightFailedForGood) is for_good


@pytest.mark.parametrize(
    ("status", "heals"), [("CREATING", True), ("UPDATING", True), ("FAILED", False), ("DELETED", False)]
)
def test_a_workflow_that_is_not_active(status: str, heals: bool, request_of: Any, seed: Any) -> None:
    seed("7", status=status, statusMessage="the linter says " + "no " * 1000)
    with pytest.raises(errors.PreflightFailed, match=f"workflow 7 is {status}, not ACTIVE. AWS says: the linter") as e:
        preflight.check(OmicsHook(), request_of(workflowId="7"))
    assert len(str(e.value)) < 1000
    assert [finding.heals for finding in e.value.findings] == [heals]


@pytest.mark.parametrize("place", [preflight_rules.LONGEST - 30, preflight_rules.LONGEST - 20])
def test_a_message_is_redacted_before_it_is_shortened(place: int, request_of: Any, seed: Any) -> None:
    message = "." * place + " https://jane:S3CRETS3CRETS3CRET@b/k"
    seed("7", status="FAILED", statusMessage=message)
    (found,) = findings_of(request_of(workflowId="7"))
    assert "AWS says: ...." in found
    assert "S3C" not in found


@versions
def test_a_version_that_is_not_active(request_of: Any, omics: Any, omics_clock: Any) -> None:
    omics.create_workflow_version(workflowId="1234567", versionName="v2", definitionZip=archive(name="main.nf"))
    (found,) = findings_of(request_of(workflowVersionName="v2"))
    assert found == "workflow_version_name: version v2 of workflow 1234567 is CREATING, not ACTIVE."


def test_a_cache_that_failed(request_of: Any, cache_id: str, omics_emulator: Any) -> None:
    omics_emulator.store.region(ACCOUNT, REGION).run_caches.change(cache_id, status="FAILED")
    assert findings_of(request_of(cacheId=cache_id)) == [f"cache_id: run cache {cache_id} is FAILED, not ACTIVE."]


def test_a_shared_workflow(request_of: Any, seed: Any) -> None:
    seed("77", account="999999999999")
    assert preflight.check(OmicsHook(), request_of(workflowId="77", workflowOwnerId="999999999999")) == DYNAMIC
    (found,) = findings_of(request_of(workflowId="77"))
    assert "needs workflow_owner_id" in found
    (found,) = findings_of(request_of(workflowId="78", workflowOwnerId="999999999999"))
    assert "Check that account 999999999999 shares it" in found


@pytest.mark.parametrize("hidden", [False, True])
def test_ready2run_without_its_type(hidden: bool, request_of: Any, seed: Any, cache_id: str, omics_faults: Any) -> None:
    """Whether GetWorkflow without a type finds a Ready2Run workflow is not documented."""
    seed("3", type="READY2RUN")
    if hidden:
        omics_faults.fail("GetWorkflow", "ResourceNotFoundException")
    found = findings_of(request_of(workflowId="3", cacheId=cache_id, storageType="STATIC", storageCapacity=1200))
    assert [each.split(":")[0] for each in found] == ["workflow_type", "storage_type", "storage_capacity", "cache_id"]
    assert "Set workflow_type='READY2RUN'" in found[0]
    assert "(404)" in found[0]


def test_ready2run(request_of: Any, seed: Any, cache_id: str) -> None:
    seed("3", type="READY2RUN")
    ready = {"workflowId": "3", "workflowType": "READY2RUN"}
    assert preflight.check(OmicsHook(), request_of(**ready)) == {}
    (found,) = findings_of(request_of(**ready, cacheId=cache_id))
    assert found.startswith("cache_id: Ready2Run workflows have no call caching")
    (found,) = findings_of(request_of(workflowType="READY2RUN"))
    assert found == "workflow_type: workflow 1234567 is not a Ready2Run workflow. Leave workflow_type out."


@pytest.mark.parametrize(
    ("members", "workflow", "added"),
    [
        ({}, {}, DYNAMIC),
        ({"storageType": "STATIC"}, {}, {}),
        ({"storageCapacity": 2400}, {}, {}),
        ({}, {"storageType": "STATIC"}, {}),
        ({}, {"storageCapacity": 1200}, {}),
        ({"runId": "5"}, {}, {}),
        ({"runId": "5", "workflowId": None}, {}, {}),
    ],
)
def test_a_storage_type_is_added_where_nobody_says_one(
    members: dict[str, Any], workflow: dict[str, Any], added: dict[str, Any], request_of: Any, seed: Any
) -> None:
    seed("1234567", parameterTemplate=TEMPLATE, **workflow)
    assert preflight.check(OmicsHook(), request_of(**members)) == added


def test_no_storage_type_is_added_over_one_that_is_not_shown() -> None:
    verdict = preflight_rules.of_definition({"workflowId": "1"}, {"status": "ACTIVE"}, shows_storage=False)
    assert verdict.additions == {}
    assert "give storage_type" in verdict.skipped[0]
    said = preflight_rules.of_definition({"storageType": "STATIC"}, {"status": "ACTIVE"}, shows_storage=False)
    assert said == preflight_rules.Verdict()


def test_a_duplicate_has_settings_that_are_not_seen(request_of: Any) -> None:
    assert preflight.check(OmicsHook(), request_of(runId="5", parameters=None, networkingMode="VPC")) == {}
    (found,) = findings_of(request_of(runId="5", parameters={"dept": 30}))
    assert "no dept (did you mean depth?)" in found


@pytest.mark.parametrize(
    ("settings", "sound"),
    [({"profile": "test"}, {"genome": "hg38"}), ({"profile": "unheard-of"}, {"any": "thing"})],
)
def test_a_nextflow_profile_has_a_template_of_its_own(
    settings: dict[str, str], sound: dict[str, str], request_of: Any
) -> None:
    workflow = {"parameterTemplate": TEMPLATE, "profileParameterTemplates": {"test": {"genome": {}}}}
    request = request_of(engineSettings=settings, parameters=sound)
    assert preflight_rules.of_definition(request, workflow).findings == ()
    assert preflight_rules.of_definition(request_of(parameters=sound), workflow).findings != ()


def test_a_role_that_cannot_be_assumed_for_s3_holds_up_nothing(
    request_of: Any, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    def client(*_: Any) -> Any:
        raise ClientError({"Error": {"Code": "Throttling", "Message": "Rate exceeded"}}, "AssumeRole")

    monkeypatch.setattr(buckets, "client", client)
    assert preflight.check(OmicsHook(), request_of()) == DYNAMIC
    assert "is not checked: ClientError: An error occurred (Throttling) when calling the AssumeRole" in logged()


def test_many_parameters_do_not_fill_the_log(request_of: Any, seed: Any) -> None:
    seed("8", parameterTemplate={f"name{i:03}": {} for i in range(1000)})
    unknown, missing = findings_of(
        request_of(workflowId="8", parameters={"name000": 0} | {f"other{i}": i for i in range(50)})
    )
    assert "and 40 more. It has name000" in unknown
    assert missing.endswith("name010 and 989 more.")


def test_buckets_elsewhere(request_of: Any, cache_id: str, omics_emulator: Any) -> None:
    neighbours, caches = omics_emulator.store.neighbours, omics_emulator.store.region(ACCOUNT, REGION).run_caches
    for name in ("far-outputs", "far-cache"):
        neighbours.create_bucket(name, ACCOUNT, "eu-west-1")
    caches.change(cache_id, cacheS3Uri="s3://far-cache/cache/uuid/")
    assert sorted(findings_of(request_of(cacheId=cache_id, outputUri="s3://far-outputs/runs"))) == [
        f"{argument}: the bucket {name} is in eu-west-1, the run in us-east-1; HealthOmics wants one Region for both."
        for argument, name in [("cache_id", "far-cache"), ("output_uri", "far-outputs")]
    ]
    caches.change(cache_id, cacheS3Uri="s3://gone/cache/uuid/")
    assert findings_of(request_of(cacheId=cache_id)) == ["cache_id: the bucket gone does not exist."]


@pytest.mark.parametrize("denied", ["GetWorkflow", "GetRunCache"])
def test_what_may_not_be_looked_at_is_skipped(
    denied: str, request_of: Any, cache_id: str, omics_faults: Any, logged: Logged
) -> None:
    omics_faults.deny(denied)
    preflight.check(OmicsHook(), request_of(cacheId=cache_id))
    assert f"is not checked: omics:{denied} is not allowed to this identity" in logged()


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalServerException"])
def test_what_passes_is_asked_again(code: str, request_of: Any, omics_faults: Any) -> None:
    """Without the workflow nobody would know that a storage type has to be sent."""
    omics_faults.clear()
    omics_faults.fail("GetWorkflow", code)
    assert preflight.check(OmicsHook(), request_of()) == DYNAMIC
    assert omics_faults.calls["GetWorkflow"] == 2


@pytest.mark.parametrize(
    ("code", "calls"), [("ThrottlingException", 3), ("InternalServerException", 3), ("ConflictException", 1)]
)
def test_other_answers_are_skipped(code: str, calls: int, request_of: Any, omics_faults: Any, logged: Logged) -> None:
    omics_faults.clear()
    omics_faults.fail("GetWorkflow", code, times=3)
    assert preflight.check(OmicsHook(), request_of()) == {}
    assert "workflow 1234567 is not checked: " in logged()
    assert omics_faults.calls["GetWorkflow"] == calls
